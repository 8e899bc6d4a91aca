"""The command line with real engines and real agents: run, up, down, and what is left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 60.0

PROFILE: Final = """
name = "{name}"
description = "for tests"
[[pools]]
name = "planner"
role = "planner"
command = {command}
intensity = 0
restart = "{restart}"
[pools.stop]
leader_s = 1.0
group_s = 1.0
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


class CommandLine:
    """Runs `supervisor` on one project, each time in a process of its own."""

    def __init__(self, project: Path, runtime: Path) -> None:
        self.project = project
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(runtime),
            "XDG_RUNTIME_DIR": str(runtime),
            "PYTHONPATH": str(ROOT),
        }

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "supervisor", *words, "--project", str(self.project)]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), env=self.env, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.words(*words), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def team(self, name: str, *command: str, restart: str = "temporary") -> str:
        """Write a profile of one planner that runs this command; return its path."""
        path = self.project.parent / f"{name}.toml"
        path.write_text(PROFILE.format(name=name, command=json.dumps(command), restart=restart))
        return str(path)

    def agents(self) -> list[int]:
        """List the processes that run inside this project."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        try:
            marked = b"SUP_SESSION=" in Path(f"/proc/{pid}/environ").read_bytes()
            return marked and Path(f"/proc/{pid}/cwd").readlink() == self.project
        except OSError:
            return False


@pytest.fixture
def sup(tmp_path: Path) -> Iterator[CommandLine]:
    runtime = Path(tempfile.mkdtemp(prefix="sup-"))
    project = tmp_path / "project"
    project.mkdir()
    line = CommandLine(project.resolve(), runtime)
    yield line
    line("down", "--now")
    shutil.rmtree(runtime)


def eventually(true: Callable[[], object], what: str) -> None:
    """Wait at a process border until something holds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, f"not within 20 s: {what}"
        time.sleep(0.02)


def told(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_run_whose_work_is_done_ends_with_0_and_a_report(sup: CommandLine, tmp_path: Path) -> None:
    ended = sup("run", sup.team("quick", "/bin/true"), "--report", str(tmp_path / "out"))

    assert ended.returncode == 0, ended.stderr
    assert "run 1 finished" in ended.stdout
    assert json.loads((tmp_path / "out" / "run.json").read_text())["run"]["state"] == "finished"
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "run.json",
        "junit.xml",
        "events.jsonl",
        "logs",
    }
    assert sup.agents() == []


def test_as_json_every_line_of_a_run_is_an_object_and_the_last_is_the_end(sup: CommandLine) -> None:
    lines = told(sup("run", sup.team("quick", "/bin/true"), "--json").stdout)

    assert (lines[0]["type"], lines[-1]["type"]) == ("start", "end")
    assert {line["type"] for line in lines[1:-1]} == {"event"}
    seqs = [line["event"]["seq"] for line in lines[1:-1]]
    assert seqs == list(range(lines[0]["seq"] + 1, seqs[-1] + 1))
    assert lines[-1]["exit_code"] == 0


def test_up_without_a_terminal_runs_headless(sup: CommandLine) -> None:
    ended = sup("up", sup.team("quick", "/bin/true"))

    assert ended.returncode == 0, ended.stderr
    assert "headless" in ended.stderr
    assert "run 1 finished" in ended.stdout


def test_a_team_whose_planner_fails_does_not_end_with_0(sup: CommandLine) -> None:
    ended = sup("run", sup.team("broken", "/bin/false", restart="transient"))

    assert ended.returncode in {1, 3}
    assert "planner is parked" in ended.stdout


def test_a_deadline_ends_it_with_124_and_the_next_start_goes_on_with_the_same_run(sup: CommandLine) -> None:
    team = sup.team("slow", "/bin/sleep", "300")

    first = sup("run", team, "--deadline", "0.5", "--json")
    second = sup("run", "--deadline", "0.5", "--json")

    assert (first.returncode, second.returncode) == (124, 124)
    assert told(second.stdout)[0]["run"] == told(first.stdout)[0]["run"] == 1
    assert sup.agents() == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_agents_first_and_is_told_by_the_exit_code(
    sup: CommandLine, number: signal.Signals, code: int
) -> None:
    process = sup.start("run", sup.team("slow", "/bin/sleep", "300"))
    eventually(sup.agents, "an agent runs")

    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == code, stderr
    assert f"stopped by {number.name}" in stdout
    assert sup.agents() == []


@pytest.mark.parametrize("verb", ["run", "up"])
def test_a_profile_with_problems_starts_and_makes_nothing(sup: CommandLine, verb: str) -> None:
    path = Path(sup.team("bad", "/bin/true"))
    path.write_text(path.read_text().replace("role =", "rolle ="))

    ended = sup(verb, str(path))

    assert ended.returncode == 2
    assert "bad.toml:7: pools.planner.rolle" in ended.stderr or "did you mean `role`" in ended.stderr
    assert list(sup.project.iterdir()) == []


def test_a_profile_with_problems_starts_nothing_detached_either(sup: CommandLine) -> None:
    assert sup("up", "nosuch", "--detach").returncode == 2
    assert list(sup.project.iterdir()) == []


