"""The kit is written whole, for its owner only, over that of the last incarnation."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from supervisor.adapters.kit import LaunchKit, write_kit
from supervisor.errors import StateUnsafe
from supervisor.model.agent import Role


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "worker-2"
    directory.mkdir(mode=0o700)
    return directory


def write(directory: Path, *, key: str = "k" * 64, prompt: str = "Count lines.") -> LaunchKit:
    return write_kit(
        directory,
        url="http://127.0.0.1:4711/mcp",
        key=key,
        agent="worker-2",
        incarnation=7,
        role=Role.WORKER,
        prompt=prompt,
    )


def test_the_mcp_configuration_carries_address_and_key(folder: Path) -> None:
    kit = write(folder)
    assert json.loads(kit.mcp_config.read_text()) == {
        "mcpServers": {
            "supervisor": {
                "type": "http",
                "url": "http://127.0.0.1:4711/mcp",
                "headers": {"Authorization": "Bearer " + "k" * 64},
                "alwaysLoad": True,
            }
        }
    }


def test_the_role_prompt_names_agent_and_role_and_carries_the_pool_s_words_but_no_key(folder: Path) -> None:
    text = write(folder).role_prompt.read_text()
    assert "`worker-2`" in text
    assert "`worker`" in text
    assert text.endswith("\n\nCount lines.\n")
    assert "kkk" not in text


def test_without_a_prompt_the_role_is_still_said(folder: Path) -> None:
    assert write(folder, prompt="  ").role_prompt.read_text().endswith("with your team.\n")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_for_the_owner_only_whatever_the_umask(folder: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        kit = write(folder)
    finally:
        os.umask(former)
    for file in (kit.mcp_config, kit.role_prompt):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in folder.iterdir()} == {"mcp.json", "prompt.md"}


def test_the_next_incarnation_s_kit_takes_the_place_of_the_last(folder: Path) -> None:
    write(folder, key="a" * 64, prompt="A long prompt that the next one must not leave a tail of.")
    kit = write(folder, key="b" * 64, prompt="Short.")
    assert "a" * 64 not in kit.mcp_config.read_text()
    assert "tail" not in kit.role_prompt.read_text()


def test_a_reader_sees_the_old_file_or_the_new_one_never_a_part(folder: Path) -> None:
    kit = write(folder, key="a" * 64)
    with kit.mcp_config.open() as early:
        write(folder, key="b" * 64)
        assert json.load(early)["mcpServers"]["supervisor"]["headers"]["Authorization"].endswith("a" * 64)


def test_a_file_that_cannot_be_finished_leaves_the_old_one_in_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = write(folder, key="a" * 64)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("supervisor.adapters.kit.os.rename", full)
    with pytest.raises(OSError, match="No space"):
        write(folder, key="b" * 64)
    assert "a" * 64 in kit.mcp_config.read_text()


def test_a_draft_left_by_a_crash_is_written_over(folder: Path) -> None:
    (folder / ".mcp.json.new").write_text("half")
    assert json.loads(write(folder).mcp_config.read_text())
    assert not (folder / ".mcp.json.new").exists()


def test_a_link_planted_in_the_place_of_a_file_is_replaced_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("mcp.json", ".mcp.json.new"):
        (folder / name).symlink_to(victim)
    kit = write(folder)
    assert victim.read_text() == "precious"
    assert not kit.mcp_config.is_symlink()


def test_a_directory_open_to_others_is_refused(folder: Path) -> None:
    folder.chmod(0o750)
    with pytest.raises(StateUnsafe, match="chmod 700"):
        write(folder)
    assert list(folder.iterdir()) == []


def test_a_directory_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = folder.stat().st_uid + 1
    monkeypatch.setattr("supervisor.adapters.kit.os.geteuid", lambda: stranger)
    with pytest.raises(StateUnsafe):
        write(folder)


def test_a_linked_or_missing_directory_is_refused(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    for wrong in (link, tmp_path / "missing"):
        with pytest.raises(StateUnsafe, match="cannot hold a kit"):
            write(wrong)
