"""The desk behind the agents' door: keys and tools of a running team."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from supervisor.coordinator import choosing, mailboxes
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.model.agent import Role
from supervisor.model.task import Task
from supervisor.transports.mcp.tool_spec import ToolSpec


class TeamDesk:
    """Carries out agents' calls on the coordinator; `on_call` hears of each authenticated one.

    `during` is entered with the agent and the tool for as long as a call lasts.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        *,
        facts: dict[str, str],
        on_call: Callable[[Actor], None],
        stopping: Callable[[str], bool],
        during: Callable[[Actor, str], AbstractContextManager[None]] = lambda _actor, _tool: nullcontext(),
    ) -> None:
        """Serve a coordinator; `facts` go into whoami, `stopping` tells which agent was asked to end."""
        self._coordinator = coordinator
        self._facts = facts
        self._on_call = on_call
        self._stopping = stopping
        self._during = during
        self._specs: dict[Role, tuple[ToolSpec, ...]] = {}

    def authenticate(self, key: str) -> Actor | None:
        """Return whose key this is, or None."""
        return self._coordinator.authenticate(key)

    def tools_for(self, role: Role) -> tuple[ToolSpec, ...]:
        """List the tools that the role may see, in the table's order."""
        if role not in self._specs:  # spelling a role's schemas takes 10 ms, and every call asks
            # The table pulls in pydantic (40 ms); it is loaded while the agents boot.
            from supervisor.transports.mcp.tools.table import TOOLS  # noqa: PLC0415

            self._specs[role] = tuple(tool.spec() for tool in TOOLS.values() if tool.visible_to(role))
        return self._specs[role]

    def shown_to(self, actor: Actor) -> frozenset[str]:
        """Name the tools that an agent's list shows: as its pool says; strangers to the profile see all."""
        from supervisor.transports.mcp.tools.shown import shown  # noqa: PLC0415

        return shown(actor.role, self._coordinator.tool_set_of(actor.name))

    async def call(self, actor: Actor, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out one call and add the footer; raise SupervisorError to refuse it."""
        actor = await self._coordinator.arrive(actor)
        self._on_call(actor)
        self._coordinator.spend(actor)  # before anything is read: what is malformed costs as much
        with self._during(actor, tool):
            return await self._carry_out(actor, tool, arguments)

    async def _carry_out(self, actor: Actor, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        from supervisor.transports.mcp.tools.table import WAIT, WHOAMI, Wait, tool_named  # noqa: PLC0415

        wanted = tool_named(tool, actor.role)
        asked = wanted.parse(arguments)
        if tool == WAIT and isinstance(asked, Wait):
            woken_by = await self._coordinator.wait(
                actor, tuple(asked.wanted), asked.timeout_s, everything=asked.all
            )
            answer = {"woken_by": list(woken_by)}
            footer = await self._coordinator.read(lambda scope: self._footer(scope, actor))
            return {**answer, "footer": footer}

        def use_case(scope: Scope) -> dict[str, Any]:
            return {**wanted.handler(scope, actor, asked), "footer": self._footer(scope, actor)}

        if not wanted.mutates:
            looked = await self._coordinator.look(actor, use_case)
            return {**looked, **(self._facts if tool == WHOAMI else {})}
        key = getattr(asked, "idempotency_key", None)
        return await self._coordinator.call(actor, tool, use_case, idempotency_key=key)

    def _footer(self, scope: Scope, actor: Actor) -> dict[str, Any]:
        held = scope.tx.values(Task, "task.held_by", agent=actor.name)
        leases = [task.lease_until for task in held if task.lease_until is not None]
        return {
            "unread": mailboxes.unread_count(scope, actor),
            "lease_until": min(leases, default=None),
            "stop_requested": self._stopping(actor.name) or choosing.is_draining(scope, actor.name),
        }
