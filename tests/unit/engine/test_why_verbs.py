"""Why an agent stands where it does: the verdict, what comes next, how it last ended, all made harmless."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli.why_verb import why_lines
from supervisor.coordinator import ending
from supervisor.engine.why_verbs import LINE_MAX, LINES, log_end, reasons, why_at_rest
from supervisor.errors import NotFound
from supervisor.model.agent import Agent, AgentState, ExitClass, ExitInfo, Role
from supervisor.model.health import StallLimits
from supervisor.model.wire import to_wire
from supervisor.testing.small_team import small_team
from tests.unit.engine.oversight_stage import NAME, PID, oversight_stage

SHORT = StallLimits(stalled_s=60.0, quiet_s=30.0, window_s=10.0)
CRASH = ExitInfo(kind=ExitClass.FAIL, code=3, detail="exited with code 3")


async def test_a_quiet_agent_is_explained_with_what_will_be_done_and_when(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, SHORT) as stage:
        await stage.take_work()
        await stage.wait(50)
        why = await stage.why()
        assert why["verdict"]["liveness"] == "quiet"
        assert 15 <= why["verdict"]["for_s"] <= 25
        assert why["ladder"]["action"] == "restart"
        assert why["ladder"]["next"]["step"] == "tell"
        assert 5 <= why["ladder"]["next"]["in_s"] <= 15
        assert [each["reason"] for each in why["reasons"]] == ["working", "quiet"]
        assert why["reasons"][0]["by"] == ["T1"]
        assert "unless it gives a sign of life, it is called stalled in" in why["reasons"][1]["detail"]
        json.dumps(why)


async def test_a_stalled_agent_is_explained_with_what_was_done_and_how_to_stop_it(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, replace(SHORT, nudge_after_s=10.0)) as stage:
        await stage.take_work()
        await stage.wait(80)
        why = await stage.why()
        assert (why["verdict"]["liveness"], why["ladder"]["found_for_s"] > 10) == ("stalled", True)
        assert [each["step"] for each in why["ladder"]["done"]] == ["nudge"]
        assert why["ladder"]["next"]["step"] == "interrupt"
        told = "\n".join(why_lines(why))
        assert "its turn is broken off in" in told
        assert f"`supervisor restart {NAME}`" in told
        assert 'action = "notify"' in told
        assert "done: nudge skipped: there is no way to remind an agent of its kind, " in told


async def test_each_state_is_explained_with_what_would_change_it() -> None:
    agent = Agent(name=NAME, pool="worker", role=Role.WORKER, reason="because", pid=PID)
    told = {state: reasons(replace(agent, state=state, task="T1"), None, 0.0)[0] for state in AgentState}
    assert {state: reason.reason for state, reason in told.items()} == {
        each: each.value for each in AgentState
    }
    assert all(reason.detail for reason in told.values())
    assert told[AgentState.WORKING].detail == "it works on T1"
    assert told[AgentState.PAUSED].help == f"`supervisor resume {NAME}`"
    assert told[AgentState.PARKED].help == f"`supervisor restart {NAME}`"
    nothing = reasons(replace(agent, state=AgentState.STARTING, reason=""), None, 0.0)[0]
    assert nothing.detail == "starting"
    waiting = replace(agent, state=AgentState.BACKOFF, next_start_at=30.0, quarantined="breaks the build")
    backoff, quarantined = reasons(waiting, None, 0.0)
    assert backoff.detail == "because; it is started in 30 s"
    assert quarantined.help == f"`supervisor agent release {NAME}`"


async def test_the_last_exit_comes_with_what_was_written_last(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        actor = stage.team[NAME]
        await stage.team.news(
            NAME,
            AgentState.BACKOFF,
            incarnation=actor.incarnation,
            last_exit=CRASH,
            last_words=("Traceback", "\x1b]52;c;hostile\x07"),
            reason="exited with code 3",
            restarts=2,
            next_start_at=stage.clock.now() + 30,
        )
        await stage.team.do(lambda scope: ending.set_aside(scope, NAME, reason="fails", actor="human"))
        why = await stage.why()
        assert why["last_words"] == ["Traceback", "\\x1b]52;c;hostile\\x07"]
        assert (why["verdict"], why["ladder"]) == (None, None)
        lines = why_lines(why)
        assert lines[:2] == [
            "backoff: exited with code 3; it is started in 30 s",
            f"    `supervisor restart {NAME}` starts it at once",
        ]
        assert lines[-4:] == [
            "restarts: 2, now incarnation 1",
            "last exit: fail: exited with code 3",
            "    Traceback",
            "    \\x1b]52;c;hostile\\x07",
        ]


async def test_the_log_of_a_live_agent_is_shown_escaped_and_cut(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        (tmp_path / "logs").mkdir()
        log = tmp_path / "logs" / f"{NAME}.log"
        log.write_bytes(b"".join(b"line %d\n" % each for each in range(50)) + b"\x1b[2J" + b"x" * 9000)
        why = await stage.why()
        assert len(why["last_lines"]) == LINES
        assert why["last_lines"][-1].startswith("\\x1b[2Jxxx")
        assert len(why["last_lines"][-1]) == LINE_MAX
        assert "    line 49" in why_lines(why)


def test_a_log_that_is_none_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    assert log_end(tmp_path / "none.log") == []
    assert log_end(tmp_path / "link.log") == []


async def test_who_is_not_there_is_named_with_who_is(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        with pytest.raises(NotFound, match="there are: chief, judge"):
            await stage.why("nobody")
        with pytest.raises(NotFound, match="supervisor task why T4"):
            await stage.why("T4")


async def test_from_disk_nobody_is_at_work(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        answer: dict[str, Any] = await team.store.read(lambda tx: why_at_rest(tx, NAME, tmp_path))
        assert answer["agent"]["state"] == "pending"
        assert answer["reasons"][0]["detail"] == "its engine died; the next start goes on"
        assert (answer["verdict"], answer["last_words"], answer["last_lines"]) == (None, [], [])
        await team.crash(NAME, to=AgentState.PARKED)
        answer = await team.store.read(lambda tx: why_at_rest(tx, NAME, tmp_path))
        assert answer["agent"] == to_wire(await team.coordinator.read(lambda scope: scope.agent(NAME)))
        assert why_lines(answer)[0] == "parked: killed by signal 9"
