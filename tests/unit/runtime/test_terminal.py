"""A child at a terminal of its own: what it sees of it, at every level of containment, and its end."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.model.health import Containment
from supervisor.model.team import StopLadder
from supervisor.runtime import spawn as spawning
from supervisor.runtime.input import QUEUE_BYTES
from supervisor.runtime.launch import Confinement, Launch
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.spawn import SpawnFailed, spawn
from supervisor.runtime.terminal import SIDE_MAX, TerminalSize, open_terminal
from supervisor.testing.chaos import ChaosChild, ChaosTeam, confined, is_alive

SIZE = TerminalSize(rows=30, columns=100)
QUICK = StopLadder(leader_s=0.3, group_s=0.3, sweep_s=3.0)
LEVELS = [each.level for each in probe_containment().levels if each.available]

JOB_CONTROL = """
import os, sys
print("leader", os.getsid(0) == os.getpid(), "front", os.tcgetpgrp(0) == os.getpgrp(), flush=True)
print([os.isatty(fd) for fd in (0, 1, 2)], open("/dev/tty").isatty(), flush=True)
"""


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def at_terminal(team: ChaosTeam, *argv: str) -> Launch:
    return replace(team.launch(*argv), terminal=SIZE)


def python(team: ChaosTeam, program: str) -> Launch:
    launch = at_terminal(team, sys.executable, "-S", "-E", "-u", "-c", program)
    return replace(launch, env={**launch.env, "TERM": "xterm"})


async def output_of(launch: Launch, confinement: Confinement | None = None) -> str:
    child = ChaosChild(launch, None, confinement)
    await child.process.wait()
    end = await child.process.clean_up()
    assert end.empty
    return child.output.decode().replace("\r\n", "\n")


async def test_a_child_sees_a_terminal_of_the_given_size() -> None:
    async with ChaosTeam() as team:
        assert await output_of(at_terminal(team, "stty", "size")) == "30 100\n"


@pytest.mark.parametrize("level", LEVELS)
async def test_the_terminal_is_the_controlling_one_at_every_level(level: Containment) -> None:
    async with confined(level) as team:
        text = await output_of(python(team, JOB_CONTROL), team.confinement)
    assert text == "leader True front True\n[True, True, True] True\n"


@pytest.mark.parametrize("level", LEVELS)
async def test_a_stop_at_a_terminal_leaves_nothing_at_any_level(level: Containment) -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); print('on'); input()"
    before = open_fds()
    async with confined(level) as team:
        child = ChaosChild(python(team, program), None, team.confinement)
        await child.says(b"on")
        assert (await child.process.stop(QUICK)).empty
        assert not is_alive(child.process.pid)
    assert open_fds() <= before


async def test_a_resize_reaches_the_program_in_front() -> None:
    program = (
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size().columns, 'wide'))\n"
        "print('on')\nwhile True: signal.pause()"
    )
    async with ChaosTeam() as team:
        child = ChaosChild(python(team, program), None)
        await child.says(b"on")
        assert child.process.resize(TerminalSize(rows=20, columns=77))
        await child.says(b"77 wide")
        await child.process.stop(QUICK, now=True)
        assert not child.process.resize(SIZE)


async def test_a_child_without_a_terminal_cannot_be_resized() -> None:
    async with ChaosTeam() as team:
        child = ChaosChild(replace(team.launch("cat"), takes_input=True), None)
        assert not child.process.resize(SIZE)
        await child.process.stop(QUICK, now=True)


async def test_what_is_told_is_typed_and_the_interrupt_key_interrupts() -> None:
    program = (  # it waits for the signal itself: between two instructions one would be noticed too late
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "print('heard', input())\nsignal.sigwait([signal.SIGINT])\nprint('interrupted')"
    )
    async with ChaosTeam() as team:
        child = ChaosChild(python(team, program), None)
        assert child.process.tell(b"hello\n")
        await child.says(b"heard hello")
        assert child.process.tell(b"\x03")
        await child.says(b"interrupted")
        assert (await child.process.wait()).code == 0
        await child.process.clean_up()


async def test_the_end_of_input_is_a_key() -> None:
    async with ChaosTeam() as team:
        child = ChaosChild(at_terminal(team, "cat"), None)
        child.process.tell(b"one\n")
        await child.says(b"one\r\none")
        child.process.close_input()
        assert (await child.process.wait()).code == 0
        await child.process.clean_up()


async def test_all_that_was_written_before_the_end_arrives() -> None:
    program = "import sys; sys.stdout.write('x' * 60_000 + 'end')"
    async with ChaosTeam() as team:
        text = await output_of(python(team, program))
    assert len(text) == 60_003
    assert text.endswith("xend")


async def test_a_slow_listener_holds_the_child_back_and_loses_nothing() -> None:
    taken = bytearray()
    answers = iter([False] * 5)

    def slow(chunk: bytes) -> object:
        taken.extend(chunk)
        return next(answers, True)

    async with ChaosTeam() as team:
        child = ChaosChild(python(team, "import sys; sys.stdout.write('y' * 300_000)"), slow)
        await child.process.wait()
        await child.process.clean_up()
    assert taken == b"y" * 300_000


async def test_a_child_that_reads_nothing_fills_only_its_own_queue() -> None:
    program = "import time, tty; tty.setraw(0); print('on'); time.sleep(60)"
    async with ChaosTeam() as team:
        child = ChaosChild(python(team, program), None)
        await child.says(b"on")
        sent = 0
        while child.process.tell(b"z" * 65_536):
            sent += 65_536
            await asyncio.sleep(0)
        assert sent <= QUEUE_BYTES + 2 * 65_536
        assert (await child.process.stop(QUICK, now=True)).empty


@pytest.mark.parametrize("argv", [("no-such-program",), ("/no/such/program",), ("/etc/passwd",)])
async def test_a_program_that_cannot_be_started_is_told_as_ever(argv: tuple[str, ...]) -> None:
    before = open_fds()
    with pytest.raises(SpawnFailed) as caught:
        spawn(at_terminal(ChaosTeam(), *argv), on_output=print, clock=SystemClock())
    assert caught.value.permanent
    assert open_fds() == before


def test_a_size_that_no_terminal_has_is_refused() -> None:
    for rows, columns in ((0, 80), (24, SIDE_MAX + 1)):
        with pytest.raises(ValueError, match="rows and columns"):
            TerminalSize(rows=rows, columns=columns)


def test_a_terminal_that_cannot_be_opened_whole_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_fds()

    def no_more(_fd: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "dup", no_more)
    with pytest.raises(OSError, match="Too many"):
        open_terminal(SIZE)
    assert open_fds() == before


async def test_canary_without_the_program_that_takes_it_there_is_no_controlling_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spawning, "at_terminal", lambda program, argv: (program, *argv[1:]))
    async with ChaosTeam() as team:
        text = await output_of(python(team, JOB_CONTROL))
    assert "front True" not in text


@pytest.mark.parametrize("level", [level for level in LEVELS if level is Containment.CGROUP])
async def test_a_child_behind_the_gate_gets_its_terminal_too(level: Containment) -> None:
    async with confined(level, is_strict=True) as team:
        assert "front True" in await output_of(python(team, JOB_CONTROL), team.confinement)
