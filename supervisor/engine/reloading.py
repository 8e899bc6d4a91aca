"""Reading the profile again while the team runs: what can follow it does, and the rest is refused whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from supervisor.adapters.adapter import Adapter
from supervisor.adapters.registry import adapters_of
from supervisor.config.profile import load_profile
from supervisor.config.programs import check_programs
from supervisor.coordinator import agents, outside, pools, runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.plan_change import PlanChange
from supervisor.errors import ProfileInvalid, SupervisorError, WrongState
from supervisor.model.agent import AgentState
from supervisor.model.ids import HUMAN
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.supervision.child_spec import ChildSpec, child_of, pools_of
from supervisor.supervision.supervisor import Supervisor

NewPlan = Callable[[TeamSpec, Mapping[str, Adapter]], None]
"""Hears of the plan that holds from now on."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What became of whom; all empty if the profile is what it was."""

    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    changed: bool = False

    @property
    def words(self) -> str:
        """Say it in one line."""
        if not self.changed:
            return "the profile is what it was"
        parts = [
            f"{', '.join(names)} {what}"
            for names, what in (
                (self.started, "are new"),
                (self.stopped, "are no more part of it"),
                (self.restarted, "are started anew"),
            )
            if names
        ]
        return "; ".join(parts) or "nobody has to be started anew for it"


class Reloading:
    """Makes a running team what its profile says now."""

    def __init__(
        self,
        coordinator: Coordinator,
        supervisor: Supervisor,
        *,
        project: Path,
        on_new_plan: NewPlan,
        stopping: Callable[[], bool],
    ) -> None:
        """Change nothing before `reload`."""
        self._coordinator: Final = coordinator
        self._supervisor: Final = supervisor
        self._project: Final = project
        self._on_new_plan: Final = on_new_plan
        self._stopping: Final = stopping
        self._turn: Final = asyncio.Lock()

    async def reload(self) -> Reloaded:
        """Read the profile again and follow it; raise ConfigError or WrongState if that cannot be done."""
        async with self._turn:
            if self._stopping():
                raise WrongState("the team is stopping; nothing is changed any more")
            old = self._coordinator.team
            new = await asyncio.to_thread(_usable, old.source, self._project)
            adapters = adapters_of(new)
            change = PlanChange(old=old, new=new)
            if change.is_none:
                return Reloaded()
            _check(change)
            done = self._done(change)
            await self._coordinator.write(lambda scope: _record(scope, new, done))
            self._follow(change, adapters)
        _log.info("the profile was read again: %s", done.words)
        return done

    async def keep(self, asked: asyncio.Event) -> None:
        """Reload whenever that is asked by a signal, until cancelled; whoever sent it reads the log."""
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self.reload()
            except SupervisorError as error:
                problems = "; ".join(error.problems) if isinstance(error, ProfileInvalid) else ""
                _log.error("SIGHUP: nothing was reloaded: %s %s", error.message, problems)

    def _done(self, change: PlanChange) -> Reloaded:
        present = self._supervisor.agents
        wanted = [child.name for child in self._children(change.new)]
        return Reloaded(
            started=tuple(name for name in wanted if name not in present),
            stopped=tuple(name for name in present if name not in wanted),
            restarted=change.restarted([name for name in present if not self._rests(name)]),
            changed=True,
        )

    def _rests(self, name: str) -> bool:
        return self._supervisor.state_of(name) is AgentState.EXITED

    def _follow(self, change: PlanChange, adapters: Mapping[str, Adapter]) -> None:
        """Change every room in one go: nobody acts in between."""
        present = self._supervisor.agents
        team = replace(change.new, leaving={**change.old.leaving, **change.leaving(present)})
        self._coordinator.team = team
        self._on_new_plan(team, adapters)
        self._supervisor.reload(
            self._children(team),
            team.branches,
            top=team.supervision,
            pools=pools_of(team),
            changed=change.restarted(present),
        )

    def _children(self, team: TeamSpec) -> list[ChildSpec]:
        """List who is of the team: of a scaled pool those that its autoscaler has now."""
        return [child_of(pool, name) for pool in team.pools for name in self._names(pool)]

    def _names(self, pool: PoolSpec) -> tuple[str, ...]:
        if pool.scale is None:
            return pool.first_names
        return tuple(name for name in self._supervisor.agents if pool.holds(name))


def _usable(source: str, project: Path) -> TeamSpec:
    team = load_profile(source)
    check_programs(team, project=project)
    return team


def _check(change: PlanChange) -> None:
    refused = change.refused()
    if refused:
        raise ProfileInvalid(
            "the team cannot become this while it runs, so nothing was changed: `supervisor down`, then "
            "`supervisor up`",
            problems=refused,
        )


def _record(scope: Scope, team: TeamSpec, done: Reloaded) -> None:
    outside.check_team(scope, team)
    agents.enrol(scope, team)
    pools.lay_out(scope, team, fresh=False)
    run = runs.latest_run(scope.tx)
    if run is not None:
        scope.tx.record("run.reloaded", replace(run, digest=team.digest), actor=HUMAN, reason=done.words)


def answer_of(done: Reloaded) -> dict[str, Any]:
    """Spell it for a client."""
    return {
        "changed": done.changed,
        "started": list(done.started),
        "stopped": list(done.stopped),
        "restarted": list(done.restarted),
        "words": done.words,
    }
