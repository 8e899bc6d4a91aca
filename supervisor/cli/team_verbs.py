"""Verbs about the team and its agents: status, ps, restart, stop."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, now, print_json, print_table, say

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View
    from supervisor.model.agent import Agent, AgentMetrics
    from supervisor.model.approval import Approval
    from supervisor.model.ids import MessageId
    from supervisor.model.milestone import Milestone
    from supervisor.model.progress import Progress
    from supervisor.model.world import World
    from supervisor.transports.control.protocol import MetricsFrame

USAGE_HEADS: Final = ("CPU", "MEM", "PROCS")
MEASURING_S: Final = 3.0


@click.command(cls=Verb, examples=("supervisor status", "supervisor status --json | jq .tasks"))
@project_option
@json_option
def status(*, project: Path, as_json: bool) -> None:
    """Show how the team stands.

    What needs you comes first, then the agents, then how far the work is.
    """
    from supervisor.cli.engine_door import view

    seen = view(project)
    if as_json:
        print_json("status", **status_facts(seen))
    else:
        for line in status_lines(seen, now()):
            say(line)


def status_facts(seen: View) -> dict[str, Any]:
    """Gather what `status --json` tells."""
    from supervisor.cli.pool_lines import pool_facts
    from supervisor.headless.printer import state_counts
    from supervisor.model.wire import to_wire

    world = seen.world
    measured = seen.metrics
    return {
        "live": seen.live,
        "engine": to_wire(seen.engine),
        "run": to_wire(world.current_run),
        "last_event": world.seq,
        "agents": dict(Counter(agent.state.value for agent in world.agents.values())),
        "tasks": state_counts(world),
        "pools": pool_facts(seen),
        "milestones": [
            {"id": each.id, "name": each.name, "kind": each.kind.value, "state": each.state.value}
            | {"progress": to_wire(so_far)}
            for each, so_far in milestones(world)
        ],
        "quarantined": [agent.name for agent in world.agents.values() if agent.quarantined],
        "approvals": [each.id for each in world.pending_approvals()],
        "votes": [vote.id for vote in world.votes.values() if vote.state.value == "open"],
        "unread": len(unread_for_human(world)),
        "usage": {
            "engine": to_wire(measured.engine) if measured else None,
            "machine": to_wire(measured.machine) if measured else None,
            "agents": [to_wire(each) for each in measured.agents] if measured else [],
        },
    }


def status_lines(seen: View, at: float) -> list[str]:
    """Tell the same in words, what needs a person first."""
    from supervisor.cli.pool_lines import pool_lines

    world, engine = seen.world, seen.engine
    run = world.current_run
    if run is None:
        return ["no team has run here; start one: supervisor up survey"]
    running = f"engine pid {engine.pid}, up {duration(at - engine.started_at)}" if seen.live else "no engine"
    told = f", {run.outcome}" if run.outcome else ""
    lines = [f"team {run.team}, run {run.id} {run.state.value}{told} ({running})"]
    lines += [f"needs you: {need}" for need in (engine.trouble, *needs(world, at)) if need]
    agents = Counter(agent.state.value for agent in world.agents.values())
    lines.append(f"agents: {counted(dict(agents))}")
    lines += usage_lines(seen)
    lines += pool_lines(seen)
    counts = {state.value: count for state, count in world.task_counts().items()}
    lines.append(f"tasks: {counted(counts)}{bar(world)}")
    lines += [
        f"{each.id} {each.name}: {so_far.percent}%, {so_far.ended} of {so_far.total} ended"
        for each, so_far in milestones(world)
        if each.state.value == "open"
    ]
    if not seen.live and run.state.value == "active":
        lines.append("go on: supervisor up")
    return lines


def usage_lines(seen: View) -> list[str]:
    """Tell what agents and engine use together; nothing while nothing is measured."""
    measured = seen.metrics
    trees = [each for each in measured.agents if each.processes] if measured else []
    if measured is None or measured.engine is None or not trees:
        return []
    cpu = sum(each.cpu_percent for each in trees)
    memory = sum(each.memory_bytes for each in trees) >> 20
    processes = sum(each.processes for each in trees)
    engine = measured.engine
    of_agents = f"agents {cpu:.0f}% cpu, {memory} MiB, {processes} processes"
    return [f"use: {of_agents}; engine {engine.cpu_percent:.0f}% cpu, {engine.memory_bytes >> 20} MiB"]


def milestones(world: World) -> list[tuple[Milestone, Progress]]:
    """List the run's milestones with how far each is."""
    from supervisor.model.progress import progress

    tasks = world.run_tasks()
    of_run = [each for each in world.milestones.values() if each.run == world.run]
    return [(each, progress(task for task in tasks if task.milestone == each.id)) for each in of_run]


