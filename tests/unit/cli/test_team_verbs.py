"""status, ps, restart, stop: asked of a scripted engine over the real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.team_verbs import needs, status_lines
from supervisor.errors import NotFound
from supervisor.model.agent import (
    Agent,
    AgentMetrics,
    AgentState,
    EngineMetrics,
    ExitClass,
    ExitInfo,
    MachineMetrics,
    Role,
)
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam
from supervisor.transports.control.protocol import MetricsFrame

Run = Callable[..., Result]

NOBODY: dict[str, list[str]] = {"agents": [], "left_alone": []}


def test_status_tells_what_needs_you_first_and_how_far_the_work_is(run: Run, engine: ScriptedEngine) -> None:
    lines = run("status").stdout.splitlines()

    assert lines[0].startswith("team survey, run 1 active (engine pid 4711, up ")
    assert lines[1].startswith("needs you: A1 worker-2 asks (tier 1): Write the report; expires in ")
    assert lines[1].endswith("supervisor approve A1")
    assert lines[2:] == [
        "needs you: 1 unread messages: supervisor inbox",
        "agents: 3 starting",
        "tasks: 1 blocked, 1 in_progress, 1 done  [######..............] 1/3",
    ]


def test_status_as_json_has_the_same_in_a_stable_shape(ask: Any, engine: ScriptedEngine) -> None:
    told = ask("status")

    assert (told["v"], told["type"], told["live"]) == (1, "status", True)
    assert told["tasks"]["done"] == 1
    assert told["agents"] == {"starting": 3}
    assert (told["approvals"], told["votes"], told["unread"]) == (["A1"], [], 1)
    assert told["run"]["team"] == "survey"
    assert told["last_event"] == engine.team.world.seq


def test_parked_agents_and_tasks_for_a_person_are_listed_with_the_command_that_helps() -> None:
    team = ScriptedTeam()
    team.start_run()
    team.agent("worker-1", state=AgentState.PARKED, reason="crashed 5 times in 120 s")
    team.task("stuck", state=TaskState.BLOCKED, blocked_by=(BlockReason.NEEDS_HUMAN,))

    assert needs(team.world, BEGIN) == [
        "worker-1 is parked: crashed 5 times in 120 s: supervisor restart worker-1",
        "T1 stuck waits for a person: supervisor task show T1",
    ]


def test_a_project_without_a_run_says_how_to_begin() -> None:
    from supervisor.cli.engine_door import View

    team = ScriptedTeam()
    seen = View(snapshot=team.snapshot(), world=team.world, live=False)

    assert status_lines(seen, BEGIN) == ["no team has run here; start one: supervisor up survey"]


def test_an_unfinished_run_without_an_engine_says_how_to_go_on() -> None:
    from supervisor.cli.engine_door import View

    team = ScriptedTeam()
    team.start_run()
    lines = status_lines(View(snapshot=team.snapshot(), world=team.world, live=False), BEGIN)

    assert lines == [
        "team survey, run 1 active (no engine)",
        "agents: none",
        "tasks: none",
        "go on: supervisor up",
    ]


def test_ps_lists_every_agent_with_the_reason_it_stands_where_it_does(
    run: Run, engine: ScriptedEngine
) -> None:
    crash = ExitInfo(kind=ExitClass.FAIL, code=3)
    engine.team.agent("worker-1", state=AgentState.BACKOFF, pid=None, last_exit=crash, next_start_at=BEGIN)
    engine.team.agent("worker-2", state=AgentState.PARKED, pid=None, reason="\x1b[31mtoo often", restarts=5)

    lines = run("ps").stdout.splitlines()

    assert lines[0].split() == ["AGENT", "ROLE", "STATE", "SINCE", "TASK", "PID", "RESTARTS", "WHY"]
    assert lines[1].split()[:3] == ["planner", "planner", "starting"]
    assert lines[2].endswith("starts again in 0s; crashed with exit code 3")
    assert lines[3].endswith("5         \\x1b[31mtoo often")


def test_ps_as_json_gives_the_agents_whole(ask: Any, engine: ScriptedEngine) -> None:
    assert [agent["name"] for agent in ask("ps")["agents"]] == ["planner", "worker-1", "worker-2"]


@pytest.mark.parametrize(
    ("word", "verb", "told"),
    [
        ("restart", "restart", "is being started again"),
        ("stop", "stop_agent", "is being stopped"),
        ("kill", "kill", "is being killed"),
        ("pause", "pause", "is paused; let it go on: supervisor resume worker-1"),
        ("resume", "resume", "goes on"),
        ("drain", "drain", "finishes what it holds and is stopped then"),
    ],
)
def test_the_verbs_about_processes_ask_the_engine(
    run: Run, engine: ScriptedEngine, word: str, verb: str, told: str
) -> None:
    engine.answers = {verb: {"agents": ["worker-1"], "left_alone": []}}

    assert run(word, "worker-1").stdout == f"worker-1 {told}\n"
    assert engine.asked == [(verb, {"agent": "worker-1"})]


def test_several_targets_are_listed_and_those_left_alone_named(run: Run, engine: ScriptedEngine) -> None:
    told = [f"worker-{number}" for number in range(1, 13)]
    engine.answers = {"pause": {"agents": told, "left_alone": ["judge"]}, "resume": NOBODY}

    lines = run("pause", "all").stdout.splitlines()
    assert (len(lines), lines[10], lines[11]) == (
        12,
        "and 2 more",
        "left alone, for it does not fit them: judge",
    )
    assert run("resume", "pool:worker").stdout == "pool:worker has no agents\n"


@pytest.mark.parametrize("word", ["stop", "kill"])
def test_a_script_says_yes_before_several_agents_are_ended(
    run: Run, engine: ScriptedEngine, word: str
) -> None:
    engine.answers = {"stop_agent": NOBODY, "kill": NOBODY}

    refused = run(word, "all")
    assert (refused.exit_code, engine.asked) == (2, [])
    assert "--yes" in refused.stderr
    assert run(word, "all", "--yes").exit_code == 0
    assert len(engine.asked) == 1


def test_a_refusal_of_the_engine_is_shown_as_its_own_error(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"restart": NotFound("there is no agent nobody")}

    ended = run("restart", "nobody")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "error: there is no agent nobody\n"


def test_without_an_engine_a_command_says_so_with_code_5(run: Run, project: Path) -> None:
    ended = run("restart", "worker-1")

    assert ended.exit_code == 5
    assert str(project) in ended.stderr


def test_where_nothing_ever_ran_a_reading_verb_says_how_to_start(run: Run, project: Path) -> None:
    for verb in (
        ("status",),
        ("ps",),
        ("task", "list"),
        ("vote", "list"),
        ("approvals",),
        ("inbox",),
        ("events",),
    ):
        ended = run(*verb)
        assert (verb, ended.exit_code) == (verb, 5)
        assert "supervisor up survey" in ended.stderr
    assert not (project / ".supervisor").exists()


def test_ps_tells_what_an_agent_says_of_itself(run: Run, engine: ScriptedEngine) -> None:
    lens = Agent(
        name="lens",
        pool=OUTSIDE,
        role=Role.JUDGE,
        state=AgentState.IDLE,
        activity="blocked: \x1b[31mthe port is taken",
    )
    engine.team.record("agent.enrolled", lens, actor="human")
    (line,) = [line for line in run("ps").stdout.splitlines() if line.startswith("lens")]
    assert line.endswith("blocked: \\x1b[31mthe port is taken")


def measured() -> dict[str, Any]:
    """What an engine of two agents, one of them not looked at closely yet, and an outside one measured."""
    agents = (
        AgentMetrics(
            name="worker-1", cpu_percent=40.0, rss_bytes=900 << 20, pss_bytes=300 << 20, processes=3
        ),
        AgentMetrics(name="worker-2", cpu_percent=2.5, rss_bytes=100 << 20, processes=1),
        AgentMetrics(name="lens", last_call_at=BEGIN),
    )
    engine = EngineMetrics(cpu_percent=1.2, rss_bytes=90 << 20, pss_bytes=60 << 20, lag_p99_ms=3.0)
    machine = MachineMetrics(memory_bytes=8 << 30, available_bytes=4 << 30, load=1.5)
    return to_wire(MetricsFrame(at=BEGIN, agents=agents, engine=engine, machine=machine))  # type: ignore[no-any-return]


def test_status_tells_what_agents_and_engine_use_together(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    assert ask("status")["usage"] == {"engine": None, "machine": None, "agents": []}
    engine.answers["metrics"] = measured()
    assert "use: agents 42% cpu, 400 MiB, 4 processes; engine 1% cpu, 60 MiB" in run("status").stdout
    usage = ask("status")["usage"]
    assert usage["engine"]["lag_p99_ms"] == 3.0
    assert usage["machine"]["available_bytes"] == 4 << 30
    assert [each["name"] for each in usage["agents"]] == ["worker-1", "worker-2", "lens"]


def test_ps_shows_what_each_uses(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["metrics"] = measured()
    shown = run("ps", "--usage").stdout
    assert "40%  300 MiB  3" in shown
    assert "2%   100 MiB  1" in shown
    told = ask("ps", "--usage")
    assert [each["processes"] for each in told["usage"]] == [3, 1, 0]
    assert "usage" not in ask("ps")
