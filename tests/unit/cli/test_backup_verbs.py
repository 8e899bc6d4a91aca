"""backup and restore as a person types them: what is asked, told and refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.agent import Role
from supervisor.model.outside_key import NewKey
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.small_team import small_team
from supervisor.workspace.state_dir import StateDir, open_state

Run = Callable[..., Result]


@pytest.fixture
def state(project: Path) -> StateDir:
    """Give a project with a team of the past, an outside agent among it."""
    state = open_state(project, create=True)

    async def work() -> None:
        async with small_team(state.root) as team:
            await team.add_task()
            await team.coordinator.outsiders.open(session="s", boot_id="b")
            await team.coordinator.outsiders.create(NewKey(name="guest", role=Role.WORKER))

    asyncio.run(work())
    return state


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)


def test_a_backup_prints_its_place_and_how_to_put_it_back(run: Run, state: StateDir) -> None:
    ended = run("backup")
    assert ended.exit_code == 0, ended.output
    (made,) = (state.root / "backups").iterdir()
    assert ended.stdout == f"{made}\n"
    assert f"supervisor restore {made}" in ended.stderr
    assert " events, the last one " in ended.stderr


def test_a_backup_for_scripts_is_one_object(ask: Any, state: StateDir, tmp_path: Path) -> None:
    told = ask("backup", str(tmp_path / "copy.db"))
    assert told.keys() == {"v", "type", "file", "events", "until"}
    assert told["file"] == str(tmp_path / "copy.db")


def test_a_taken_name_is_refused_with_code_2_unless_forced(run: Run, state: StateDir, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    ended = run("backup", str(copy))
    assert ended.exit_code == 2
    assert "--force" in ended.stderr
    assert copy.read_text() == "mine"
    assert run("backup", str(copy), "--force").exit_code == 0


def test_a_restore_that_nobody_can_confirm_changes_nothing(run: Run, state: StateDir, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy.db"))
    before = state.database.read_bytes()
    ended = run("restore", str(tmp_path / "copy.db"))
    assert ended.exit_code == 2
    assert "--yes" in ended.stderr
    assert state.database.read_bytes() == before


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("present", ["whole", "missing", "damaged"])
def test_a_person_is_shown_both_and_asked(run: Run, state: StateDir, tmp_path: Path, present: str) -> None:
    run("backup", str(tmp_path / "copy.db"))
    if present == "missing":
        state.database.unlink()
    elif present == "damaged":
        state.database.write_bytes(b"x" * 10_000)
    ended = run("restore", str(tmp_path / "copy.db"), keys="n\n")
    assert ended.exit_code == 2
    assert "not confirmed; nothing was changed" in ended.stderr
    assert "Put the copy in its place?" in ended.stderr
    shown = {"whole": "present:  ", "missing": "present:  none", "damaged": "present:  cannot be read"}
    assert "copy:     " in ended.stderr
    assert shown[present] in ended.stderr
    assert run("restore", str(tmp_path / "copy.db"), keys="y\n").exit_code == 0


def test_a_restore_tells_what_it_did_how_to_undo_it_and_whose_keys_ended(
    run: Run, state: StateDir, tmp_path: Path
) -> None:
    run("backup", str(tmp_path / "copy.db"))
    ended = run("restore", str(tmp_path / "copy.db"), "--yes")
    assert ended.exit_code == 0, ended.output
    (kept,) = state.root.glob("coordinator-before-restore-*.db")
    assert f"to undo: supervisor restore {kept}" in ended.stdout
    assert "supervisor key rotate guest" in ended.stdout
    assert ended.stderr == "next: supervisor up\n"


def test_a_restore_for_scripts_is_one_object(run: Run, state: StateDir, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy.db"))
    told = json.loads(run("restore", str(tmp_path / "copy.db"), "--yes", "--json").stdout)
    assert told["keys_ended"] == ["guest"]
    assert Path(told["kept"]).exists()
    assert told["events"] > 0


def test_a_file_that_is_not_there_is_named(run: Run, state: StateDir) -> None:
    ended = run("restore", "nowhere.db")
    assert ended.exit_code == 2
    assert "nowhere.db" in ended.stderr


def test_a_restore_under_a_running_engine_is_refused_with_code_4(
    run: Run, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "copy.db").write_bytes(b"x")
    ended = run("restore", str(tmp_path / "copy.db"), "--yes")
    assert ended.exit_code == 4
    assert "supervisor down" in ended.stderr


def test_an_empty_log_is_told_as_such(run: Run, project: Path) -> None:
    from supervisor.store.database import prepare_database

    prepare_database(open_state(project, create=True).database)
    assert "no events" in run("backup").stderr
