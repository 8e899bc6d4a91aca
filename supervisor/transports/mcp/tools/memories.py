"""The tools about shared memory: one for each act, and one for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import Field

from supervisor.coordinator import memory
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import (
    Answer,
    Arguments,
    Mutation,
    Tool,
    read_arguments,
    simple_tool,
)

SCOPE: Final = f"One of {memory.SCOPES}."
READ_SCOPE: Final = (
    f"One of {memory.SCOPES}. What it lacks is looked for in the wider ones: milestone, project, team."
)
VERSION: Final = "Only if this is the present version (0: there is none); else wrong_state names it."
SECONDS: Final = "Forget it by itself after so many seconds."
EXACT: Final = "True to look in this scope alone."
AFTER: Final = "The `next` of the page before."


class Remember(Mutation):
    """Arguments of memory_set."""

    key: str
    value: str
    scope: str = Field(default="team", description=SCOPE)
    expect_version: int | None = Field(default=None, ge=0, description=VERSION)
    ttl_s: float | None = Field(default=None, description=SECONDS)


class Recall(Arguments):
    """Arguments of memory_get."""

    key: str
    scope: str = Field(default="team", description=READ_SCOPE)
    exact: bool = Field(default=False, description=EXACT)


class RecallAll(Arguments):
    """Arguments of memory_list."""

    scope: str = Field(default="team", description=SCOPE)
    prefix: str = Field(default="", description="Only keys that begin with this.")
    after: str = Field(default="", description=AFTER)
    limit: int = Field(default=memory.LIST_MAX, ge=1, le=memory.LIST_MAX)


class Forget(Mutation):
    """Arguments of memory_delete."""

    key: str
    scope: str = Field(default="team", description=SCOPE)
    expect_version: int | None = Field(default=None, ge=0, description=VERSION)


class Memory(Mutation):
    """Arguments of memory; each `op` takes what the tool memory_OP takes."""

    op: Literal["set", "get", "list", "delete", "search"]
    key: str | None = Field(default=None, description="For set, get, delete.")
    value: str | None = Field(default=None, description="For set.")
    scope: str | None = Field(default=None, description=f"{SCOPE} The team's if left out; search: all.")
    expect_version: int | None = Field(default=None, ge=0, description=f"For set, delete. {VERSION}")
    ttl_s: float | None = Field(default=None, description=f"For set. {SECONDS}")
    exact: bool | None = Field(default=None, description=f"For get. {EXACT}")
    prefix: str | None = Field(default=None, description="For list: only keys that begin with this.")
    after: str | None = Field(default=None, description=f"For list, search. {AFTER}")
    limit: int | None = Field(default=None, ge=1, description="For list, search.")
    words: str | None = Field(default=None, description="For search: part of a key or a value.")


class Search(Arguments):
    """Arguments of a search."""

    words: str
    scope: str | None = None
    after: str = ""
    limit: int = Field(default=memory.FOUND_MAX, ge=1, le=memory.FOUND_MAX)


def remember(scope: Scope, actor: Actor, asked: Remember) -> Answer:
    """Set a value."""
    entry = memory.remember(
        scope,
        actor,
        key=asked.key,
        value=asked.value,
        where=asked.scope,
        expect_version=asked.expect_version,
        ttl_s=asked.ttl_s,
    )
    return {"entry": to_wire(entry)}


def recall(scope: Scope, actor: Actor, asked: Recall) -> Answer:
    """Answer a value and the scope it came from."""
    entry = memory.recall(scope, actor, key=asked.key, where=asked.scope, exact=asked.exact)
    return {"entry": to_wire(entry), "found_in": None if entry is None else entry.scope}


def recall_all(scope: Scope, actor: Actor, asked: RecallAll) -> Answer:
    """Answer a page of what a scope holds."""
    page = memory.recall_page(
        scope, actor, where=asked.scope, prefix=asked.prefix, after=asked.after, limit=asked.limit
    )
    return {"entries": to_wire(page.entries), "next": page.next}


def forget(scope: Scope, actor: Actor, asked: Forget) -> Answer:
    """Delete a value."""
    entry = memory.forget(scope, actor, key=asked.key, where=asked.scope, expect_version=asked.expect_version)
    return {"deleted": entry.id, "version": entry.version}


def search(scope: Scope, actor: Actor, asked: Search) -> Answer:
    """Answer entries that contain some words."""
    found = memory.search(
        scope, actor, words=asked.words, where=asked.scope, after=asked.after, limit=asked.limit
    )
    return {"entries": list(found.entries), "next": found.next}


_ACTS: Final[dict[str, tuple[type[Arguments], Callable[[Scope, Actor, Any], Answer]]]] = {
    "set": (Remember, remember),
    "get": (Recall, recall),
    "list": (RecallAll, recall_all),
    "delete": (Forget, forget),
    "search": (Search, search),
}


def any_act(scope: Scope, actor: Actor, asked: Memory) -> Answer:
    """Carry out one act on memory; its arguments are held to the same rules as those of its own tool."""
    form, carry_out = _ACTS[asked.op]
    given = asked.model_dump(exclude={"op", "idempotency_key"}, exclude_none=True)
    return carry_out(scope, actor, read_arguments(f"memory {asked.op}", form, given))


MEMORY_TOOLS: Final = (
    simple_tool(
        "memory_set",
        "Remember a value for the team, a task or yourself.",
        Operation.MEMORY_WRITE,
        Remember,
        remember,
    ),
    simple_tool("memory_get", "Recall a remembered value.", Operation.MEMORY_READ, Recall, recall),
    simple_tool("memory_list", "List what a scope remembers.", Operation.MEMORY_READ, RecallAll, recall_all),
    Tool(
        name="memory_delete",
        title="Memory delete",
        description="Delete a remembered value; its history stays in the event log.",
        operations=(Operation.MEMORY_WRITE,),
        arguments=Forget,
        handler=forget,
        destructive=True,
    ),
    Tool(
        name="memory",
        title="Memory",
        description="Set, get, list, search or delete what the team remembers.",
        operations=(Operation.MEMORY_READ, Operation.MEMORY_WRITE),
        arguments=Memory,
        handler=any_act,
        destructive=True,
    ),
)
