"""Starting a child: what it gets, and how each failure is told."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.runtime.spawn import Launch, Process, SpawnFailed, spawn
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosChild, ChaosTeam


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def failure(launch: Launch) -> SpawnFailed:
    before = open_fds()
    with pytest.raises(SpawnFailed) as caught:
        spawn(launch, on_output=print, clock=SystemClock())
    assert open_fds() == before, "a failed start must not leak a descriptor"
    return caught.value


async def output_of(launch: Launch) -> str:
    child = ChaosChild(launch, None)
    await child.process.wait()
    await child.process.clean_up()
    return child.output.decode()


async def test_a_child_gets_only_the_given_environment_and_the_marker() -> None:
    async with ChaosTeam() as team:
        text = await output_of(replace(team.launch("env"), env={"PATH": "/usr/bin:/bin", "MINE": "1"}))
    assert dict(line.split("=", 1) for line in text.splitlines()) == {
        "PATH": "/usr/bin:/bin",
        "MINE": "1",
        "SUP_SESSION": team.session,
        "SUP_AGENT": "worker-1#1",
    }


async def test_the_marker_of_an_inner_supervisor_follows_the_outer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUP_SESSION", "outer")
    monkeypatch.setenv("SUP_AGENT", "lead#4")
    async with ChaosTeam() as team:
        text = await output_of(team.launch("env"))
    assert f"SUP_SESSION=outer/{team.session}\n" in text
    assert "SUP_AGENT=lead#4/worker-1#1\n" in text


async def test_a_child_leads_a_session_of_its_own_and_reads_nothing() -> None:
    async with ChaosTeam() as team:
        text = await output_of(team.launch("sh", "-c", "cut -d' ' -f1,5,6 /proc/self/stat; cat; echo $$"))
    stat, leader = text.splitlines()
    assert stat.split()[1:] == [leader, leader]


async def test_a_child_inherits_no_descriptor_of_ours() -> None:
    kept = os.open("/dev/null", os.O_RDONLY)
    try:
        async with ChaosTeam() as team:
            text = await output_of(team.launch("sh", "-c", "ls /proc/$$/fd"))
    finally:
        os.close(kept)
    assert text.split() == ["0", "1", "2"]


async def test_stdout_and_stderr_arrive_in_the_order_they_were_written() -> None:
    async with ChaosTeam() as team:
        text = await output_of(team.launch("sh", "-c", "echo one; echo two >&2; echo three"))
    assert text == "one\ntwo\nthree\n"


async def test_a_relative_program_is_sought_in_the_working_directory(tmp_path: Path) -> None:
    script = tmp_path / "agent.sh"
    script.write_text("#!/bin/sh\necho $0\n")
    script.chmod(0o700)
    async with ChaosTeam() as team:
        assert await output_of(replace(team.launch("./agent.sh"), cwd=str(tmp_path))) == f"{script}\n"


async def test_an_empty_command_is_refused_for_good() -> None:
    problem = failure(ChaosTeam().launch())
    assert problem.permanent
    assert problem.detail == "the command is empty"


async def test_a_missing_program_is_refused_for_good_and_names_the_path_searched() -> None:
    problem = failure(replace(ChaosTeam().launch("no-such-agent"), env={"PATH": "/bin:/sbin"}))
    assert problem.permanent
    assert problem.detail == "no program no-such-agent in PATH (/bin:/sbin)"


async def test_a_missing_program_given_by_path_is_refused_for_good() -> None:
    problem = failure(ChaosTeam().launch("/no/such/agent"))
    assert problem.permanent
    assert problem.detail == "cannot start /no/such/agent: No such file or directory"


async def test_a_missing_working_directory_is_told_as_such() -> None:
    problem = failure(replace(ChaosTeam().launch("true"), cwd="/no/such/directory"))
    assert problem.permanent
    assert problem.detail == "there is no working directory /no/such/directory"


@pytest.mark.parametrize(
    ("mode", "content", "words"),
    [
        (0o600, "#!/bin/sh\n", "it is not executable for this user"),
        (0o700, "not a program\n", "neither a binary nor a script with a #! line"),
        (0o700, "#!/no/such/interpreter\n", "the interpreter its first line names does not exist"),
    ],
    ids=["EACCES", "ENOEXEC", "missing interpreter"],
)
async def test_a_file_that_cannot_be_executed_is_refused_for_good(
    tmp_path: Path, mode: int, content: str, words: str
) -> None:
    program = tmp_path / "agent"
    program.write_text(content)
    program.chmod(mode)
    problem = failure(ChaosTeam().launch(str(program)))
    assert problem.permanent
    assert words in problem.detail


async def test_an_argument_of_128_kib_is_refused_for_good() -> None:
    problem = failure(ChaosTeam().launch("true", "x" * 131_072))
    assert problem.permanent
    assert "too long (128 KiB each)" in problem.detail


async def test_a_variable_of_128_kib_is_refused_for_good() -> None:
    launch = ChaosTeam().launch("true")
    problem = failure(replace(launch, env={**launch.env, "BIG": "x" * 131_072}))
    assert problem.permanent


@pytest.mark.parametrize("argv", [("tr\0ue",), ("true", "a\0b")])
async def test_a_nul_byte_in_the_command_is_refused_for_good(argv: tuple[str, ...]) -> None:
    problem = failure(ChaosTeam().launch(*argv))
    assert problem.permanent
    assert problem.detail == "the command contains a NUL byte"


async def test_a_nul_byte_in_a_variable_is_refused_for_good() -> None:
    launch = ChaosTeam().launch("true")
    assert failure(replace(launch, env={**launch.env, "A": "\0"})).permanent


async def test_a_name_that_would_break_the_marker_is_refused() -> None:
    assert failure(ChaosTeam().launch("true", agent="worker/1#1")).permanent


async def test_no_descriptors_left_is_a_passing_failure_and_leaves_no_child() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(fd.name) for fd in Path("/proc/self/fd").iterdir()}
    free = [number for number in range(1000) if number not in used]
    outcomes = []
    async with ChaosTeam() as team:
        for spare in range(1, 12):  # the pipe, the pipe for exec errors, the pidfd: each fails in its turn
            resource.setrlimit(resource.RLIMIT_NOFILE, (free[spare], hard))
            try:
                outcomes.append(attempt(team.launch("sleep", "60")))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        processes = [outcome for outcome in outcomes if isinstance(outcome, Process)]
        failures = [outcome for outcome in outcomes if isinstance(outcome, SpawnFailed)]
        assert len(failures) >= 3
        assert not any(problem.permanent for problem in failures)
        assert processes
        async with asyncio.timeout(10):  # an exec under way shows no environment yet
            while len(marked(team.session)) != len(processes):
                await asyncio.sleep(0.005)
        for process in processes:
            process.signal_leader(signal.SIGKILL)
            await process.clean_up()


async def test_a_child_that_cannot_be_watched_is_killed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async with ChaosTeam() as team:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pidfd_open", none_left)
            problem = failure(team.launch("sleep", "60"))
        assert not problem.permanent
        assert problem.detail == "cannot watch sleep: Too many open files"
        assert marked(team.session) == []


def attempt(launch: Launch) -> Process | SpawnFailed:
    try:
        return spawn(launch, on_output=print, clock=SystemClock())
    except SpawnFailed as problem:
        return problem


def names_in(children: Path) -> set[str]:
    pids = children.read_text().split()
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids if Path(f"/proc/{pid}").exists()}


async def test_many_starts_and_ends_leak_no_descriptor_and_no_zombie() -> None:
    async with ChaosTeam() as team:
        await output_of(team.launch("true"))
        before = open_fds()
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(output_of(team.launch("true", agent=f"worker-{number}#1")))
        assert open_fds() <= before + 2  # the executor's threads may not have settled their own
    zombies = [name for path in Path("/proc/self/task").glob("*/children") for name in names_in(path)]
    assert "true" not in zombies
