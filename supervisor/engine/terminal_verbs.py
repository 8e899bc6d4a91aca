"""The operator's verbs about the terminals of agents: what stands there, typing, and their size.

Who looks asks for one screen after the other, so a slow looker misses pictures and holds nobody up, and
nothing that an agent wrote reaches a person's terminal but text.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.adapters.screen import Screen
from supervisor.engine.key_verbs import require_inside
from supervisor.engine.talks import Talk
from supervisor.errors import InvalidArgument, TooLarge, TooMany, WrongState
from supervisor.runtime.terminal import TerminalSize

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

WAIT_MAX_S: Final = 20.0
TYPED_MAX: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowTerminal:
    """Arguments of `terminal_show`; with `wait_s` it waits for another picture than this one."""

    agent: str
    incarnation: int = 0
    version: int = -1
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeKeys:
    """Arguments of `terminal_type`; `data` is base64 of the bytes."""

    agent: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeTerminal:
    """Arguments of `terminal_resize`."""

    agent: str
    rows: int
    columns: int


def _at_terminal(backend: Backend, agent: str) -> tuple[Talk, Screen]:
    """Find a live agent's terminal; raise NotFound or WrongState that says what to do instead."""
    require_inside(backend.coordinator, agent)
    state = backend.supervisor.state_of(agent)
    talk = None if backend.talks is None else backend.talks.of(agent)
    if talk is not None and talk.screen is not None:
        return talk, talk.screen
    pool = backend.coordinator.team.pool_of(agent)
    if pool.adapter == "pty":
        raise WrongState(
            f"{agent} is {state.value}: it has no terminal now. Start it with `supervisor restart {agent}`"
        )
    raise WrongState(
        f"{agent} has no terminal: its adapter is `{pool.adapter}`. "
        f"See what it writes with `supervisor logs {agent} -f`"
    )


async def show(backend: Backend, asked: ShowTerminal) -> dict[str, Any]:
    """Tell what stands on an agent's terminal, as soon as it is something new to the asker."""
    if not 0 <= asked.wait_s <= WAIT_MAX_S:
        raise InvalidArgument(f"`wait_s` is 0 to {WAIT_MAX_S:g} seconds")
    talk, screen = _at_terminal(backend, asked.agent)
    with suppress(TimeoutError):
        async with asyncio.timeout(asked.wait_s):
            while asked.wait_s and (talk.incarnation, screen.version) == (asked.incarnation, asked.version):
                await talk.changed()
                talk, screen = _at_terminal(backend, asked.agent)
    return {
        "incarnation": talk.incarnation,
        "version": screen.version,
        "rows": screen.rows,
        "columns": screen.columns,
        "lines": screen.lines(),
        "cursor": list(screen.cursor) if screen.shows_cursor else None,
        "takes_paste": screen.takes_paste,
    }


async def type_keys(backend: Backend, asked: TypeKeys) -> dict[str, Any]:
    """Type at an agent's terminal, as a person would."""
    talk, _ = _at_terminal(backend, asked.agent)
    try:
        data = base64.b64decode(asked.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument("`data` is no base64") from error
    if len(data) > TYPED_MAX:
        raise TooLarge(f"at most {TYPED_MAX} bytes are typed at once")
    if not talk.send(data):
        raise TooMany(f"{asked.agent} does not read its terminal; what waits there has to go first")
    return {"typed": len(data)}


async def resize(backend: Backend, asked: ResizeTerminal) -> dict[str, Any]:
    """Give an agent's terminal another size."""
    talk, screen = _at_terminal(backend, asked.agent)
    try:
        size = TerminalSize(rows=asked.rows, columns=asked.columns)
    except ValueError as error:
        raise InvalidArgument(str(error)) from error
    talk.resize(size)
    return {"rows": screen.rows, "columns": screen.columns}


TERMINAL_VERBS: Final[dict[str, tuple[type[Any], Callable[..., Any]]]] = {
    "terminal_show": (ShowTerminal, show),
    "terminal_type": (TypeKeys, type_keys),
    "terminal_resize": (ResizeTerminal, resize),
}
