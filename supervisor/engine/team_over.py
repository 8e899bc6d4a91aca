"""The end of a team whose tree has ended by itself, where no person is there to start it again."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.clock import Clock
from supervisor.coordinator import runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine import stopping
from supervisor.engine.persistence import until_taken
from supervisor.engine.stopping import StopSwitch
from supervisor.supervision.supervisor import Supervisor


async def stop_when_the_tree_is_over(
    supervisor: Supervisor,
    coordinator: Coordinator,
    switch: StopSwitch,
    clock: Clock,
    *,
    is_watched: Callable[[], bool],
) -> None:
    """End the engine once the top branch has failed, or is done with its significant agents.

    One that failed ends as a team that gave up. Else what counts is how the run stands: work that is
    left over was not done. A team that a person watches stays, for the person to start it again.
    """
    over = await supervisor.top_over()
    if is_watched():
        return
    if over.failed:
        switch.ask(stopping.gave_up(over.words))
        return
    standing = await until_taken(lambda: coordinator.read(runs.standing), clock, what="how the run stands")
    failed = standing is None or standing.failed or not standing.over
    switch.ask(stopping.done(failed=failed, words=over.words))
