"""Fleet: who is doing what, and who is stuck."""

from __future__ import annotations

from typing import Final

from supervisor.model.agent import Agent, AgentState, ExitInfo
from supervisor.model.health import UNWELL, Liveness
from supervisor.model.message import UNREAD
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.board import event_line
from supervisor.ui.view_models.facts import fact, heading
from supervisor.ui.view_models.inbox import message_rows
from supervisor.ui.view_models.pools import scaled_headings
from supervisor.ui.view_models.rows import Column, Row
from supervisor.ui.view_models.words import (
    agent_state,
    ago,
    bar,
    count_of,
    left,
    size,
    task_state,
    time_of_day,
)

COLUMNS: Final = (
    Column(title="agent", width=13, grow=1, most=24),
    Column(title="state", width=11),
    Column(title="task", width=16, grow=4),
    Column(title="seen", width=4, right=True),
    Column(title="cpu", width=4, right=True),
    Column(title="mem", width=4, right=True, drop=2),
    Column(title="starts", width=6, right=True, drop=3),
    Column(title="lvl", width=3, drop=4),
)
"""`seen` is the age of the last sign of life, `starts` counts restarts, `lvl` is the assurance."""

EMPTY: Final = (
    line(say("No agents yet", Tone.TITLE)),
    line(say("The agents of the team appear here as soon as the engine starts them.", Tone.MUTED)),
    line(say("Start a team with `supervisor up TEAM`; see `supervisor profile list`.", Tone.MUTED)),
)


def fleet_rows(scene: Scene, wanted: str = "") -> tuple[Row, ...]:
    """List the agents under their pools; with `wanted`, only those whose name, state or task has it."""
    rows: list[Row] = []
    scaled = scaled_headings(scene)
    for pool, agents in _by_pool(scene).items():
        is_group = len(agents) > 1 or pool in scaled
        members = (_agent_row(scene, agent, indent=2 * is_group) for agent in agents)
        chosen = [row for row in members if _has(row, wanted)]
        if (chosen or (pool in scaled and not wanted)) and is_group:
            rows.append(Row(key=f"pool {pool}", heading=scaled.get(pool) or _pool_heading(pool, agents)))
        rows += chosen
    return tuple(rows)


def _by_pool(scene: Scene) -> dict[str, list[Agent]]:
    pools: dict[str, list[Agent]] = {pool.name: [] for pool in (scene.engine.pools if scene.engine else ())}
    for agent in sorted(scene.world.agents.values(), key=lambda each: _natural(each.name)):
        pools.setdefault(agent.pool, []).append(agent)
    return pools


def _natural(name: str) -> tuple[str, int]:
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdecimal() else (name, 0)


def _pool_heading(pool: str, agents: list[Agent]) -> Line:
    roles = {agent.role.value for agent in agents}
    role = roles.pop() if len(roles) == 1 else pool
    what = count_of(len(agents), "agent")
    return line(
        Span(safe(pool), Tone.TITLE),
        say(f"  {what}" if role == pool else f"  {what}, role {role}", Tone.FAINT),
    )


def _agent_row(scene: Scene, agent: Agent, *, indent: int) -> Row:
    metrics = scene.metrics.get(agent.name)
    is_up = agent.pid is not None
    is_heard = is_up or (metrics is not None and metrics.last_call_at is not None)
    dash = line(say("-", Tone.FAINT))
    return Row(
        key=agent.name,
        cells=(
            line(say(" " * indent), Span(safe(agent.name), Tone.STRONG)),
            agent_state(agent.state, scene.glyphs),
            doing(scene, agent),
            line(say(ago(scene.last_sign_of(agent), scene.now), Tone.MUTED)) if is_heard else dash,
            line(say(f"{metrics.cpu_percent:.0f}%")) if is_up and metrics else dash,
            line(say(size(metrics.memory_bytes))) if is_up and metrics else dash,
            line(say(str(agent.restarts), Tone.WARN if agent.restarts else Tone.FAINT)),
            line(say(agent.assurance.value, Tone.MUTED)),
        ),
    )


def doing(scene: Scene, agent: Agent) -> Line:
    """Say what the agent does: its task, or why it does nothing."""
    task = scene.world.tasks.get(agent.task) if agent.task else None
    if task is not None:
        percent = f" {task.percent}%" if task.percent else ""
        return line(
            *_liveness(agent),
            say(task.id, Tone.LINK),
            say(percent, Tone.MUTED),
            say(" "),
            Span(first_line(task.title)),
        )
    if agent.state is AgentState.BACKOFF and agent.next_start_at:
        return line(
            say(f"restarts in {left(agent.next_start_at, scene.now)} ", Tone.WARN),
            Span(first_line(agent.reason), Tone.MUTED),
        )
    if agent.state in {AgentState.PARKED, AgentState.STUCK}:
        return line(Span(first_line(agent.reason), Tone.BAD))
    if agent.quarantined:
        return line(say("quarantined ", Tone.WARN), Span(first_line(agent.quarantined), Tone.MUTED))
    return line(*_liveness(agent), Span(first_line(agent.reason or agent.activity), Tone.FAINT))


def _liveness(agent: Agent) -> Line:
    """Say what is thought of the agent, if it is worth a word; its state says that it waits for a person."""
    if agent.liveness in {Liveness.OK, Liveness.WAITING}:
        return line()
    return line(say(f"{agent.liveness.value} ", _LIVENESS_TONES.get(agent.liveness, Tone.BAD)))


