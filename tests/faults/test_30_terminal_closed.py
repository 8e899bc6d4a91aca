"""The terminal is closed, or its screen is told to end: the screen goes at once and hands the terminal back
as it was; the team works on, and nothing is orphaned."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from tests.acceptance.project import DEADLINE_S, Project, write_profile

SWITCHED_OFF = (b"1049", b"1000", b"1003", b"2004", b"1004")


@pytest.fixture
def long_project(project: Project) -> Project:
    write_profile(project.profile, tasks=50, step_s=0.3)
    return project


@contextmanager
def shell(project: Project, *program: str) -> Iterator[tuple[Any, bytes]]:
    """A shell in a terminal that shows the team; beside it the terminal's settings before it did."""
    words = [sys.executable, *(program or ("-m", "supervisor")), "up", str(project.profile)]
    script = f"echo before=$(stty -g); {' '.join(words)} --project {project.root}; "
    script += "echo code=$?; echo after=$(stty -g)"
    child: Any = pexpect.spawn(
        "/bin/sh", ["-c", script], timeout=DEADLINE_S, env={**os.environ, "TERM": "xterm-256color"}
    )
    child.expect(b"before=([0-9a-f:]+)")
    yield child, child.match.group(1)
    child.close(force=True)


def screen_of(child: Any) -> psutil.Process:
    """Return the process of the screen once it shows the team."""
    child.expect(b"worker-1")
    return psutil.Process(child.pid).children()[0]


async def still_works(project: Project) -> None:
    """Require that the team goes on, and that nothing is left once it is stopped."""
    async with project.watched() as watcher:
        seen = watcher.world.seq
        await watcher.until(lambda world: world.seq > seen)
    session = project.session
    assert project.run("down", "--now").returncode == 0
    assert project.left_over(session) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_a_screen_that_is_told_to_end_restores_the_terminal_and_leaves_the_team(
    long_project: Project, number: signal.Signals
) -> None:
    with shell(long_project) as (child, before):
        screen_of(child).send_signal(number)
        child.expect(b"code=(\\d+)")
        assert int(child.match.group(1)) == 128 + number
        said = child.before
        child.expect(b"after=([0-9a-f:]+)")
        assert child.match.group(1) == before
    assert b"the team runs on" in said
    for mode in SWITCHED_OFF:
        assert b"\x1b[?" + mode + b"l" in said, mode
    await still_works(long_project)


async def test_a_screen_without_our_handler_leaves_the_terminal_as_it_drew_on_it(
    long_project: Project, tmp_path: Path
) -> None:
    """The canary: the toolkit alone dies of the signal where it stands."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from supervisor.ui import departure\ndeparture.SIGNALS = ()\n"
        "from supervisor.cli.main import main\nmain()\n"
    )
    with shell(long_project, str(broken)) as (child, before):
        screen_of(child).send_signal(signal.SIGTERM)
        child.expect(b"code=(\\d+)")
        said = child.before
        child.expect(b"after=([0-9a-f:]+)")
        assert child.match.group(1) != before
    assert b"\x1b[?1049l" not in said
    await still_works(long_project)


async def test_a_screen_whose_terminal_was_closed_is_gone_and_the_team_works_on(
    long_project: Project,
) -> None:
    with shell(long_project) as (child, _):
        screen = screen_of(child)
        child.ptyproc.fileobj.close()  # as a window that is closed: the kernel hangs up on all in it
    gone, _ = psutil.wait_procs([screen], timeout=5)
    assert gone
    await still_works(long_project)
