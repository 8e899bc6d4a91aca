"""A real team on a throw-away project, started and stopped by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

SUPERVISOR: Final = (sys.executable, "-m", "supervisor")
PATIENCE_S: Final = 120.0
LOOK_EVERY_S: Final = 0.002
ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A running team: where it works and the process of its engine."""

    project: Path
    engine: dict[str, Any]

    @property
    def pid(self) -> int:
        """Return the engine's process."""
        return int(self.engine["pid"])

    def kits(self, agents: int) -> list[dict[str, Any]]:
        """Read the MCP client configuration of each of so many agents, once all are there."""
        place = self.project / ".supervisor" / "agents"
        files = until(lambda: found if len(found := sorted(place.rglob("mcp.json"))) == agents else None)
        return [json.loads(kit.read_text())["mcpServers"]["supervisor"] for kit in files]


def profile(pools: dict[str, int], command: list[str]) -> str:
    """Write a profile: each pool so many agents of one command."""
    header = 'name = "bench"\ndescription = "A team to measure with."\n[run]\non_done = "keep"\n'
    lines = [
        f'[[pools]]\nname = "{name}"\nrole = "solo"\nsize = {size}\ncommand = {json.dumps(command)}\n'
        f'restart = "temporary"\nstart_timeout_s = 3600\n'
        for name, size in pools.items()
    ]
    return header + "\n".join(lines)


def sleepers(agents: int) -> str:
    """Write a profile of agents that do nothing, in pools of at most a hundred."""
    pools = {f"pool{first // 100}": min(100, agents - first) for first in range(0, agents, 100)}
    return profile(pools, ["sleep", "3600"])


@contextmanager
def project_with(profile_text: str) -> Iterator[Path]:
    """Give an empty project directory with a profile file in it; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        project = Path(place)
        (project / "bench.toml").write_text(profile_text)
        yield project


@contextmanager
def running(
    profile_text: str, prepare: Callable[[Path], None] = lambda _project: None, *words: str
) -> Iterator[Team]:
    """Run a team without a screen until the block ends; `prepare` may fill the project's database before.

    `words` are further ones of `supervisor up`.
    """
    with project_with(profile_text) as project:
        prepare(project)
        subprocess.run(
            [*SUPERVISOR, "up", str(project / "bench.toml"), "--detach", *words, "--project", str(project)],
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
            cwd=ROOT,
        )
        try:
            yield Team(project=project, engine=engine_of(project))
        finally:
            stop(project)


def engine_of(project: Path) -> dict[str, Any]:
    """Read where the project's engine is, as soon as it says so."""
    return until(lambda: json.loads((project / ".supervisor" / "engine.json").read_text()))


def stop(project: Path) -> None:
    """Stop the project's engine at once."""
    subprocess.run(
        [*SUPERVISOR, "down", "--now", "--project", str(project)],
        check=False,
        capture_output=True,
        timeout=PATIENCE_S,
        cwd=ROOT,
    )


def until(look: Callable[[], T | None]) -> T:
    """Look again and again until it gives something; what is not there yet counts as nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            found = look()
            if found:
                return found
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"nothing came in {PATIENCE_S:.0f} s")


def environment() -> dict[str, str]:
    """Return an environment in which the screen can be drawn."""
    return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