_LIVENESS_TONES: Final = {
    Liveness.QUIET: Tone.FAINT,
    Liveness.LIMITED: Tone.WARN,
    Liveness.SPINNING: Tone.WARN,
    Liveness.OVERDUE: Tone.WARN,
}


def _has(row: Row, wanted: str) -> bool:
    needle = wanted.casefold()
    return not needle or any(needle in span.text.casefold() for cell in row.cells[:3] for span in cell)


def agent_details(scene: Scene, name: str | None) -> tuple[Line, ...]:
    """Describe one agent: its slot, its task and how it last ended."""
    agent = scene.world.agents.get(name or "")
    if agent is None:
        return (line(say("Choose an agent to see what it does.", Tone.MUTED)),)
    metrics = scene.metrics.get(agent.name)
    where = (
        f"pid {agent.pid}, incarnation {agent.incarnation}"
        if agent.pid
        else f"incarnation {agent.incarnation}, no process"
    )
    using = (
        f"cpu {metrics.cpu_percent:.0f}%, memory {size(metrics.memory_bytes)}, "
        f"{metrics.processes} in its tree"
        if metrics
        else ""
    )
    return (
        line(*agent_state(agent.state, scene.glyphs), say("  "), Span(safe(agent.reason), Tone.PLAIN)),
        *_thought_of(agent),
        *_quarantine(agent),
        BLANK,
        fact("role", f"{agent.role.value}, pool {agent.pool}"),
        fact("process", where),
        *((fact("uses", using),) if using and agent.pid else ()),
        fact(
            "since",
            f"{time_of_day(agent.since)} ({ago(agent.since, scene.now)})" if agent.since else "never started",
        ),
        fact("restarts", str(agent.restarts)),
        *((fact("next start", f"in {left(agent.next_start_at, scene.now)}"),) if agent.next_start_at else ()),
        *((fact("last exit", _exit(agent.last_exit)),) if agent.last_exit else ()),
        fact("assurance", f"{agent.assurance.value}{_LEVELS.get(agent.assurance.value, '')}"),
        *((fact("tags", ", ".join(agent.tags)),) if agent.tags else ()),
        *((fact("groups", ", ".join(agent.groups)),) if agent.groups else ()),
        *((fact("says", agent.activity),) if agent.activity else ()),
        *_task_of(scene, agent),
        *_mail_of(scene, agent),
    )


def _thought_of(agent: Agent) -> tuple[Line, ...]:
    """Say what is thought of it and why, and where to read more."""
    if agent.liveness is Liveness.OK:
        return ()
    told = line(*_liveness(agent), Span(safe(agent.liveness_why), Tone.PLAIN))
    if agent.liveness not in UNWELL:
        return (told,)
    return (told, line(Span(safe(f"What comes next: supervisor why {agent.name}"), Tone.MUTED)))


def _quarantine(agent: Agent) -> tuple[Line, ...]:
    if not agent.quarantined:
        return ()
    told = line(say("quarantined, claims nothing: ", Tone.WARN), Span(safe(agent.quarantined)))
    return (told, line(Span(safe(f"Let it claim again: supervisor agent release {agent.name}"), Tone.MUTED)))


_LEVELS: Final = {
    "L0": ": same user, no sandbox; approvals hold only for what it asks",
    "L1": ": sandboxed",
    "L2": ": separate user or machine",
}


def _exit(ended: ExitInfo) -> str:
    how = f"code {ended.code}" if ended.code is not None else f"signal {ended.signal}" if ended.signal else ""
    return ", ".join(part for part in (ended.kind.value.replace("_", " "), how, ended.detail) if part)


def _task_of(scene: Scene, agent: Agent) -> tuple[Line, ...]:
    task = scene.world.tasks.get(agent.task) if agent.task else None
    if task is None:
        return ()
    return (
        BLANK,
        heading("task"),
        line(say(f"{task.id} ", Tone.LINK), Span(safe(task.title), Tone.STRONG)),
        line(
            task_state(task.state, scene.glyphs),
            say("  "),
            *bar(task.percent, 100, 16, scene.glyphs),
            say(f" {task.percent}%  "),
            Span(first_line(task.action), Tone.MUTED),
        ),
    )


def _mail_of(scene: Scene, agent: Agent) -> tuple[Line, ...]:
    unread = sum(
        delivery.recipient == agent.name and delivery.state in UNREAD
        for delivery in scene.world.deliveries.values()
    )
    return (
        (BLANK, heading("mail"), line(say(f"{count_of(unread, 'message')} not read yet"))) if unread else ()
    )


def agent_mail(scene: Scene, name: str | None) -> tuple[Line, ...]:
    """List what the agent got and wrote, newest first."""
    rows = message_rows(scene, name)[:200]
    if not rows:
        return (line(say("No messages to or from this agent.", Tone.MUTED)),)
    return tuple(line(*(span for cell in row.cells for span in (*cell, say("  ")))) for row in rows)


def agent_events(scene: Scene, name: str | None) -> tuple[Line, ...]:
    """List what happened to the agent and by it, newest first."""
    events = [event for event in reversed(scene.recent) if name in {event.subject, event.actor}][:200]
    if not events:
        return (line(say("Nothing has happened to this agent since you opened this screen.", Tone.MUTED)),)
    return tuple(map(event_line, events))
