"""What replay prints: the state after some event, as `status` and `task show` print the present one."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from supervisor.cli.moment import Moment
    from supervisor.engine.replay import Replayed
    from supervisor.model.agent import Agent
    from supervisor.model.world import World


async def _replayed(project: Path, at: Moment | None) -> Replayed:
    from supervisor.engine.replay import replay
    from supervisor.engine.stored_events import require_log

    require_log(project)
    return await replay(project) if at is None else await replay(project, seq=at.seq, at=at.at)


async def show_state(project: Path, at: Moment | None, *, as_json: bool) -> None:
    """Print a run as it was: agents, tasks, and what was open."""
    from supervisor.model.wire import to_wire

    seen = await _replayed(project, at)
    if as_json:
        print_json(
            "replay",
            seq=seen.world.seq,
            last=seen.last_seq,
            event=to_wire(seen.event),
            run=seen.world.run,
            tables=seen.world.wire_tables(),
        )
        return
    say(_headline(seen))
    for line in _state_lines(seen.world):
        say(line)
    agents = [agent for agent in seen.world.agents.values() if agent.incarnation]
    if agents:
        print_table(("AGENT", "ROLE", "STATE", "TASK", "WHY"), [_agent_row(agent) for agent in agents])


async def show_task(project: Path, at: Moment | None, spelled: str, *, as_json: bool) -> None:
    """Print one task as it was."""
    from supervisor.cli.task_page import facts_from, task_page
    from supervisor.model.ids import number_of, task_id

    seen = await _replayed(project, at)
    facts = facts_from(seen.world, task_id(number_of(spelled, "T")))
    if as_json:
        print_json("replay_task", seq=seen.world.seq, last=seen.last_seq, **facts)
        return
    note(_headline(seen))
    for line in task_page(facts):
        say(line)


async def check_fold(project: Path, *, as_json: bool) -> int:
    """Fold the whole log, print whether it is the state, and return the exit code."""
    from supervisor.engine.fsck import CHAIN, FOLD, fsck
    from supervisor.engine.stored_events import require_log
    from supervisor.errors import StoreError

    require_log(project)
    report = await fsck(project)
    lines = [line for line in report.checks if line[0] in {"archive", CHAIN, FOLD}] or list(report.checks)
    ok = all(holds for _, holds, _ in lines)
    if as_json:
        checks = [{"name": name, "ok": holds, "detail": detail} for name, holds, detail in lines]
        print_json("replay_check", ok=ok, checks=checks)
    else:
        for name, holds, detail in lines:
            say(f"{'ok' if holds else 'BAD':<4}  {name}: {detail}")
    return 0 if ok else StoreError.exit_code


def _headline(seen: Replayed) -> str:
    if seen.event is None:
        return f"after event {seen.world.seq} of {seen.last_seq}"
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seen.event.at))
    what = f"{seen.event.actor} {seen.event.kind} {seen.event.subject}"
    return f"after event {seen.world.seq} of {seen.last_seq}, {at}: {what}"


def _state_lines(world: World) -> list[str]:
    from supervisor.cli.team_verbs import bar, counted, unread_for_human

    run = world.current_run
    if run is None:
        return ["no run had begun"]
    told = f", {run.outcome}" if run.outcome else ""
    counts = {state.value: count for state, count in world.task_counts().items()}
    open_votes = [vote.id for vote in world.votes.values() if vote.state.value == "open"]
    lines = [
        f"team {run.team}, run {run.id} {run.state.value}{told}",
        f"tasks: {counted(counts)}{bar(world)}",
    ]
    lines += [f"asked: {each.id} {each.agent}: {each.title}" for each in world.pending_approvals()]
    lines += [f"open votes: {', '.join(open_votes)}"] if open_votes else []
    unread = len(unread_for_human(world))
    lines += [f"unread by the person: {unread}"] if unread else []
    agents = Counter(agent.state.value for agent in world.agents.values())
    return [*lines, f"agents: {counted(dict(agents))}"]


def _agent_row(agent: Agent) -> tuple[str, ...]:
    return (agent.name, agent.role.value, agent.state.value, agent.task or "-", agent.reason or "-")
