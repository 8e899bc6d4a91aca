"""Faults 15 and 16: what is to be started does not exist, is no program, is not allowed, has no directory, is
too long or contains a NUL byte.

The agent is parked at once, with a cause that a person can read; nothing is tried again, and nothing leaks.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from supervisor.model.health import Containment
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.spawn import Confinement
from tests.workshop import DEADLINE_S, Workshop, agent, at_work

LEVELS = [each.level for each in probe_containment().levels if each.available]


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def programs(directory: Path) -> dict[str, tuple[tuple[str, ...], str]]:
    """Make what cannot be started, each with the words that tell why."""
    texts = {"closed": "#!/bin/sh\n", "nonsense": "no program\n", "orphan": "#!/no/such/interpreter\n"}
    for name, text in texts.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600 if name == "closed" else 0o700)
    return {
        "missing": (("no-such-program-anywhere",), "no program no-such-program-anywhere in PATH"),
        "gone": (("/no/such/program",), "No such file or directory"),
        "closed": ((f"{directory}/closed",), "not executable for this user"),
        "nonsense": ((f"{directory}/nonsense",), "neither a binary nor a script"),
        "orphan": ((f"{directory}/orphan",), "the interpreter its first line names does not exist"),
        "endless": (("true", "x" * 200_000), "too long (128 KiB each)"),
        "nul": (("true", "a\0b"), "contains a NUL byte"),
        "nothing": (("",), "the command is empty"),
    }


@pytest.mark.parametrize("level", LEVELS)
async def test_it_is_parked_at_once_with_a_cause(level: Containment, tmp_path: Path) -> None:
    wrong = programs(tmp_path)
    before = open_fds()
    shop = Workshop(
        *(agent(name) for name in wrong),
        commands={name: command for name, (command, _) in wrong.items()},
        confinement=Confinement(level=level),
    )
    async with at_work(shop):
        async with asyncio.timeout(DEADLINE_S):
            await shop.supervisor.settled()
        assert shop.supervisor.gave_up == tuple(wrong)
        assert set(shop.numbers.values()) == {1}
        await shop.until(lambda: len(shop.changes) == 2 * len(wrong))
        for name, (_, words) in wrong.items():
            assert shop.last(name).reason.startswith("cannot be started: ")
            assert words in shop.last(name).reason
        assert open_fds() <= before + 4, "the loop's own and a thread's; nothing for each failure"


async def test_a_missing_directory_is_told_as_such(tmp_path: Path) -> None:
    shop = Workshop(agent("a"), commands={"a": ("true",)}, cwd=str(tmp_path / "gone"))
    async with at_work(shop):
        async with asyncio.timeout(DEADLINE_S):
            await shop.supervisor.settled()
        await shop.until(lambda: len(shop.changes) == 2)
        assert shop.last("a").reason.endswith(f"there is no working directory {tmp_path}/gone")
        assert shop.numbers == {"a": 1}
