"""An MCP client of a few lines, for scripted agents: it knows the protocol's words and no SDK.

So what a coordinator answers is seen as it is on the wire.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

TIMEOUT_S: Final = 30.0
_PROTOCOL: Final = "2025-11-25"
_HELLO: Final = {
    "protocolVersion": _PROTOCOL,
    "capabilities": {},
    "clientInfo": {"name": "scripted", "version": "1"},
}
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class TeamDoor(Protocol):
    """A way to the team's tools; each call blocks until it is answered."""

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make one request; return its result, or raise RuntimeError with the refusal."""
        ...


def tool_names(door: TeamDoor) -> list[str]:
    """Introduce ourselves and list the tools, as agents do when they start."""
    door.ask("initialize", _HELLO)
    return [str(tool["name"]) for tool in door.ask("tools/list", {})["tools"]]


def call_tool(door: TeamDoor, name: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """Call a tool; tell whether it went well, and what it answered."""
    answer = door.ask("tools/call", {"name": name, "arguments": arguments})
    texts = [str(block.get("text", "")) for block in answer.get("content", [])]
    return not answer.get("isError", False), "\n".join(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDoor:
    """The endpoint itself; each request stands alone, as the coordinator keeps no session."""

    url: str
    headers: dict[str, str] = field(repr=False)

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Post one request and read the answer, plain or as a stream of events."""
        request = urllib.request.Request(  # noqa: S310 - the URL is the one that the test gave
            self.url,
            data=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
            headers={
                **self.headers,
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": _PROTOCOL,
            },
        )
        with _NO_PROXY.open(request, timeout=TIMEOUT_S) as answered:
            for line in answered:
                text = line.decode().removeprefix("data:").strip()
                if text.startswith("{"):
                    message = json.loads(text)
                    if "id" in message:
                        return _result(message)
        raise RuntimeError(f"no answer to {method}")


class BridgeDoor:
    """A stdio server that is started as the agent was told to."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        """Start it; it ends with us."""
        self._number = 0
        self._process: Final = subprocess.Popen(
            argv, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Write one request as a line and read lines until its answer."""
        self._number += 1
        self._say({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._number:
                if method == "initialize":
                    self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})
                return _result(message)
        raise RuntimeError(f"no answer to {method}")

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if "error" in message:
        raise RuntimeError(str(message["error"].get("message")))
    result: dict[str, Any] = message["result"]
    return result
