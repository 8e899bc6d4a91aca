"""The end of a team whose tree has ended by itself, where no person is there to start it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator import evidence, runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine import stopping
from supervisor.engine.persistence import until_taken
from supervisor.engine.stopping import StopSwitch
from supervisor.supervision.supervisor import Supervisor

LOOK_S: Final = 1.0
"""How often it is seen whether checks still run once nobody else is left."""


async def checks_over(coordinator: Coordinator, clock: Clock) -> None:
    """Return once no checks have to run any more: they may still end the run well though nobody is left."""
    while await until_taken(
        lambda: coordinator.read(evidence.is_awaited), clock, what="whether checks have to run"
    ):
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
    await checks_over(coordinator, clock)
    standing = await until_taken(lambda: coordinator.read(runs.standing), clock, what="how the run stands")
    failed = standing is None or standing.failed or not standing.over
    switch.ask(stopping.done(failed=failed, words=over.words))
