"""Checks as real processes: how they end, what is kept of what they say, and that nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.dispatch.evidence import CheckPlace, run_check
from supervisor.model.evidence import TAIL_MAX, Check, Evidence
from supervisor.model.ids import task_id
from supervisor.model.task import Task
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.process import Process
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosTeam
from tests.unit.workspace.test_git import run_git

TASK = Task(id=task_id(7), run=1, title="t", token=3)


class Desk:
    """A place to run checks in, and a log that keeps all they say."""

    def __init__(self, directory: Path, session: str) -> None:
        self.place = CheckPlace(
            directory=directory, session=session, env={"PATH": "/usr/bin:/bin", "HOME": "/"}
        )
        self.log = bytearray()

    def hear(self, chunk: bytes) -> bool:
        self.log += chunk
        return True

    async def run(self, *argv: str, timeout_s: float = 20.0) -> Evidence:
        check = Check(name="tests", argv=argv, timeout_s=timeout_s)
        return await run_check(TASK, check, self.place, log=self.hear, clock=SystemClock())

    async def shell(self, script: str, *, timeout_s: float = 20.0) -> Evidence:
        return await self.run("/bin/sh", "-c", script, timeout_s=timeout_s)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with ChaosTeam() as team:
        yield Desk(tmp_path, team.session)
        assert marked(team.session) == []


async def test_a_check_that_exits_with_0_has_passed_in_its_workspace(desk: Desk) -> None:
    said = await desk.shell("pwd; echo to stderr >&2")
    assert (said.passed, said.exit_code, said.task, said.token, said.check) == (True, 0, "T7", 3, "tests")
    assert said.tail == f"{desk.place.directory}\nto stderr\n"
    assert (said.commit, said.dirty, said.argv[0]) == ("", None, "/bin/sh")
    assert said.duration_s > 0
    assert desk.log.startswith(b"\n== check tests of T7, attempt 3: /bin/sh -c pwd")
    assert desk.log.endswith(b"to stderr\n\n== check tests passed\n")


async def test_a_check_ends_by_a_code_a_signal_or_its_time(desk: Desk) -> None:
    assert (await desk.shell("exit 3")).outcome == "failed: exit code 3"
    assert (await desk.shell("kill -9 $$")).outcome == "was killed by signal 9"
    late = await desk.shell("echo begun; trap '' TERM; sleep 1000", timeout_s=0.3)
    assert (late.timed_out, late.passed, late.tail) == (True, False, "begun\n")
    assert "no program no-such-check in PATH" in (await desk.run("no-such-check")).outcome


async def test_an_end_that_somebody_else_saw_is_no_success(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(_process: object) -> ProcessExit:
        return ProcessExit()

    monkeypatch.setattr(Process, "wait", unknown)
    said = await desk.shell("exit 0")
    assert (said.passed, said.problem) == (False, "nobody knows how it ended")


async def test_nothing_that_a_check_started_outlives_it(desk: Desk) -> None:
    said = await desk.shell("sleep 1000 & setsid sleep 1000 & exit 0")
    assert said.passed
    assert marked(desk.place.session) == []


async def test_a_check_that_is_cancelled_is_ended_with_all_it_started(desk: Desk) -> None:
    begun = asyncio.Event()

    def hear(chunk: bytes) -> bool:
        if b"begun" in chunk:
            begun.set()
        return True

    check = Check(name="tests", argv=("/bin/sh", "-c", "sleep 1000 & echo be''gun; wait"))
    running = asyncio.create_task(run_check(TASK, check, desk.place, log=hear, clock=SystemClock()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert marked(desk.place.session) == []


async def test_of_a_long_output_the_end_is_kept_and_the_whole_is_logged(desk: Desk) -> None:
    said = await desk.shell("head -c 300000 /dev/zero | tr '\\0' x; printf END")
    assert said.tail == "x" * (TAIL_MAX - 3) + "END"
    assert len(desk.log) > 300_000
    broken = await desk.shell("head -c 30000 /dev/zero | tr '\\0' '\\377'; printf 'a\\0b'")
    assert len(broken.tail.encode()) <= TAIL_MAX
    assert broken.tail.endswith("\ufffda\ufffdb")


async def test_evidence_names_the_commit_and_whether_more_was_checked(desk: Desk) -> None:
    directory = desk.place.directory
    run_git(directory, "init", "-q")
    run_git(directory, "commit", "-q", "--allow-empty", "-m", "first")
    clean = await desk.shell("true")
    assert (clean.commit, clean.dirty) == (run_git(directory, "rev-parse", "HEAD"), False)
    (directory / "new").write_text("x")
    assert (await desk.shell("true")).dirty is True


async def test_a_check_gets_only_the_environment_of_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_ENGINE", "1")
    desk.place = replace(desk.place, env={"PATH": "/usr/bin:/bin", "GIVEN": "yes"})
    said = await desk.run("env")
    assert "GIVEN=yes" in said.tail
    assert "SECRET_OF_THE_ENGINE" not in said.tail
