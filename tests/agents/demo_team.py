"""The demo team in a project of its own: a copy of the profile with its model at another port."""

from __future__ import annotations

import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from supervisor.model.event import Event
from tests.acceptance.project import Project

PROFILES: Final = Path(__file__).resolve().parents[2] / "profiles"
PORT: Final = "43117"
"""Where the demo's model serves; each test has one of its own in its place."""

GOAL: Final = "Greet in two languages"

MakeTeam = Callable[..., Project]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def demo_at(directory: Path, *, scenes: str = "", profile: str = "") -> Path:
    """Write the demo team, its scenes beside it; `scenes` go before its own, `profile` is another team."""
    (directory / "demo").mkdir(parents=True)
    own = (PROFILES / "demo" / "scenes.toml").read_text(encoding="utf-8")
    (directory / "demo" / "scenes.toml").write_text(scenes + own, encoding="utf-8")
    text = profile or (PROFILES / "demo.toml").read_text(encoding="utf-8")
    made = directory / "demo.toml"
    made.write_text(text.replace(PORT, str(free_port())), encoding="utf-8")
    return made


def make_repository(root: Path) -> None:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid")
    for words in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message", "begin")):
        subprocess.run(["git", *who, *words], cwd=root, check=True)


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
