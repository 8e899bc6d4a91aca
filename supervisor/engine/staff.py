"""The agents as processes: kits and keys before a spawn, logs while they run, news of them after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.kit import add_to_kit, write_kit
from supervisor.clock import Clock
from supervisor.coordinator import agents, turns, upkeep
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.agent_logs import AgentLogs
from supervisor.engine.confinements import Confinements
from supervisor.engine.persistence import until_taken
from supervisor.engine.premises import Premises
from supervisor.engine.readiness_watch import ReadinessWatch
from supervisor.engine.talks import Talks
from supervisor.engine.workspaces import Workspaces
from supervisor.errors import SupervisorError, WorkspaceRefused
from supervisor.model.agent import ALIVE, AgentState, ExitClass
from supervisor.model.driving import SessionScope
from supervisor.model.ids import new_key
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import SpawnFailed, spawn
from supervisor.supervision.ports import AgentProcess, SlotChange, SpawnFailure

LAST_ATTEMPTS: Final = 4
"""How often news is tried while the team ends; with the pauses in between that is 3.5 s."""

_WITHOUT_WORDS: Final = frozenset({ExitClass.STOP_REQUESTED, ExitClass.SIBLING, ExitClass.SPAWN_ERROR})

_log = logging.getLogger(__name__)


class Staff:
    """Starts agents for the supervisor and tells the coordinator what becomes of them."""

    def __init__(
        self,
        coordinator: Coordinator,
        premises: Premises,
        clock: Clock,
        *,
        adapters: Mapping[str, Adapter],
        url: str,
        readiness: ReadinessWatch,
        confinements: Confinements,
        talks: Talks,
        workspaces: Workspaces,
    ) -> None:
        """Hire for the coordinator's team; `adapters` are by pool name, `url` is the agents' door.

        `began` is set with the first process; `ending` is set by who ends the team.
        """
        self._coordinator = coordinator
        self._premises = premises
        self._clock = clock
        self._adapters = adapters
        self._url = url
        self._readiness = readiness
        self._confinements = confinements
        self._talks = talks
        self._workspaces = workspaces
        self._contexts: dict[tuple[str, int], LaunchContext] = {}
        self.logs: Final = AgentLogs(
            premises.state.logs,
            cap_mib=coordinator.team.log_cap_mib,
            agents=sum(pool.most for pool in coordinator.team.pools),
        )
        self._live: dict[str, Process] = {}
        self._pids: dict[str, tuple[int, Process]] = {}
        self._numbers: dict[str, int] = {}
        self.began = asyncio.Event()
        self.ending = False
        self._let_go = False

    def take_adapters(self, adapters: Mapping[str, Adapter]) -> None:
        """Start agents by these adapters from now on; who is leaving keeps theirs."""
        self._adapters = {**self._adapters, **adapters}

    async def prepare(self, agent: str) -> int:
        """Give the next incarnation a number, a key and its kit."""
        key = new_key()
        try:
            actor = await self._coordinator.admit(
                agent, key=key, session=self._premises.session, boot_id=self._premises.boot_id
            )
        except SupervisorError as error:
            raise SpawnFailure(f"it could not be admitted: {error}", permanent=False) from error
        try:
            workspace = await self._workspaces.take(self._coordinator.team.pool_of(agent), agent)
            resume = await self._conversation_of(agent)
            self._contexts[agent, actor.incarnation] = await asyncio.to_thread(
                self._outfit, agent, actor.incarnation, key, resume, workspace
            )
        except WorkspaceRefused as error:
            self._coordinator.dismiss(agent, actor.incarnation)
            raise SpawnFailure(error.message, permanent=True) from error
        except (SupervisorError, OSError) as error:
            self._coordinator.dismiss(agent, actor.incarnation)
            raise SpawnFailure(f"its kit could not be written: {error}", permanent=False) from error
        return actor.incarnation

    async def _conversation_of(self, agent: str) -> str:
        """Return the conversation that an agent's next incarnation goes on with, if its kind can."""
        pool = self._coordinator.team.pool_of(agent)
        if not self._adapters[pool.name].capabilities(pool).resume:
            return ""
        keeps = pool.session is SessionScope.AGENT
        return await self._coordinator.read(partial(turns.session_to_resume, name=agent, keeps=keeps))

    def _outfit(self, agent: str, incarnation: int, key: str, resume: str, workspace: Path) -> LaunchContext:
        """Write an incarnation's kit, with what its adapter wants in it; in a thread of its own."""
        pool = self._coordinator.team.pool_of(agent)
        kit = write_kit(
            self._premises.state.agent_dir(agent),
            url=self._url,
            key=key,
            agent=agent,
            incarnation=incarnation,
            role=pool.role,
            prompt=pool.prompt,
        )
        context = LaunchContext(
            agent=agent,
            incarnation=incarnation,
            pool=pool,
            project=self._premises.state.project,
            profile_dir=Path(self._coordinator.team.source).parent,
            report_dir=self._premises.report_dir,
            kit=kit,
            session=self._premises.session,
            resume=resume,
            workspace=workspace,
        )
        for file in self._adapters[pool.name].files(context):
            add_to_kit(kit, file.name, file.text, link=file.link)
        return context

    def spawn(self, agent: str, incarnation: int) -> AgentProcess:
        """Start the process of a prepared incarnation and send its output to its log."""
        context = self._contexts.pop((agent, incarnation))
        adapter = self._adapters[context.pool.name]
        try:
            launch = adapter.launch(context)
            with self._readiness.fit_out(context, launch) as fitting:
                output = fitting.sink(self.logs.begin(agent).write)
                talk = self._talks.prepare(context, adapter, log=output)
                process = spawn(
                    fitting.launch,
                    on_output=output if talk is None else talk.hear,
                    on_errors=output,
                    clock=self._clock,
                    confinement=self._confinements.of(context.pool),
                )
                self._readiness.begin(context, fitting, process)
            if talk is not None:
                self._talks.begin(talk, process)
        except SpawnFailed as error:
            raise SpawnFailure(error.detail, permanent=error.permanent) from error
        except OSError as error:
            raise SpawnFailure(f"no log or socket can be opened for it: {error}", permanent=False) from error
        self.began.set()
        self._live[agent] = process
        self._pids[agent] = (incarnation, process)
        self._numbers[agent] = incarnation
        return process

    async def slot_changed(self, change: SlotChange) -> None:
        """Write what became of an agent; a database that is busy is tried again until it takes it."""
        if change.state not in ALIVE or change.state is AgentState.STUCK:
            self._coordinator.dismiss(change.agent, change.incarnation)
            self._live.pop(change.agent, None)
        news = SlotNews(
            agent=change.agent,
            state=change.state,
            incarnation=change.incarnation,
            pid=change.pid,
            reason=change.reason,
            restarts=change.restarts,
            next_start_at=change.next_start_at,
            last_exit=change.last_exit,
            last_words=self._last_words(change),
        )
        started = self._pids.pop(change.agent, None) if change.pid is not None else None
        await until_taken(
            lambda: self._coordinator.write(lambda scope: _tell(scope, news, started)),
            self._clock,
            what=f"news of {change.agent}",
            give_up=self._lets_go,
        )

    def _lets_go(self, attempts: int) -> bool:
        """Tell whether the team's end waits no longer, now and for all news to come.

        The next engine then finds what was not written as after a crash.
        """
        if self.ending and (attempts >= LAST_ATTEMPTS or self._coordinator.store.trouble):
            self._let_go = True
        return self.ending and self._let_go

    def signs_of_life(self) -> Mapping[str, float]:
        """Return when each live agent last wrote or called, epoch seconds; its start counts."""
        offset = self._clock.now() - self._clock.monotonic()
        return {
            agent: max(
                offset + (process.last_output_at or process.started_at), self.last_call_of(agent) or 0.0
            )
            for agent, process in self._live.items()
        }

    def incarnation_of(self, agent: str) -> int | None:
        """Return which life of an agent lives; None while none does."""
        return self._numbers.get(agent) if agent in self._live else None

    def process_of(self, agent: str) -> Process | None:
        """Return a live agent's process."""
        return self._live.get(agent)

    def leaders(self) -> dict[str, int]:
        """Return the pid of each live agent's leader."""
        return {agent: process.pid for agent, process in self._live.items()}

    def last_output_at(self, agent: str) -> float | None:
        """Return when an agent last wrote something, epoch seconds."""
        process = self._live.get(agent)
        if process is None or process.last_output_at is None:
            return None
        return self._clock.now() - self._clock.monotonic() + process.last_output_at

    def last_call_of(self, agent: str) -> float | None:
        """Return when an agent last called, epoch seconds."""
        return self._coordinator.last_calls.get(agent)

    def outside_calls(self) -> dict[str, float]:
        """Return when each outside agent that has joined last called, epoch seconds."""
        return self._coordinator.outsiders.last_calls()

    def _last_words(self, change: SlotChange) -> tuple[str, ...]:
        """Return what an incarnation that ended wrote last, unless we told it to end."""
        how = change.last_exit
        is_over = change.state not in ALIVE or change.state is AgentState.STUCK
        if not is_over or how is None or how.kind in _WITHOUT_WORDS:
            return ()
        return self.logs.last_words(change.agent)


def _tell(scope: Scope, news: SlotNews, started: tuple[int, Process] | None) -> None:
    if started is not None:
        number, process = started
        agents.process_started(scope, news.agent, number, pid=process.pid, start_time=process.start_time)
    upkeep.slot_changed(scope, news)
