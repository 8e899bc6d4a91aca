"""The agents' door: bound before anything starts, at the port of the last time, and opened after it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from supervisor.transports.mcp.server import McpServer
from supervisor.workspace.remembered_port import remember_port, remembered_port
from supervisor.workspace.state_dir import StateDir

HEADSTART_S: Final = 0.25
"""How long the door stays shut at most, though connections queue, while no agent has started."""

_log = logging.getLogger(__name__)


class AgentsDoor:
    """Serves agents at a port that stays the same from one engine to the next, if nobody else takes it."""

    def __init__(self, server: McpServer, state: StateDir) -> None:
        """Take the port; connections queue from now on."""
        self._server: Final = server
        self._state: Final = state
        self._known_port: Final = remembered_port(state)
        server.bind(self._known_port)

    async def serve(self, began: asyncio.Event) -> None:
        """Serve until cancelled; the first agent starts before, for loading the SDK takes the interpreter."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEADSTART_S):
                await began.wait()
        await self._keep_port()
        await self._server.serve()

    async def _keep_port(self) -> None:
        """Remember the port for the next start; one that is taken just now is tried again then."""
        if self._known_port is None:
            try:
                await asyncio.to_thread(remember_port, self._state, self._server.port)
            except OSError:
                _log.exception("port %d could not be remembered for the next start", self._server.port)
        elif self._known_port != self._server.port:
            _log.warning(
                "port %d is taken, so agents are served at %d; outside agents will not find it. Free it and "
                "start again, or remove %s to settle for another",
                self._known_port,
                self._server.port,
                self._state.port_file,
            )
