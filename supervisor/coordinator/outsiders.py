"""The outside agents' keys as a running engine holds them: whose key it is, and since when it calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from supervisor.clock import Clock
from supervisor.coordinator import outside
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import Unauthenticated
from supervisor.model.ids import key_hash, new_outside_key
from supervisor.model.outside_key import KeyState, NewKey, OutsideKey
from supervisor.model.team import ToolSet

T = TypeVar("T")


class Runs(Protocol):
    """What carries a use case out: `Coordinator.write` or `Coordinator.read`."""

    def __call__(self, use_case: Callable[[Scope], T]) -> Awaitable[T]:
        """Run it in one transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer(Actor):
    """The owner of a key whose incarnation has not begun: its first call since then is this one."""

    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    name: str
    serial: int
    until: float | None


class Outsiders:
    """Knows the hashes of the outside agents' keys; changes them together with the database.

    A key that is rotated or revoked is forgotten before the change is written, so it cannot outlive it.
    """

    def __init__(
        self, *, write: Runs, read: Runs, clock: Clock, last_calls: MutableMapping[str, float], lease_s: float
    ) -> None:
        """Know no key before `open`; `last_calls` is kept for the whole team, epoch seconds."""
        self._write = write
        self._read = read
        self._clock = clock
        self._last_calls = last_calls
        self._lease_s = lease_s
        self._session = self._boot_id = ""
        self._secrets: dict[str, _Secret] = {}
        self._keys: dict[str, OutsideKey] = {}
        self._present: dict[str, tuple[int, Actor]] = {}
        self._turn = asyncio.Lock()

    async def open(self, *, session: str, boot_id: str) -> None:
        """Take the stored keys from now on, for an engine with this marker."""
        self._session, self._boot_id = session, boot_id
        await self._reload()

    async def create(self, wanted: NewKey) -> tuple[OutsideKey, str]:
        """Let a new agent in; return its key's facts and, this once, the key."""
        secret = new_outside_key()
        key = await self._changed(partial(outside.create, wanted=wanted, hashed=key_hash(secret)))
        return key, secret

    async def rotate(self, name: str, *, grace_s: float = 0.0) -> tuple[OutsideKey, str]:
        """Give an agent another key; return its facts and, this once, the key."""
        secret = new_outside_key()
        if not grace_s:
            self._forget(name)
        change = partial(outside.rotate, name=name, hashed=key_hash(secret), grace_s=grace_s)
        return await self._changed(change), secret

    async def revoke(self, name: str) -> OutsideKey:
        """End an agent's key; a call that it holds ends too."""
        self._forget(name)
        return await self._changed(partial(outside.revoke, name=name))

    async def leave(self, *, reason: str) -> None:
        """End all incarnations, since the engine ends; no call is taken from then on."""
        self._secrets, self._present = {}, {}
        await self._write(partial(outside.rest, reason=reason))

    def authenticate(self, hashed: str) -> Actor | None:
        """Return whose key has this hash, if its time is not over."""
        secret = self._secrets.get(hashed)
        if secret is None:
            return None
        key, now = self._keys[secret.name], self._clock.now()
        if any(end is not None and end <= now for end in (secret.until, key.expires_at)):
            return None
        serial, actor = self._present.get(key.name, (0, None))
        if actor is not None and secret.serial <= serial:
            return actor
        return Newcomer(name=key.name, role=key.role, incarnation=0, run=0, serial=secret.serial)

    async def arrive(self, actor: Actor) -> Actor:
        """Begin the incarnation of a newcomer, once however many of its calls come at once."""
        if isinstance(actor, Newcomer):
            async with self._turn:
                actor = await self._welcome(actor)
        elif self._was_silent(actor.name):
            await self._write(partial(outside.came_back, name=actor.name))
        self._last_calls[actor.name] = self._clock.now()
        return actor

    def tool_set_of(self, name: str) -> ToolSet | None:
        """Return which tools an agent's list shows; None for one without an active key."""
        key = self._keys.get(name)
        return None if key is None else key.tools

    def knows(self, name: str) -> bool:
        """Tell whether this agent has an active key."""
        return name in self._keys

    def signs_of_life(self) -> dict[str, float]:
        """Return the last calls of those agents whose leases are to be renewed.

        A call speaks for half a lease: so whoever falls silent loses its task after one lease, and before
        one and a half.
        """
        since = self._clock.now() - self._lease_s / 2
        return {name: at for name, at in self.last_calls().items() if at >= since}

    def last_calls(self) -> dict[str, float]:
        """Return when each agent that has joined last called, epoch seconds."""
        return {name: self._last_calls[name] for name in self._present}

    def _was_silent(self, name: str) -> bool:
        """Tell whether this agent may have been counted as away since its last call."""
        present = name in self._present
        return present and self._clock.now() - self._last_calls.get(name, 0.0) > self._lease_s

    async def _welcome(self, newcomer: Newcomer) -> Actor:
        serial, actor = self._present.get(newcomer.name, (0, None))
        if actor is not None and newcomer.serial <= serial:
            return actor
        if newcomer.name not in self._keys:
            raise Unauthenticated(f"the key of {newcomer.name} has ended")
        begin = partial(
            outside.arrive,
            name=newcomer.name,
            serial=newcomer.serial,
            session=self._session,
            boot_id=self._boot_id,
        )
        actor = await self._write(begin)
        self._present[actor.name] = (newcomer.serial, actor)
        self._last_calls[actor.name] = self._clock.now()
        return actor

    async def _changed(self, change: Callable[[Scope], OutsideKey]) -> OutsideKey:
        """Write a change, then know what is stored, whether it was taken or refused."""
        async with self._turn:
            try:
                return await self._write(change)
            finally:
                await self._reload()

    async def _reload(self) -> None:
        self._secrets, self._keys = await self._read(_stored)

    def _forget(self, name: str) -> None:
        self._secrets = {hashed: secret for hashed, secret in self._secrets.items() if secret.name != name}
        self._present.pop(name, None)


def _stored(scope: Scope) -> tuple[dict[str, _Secret], dict[str, OutsideKey]]:
    keys = {
        key.name: key
        for key in scope.tx.values(OutsideKey, "outside_key.all")
        if key.state is KeyState.ACTIVE
    }
    secrets = {
        row["key_hash"]: _Secret(name=row["name"], serial=row["serial"], until=row["until"])
        for row in scope.tx.all("outside_key.secrets")
        if row["name"] in keys
    }
    return secrets, keys
