"""A3: only requests to exactly this host and port, of no web page, with a JSON content type, run a tool."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from mcp.server.transport_security import TransportSecuritySettings

from supervisor.transports.mcp import sdk_app
from tests.attacks.door import Desk, Door, Ungated, call_body, serving

ORIGINS = ["null", "", "http://localhost:3000", "http://127.0.0.1:{port}", "https://evil.example", "file://"]
HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.2:{port}",
    "[::1]:{port}",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "127.0.0.1:0{port}",
    "",
]
TYPES = [
    None,
    "",
    "text/plain",
    "text/plain; application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json, text/plain",
    "text/json",
]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


@pytest.mark.parametrize("host", HOSTS)
async def test_any_other_host_is_refused(door: Door, desk: Desk, host: str) -> None:
    answer = await door.call("echo", {}, {"Host": host.format(port=door.port)})
    assert answer.status in {400, 421}
    assert desk.calls == []


async def test_a_missing_or_doubled_host_is_refused(door: Door, desk: Desk) -> None:
    missing = await door.call("echo", {}, {"Host": None})
    body = call_body("echo", {})
    head = door.head({"Content-Length": str(len(body))})
    doubled = await door.send(f"POST /mcp HTTP/1.1\r\nHost: evil.example\r\n{head}\r\n".encode() + body)
    old = await door.post(body, {"Host": None}, target="POST /mcp HTTP/1.0")
    assert {missing.status, doubled.status, old.status} <= {400, 421}
    assert desk.calls == []


async def test_a_foreign_name_in_the_request_line_does_not_replace_the_host(door: Door, desk: Desk) -> None:
    answer = await door.post(call_body("echo", {}), target="POST http://evil.example/mcp HTTP/1.1")
    assert answer.status in {400, 404, 421}
    assert desk.calls == []


@pytest.mark.parametrize("origin", ORIGINS)
async def test_any_origin_is_refused_even_our_own(door: Door, desk: Desk, origin: str) -> None:
    answer = await door.call("echo", {}, {"Origin": origin.format(port=door.port)})
    assert answer.status == 403
    assert desk.calls == []


async def test_a_preflight_gets_no_permission(door: Door) -> None:
    asks = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = await door.post(b"", asks, target="OPTIONS /mcp HTTP/1.1")
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("content_type", TYPES)
async def test_a_body_of_another_type_is_refused(door: Door, desk: Desk, content_type: str | None) -> None:
    answer = await door.call("echo", {}, {"Content-Type": content_type})
    assert answer.status == 415
    assert desk.calls == []


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_json_is_served(door: Door, content_type: str) -> None:
    assert (await door.call("echo", {}, {"Content-Type": content_type})).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "TRACE"])
async def test_only_post_is_served(door: Door, desk: Desk, method: str) -> None:
    answer = await door.post(call_body("echo", {}), target=f"{method} /mcp HTTP/1.1")
    assert answer.status == 405
    assert desk.calls == []


@pytest.mark.parametrize("path", ["/", "/mcp/", "/MCP", "//mcp", "/mcp/../mcp", "/mcp%2f", "/health"])
async def test_only_the_endpoint_is_served(door: Door, desk: Desk, path: str) -> None:
    answer = await door.post(call_body("echo", {}), target=f"POST {path} HTTP/1.1")
    assert answer.status == 404
    assert desk.calls == []


async def test_an_upgrade_to_a_websocket_is_not_followed(door: Door, desk: Desk) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "eA==",
        "Content-Length": None,
    }
    body = {"Connection": "close, Upgrade"}
    answer = await door.post(b"", upgrade | body, target="GET /mcp HTTP/1.1")
    assert answer.status == 405


@pytest.mark.parametrize(
    "foreign", [{"Host": "evil.example"}, {"Origin": "http://localhost:3000"}, {"Origin": "null"}], ids=repr
)
async def test_canary_without_gate_and_sdk_settings_a_page_runs_a_tool(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, foreign: dict[str, str | None]
) -> None:
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    monkeypatch.setattr(sdk_app, "TransportSecuritySettings", lambda **_: unguarded)
    async with serving(desk, Ungated) as door:
        assert (await door.call("echo", {}, foreign)).status == 200
    assert len(desk.calls) == 1


async def test_the_sdk_would_refuse_foreign_hosts_and_origins_too(desk: Desk) -> None:
    async with serving(desk, Ungated) as door:
        assert (await door.call("echo", {}, {"Host": "evil.example"})).status == 421
        assert (await door.call("echo", {}, {"Origin": f"http://{door.host}"})).status == 403
    assert desk.calls == []
