"""The coordinator: the store with the team's rules around it, and the live keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from supervisor.clock import Clock
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import begin_incarnation
from supervisor.coordinator.outsiders import Newcomer, Outsiders
from supervisor.coordinator.rates import RateLimits
from supervisor.coordinator.scope import Scope, check_live
from supervisor.coordinator.waiting import (
    WAIT_MAX_S,
    WaitingRoom,
    checked_conditions,
    checked_for_person,
    person,
    true_now,
)
from supervisor.errors import InvalidArgument, StaleToken
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.ids import HUMAN, key_hash
from supervisor.model.team import TeamSpec, ToolSet
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction

T = TypeVar("T")
Answer = dict[str, Any]
UseCase = Callable[[Scope], T]


class Coordinator:
    """Runs use cases, each in one transaction; knows which keys are live.

    The live keys are kept in memory only: an engine starts with none, since it has ended
    every incarnation of its predecessors. Those of outside agents are stored, as hashes:
    `outsiders` keeps them. `last_calls` maps agents to their last call, epoch seconds. `on_stale` hears
    of each report that was refused because its token is not current. `in_turns` names the agents that do
    nothing but what a turn tells them, `spent` those whose budget is.
    """

    def __init__(self, store: Store, clock: Clock, team: TeamSpec, mode: Mode) -> None:
        """Take an open store; listen to its commits."""
        self.store = store
        self.team = team
        self.mode = mode
        self.waiting = WaitingRoom()
        self._clock = clock
        self._limits = RateLimits()
        self.on_stale: Callable[[Actor, str, StaleToken], None] = lambda _actor, _tool, _error: None
        self._keys: dict[str, Actor] = {}
        self._closing = False
        self.last_calls: dict[str, float] = {}
        self._held_back: dict[str, str] = {}
        self.in_turns: set[str] = set()
        self.spent: set[str] = set()
        self.outsiders = Outsiders(
            write=self.write, read=self.read, clock=clock, last_calls=self.last_calls, lease_s=team.lease_s
        )
        store.listen(self.waiting.committed)
        store.listen(self._end_waits_without_right)

    def scope(self, tx: Transaction) -> Scope:
        """Wrap a transaction for the use cases."""
        return Scope(
            tx=tx,
            team=self.team,
            mode=self.mode,
            last_calls=self.last_calls,
            held_back=self._held_back,
            in_turns=self.in_turns,
            spent=self.spent,
        )

    def hold_back(self, name: str, why: str) -> None:
        """Give an agent no new work from now on, and say why; with an empty `why` give it some again.

        What it holds it keeps. It is not remembered beyond this engine's life.
        """
        if why:
            self._held_back[name] = why
        elif self._held_back.pop(name, ""):
            self.waiting.wake_agent(name)

    async def write(self, use_case: UseCase[T]) -> T:
        """Run a use case; its answer means that it is durable."""
        return await self.store.write(lambda tx: use_case(self.scope(tx)))

    async def read(self, use_case: UseCase[T]) -> T:
        """Run a use case that only looks."""
        return await self.store.read(lambda tx: use_case(self.scope(tx)))

    def spend(self, actor: Actor) -> None:
        """Count one call of an agent; raise TooMany, with the seconds to wait, when it calls too often."""
        self._limits.spend(actor.name, self._clock.monotonic())

    async def call(
        self, actor: Actor, tool: str, use_case: UseCase[Answer], *, idempotency_key: str | None = None
    ) -> Answer:
        """Run an agent's mutating use case: for a live incarnation, once per key."""
        try:
            return await self.write(lambda scope: _once(scope, actor, tool, use_case, idempotency_key))
        except StaleToken as error:
            self.on_stale(actor, tool, error)
            raise

    async def look(self, actor: Actor, use_case: UseCase[Answer]) -> Answer:
        """Run an agent's reading use case."""
        return await self.read(lambda scope: _seen(scope, actor, use_case))

    async def admit(self, name: str, *, key: str, session: str, boot_id: str) -> Actor:
        """Begin the next incarnation of an agent under this key."""
        pool = self.team.pool_of(name)
        hashed = key_hash(key)
        self._keys = {known: actor for known, actor in self._keys.items() if actor.name != name}
        number = await self.write(
            lambda scope: begin_incarnation(scope, name, key_hash=hashed, session=session, boot_id=boot_id)
        )
        actor = Actor(
            name=name,
            role=pool.role,
            incarnation=number,
            run=self.store.run,
            groups=pool.groups,
            tags=pool.tags,
        )
        self._keys[hashed] = actor
        return actor

    def dismiss(self, name: str, incarnation: int) -> None:
        """Forget the key of an incarnation; called before its end is written, so it cannot outlive it."""
        self._keys = {
            hashed: actor
            for hashed, actor in self._keys.items()
            if (actor.name, actor.incarnation) != (name, incarnation)
        }

    def authenticate(self, key: str) -> Actor | None:
        """Return whose key this is, or None. Only hashes are compared."""
        hashed = key_hash(key)
        return self._keys.get(hashed) or self.outsiders.authenticate(hashed)

    def actor_of(self, name: str, incarnation: int) -> Actor | None:
        """Return one of our own live incarnations; None once it was dismissed, or for one from outside."""
        for actor in self._keys.values():
            if (actor.name, actor.incarnation) == (name, incarnation):
                return actor
        return None

    def tool_set_of(self, name: str) -> ToolSet:
        """Return which tools an agent's list shows: as its pool says, or its key if it is from outside."""
        known = self.outsiders.tool_set_of(name)
        if known is not None:
            return known
        try:
            return self.team.pool_of(name).tools
        except KeyError:  # its key ended after it was looked at
            return ToolSet.CORE

    async def arrive(self, actor: Actor) -> Actor:
        """Note a call of its owner, and begin an outside agent's incarnation if it is the first."""
        if isinstance(actor, Newcomer) or self.outsiders.knows(actor.name):
            return await self.outsiders.arrive(actor)
        self.last_calls[actor.name] = self._clock.now()
        return actor

    def pass_over(self, seconds: float) -> None:
        """Take it that nobody could call for so long: all last calls count as that much later."""
        for name in self.last_calls:
            self.last_calls[name] += seconds

    async def wait(
        self, actor: Actor, conditions: tuple[str, ...], timeout_s: float, *, everything: bool = False
    ) -> tuple[str, ...]:
        """Return the conditions that hold as soon as one does, or all of them with `everything`.

        None after `timeout_s` (at most 45).
        """
        if not 0 <= timeout_s <= WAIT_MAX_S:
            raise InvalidArgument(f"timeout_s {timeout_s} is not between 0 and {WAIT_MAX_S:.0f}")
        wanted = checked_conditions(actor, conditions)
        waiter = self.waiting.enter(actor, wanted)
        enough = len(wanted) if everything else 1
        try:
            holding = await self._look(actor, wanted)
            async with asyncio.timeout(timeout_s):
                while len(holding) < enough and not self._closing:
                    self.waiting.pass_on(waiter)
                    await waiter.woken.wait()
                    waiter.woken.clear()
                    holding = await self._look(actor, wanted)
        except TimeoutError:
            return ()
        else:
            waiter.for_work = False  # what it was woken for is answered
            return holding
        finally:
            self.waiting.leave(waiter)

    async def _look(self, actor: Actor, wanted: tuple[str, ...]) -> tuple[str, ...]:
        return await self.read(lambda scope: _look(scope, actor, wanted))

    async def wait_as_person(
        self, conditions: tuple[str, ...], timeout_s: float, *, everything: bool = False
    ) -> tuple[str, ...]:
        """Return those of the conditions that hold as soon as enough do, or at the time's end."""
        actor = person(self.store.run)
        wanted = checked_for_person(conditions)
        await self.wait(actor, wanted, timeout_s, everything=everything)
        return await self._look(actor, wanted)

    @property
    def is_closing(self) -> bool:
        """Tell whether the engine stops, so that nothing can be waited for any more."""
        return self._closing

    def _end_waits_without_right(self, events: list[Event]) -> None:
        """Let held calls look whether their key still is one when their agent, or any stored key, changes."""
        for event in events:
            if event.noun == "outside_key":
                self.waiting.wake_all()
            elif event.noun == "agent":
                self.waiting.wake_agent(event.subject)

    def close(self) -> None:
        """End all held calls: the engine stops."""
        self._closing = True
        self.waiting.wake_all()


