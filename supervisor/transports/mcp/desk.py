"""What the agents' door needs from whoever decides."""

from __future__ import annotations

from typing import Any, Protocol

from supervisor.coordinator.actor import Actor
from supervisor.model.agent import Role
from supervisor.transports.mcp.tool_spec import ToolSpec


class ToolDesk(Protocol):
    """Knows the keys, the tools of each role, and carries calls out."""

    def authenticate(self, key: str) -> Actor | None:
        """Return whose key this is; None for a wrong, old or revoked one alike."""
        ...

    def tools_for(self, role: Role) -> tuple[ToolSpec, ...]:
        """List the tools that the role may see; asked once for each, in a thread, before serving."""
        ...

    def shown_to(self, actor: Actor) -> frozenset[str]:
        """Name the tools that this agent's list shows; it may call the others of its role too."""
        ...

    async def call(self, actor: Actor, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out one call and return its answer; raise SupervisorError to refuse it.

        Cancelled when the client goes away, so a held call must be safe to abandon.
        """
        ...
