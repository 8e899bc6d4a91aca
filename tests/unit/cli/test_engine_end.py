"""Stopping engines that do not answer: real processes that hold a project's lock and do as they like."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from supervisor.cli import engine_end, process_watch
from supervisor.cli.engine_end import Ended, stop_engine
from supervisor.cli.process_watch import Watch
from supervisor.errors import EngineError, EngineNotRunning, TooMany
from supervisor.runtime.sweep import TreeEnd
from supervisor.testing.chaos import is_alive

PROGRAM = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from supervisor.workspace.engine_lock import EngineLock, EngineRecord, write_engine_file
from supervisor.workspace.state_dir import open_state, socket_path
project, manner = Path(sys.argv[1]), sys.argv[2]
state = open_state(project, create=True)
lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": 0.0})
write_engine_file(state, EngineRecord(
    pid=os.getpid(), socket=socket_path(project), started_at=0.0, team="t", session="hanging-session"))
env = os.environ | {"SUP_SESSION": "hanging-session", "SUP_AGENT": "a#1"}
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"],
    env=env, start_new_session=True, stdout=subprocess.DEVNULL)
if manner == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(child.pid, flush=True)
time.sleep(600)
"""


class Hanging:
    """An engine that answers nobody, and one agent of it."""

    def __init__(self, project: Path, manner: str) -> None:
        self.project = project
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(project), manner], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.agent = int(self.process.stdout.readline())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"ANSWER_S": 0.3, "PATIENCE_S": 0.3, "FORCED_S": 0.3, "WOKEN_S": 0.5}.items():
        monkeypatch.setattr(engine_end, name, seconds)
    monkeypatch.setattr(process_watch, "SIGNAL_GAP_S", 0.02)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))


@pytest.fixture
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hanging]:
    hanging = Hanging(tmp_path, getattr(request, "param", "deaf"))
    yield hanging
    hanging.process.kill()
    hanging.process.communicate()
    if is_alive(hanging.agent):
        os.kill(hanging.agent, signal.SIGKILL)


def test_one_that_does_not_answer_is_signalled_and_told_by_name_with_the_way_out(
    engine: Hanging, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineError, match=r"does not answer and does not end. `supervisor down --force`"):
        stop_engine(engine.project, now=False)
    assert (
        f"the engine (pid {engine.process.pid}) does not answer; sending it SIGTERM"
        in capsys.readouterr().err
    )
    assert is_alive(engine.agent)


def test_force_kills_it_and_what_it_left_though_no_guardian_lives(engine: Hanging) -> None:
    assert stop_engine(engine.project, now=False, force=True) == Ended(pid=engine.process.pid, forced=True)
    assert engine.process.wait(5) == -signal.SIGKILL
    assert not is_alive(engine.agent)


@pytest.mark.parametrize("engine", ["plain"], indirect=True)
def test_one_that_heeds_a_signal_is_gone_without_force(engine: Hanging) -> None:
    assert stop_engine(engine.project, now=True, force=True) == Ended(pid=engine.process.pid)
    assert engine.process.wait(5) == -signal.SIGTERM


@pytest.mark.parametrize("engine", ["plain"], indirect=True)
def test_a_stopped_one_is_named_so_and_woken(engine: Hanging, capsys: pytest.CaptureFixture[str]) -> None:
    os.kill(engine.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, engine.process.pid, os.WSTOPPED)
    with pytest.raises(EngineError, match="because it is stopped"):
        stop_engine(engine.project, now=False)
    assert stop_engine(engine.project, now=False, force=True) == Ended(pid=engine.process.pid)
    assert engine.process.wait(5) == -signal.SIGTERM


@pytest.mark.parametrize("agrees", [True, False])
def test_a_person_at_the_terminal_is_asked(
    engine: Hanging, monkeypatch: pytest.MonkeyPatch, *, agrees: bool
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return agrees

    monkeypatch.setattr(click, "confirm", confirm)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    if agrees:
        assert stop_engine(engine.project, now=False).forced
    else:
        with pytest.raises(EngineError, match="--force"):
            stop_engine(engine.project, now=False)
    assert len(asked) == 1


def test_a_refusal_is_a_sign_of_life(engine: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([TooMany("over 64 connections are open"), TooMany("the same"), None])

    def ask(_project: Path, verb: str, **_: Any) -> None:
        answer = next(answers)
        if answer is None:
            engine.process.kill()
        else:
            raise answer

    monkeypatch.setattr(engine_end, "_ask", ask)
    assert stop_engine(engine.project, now=False) == Ended(pid=engine.process.pid)


def test_ctrl_c_while_it_drains_asks_again_at_once(engine: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def ask(_project: Path, verb: str, **args: Any) -> None:
        asked.append(args)
        if verb == "hello":
            raise KeyboardInterrupt
        if args["now"]:
            engine.process.kill()

    monkeypatch.setattr(engine_end, "_ask", ask)
    assert stop_engine(engine.project, now=False) == Ended(pid=engine.process.pid)
    assert asked == [{"now": False}, {}, {"now": True}]


def test_what_cannot_be_killed_is_named(engine: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(*_: Any, **__: Any) -> TreeEnd:
        await asyncio.sleep(0)
        return TreeEnd(empty=False, leftovers=(4711,))

    monkeypatch.setattr("supervisor.engine.recovery.end_remains", stuck)
    with pytest.raises(EngineError, match="4711"):
        stop_engine(engine.project, now=False, force=True)


def test_an_engine_that_the_kernel_holds_is_said_to_be_so(
    engine: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "kill", lambda _self: None)
    with pytest.raises(EngineError, match="the kernel holds it"):
        stop_engine(engine.project, now=False, force=True)


@pytest.mark.parametrize("has_handles", [True, False])
def test_a_process_is_watched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_handles: bool
) -> None:
    monkeypatch.setattr(process_watch, "HAS_PIDFD", has_handles)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with Watch(child.pid) as watch:
        assert not watch.gone(0.01)
        watch.wake()
        watch.terminate(times=1)
        assert watch.gone(5)
        watch.kill()
    assert child.wait() == -signal.SIGTERM
    with pytest.raises(EngineNotRunning, match="just ended"):
        Watch(child.pid)