def test_a_reader_that_leaves_does_not_end_the_run(sup: CommandLine) -> None:
    process = sup.start("run", sup.team("quick", "/bin/sh", "-c", "sleep 1"))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    assert json.loads(sup("status", "--json").stdout)["run"]["state"] == "finished"


@pytest.fixture
def running(sup: CommandLine) -> CommandLine:
    ended = sup("up", sup.team("slow", "/bin/sleep", "300"), "--detach", "--json")
    assert ended.returncode == 0, ended.stderr
    assert told(ended.stdout)[0]["type"] == "up"
    return sup


def test_a_detached_team_runs_on_and_every_verb_reaches_it(running: CommandLine) -> None:
    status = json.loads(running("status", "--json").stdout)
    added = running("task", "add", "look around", "--priority", "high", "--json")

    assert (status["live"], status["run"]["state"]) == (True, "active")
    assert json.loads(added.stdout)["task"]["id"] == "T1"
    assert "look around" in running("task", "list").stdout
    assert "task.created T1" in running("task", "show", "T1").stdout
    assert running("send", "planner", "hello").stdout == "M1 sent to planner\n"
    assert running("task", "cancel", "T1", "--reason", "enough").returncode == 0
    assert "cancelled" in running("events").stdout
    assert running("fsck").returncode == 0
    assert running("doctor", "--json").returncode == 0


def test_ps_can_measure_what_the_agents_use(running: CommandLine) -> None:
    measured = json.loads(running("ps", "--usage", "--json").stdout)["usage"]

    assert [(each["name"], each["processes"]) for each in measured] == [("planner", 1)]
    assert "MiB" in running("ps", "--usage").stdout


def test_a_second_engine_is_refused_with_4_and_the_holder_named(running: CommandLine) -> None:
    pid = json.loads(running("status", "--json").stdout)["engine"]["pid"]

    for verb in (("run", "survey"), ("up", "survey", "--detach")):
        ended = running(*verb)
        assert ended.returncode == 4
        assert str(pid) in ended.stderr


def test_down_returns_when_everything_is_gone_and_the_run_can_go_on(running: CommandLine) -> None:
    eventually(running.agents, "an agent runs")

    ended = running("down")

    assert ended.returncode == 0, ended.stderr
    assert running.agents() == []
    offline = running("status", "--json")
    assert "state on disk" in offline.stderr
    assert (json.loads(offline.stdout)["live"], json.loads(offline.stdout)["run"]["state"]) == (
        False,
        "active",
    )
    assert running("down").returncode == 5
    assert running("up", "--detach").returncode == 0
    assert json.loads(running("status", "--json").stdout)["run"]["id"] == 1


def test_down_now_does_not_wait_for_an_agent_that_will_not_go(sup: CommandLine) -> None:
    stubborn = sup.team("stubborn", "/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    sup("up", stubborn, "--detach")
    eventually(sup.agents, "an agent runs")

    begun = time.monotonic()
    ended = sup("down", "--now")

    assert ended.returncode == 0
    assert time.monotonic() - begun < 10
    assert sup.agents() == []


def test_down_signals_an_engine_that_does_not_answer(running: CommandLine) -> None:
    record = json.loads((running.project / ".supervisor" / "engine.json").read_text())
    Path(record["socket"]).unlink()

    ended = running("down")

    assert ended.returncode == 0
    assert "sending it SIGTERM" in ended.stderr
    assert running.agents() == []


def test_after_a_kill_of_the_engine_verbs_read_the_disk_and_the_next_start_takes_over(
    running: CommandLine,
) -> None:
    eventually(running.agents, "an agent runs")
    os.kill(json.loads(running("status", "--json").stdout)["engine"]["pid"], signal.SIGKILL)

    eventually(lambda: not running.agents(), "the agents are gone")
    assert json.loads(running("status", "--json").stdout)["live"] is False
    assert running("restart", "planner").returncode == 5
    assert running("up", "--detach").returncode == 0
    assert running("fsck").returncode == 0


def test_events_can_be_followed_until_the_engine_says_farewell(running: CommandLine) -> None:
    following = running.start("events", "-f", "--since", "0", "--json")
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    running("send", "planner", "hello")
    running("down")
    rest = following.stdout.read()
    following.communicate(timeout=DEADLINE_S)

    events = [line["event"] for line in [first, *told(rest)]]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert "message.sent" in {event["kind"] for event in events}


def test_the_project_may_bring_its_own_modules_of_our_names(sup: CommandLine) -> None:
    """`python -m` puts the working directory first; the engine must never import from there."""
    for name in ("supervisor", "click", "asyncio"):
        (sup.project / name).mkdir()
        (sup.project / name / "__init__.py").write_text("raise SystemExit('imported from the project')")
    program = f"import sys; sys.path[0] = {str(ROOT)!r}; from supervisor.cli.main import main; main()"
    words = ["up", sup.team("slow", "/bin/sleep", "300"), "--detach", "--project", "."]

    ended = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=sup.project,
        env={name: value for name, value in sup.env.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(sup("status", "--json").stdout)["live"] is True
