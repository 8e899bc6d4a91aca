"""The keys of a profile about how agents are spoken to, where they work and what they may spend."""

from __future__ import annotations

from typing import Final

from supervisor.config.kinds import Choice, Key, Number, Table, Text, TextMap, Texts
from supervisor.config.presets import PRESETS
from supervisor.config.spelling import GLOB, default_of
from supervisor.model.driving import (
    Allowed,
    Budget,
    BudgetScope,
    ClientHome,
    Drive,
    OutputForm,
    Price,
    SessionScope,
    WorkspaceKind,
)
from supervisor.model.team import PoolSpec

TEMPLATE_NAMES: Final = ("task", "review", "mail", "report", "begin", "resume")
"""The prompts that a pool may put in other words; ours are in `dispatch.prompts`."""

_TEMPLATE: Final = Text(
    pattern="|".join(TEMPLATE_NAMES), rule="one of " + ", ".join(f"`{name}`" for name in TEMPLATE_NAMES)
)
_MODEL: Final = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,199}", rule="a model's name, as its program takes it"
)
_DOLLARS: Final = Number(low=0, high=1_000_000)

AGENT_KEYS: Final = (
    Key(
        name="agent",
        kind=Choice(words=tuple(PRESETS)),
        meaning=(
            "The known program its agents are; gives `command` and `adapter`, which can still be set. "
            "`supervisor doctor` says which are installed."
        ),
        default=None,
    ),
    Key(
        name="model",
        kind=_MODEL,
        meaning="The model that its agents use, as their program names it. Without it: the program's own.",
        default=None,
    ),
    Key(
        name="args",
        kind=Texts(item=Text(max_length=32_768, placeholders=True), max_items=256),
        meaning="Arguments that are added to the command, with the same placeholders.",
        default=default_of(PoolSpec, "args"),
    ),
    Key(
        name="drive",
        kind=Choice(words=tuple(Drive)),
        meaning=(
            "Who decides when the agent works. `turns`: it gets one task at a time and costs nothing "
            "meanwhile; `self`: it runs its own loop on the tools; `auto`: `turns` wherever its adapter can."
        ),
        default=default_of(PoolSpec, "drive"),
    ),
    Key(
        name="workspace",
        kind=Choice(words=tuple(WorkspaceKind)),
        meaning=(
            "Where its agents work: in the `project`'s directory, or each in a git `worktree` of its own "
            "under `.supervisor/worktrees/`, which is kept."
        ),
        default=default_of(PoolSpec, "workspace"),
    ),
    Key(
        name="session",
        kind=Choice(words=tuple(SessionScope)),
        meaning="How long a conversation with the model lasts: for one `task`, or as long as the `agent`.",
        default=default_of(PoolSpec, "session"),
    ),
    Key(
        name="home",
        kind=Choice(words=tuple(ClientHome)),
        meaning=(
            "Whose configuration its program reads: your `own`, where you are logged in, or a `private` one. "
            "`auto`: private if an API key is passed on to it."
        ),
        default=default_of(PoolSpec, "home"),
    ),
    Key(
        name="allowed",
        kind=Choice(words=tuple(Allowed)),
        meaning=(
            "What its agents do without asking: `read`; also `edit` files in their workspace; or `all`, "
            "which asks nobody for anything."
        ),
        default=default_of(PoolSpec, "allowed"),
    ),
    Key(
        name="output",
        kind=Choice(words=tuple(OutputForm)),
        meaning="What a plain `command` writes: `raw` text for the log, or `json` lines (`docs/agents.md`).",
        default=default_of(PoolSpec, "output"),
    ),
    Key(
        name="templates",
        kind=TextMap(names=_TEMPLATE, values=Text(max_length=65_536)),
        meaning="Prompts in your own words instead of ours, by name: see `docs/agents.md`.",
        default=default_of(PoolSpec, "templates"),
    ),
)

BUDGET: Final = Table(
    keys=(
        Key(
            name="scope",
            kind=Choice(words=tuple(BudgetScope)),
            meaning=(
                "Over what is counted: each `turn`, `task`, `agent` or `pool`, the whole `team`, or "
                "the UTC `day`."
            ),
        ),
        Key(
            name="pools",
            kind=GLOB,
            meaning="Names of the pools it speaks about, with `*` and `?`.",
            default=default_of(Budget, "pools"),
        ),
        Key(
            name="tokens",
            kind=Number(low=1, high=10**15, whole=True),
            meaning="Tokens that may be used, input and output together. Without it: no limit.",
            default=default_of(Budget, "tokens"),
        ),
        Key(
            name="cost_usd",
            kind=_DOLLARS,
            meaning="US dollars that may be spent, as far as the cost is known. Without it: no limit.",
            default=default_of(Budget, "cost_usd"),
        ),
        Key(
            name="warn_at",
            kind=Number(low=0, high=1),
            meaning="Part of the budget at which people are told.",
            default=default_of(Budget, "warn_at"),
        ),
    )
)

PRICE: Final = Table(
    keys=(
        Key(name="model", kind=GLOB, meaning="Names of the models it speaks about, with `*` and `?`."),
        Key(name="input", kind=_DOLLARS, meaning="US dollars for a million tokens of input."),
        Key(name="output", kind=_DOLLARS, meaning="US dollars for a million tokens of output."),
        Key(
            name="cached_input",
            kind=_DOLLARS,
            meaning="US dollars for a million tokens of input from the cache. Without it: as `input`.",
            default=default_of(Price, "cached_input"),
        ),
        Key(
            name="cache_write",
            kind=_DOLLARS,
            meaning="US dollars for a million tokens written to the cache. Without it: as `input`.",
            default=default_of(Price, "cache_write"),
        ),
    )
)
