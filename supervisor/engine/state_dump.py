"""What goes on inside an engine, as text for whoever has to find out why it misbehaves."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.steady_clock import SteadyClock
from supervisor.supervision.supervisor import Supervisor
from supervisor.transports.control.frame_hub import FrameHub


def state_dump(*, coordinator: Coordinator, supervisor: Supervisor, hub: FrameHub, clock: SteadyClock) -> str:
    """Describe clocks, queues, slots and tasks; no value of a program's variables is in it."""
    store, gap = coordinator.store, clock.unsettled()
    lines = [
        "",
        f"==== state at {clock.now():.3f} (monotonic {clock.monotonic():.3f}) ====",
        f"run {store.run}, team {coordinator.team.name}, mode {coordinator.mode.value}",
        f"wall clock ahead {clock.wall_is_ahead_s():+.3f} s, unsettled gap {gap.seconds if gap else 0:.3f} s",
        f"store: last event {store.last_seq}, {store.waiting} wait, {store.trouble or 'sound'}",
        f"feed: {', '.join(map(str, hub.unread)) or 'no subscriber'} (unread frames of each subscriber)",
        "",
        "slots:",
        *(f"  {name}: {inside}" for name, inside in supervisor.describe().items()),
        "",
        "tasks:",
        *_tasks(),
        "",
    ]
    return "\n".join(lines)


def _tasks() -> Iterator[str]:
    for task in sorted(asyncio.all_tasks(), key=lambda each: each.get_name()):
        stack = io.StringIO()
        task.print_stack(limit=8, file=stack)
        yield f"  {task.get_name()}"
        yield from (f"    {line}" for line in stack.getvalue().splitlines()[1:])
