"""A9: no body makes the endpoint fail, grow or read two meanings out of one text; the next call is served."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.transports.mcp import gate
from supervisor.transports.mcp.gate import BODY_MAX
from tests.attacks.door import WORKER, Answer, Desk, Door, Ungated, call_body, serving

ROOT: Final = Path(__file__).parents[2]
RSS_GROWTH_MAX: Final = 20 * 1024 * 1024


def with_argument(text: str | bytes) -> bytes:
    """Spell a call of `echo` whose argument is this raw JSON text."""
    raw = text.encode() if isinstance(text, str) else text
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":'
    return call + raw + b"}}}"


UNREADABLE: Final[dict[str, bytes]] = {
    "empty": b"",
    "cut": b'{"jsonrpc":"2.0","id":1,',
    "not JSON": b"key=value&tool=echo",
    "two values": call_body("echo", {}) * 2,
    "trailing garbage": call_body("echo", {}) + b"x",
    "NaN": with_argument("NaN"),
    "infinity": with_argument("-Infinity"),
    "float overflow": with_argument("1e400"),
    "2^63": with_argument(str(2**63)),
    "6000 digits": with_argument("9" * 6_000),
    "lone surrogate": with_argument('"\\ud800"'),
    "lone surrogate in a key": with_argument('{"\\udc00":1}'),
    "reversed surrogates": with_argument('"\\ude00\\ud83d"'),
    "NUL": with_argument('"a\\u0000b"'),
    "raw control character": with_argument(b'"a\x01b"'),
    "duplicate key": with_argument('1,"text":2'),
    "duplicate key, escaped": with_argument('1,"\\u0074ext":2'),
    "duplicate method": b'{"method":"ping",' + call_body("echo", {})[1:],
    "33 deep": with_argument("[" * 33 + "]" * 33),
    "100000 deep": with_argument("[" * 100_000 + "]" * 100_000),
    "100000 objects deep": with_argument('{"a":' * 100_000 + "1" + "}" * 100_000),
    "100000 opened": with_argument("[" * 100_000),
    "1001 items": with_argument("[" + "0," * 1_000 + "0]"),
    "300000 objects": with_argument("[" + "{}," * 300_000 + "{}]"),
    "a megabyte of quotes": with_argument('"' * 500_000),
    "a megabyte of escapes": with_argument('"' + '\\"' * 500_000),
    "not UTF-8": with_argument(b'"\xff\xfe"'),
    "overlong UTF-8": with_argument(b'"\xc0\xaf"'),
    "UTF-16": call_body("echo", {}).decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + call_body("echo", {}),
}
NO_CALL: Final[dict[str, bytes]] = {
    "null": b"null",
    "number": b"1",
    "batch": b"[" + call_body("echo", {}) + b"]",
    "batch of 1000": b"[" + b",".join([call_body("echo", {})] * 1_000) + b"]",
    "no method": b'{"jsonrpc":"2.0","id":1}',
    "no version": b'{"id":1,"method":"tools/call","params":{"name":"echo"}}',
    "list of params": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo"]}',
    "arguments as list": call_body("echo", {}).replace(b"{}", b"[]"),
    "name as object": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{"a":1}}}',
    "unknown method": b'{"jsonrpc":"2.0","id":1,"method":"tools/wipe"}',
}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


# Without it the server closes while the body still comes in, and the kernel throws its answer away.
KEPT: Final = {"Connection": "keep-alive"}


async def assert_the_next_call_is_served(door: Door, desk: Desk) -> None:
    desk.calls.clear()
    answer = await door.call("echo", {"text": "fine"})
    assert answer.message["result"]["structuredContent"] == {"who": "worker-1", "text": "fine"}
    assert desk.calls == [(WORKER, "echo", {"text": "fine"})]


def assert_refused(answer: Answer, desk: Desk, *statuses: int) -> None:
    assert answer.status in statuses
    assert desk.calls == []
    assert len(answer.body) < 1_000
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("vector", UNREADABLE)
async def test_a_body_without_one_meaning_is_refused(door: Door, desk: Desk, vector: str) -> None:
    answer = await door.post(UNREADABLE[vector])
    assert_refused(answer, desk, 400)
    assert answer.message["error"]["code"] == -32700
    await assert_the_next_call_is_served(door, desk)


@pytest.mark.parametrize("vector", NO_CALL)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_readable_json_that_is_no_call_runs_nothing(
    door: Door, desk: Desk, vector: str, version: str
) -> None:
    answer = await door.post(NO_CALL[vector], {"MCP-Protocol-Version": version})
    assert answer.status < 500
    assert "error" in answer.message
    assert desk.calls == []
    await assert_the_next_call_is_served(door, desk)


@pytest.mark.parametrize("version", ["1900-01-01", "9999-99-99", "x" * 1_000, "2025-11-25, 2026-07-28"])
async def test_a_protocol_version_that_is_not_spoken_is_refused(door: Door, desk: Desk, version: str) -> None:
    assert_refused(await door.call("echo", {}, {"MCP-Protocol-Version": version}), desk, 400)
    await assert_the_next_call_is_served(door, desk)


async def test_a_body_over_the_limit_is_refused_by_its_declared_length(door: Door, desk: Desk) -> None:
    for length in (str(BODY_MAX + 1), str(5 * 1024 * 1024), "9" * 18):
        answer = await door.post(b"", {"Content-Length": length})
        assert_refused(answer, desk, 413)
    assert_refused(await door.post(b"", {"Content-Length": "9" * 5_000}), desk, 400, 413)
    await assert_the_next_call_is_served(door, desk)


async def test_a_body_that_grows_over_the_limit_undeclared_is_refused(door: Door, desk: Desk) -> None:
    chunk = b"%x\r\n" % (256 * 1024) + b" " * (256 * 1024) + b"\r\n"
    body = chunk * 20 + b"0\r\n\r\n"
    answer = await door.post(body, {"Content-Length": None, "Transfer-Encoding": "chunked", **KEPT})
    assert_refused(answer, desk, 413)
    await assert_the_next_call_is_served(door, desk)


async def test_a_body_at_the_limit_is_served(door: Door, desk: Desk) -> None:
    text = "x" * (BODY_MAX - len(with_argument('""')))
    answer = await door.post(with_argument(f'"{text}"'))
    assert answer.status == 200
    assert desk.calls == [(WORKER, "echo", {"text": text})]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", ""])
async def test_a_compressed_body_is_not_unpacked(door: Door, desk: Desk, encoding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000 + call_body("echo", {}))
    assert_refused(await door.post(bomb, {"Content-Encoding": encoding}), desk, 415)
    await assert_the_next_call_is_served(door, desk)


async def test_a_body_that_never_comes_is_not_waited_for(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_TIMEOUT_S", 0.05)
    assert_refused(await door.post(b'{"jsonrpc"', {"Content-Length": "5000"}), desk, 408)
    await assert_the_next_call_is_served(door, desk)


async def test_a_stop_does_not_wait_for_a_slow_body(desk: Desk) -> None:
    async with asyncio.TaskGroup() as tasks, serving(desk) as door:
        slow = tasks.create_task(door.post(b'{"jsonrpc"', {"Content-Length": "5000"}))
        await door.call("echo")
    assert slow.result().status == 503


async def test_a_client_that_hangs_up_within_its_body_leaves_no_trace(
    door: Door, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        head = door.head({"Content-Length": "5000"})
        writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + b'{"jsonrpc"')
        await writer.drain()
        writer.close()
    await assert_the_next_call_is_served(door, desk)
    assert caplog.text == ""


async def test_smuggled_requests_are_not_served(door: Door, desk: Desk) -> None:
    inner = f"POST /mcp HTTP/1.1\r\n{door.head()}\r\n".encode()
    both = {"Content-Length": "5", "Transfer-Encoding": "chunked"}
    answer = await door.post(b"0\r\n\r\n" + inner, both)
    assert answer.status in {400, 413}
    assert desk.calls == []
    await assert_the_next_call_is_served(door, desk)


@pytest.mark.parametrize("vector", ["NaN", "duplicate key", "lone surrogate", "NUL"])
async def test_canary_without_the_gate_the_sdk_takes_or_stumbles_over_these(desk: Desk, vector: str) -> None:
    async with serving(desk, Ungated) as door:
        legacy = await door.post(UNREADABLE[vector])
        head: dict[str, str | None] = {
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "echo",
        }
        call = json.loads(call_body("echo", {}))
        call["params"]["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        call["params"]["arguments"]["text"] = "@"
        argument = UNREADABLE[vector].partition(b'"text":')[2].removesuffix(b"}}}")
        modern = await door.post(json.dumps(call).encode().replace(b'"@"', argument), head)
    assert desk.calls, (legacy, modern)


# ---------------------------------------------------------------------- memory, in a process of its own


SERVER: Final = """
import asyncio, sys
from tests.attacks.door import Desk, Ungated, serving
from supervisor.transports.mcp.server import McpServer
async def main():
    async with serving(Desk(), Ungated if sys.argv[1] == "ungated" else McpServer) as door:
        print(door.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""


@asynccontextmanager
async def served_apart(kind: str) -> AsyncIterator[tuple[Door, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER,
        kind,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield Door((await process.stdout.readline()).decode().strip()), process.pid
    finally:
        process.stdin.close()
        await process.wait()


def memory_peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


async def growth(kind: str, vectors: list[bytes]) -> int:
    """Return by how much the server's peak of resident memory rises over these bodies."""
    async with served_apart(kind) as (door, pid):
        for _ in range(20):
            await door.call("echo", {"text": "warm"})
        await door.post(with_argument('"' + "x" * 100_000 + '"'))
        before = memory_peak(pid)
        for body in vectors:
            await door.post(body, KEPT if len(body) > BODY_MAX else None)
        return memory_peak(pid) - before


async def test_no_body_makes_the_server_grow() -> None:
    flood = with_argument('"' + "x" * 5_000_000 + '"')
    assert await growth("gated", [*UNREADABLE.values(), *NO_CALL.values(), flood]) < RSS_GROWTH_MAX


async def test_canary_without_the_gate_many_small_values_make_it_grow() -> None:
    assert await growth("ungated", [UNREADABLE["300000 objects"]]) > RSS_GROWTH_MAX


def test_every_vector_is_a_different_one() -> None:
    bodies: list[Any] = [*UNREADABLE.values(), *NO_CALL.values()]
    assert len(set(bodies)) == len(bodies)
