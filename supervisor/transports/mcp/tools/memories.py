"""The tools about shared memory."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import memory
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool

SCOPE: Final = "`team`, `task:T12` or `agent:NAME`."


class Remember(Mutation):
    """Arguments of memory_set."""

    key: str
    value: str
    scope: str = Field(default="team", description=SCOPE)


class Recall(Arguments):
    """Arguments of memory_get."""

    key: str
    scope: str = Field(default="team", description=SCOPE)


class RecallAll(Arguments):
    """Arguments of memory_list."""

    scope: str = Field(default="team", description=SCOPE)


def remember(scope: Scope, actor: Actor, asked: Remember) -> Answer:
    """Set a value."""
    return {
        "entry": to_wire(memory.remember(scope, actor, key=asked.key, value=asked.value, where=asked.scope))
    }


def recall(scope: Scope, actor: Actor, asked: Recall) -> Answer:
    """Answer a value."""
    return {"entry": to_wire(memory.recall(scope, actor, key=asked.key, where=asked.scope))}


def recall_all(scope: Scope, actor: Actor, asked: RecallAll) -> Answer:
    """Answer what a scope holds."""
    return {"entries": to_wire(memory.recall_all(scope, actor, where=asked.scope))}


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
)
