"""The operator's verbs about keys for outside agents, and where such an agent finds the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import outside
from supervisor.coordinator.coordinator import Coordinator
from supervisor.errors import WrongState
from supervisor.model.outside_key import NewKey
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """Arguments of `key_rotate`."""

    name: str
    grace_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OneKey:
    """Arguments of `key_revoke`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllKeys:
    """No arguments: `key_list` and `endpoint`."""


async def create_key(coordinator: Coordinator, asked: NewKey) -> dict[str, Any]:
    """Let an agent in; the answer is the only place where its key ever stands."""
    key, secret = await coordinator.outsiders.create(asked)
    return {"key": to_wire(key), "secret": secret}


async def list_keys(coordinator: Coordinator, _asked: AllKeys) -> dict[str, Any]:
    """List the keys without what opens anything."""
    lines = await coordinator.read(outside.listed)
    return {"keys": [{**to_wire(line.key), "last_used_at": line.last_used_at} for line in lines]}


async def rotate_key(coordinator: Coordinator, asked: Rotate) -> dict[str, Any]:
    """Give an agent another key."""
    key, secret = await coordinator.outsiders.rotate(asked.name, grace_s=asked.grace_s)
    return {"key": to_wire(key), "secret": secret}


async def revoke_key(coordinator: Coordinator, asked: OneKey) -> dict[str, Any]:
    """Put an agent out of the team."""
    return {"key": to_wire(await coordinator.outsiders.revoke(asked.name))}


async def _endpoint(backend: Backend, _asked: AllKeys) -> dict[str, Any]:
    """Tell where agents reach the engine; who asks here has proof that this is it."""
    return {"url": backend.info().endpoint}


def require_inside(coordinator: Coordinator, name: str) -> None:
    """Raise WrongState for an outside agent: no slot of ours starts or stops it."""
    if coordinator.outsiders.knows(name):
        raise WrongState(
            f"{name} is an outside agent: whoever started it stops it. "
            f"Put it out of the team with `supervisor key revoke {name}`"
        )


KEY_CALLS: Final[dict[str, tuple[type[Any], Callable[[Coordinator, Any], Any]]]] = {
    "key_create": (NewKey, create_key),
    "key_list": (AllKeys, list_keys),
    "key_rotate": (Rotate, rotate_key),
    "key_revoke": (OneKey, revoke_key),
}
"""What needs nothing but the coordinator, and so is possible without an engine too."""


def _with_backend(call: Callable[[Coordinator, Any], Any]) -> Callable[[Backend, Any], Any]:
    return lambda backend, asked: call(backend.coordinator, asked)


KEY_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Any]]]] = {
    **{verb: (form, _with_backend(call)) for verb, (form, call) in KEY_CALLS.items()},
    "endpoint": (AllKeys, _endpoint),
}
