"""Four real agents of four vendors as one team, with a scripted model: what the demo profile shows."""

from __future__ import annotations

import json
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.model.event import Event
from tests.acceptance.project import Project
from tests.agents.programs import search_path

PROFILES: Final = Path(__file__).resolve().parents[2] / "profiles"
PORT: Final = "43117"
"""Where the demo's model serves; each test has one of its own in its place."""

GOAL: Final = "Greet in two languages"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def demo_at(directory: Path, port: int) -> Path:
    """Copy the demo team, its scenes beside it, with its model at another port."""
    (directory / "demo").mkdir(parents=True)
    scenes = (PROFILES / "demo" / "scenes.toml").read_text(encoding="utf-8")
    (directory / "demo" / "scenes.toml").write_text(scenes, encoding="utf-8")
    profile = directory / "demo.toml"
    text = (PROFILES / "demo.toml").read_text(encoding="utf-8")
    profile.write_text(text.replace(PORT, str(port)), encoding="utf-8")
    return profile


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A git repository, and the demo team for it; nobody is logged in anywhere."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PATH", search_path())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made = Project(root=tmp_path / "project", profile=demo_at(tmp_path / "profiles", free_port()))
    for words in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message", "begin")):
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid")
        subprocess.run(["git", *who, *words], cwd=made.root, check=True)
    yield made
    made.end_detached()
    for engine in made.engines:
        if engine.poll() is None:
            engine.kill()
        engine.communicate()


def of_kind(events: list[Event], *kinds: str) -> list[Event]:
    return [event for event in events if event.kind in kinds]


def what_happened(events: list[Event]) -> dict[str, Any]:
    """Say what is the same each time such a run goes well."""
    return {
        "created by": Counter(event.actor for event in of_kind(events, "task.created")),
        "handed in by": Counter(event.actor for event in of_kind(events, "task.submitted")),
        "sent back": [event.after["title"] for event in of_kind(events, "task.rejected")],
        "approved by": Counter(event.actor for event in of_kind(events, "task.approved")),
        "asked by": Counter(event.actor for event in of_kind(events, "approval.requested")),
        "used by": Counter(event.actor for event in of_kind(events, "approval.used")),
        "turns": Counter(
            (event.after["agent"], event.after["kind"]) for event in of_kind(events, "turn.started")
        ),
    }


async def test_a_goal_becomes_judged_work_of_four_vendors_twice_alike(team: Project) -> None:
    seen = []
    for number in (1, 2):
        ended = team.run("run", str(team.profile), "--new", "--goal", GOAL)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        events = [event for event in await team.events() if event.run == number]
        seen.append(what_happened(events))
        assert (team.root / "english.txt").read_text(encoding="utf-8") == "Good morning\n"
        assert (team.root / "german.txt").read_text(encoding="utf-8") == "Guten Morgen\n"
        assert team.left_over(team_session(events)) == []
        report = json.loads((team.root / f".supervisor/reports/run-{number}/run.json").read_text())
        assert report["counts"]["done"] == 2
        for file in team.root.glob("*.txt"):
            file.unlink()

    assert seen[0] == seen[1]
    assert seen[0] == {
        "created by": {"planner": 2},
        "handed in by": {"codex": 1, "opencode": 2},
        "sent back": ["Greet in German"],
        "approved by": {"judge": 2},
        "asked by": {"codex": 1, "opencode": 2},
        "used by": {"codex": 1, "opencode": 2},
        "turns": {
            ("planner", "mail"): 1,
            ("codex", "task"): 1,
            ("opencode", "task"): 2,
            ("judge", "review"): 3,
        },
    }
    await team.check()


def team_session(events: list[Event]) -> str:
    return events[-1].session
