"""The verb `why`: what it prints of an engine's answer and from disk; where else a verdict is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli.team_verbs import needs
from supervisor.model.agent import Agent, AgentState, ExitClass, ExitInfo, Role
from supervisor.model.health import Liveness
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam
from supervisor.testing.small_team import small_team
from supervisor.workspace.state_dir import open_state
from tests.unit.cli.conftest import Run

AGENT = Agent(
    name="worker-1", pool="worker", role=Role.WORKER, state=AgentState.WORKING, pid=7, incarnation=3
)


def an_answer(agent: Agent = AGENT, **changes: Any) -> dict[str, Any]:
    return {
        "agent": to_wire(agent),
        "reasons": [
            {"reason": "waiting_human", "detail": "it asked\na person", "by": [], "help": "answer it"}
        ],
        "verdict": {"liveness": "waiting", "for_s": 5.0, "evidence": ["it asked"], "incarnation": 3},
        "ladder": {"action": "restart", "found_for_s": None, "done": [], "next": None},
        "last_words": [],
        "last_lines": [],
    } | changes


def test_why_tells_each_cause_and_what_would_help(
    run: Run, ask: Callable[..., Any], engine: ScriptedEngine
) -> None:
    done = [{"step": "nudge", "ago_s": 75.0, "words": "reminded of its work"}]
    engine.answers["agent_why"] = an_answer(
        replace(AGENT, restarts=2, last_exit=ExitInfo(kind=ExitClass.RUNTIME_CAP)),
        ladder={"action": "restart", "found_for_s": 400.0, "done": done, "next": None},
        last_words=["bye"],
        last_lines=["\x1b[2Jhi"],
    )
    assert run("why", "worker-1").stdout.splitlines() == [
        "waiting human: it asked\\na person",
        "    answer it",
        "done: reminded of its work, 1m 15s ago",
        "restarts: 2, now incarnation 3",
        "last exit: runtime cap",
        "    bye",
        "the last lines of its log:",
        "    \\x1b[2Jhi",
    ]
    assert engine.asked == [("agent_why", {"agent": "worker-1"})]
    told = ask("why", "worker-1")
    assert (told["type"], told["live"], told["verdict"]["liveness"]) == ("agent_why", True, "waiting")


def test_of_one_that_has_ended_only_what_it_wrote_last_is_told(run: Run, engine: ScriptedEngine) -> None:
    ended = replace(AGENT, pid=None, last_exit=ExitInfo(kind=ExitClass.FAIL, detail="exited with code 3"))
    engine.answers["agent_why"] = an_answer(ended, last_words=["bye"], last_lines=["bye"], ladder=None)
    assert run("why", "worker-1").stdout.splitlines()[-2:] == [
        "last exit: fail: exited with code 3",
        "    bye",
    ]


def test_without_an_engine_the_disk_is_read(project: Path, run: Run, ask: Callable[..., Any]) -> None:
    async def past() -> None:
        state = open_state(project, create=True)
        (state.logs / "worker-1.log").write_text("one\ntwo\n")
        async with small_team(state.root) as team:
            await team.crash("worker-1", to=AgentState.PARKED)

    asyncio.run(past())
    told = run("why", "worker-1")
    assert told.stdout.splitlines()[:2] == ["parked: killed by signal 9", "    `supervisor restart worker-1`"]
    assert "    two" in told.stdout.splitlines()
    assert "from disk" in told.stderr or "on disk" in told.stderr
    assert ask("why", "worker-1")["live"] is False
    assert "supervisor task why T4" in run("why", "T4").output


@pytest.mark.parametrize("liveness", list(Liveness))
def test_who_does_not_get_on_needs_a_person(liveness: Liveness) -> None:
    team = ScriptedTeam()
    team.start_run()
    team.agent("worker-1", state=AgentState.WORKING, liveness=liveness, liveness_why="no output for 12 min")
    wants = {Liveness.FROZEN, Liveness.STALLED, Liveness.SPINNING, Liveness.OVERDUE}
    assert needs(team.world, BEGIN) == (
        [f"worker-1 is {liveness.value}: no output for 12 min: supervisor why worker-1"]
        if liveness in wants
        else []
    )


def test_the_list_of_agents_says_it_too(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["metrics"] = {"at": None, "agents": []}
    engine.team.agent(
        "worker-1", liveness=Liveness.FROZEN, liveness_why="stopped by a signal", reason="ready"
    )
    row = next(each for each in run("ps").stdout.splitlines() if each.startswith("worker-1"))
    assert row.endswith("frozen: stopped by a signal; ready")