def _look(scope: Scope, actor: Actor, conditions: tuple[str, ...]) -> tuple[str, ...]:
    if actor.name != HUMAN:
        check_live(scope, actor)
    return true_now(scope, actor, conditions)


def _seen(scope: Scope, actor: Actor, use_case: UseCase[Answer]) -> Answer:
    check_live(scope, actor)
    return use_case(scope)


def _once(scope: Scope, actor: Actor, tool: str, use_case: UseCase[Answer], key: str | None) -> Answer:
    check_live(scope, actor)
    with scope.tx.called_by(actor.name, actor.incarnation):
        return use_case(scope) if key is None else _answered(scope, actor, tool, use_case, key)


def _answered(scope: Scope, actor: Actor, tool: str, use_case: UseCase[Answer], key: str) -> Answer:
    """Answer as before if this key was answered before."""
    known = scope.tx.one("answered_call.get", run=scope.run, agent=actor.name, key=key)
    if known is not None:
        if known["tool"] != tool:
            raise InvalidArgument(f"idempotency_key `{key[:40]}` was used for {known['tool']} before")
        answered: Answer = json.loads(known["answer"])
        return answered
    answer = use_case(scope)
    scope.tx.execute(
        "answered_call.add",
        run=scope.run,
        agent=actor.name,
        key=key,
        tool=tool,
        answer=json.dumps(answer),
        at=scope.now,
    )
    return answer
