"""What differs between the programs that speak the Agent Client Protocol: what was found by trying each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from supervisor.config.presets import PRESETS
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec


class Injection(StrEnum):
    """How words reach a running turn.

    `prompt`: a second `session/prompt` is taken into the turn; `fetched`: the agent asks for them between
    its tool calls; `none`: a second prompt would end the first, so nothing is sent.
    """

    NONE = "none"
    PROMPT = "prompt"
    FETCHED = "fetched"


class ActInput(StrEnum):
    """Where a request to be allowed something has what would be done, if not in `rawInput`.

    `title`: the title is the whole shell command; `content`: it is the announced call's content, as JSON.
    """

    RAW = "raw"
    TITLE = "title"
    CONTENT = "content"


class TurnTokens(StrEnum):
    """What the token counts in the answer to a prompt are about: all of the turn, or its last model call."""

    TURN = "turn"
    LAST_CALL = "last_call"


_ANY_MODES: Final[dict[Allowed, tuple[str, ...]]] = {
    Allowed.READ: ("default", "manual", "ask", "read-only"),
    Allowed.EDIT: ("acceptEdits", "auto-edit", "autoEdit", "auto_edit", "workspace-write", "default"),
    Allowed.ALL: ("yolo", "bypassPermissions", "agent-full-access", "full-access", "dontAsk"),
}
"""The names under which agents offer what is meant by `allowed`, as far as we met them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one program behaves. `modes` are its session modes for what a pool allows, first offered first.

    `resumes`: `session/load` works. `ends_with_input`: it exits when its stdin ends. `key_variables` hold
    its API key. `is_configured`: role and model reach it by its configuration, not by the protocol.
    """

    resumes: bool = True
    ends_with_input: bool = True
    injection: Injection = Injection.NONE
    act_input: ActInput = ActInput.RAW
    tokens: TurnTokens = TurnTokens.TURN
    usage: bool = True
    cost: bool = False
    context: bool = False
    is_configured: bool = False
    model_args: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    modes: dict[Allowed, tuple[str, ...]] = field(default_factory=lambda: _ANY_MODES)


ASKS_LESS: Final = frozenset(
    {"auto", "agent", *_ANY_MODES[Allowed.EDIT], *_ANY_MODES[Allowed.ALL]} - set(_ANY_MODES[Allowed.READ])
)
"""Modes in which an agent does more than read without asking: none may stay on where that is not allowed."""

_GEMINI: Final = Habits(
    resumes=False,  # its session/load empties the very file it wants to load: see docs/agents.md
    ends_with_input=False,
    act_input=ActInput.TITLE,
    model_args=PRESETS["gemini"].model_args,
    key_variables=PRESETS["gemini"].key_variables,
)
_OPENCODE: Final = Habits(
    injection=Injection.PROMPT,
    tokens=TurnTokens.LAST_CALL,
    cost=True,
    context=True,
    is_configured=True,
    key_variables=PRESETS["opencode"].key_variables,
    modes={},  # what it asks for stands in the configuration we give it
)
_QWEN: Final = Habits(
    injection=Injection.FETCHED,
    model_args=PRESETS["qwen"].model_args,
    key_variables=PRESETS["qwen"].key_variables,
)
_KIMI: Final = Habits(usage=False, context=True, act_input=ActInput.CONTENT)  # its login is in its home

_KNOWN: Final = {"gemini": _GEMINI, "opencode": _OPENCODE, "qwen": _QWEN, "kimi": _KIMI}
_ANY: Final = Habits()


def habits_of(pool: PoolSpec) -> Habits:
    """Return how a pool's program behaves; of one that we do not know, what the protocol promises."""
    return _KNOWN.get(pool.agent, _ANY)
