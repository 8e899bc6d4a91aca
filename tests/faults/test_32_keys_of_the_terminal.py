"""Ctrl-C at a team in the foreground stops it in good order, a second one at once; Ctrl-Z puts the screen
aside and `fg` brings it back, and the engine does not notice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import psutil

from tests.acceptance.project import DEADLINE_S, Project, write_profile
from tests.acceptance.screen import Screen
from tests.faults.engines import kinds, pool

LADDER_S = 600
DEAF = """
import signal, time
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(3600)
"""
CTRL_C, CTRL_Z = "\x03", "\x1a"


@contextmanager
def in_the_foreground(project: Project) -> Iterator[Any]:
    """Run the team in a terminal, without a screen."""
    child: Any = pexpect.spawn(
        sys.executable,
        ["-m", "supervisor", "run", str(project.profile), "--project", str(project.root)],
        timeout=DEADLINE_S,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    yield child
    child.close(force=True)


def with_a_deaf_one(project: Project, tmp_path: Path) -> None:
    """Add an agent that heeds no polite signal, and give it all the time of the world."""
    (tmp_path / "deaf.py").write_text(DEAF)
    stop = f"[pools.stop]\nleader_s = {LADDER_S}\ngroup_s = {LADDER_S}\n"
    deaf = pool("deaf", "{python}", str(tmp_path / "deaf.py"), more=f"start_timeout_s = 600\n{stop}")
    write_profile(project.profile, tasks=200, step_s=0.2, extra=deaf)


async def test_one_ctrl_c_stops_the_agents_first(project: Project) -> None:
    write_profile(project.profile, tasks=200, step_s=0.2)
    with in_the_foreground(project) as child:
        child.expect("claimed")
        session = project.session
        child.send(CTRL_C)
        child.expect("stopped by SIGINT")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 128 + signal.SIGINT
    assert project.left_over(session) == []
    ends = [each.after["last_exit"] for each in await project.events() if each.kind == "agent.exited"]
    assert {end["kind"] for end in ends if end} <= {"ok", "stop_requested"}
    await project.check()


async def test_a_second_ctrl_c_waits_for_nobody(project: Project, tmp_path: Path) -> None:
    with_a_deaf_one(project, tmp_path)
    with in_the_foreground(project) as child:
        async with project.watched() as watcher:
            await watcher.until(lambda world: world.agents["deaf"].pid is not None)
            session = project.session
            child.send(CTRL_C)
            await watcher.until(lambda world: world.agents["deaf"].state.value == "stopping")
            assert child.isalive()
            begun = time.monotonic()
            child.send(CTRL_C)
        child.expect(pexpect.EOF)
        child.close()
        assert time.monotonic() - begun < LADDER_S / 10
        assert child.exitstatus == 128 + signal.SIGINT
    assert project.left_over(session) == []
    await project.check()


async def test_ctrl_z_puts_the_screen_aside_alone(project: Project) -> None:
    write_profile(project.profile, tasks=200, step_s=0.2)
    with Screen("up", str(project.profile), project=project.root) as screen:
        screen.until("worker-1")
        screen.press(CTRL_Z)
        screen.until_stopped()
        async with project.watched() as watcher:
            seen = watcher.world.seq
            await watcher.until(lambda world: world.seq > seen + 5)
            engine = watcher.world.agents["worker-1"].pid
            assert engine is not None
        screen.wipe()
        psutil.Process(screen.child.pid).send_signal(signal.SIGCONT)
        screen.until("1 Fleet", "worker-1")
    assert project.run("down", "--now").returncode == 0
    assert not kinds(await project.events(), "engine.time_gap")
