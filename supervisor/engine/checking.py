"""The checks of handed-in work, run beside the team: started when it is handed in, ended with its wait.

What an engine that died had not finished is run again by the next one, from its first check.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from supervisor.adapters.environment import allowed_environment
from supervisor.clock import Clock
from supervisor.coordinator import evidence
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.evidence import CheckPlace, run_check
from supervisor.engine.agent_logs import AgentLogs
from supervisor.engine.confinements import Confinements
from supervisor.engine.persistence import until_taken
from supervisor.engine.workspaces import Workspaces
from supervisor.errors import WorkspaceRefused
from supervisor.model.event import Event
from supervisor.model.evidence import Check, Evidence
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec
from supervisor.runtime.launch import Confinement

AT_ONCE: Final = 4
"""How many tasks are checked at the same time; of one workspace always only one."""

_log = logging.getLogger(__name__)

HandIn = tuple[str, int]


class Checking:
    """Runs what `evidence.awaited` lists."""

    def __init__(
        self,
        coordinator: Coordinator,
        clock: Clock,
        *,
        workspaces: Workspaces,
        confinements: Confinements,
        logs: AgentLogs,
        session: str,
    ) -> None:
        """Listen to the coordinator's commits from now on."""
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._workspaces: Final = workspaces
        self._confinements: Final = confinements
        self._logs: Final = logs
        self._session: Final = session
        self._running: Final[dict[HandIn, asyncio.Task[None]]] = {}
        self._room: Final = asyncio.Semaphore(AT_ONCE)
        self._turns: Final[defaultdict[Path, asyncio.Lock]] = defaultdict(asyncio.Lock)
        self._moved: Final = asyncio.Event()
        self._moved.set()
        self._stopped: Final = asyncio.Event()
        coordinator.store.listen(self._committed)

    @property
    def count(self) -> int:
        """Return how many tasks are being checked or wait for their turn."""
        return len(self._running)

    async def keep(self) -> None:
        """Run checks until stopped or cancelled; what still runs then is ended, and is no evidence."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_again(group))
            await self._stopped.wait()
            looking.cancel()

    async def stop(self) -> None:
        """End all checks and run no more; return once no process of theirs is left."""
        self._stopped.set()
        verifying = tuple(self._running.values())
        for each in verifying:
            _end(each)
        if verifying:
            await asyncio.wait(verifying)

    async def _look_again(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            tasks = await until_taken(
                partial(self._coordinator.read, evidence.awaited), self._clock, what="what waits for checks"
            )
            awaited = {(task.id, task.token): task for task in tasks or ()}
            for hand_in in self._running.keys() - awaited.keys():
                _end(self._running[hand_in])
            for hand_in in awaited.keys() - self._running.keys():
                verifying = group.create_task(self._verify(awaited[hand_in]))
                self._running[hand_in] = verifying
                verifying.add_done_callback(partial(self._over, hand_in))

    def _over(self, hand_in: HandIn, _verifying: asyncio.Task[None]) -> None:
        del self._running[hand_in]

    async def _verify(self, task: Task) -> None:
        """Run a task's checks one after the other until one does not pass or nobody waits any more."""
        pool, author = self._pool_of(task), task.author or ""
        try:
            directory = await self._workspaces.take(pool, author)
        except (WorkspaceRefused, OSError) as error:
            await self._write(self._not_run(task, task.checks[0], str(error)))
            return
        place = CheckPlace(
            directory=directory,
            session=self._session,
            env=self._environment(pool),
            confinement=Confinement() if pool is None else self._confinements.of(pool),
        )
        async with self._turns[directory], self._room:
            log = self._logs.begin(f"{author}.checks").write
            for check in task.checks:
                if not await self._goes_on(task, check, place, log):
                    return

    async def _goes_on(
        self, task: Task, check: Check, place: CheckPlace, log: Callable[[bytes], bool]
    ) -> bool:
        said = await run_check(task, check, place, log=log, clock=self._clock)
        _log.info("check %s of %s %s", check.name, task.id, said.outcome)
        after = await self._write(said)
        return after is not None and after.is_verifying and after.token == task.token

    async def _write(self, said: Evidence) -> Task | None:
        return await until_taken(
            lambda: self._coordinator.write(lambda scope: evidence.take(scope, said)),
            self._clock,
            what=f"what check {said.check} of {said.task} said",
        )

    def _not_run(self, task: Task, check: Check, problem: str) -> Evidence:
        return Evidence(
            task=task.id,
            token=task.token,
            check=check.name,
            argv=check.argv,
            problem=problem,
            started_at=self._clock.now(),
            duration_s=0.0,
        )

    def _pool_of(self, task: Task) -> PoolSpec | None:
        """Return the pool of who did the work; None for an agent from outside."""
        try:
            return self._coordinator.team.pool_of(task.author or "")
        except KeyError:
            return None

    def _environment(self, pool: PoolSpec | None) -> dict[str, str]:
        extra, own = ((), {}) if pool is None else (pool.env_allow, dict(pool.env))
        return {**allowed_environment(os.environ, extra), "TERM": "dumb", **own}

    def _committed(self, events: list[Event]) -> None:
        if any(event.noun == "task" and event.after["checks"] for event in events):
            self._moved.set()


def _end(verifying: asyncio.Task[None]) -> None:
    """Cancel once: a second time would break into the end of its processes."""
    if not verifying.cancelling():
        verifying.cancel()
