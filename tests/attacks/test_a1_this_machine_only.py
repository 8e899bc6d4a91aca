"""A1: the endpoint is on 127.0.0.1 and a port of the kernel's choice; no other address answers."""

from __future__ import annotations

import inspect
import socket
from collections.abc import AsyncIterator

import pytest

from supervisor.transports.mcp.server import HOST, McpServer
from tests.attacks.door import Desk, Door, call_body, serving


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with serving(Desk()) as opened:
        yield opened


def test_there_is_no_setting_for_another_address() -> None:
    assert HOST == "127.0.0.1"
    settings = ["desk", "progress_every_s", "additions", "serve_own_pages", "hooks"]
    assert list(inspect.signature(McpServer).parameters) == settings
    assert list(inspect.signature(McpServer.bind).parameters) == ["self", "port"]


def own_addresses() -> list[str]:
    """Every other address under which this machine might be reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks the kernel for the way out
        outward = probe.getsockname()[0]
    return ["127.0.0.2", "::1", outward]


async def test_no_other_address_answers(door: Door) -> None:
    request = f"POST /mcp HTTP/1.1\r\n{door.head()}\r\n".encode()
    for address in own_addresses():
        with pytest.raises(OSError, match="Connect call failed"):
            await door.send(request, address=address)


async def test_the_port_is_another_one_each_time() -> None:
    async with serving(Desk()) as one, serving(Desk()) as other:
        assert one.port != other.port
        assert min(one.port, other.port) >= 1024


async def test_no_child_inherits_the_listening_socket() -> None:
    server = McpServer(Desk())
    server.bind()
    assert server._listener is not None
    assert not server._listener.get_inheritable()
    server._listener.close()


async def test_canary_a_socket_on_every_address_is_found_by_the_same_scan() -> None:
    class Everywhere(McpServer):
        def bind(self, port: int | None = None) -> None:
            if self._listener is None:
                self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
                self._listener.bind(("0.0.0.0", 0))
                self._listener.listen()

        @property
        def _host(self) -> str:
            return f"127.0.0.1:{self._bound.getsockname()[1]}"

    async with serving(Desk(), Everywhere) as door:
        body = call_body("echo", {})
        head = door.head({"Content-Length": str(len(body))})
        found = await door.send(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body, address="127.0.0.2")
    assert found.status == 200