def needs(world: World, at: float) -> list[str]:
    """List what waits for a person: approvals, agents parked, stuck or set aside, tasks for a human, mail."""
    from supervisor.model.agent import AgentState
    from supervisor.model.health import UNWELL
    from supervisor.model.message import DeliveryState
    from supervisor.model.task import BlockReason

    asked = [_asked(each, at) for each in world.pending_approvals()]
    fallen = [
        f"{agent.name} is {agent.state.value}: {agent.reason}: supervisor restart {agent.name}"
        for agent in world.agents.values()
        if agent.state in {AgentState.PARKED, AgentState.STUCK}
    ]
    fallen += [
        f"{agent.name} is {agent.liveness.value}: {agent.liveness_why}: supervisor why {agent.name}"
        for agent in world.agents.values()
        if agent.liveness in UNWELL
    ]
    fallen += [
        f"{agent.name} is quarantined: {agent.quarantined}: supervisor agent release {agent.name}"
        for agent in world.agents.values()
        if agent.quarantined
    ]
    held = [
        f"{task.id} {task.title} waits for a person: supervisor task show {task.id}"
        for task in world.run_tasks()
        if BlockReason.NEEDS_HUMAN in task.blocked_by
    ]
    unread = len(unread_for_human(world))
    dead = sum(copy.state is DeliveryState.DEAD for copy in world.deliveries.values())
    mail = [f"{unread} unread messages: supervisor inbox"] if unread else []
    mail += [f"{dead} dead letters: supervisor dead list"] if dead else []
    return [*asked, *fallen, *held, *mail]


def _asked(approval: Approval, at: float) -> str:
    left = duration(approval.expires_at - at)
    about = f"{approval.id} {approval.agent} asks (tier {approval.tier}): {approval.title}"
    return f"{about}; expires in {left}: supervisor approve {approval.id}"


def unread_for_human(world: World) -> list[MessageId]:
    """List the ids of messages that the person has not acknowledged."""
    from supervisor.model.ids import HUMAN
    from supervisor.model.message import UNREAD

    return [
        copy.message for copy in world.deliveries.values() if copy.recipient == HUMAN and copy.state in UNREAD
    ]


def counted(counts: dict[str, int]) -> str:
    """Spell how many there are of each: `2 idle, 1 working`."""
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"


def bar(world: World, width: int = 20) -> str:
    """Draw how much of the run's work has ended; nothing without tasks."""
    tasks = world.run_tasks()
    if not tasks:
        return ""
    ended = sum(task.is_terminal for task in tasks)
    full = width * ended // len(tasks)
    return f"  [{'#' * full}{'.' * (width - full)}] {ended}/{len(tasks)}"


@click.command(
    cls=Verb,
    examples=(
        "supervisor ps",
        "supervisor ps --usage                  # CPU, memory and processes too",
        "supervisor ps --json | jq -r '.agents[].name'",
    ),
)
@project_option
@click.option("--usage", is_flag=True, help="Measure CPU, memory and processes too; needs a running engine.")
@json_option
def ps(*, project: Path, usage: bool, as_json: bool) -> None:
    """List the agents and why they stand where they do."""
    from supervisor.cli.engine_door import view
    from supervisor.cli.event_loop import run_async
    from supervisor.model.wire import to_wire

    seen = view(project)
    agents = list(seen.world.agents.values())
    measured = seen.metrics or (run_async(_measured(project)) if usage and seen.live else None)
    used = {each.name: each for each in measured.agents} if usage and measured else {}
    if as_json:
        figures = {"usage": [to_wire(each) for each in used.values()]} if usage else {}
        print_json("ps", live=seen.live, agents=[to_wire(agent) for agent in agents], **figures)
        return
    at = now()
    heads = (
        "AGENT",
        "ROLE",
        "STATE",
        "SINCE",
        "TASK",
        "PID",
        *(USAGE_HEADS if usage else ()),
        "RESTARTS",
        "WHY",
    )
    rows = [_agent_row(agent, at, _usage_cells(used.get(agent.name)) if usage else ()) for agent in agents]
    print_table(heads, rows)


async def _measured(project: Path) -> MetricsFrame | None:
    """Wait for the engine's first measurement; it comes within a second."""
    import asyncio
    from contextlib import aclosing, suppress

    from supervisor.cli.engine_door import connected
    from supervisor.transports.control.protocol import MetricsFrame

    async with connected(project) as client, aclosing(client.feed()) as feed:
        with suppress(TimeoutError):
            async with asyncio.timeout(MEASURING_S):
                async for frame in feed:
                    if isinstance(frame, MetricsFrame):
                        return frame
    return None


def _usage_cells(used: AgentMetrics | None) -> tuple[str, ...]:
    if used is None or not used.processes:
        return ("-", "-", "-")
    return (f"{used.cpu_percent:.0f}%", f"{used.memory_bytes >> 20} MiB", str(used.processes))


def _agent_row(agent: Agent, at: float, usage: tuple[str, ...]) -> tuple[str, ...]:
    from supervisor.headless.narrative import ending
    from supervisor.model.health import UNWELL

    since = duration(at - agent.since) if agent.since else "-"
    why = (
        agent.reason
        or agent.activity
        or (ending(agent) if agent.last_exit is not None and agent.pid is None else "")
    )
    if agent.liveness in UNWELL:
        why = f"{agent.liveness.value}: {agent.liveness_why}" + (f"; {why}" if why else "")
    if agent.quarantined:
        why = f"quarantined: {agent.quarantined}" + (f"; {why}" if why else "")
    if agent.next_start_at is not None:
        why = f"starts again in {duration(agent.next_start_at - at)}; {why}"
    pid = str(agent.pid) if agent.pid is not None else "-"
    stands = (agent.name, agent.role.value, agent.state.value, since, agent.task or "-", pid)
    return (*stands, *usage, str(agent.restarts), why)
