"""The end of a team whose tree has ended by itself, where no person is there to start it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator import runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.runs import Standing
from supervisor.engine import stopping
from supervisor.engine.persistence import until_taken
from supervisor.engine.stopping import StopSwitch
from supervisor.supervision.supervisor import Supervisor

LOOK_S: Final = 1.0
"""How often it is seen whether checks still run once nobody else is left."""


async def standing_after_checks(coordinator: Coordinator, clock: Clock) -> Standing | None:
    """Return how the run stands once no checks run: they may end it well though nobody is left."""
    while True:
        standing: Standing | None = await until_taken(
            lambda: coordinator.read(runs.standing), clock, what="how the run stands"
        )
        if standing is None or not standing.checking:
            return standing
        await clock.sleep(LOOK_S)


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
    standing = await standing_after_checks(coordinator, clock)
    failed = standing is None or standing.failed or not standing.over
    switch.ask(stopping.done(failed=failed, words=over.words))
