"""The control socket from both ends: real Unix sockets, a scripted engine behind."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import (
    AlreadyAnswered,
    EngineError,
    EngineNotRunning,
    InvalidArgument,
    NotFound,
    PathTooLong,
    StateUnsafe,
    SupervisorError,
    TooLarge,
)
from supervisor.model.agent import AgentMetrics
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.world import EngineInfo, PoolInfo, Snapshot
from supervisor.transports.control import client as client_module
from supervisor.transports.control import protocol
from supervisor.transports.control import server as server_module
from supervisor.transports.control.client import LOST, ControlClient
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import Bye, Frame, Lagged, MetricsFrame
from supervisor.transports.control.server import ControlServer

ENGINE = EngineInfo(
    team="survey",
    description="",
    project="/project",
    mode=Mode.HEADLESS,
    pid=1,
    started_at=1.0,
    pools=(PoolInfo(name="worker", role="worker", size=2),),
    log_dir="/project/logs",
    report_dir="/project/reports",
)


def event(seq: int) -> Event:
    return Event(seq=seq, at=float(seq), run=1, kind="engine.noted", subject="x", actor="engine")


class ScriptedEngine:
    """Numbers events, answers a few verbs, and counts what was asked."""

    def __init__(self, *, backlog: int = 1_000) -> None:
        self.hub = FrameHub(backlog=backlog)
        self.version = 0
        self.snapshots = 0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.never = asyncio.Event()
        self.subscribed = asyncio.Event()

    def happen(self, count: int = 1) -> None:
        for _ in range(count):
            self.version += 1
            self.hub.publish(event(self.version))

    async def snapshot(self) -> Snapshot:
        self.snapshots += 1
        return Snapshot(version=self.version, at=0.0, run=1, engine=ENGINE, tables={})

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        self.asked.append((verb, args))
        match verb:
            case "hello":
                return {"protocol": 1}
            case "answer":
                raise AlreadyAnswered("answered by human at 12:00", by="human", at=(1, Path("/x")))
            case "down":
                await self.never.wait()
            case "send":
                return {"text": args["body"]}
            case "restart":
                raise RuntimeError("secret of the inside")
        raise NotFound(f"there is no verb {verb}")

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        return self._subscribe()

    @asynccontextmanager
    async def _subscribe(self) -> AsyncIterator[AsyncIterator[Frame]]:
        async with self.hub.subscribe() as frames:
            self.subscribed.set()
            yield frames


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def served(engine: ScriptedEngine, path: Path) -> AsyncIterator[ControlServer]:
    async with ControlServer(engine, path) as server:
        yield server


@pytest.fixture
async def client(served: ControlServer, path: Path) -> AsyncIterator[ControlClient]:
    async with await ControlClient.connect(path) as connected:
        yield connected


def mode_of(path: Path) -> int | None:
    return path.lstat().st_mode if path.exists() else None


def make_directory(path: Path) -> None:
    path.mkdir()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def raw(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Send raw bytes, hang up, and return every line that came back."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**24)
    writer.writelines(lines)
    writer.write_eof()
    answers = [json.loads(line) for line in (await asyncio.wait_for(reader.read(), 10)).splitlines()]
    writer.close()
    return answers


async def take(feed: AsyncIterator[Any], count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [await anext(feed) for _ in range(count)]


# ------------------------------------------------------------------------------------------ calls


async def test_a_call_brings_back_what_the_engine_said(client: ControlClient, engine: ScriptedEngine) -> None:
    assert await client.call("hello") == {"protocol": 1}
    assert await client.call("send", body="na\x00ïve"[3:]) == {"text": "ïve"}
    assert engine.asked == [("hello", {}), ("send", {"body": "ïve"})]


async def test_a_refusal_is_raised_as_its_own_class_with_its_details(client: ControlClient) -> None:
    with pytest.raises(AlreadyAnswered) as caught:
        await client.call("answer", approval_id="A1")
    assert caught.value.message == "answered by human at 12:00"
    assert caught.value.details == {"by": "human", "at": [1, "/x"]}
    with pytest.raises(NotFound):
        await client.call("dance")


async def test_a_failure_inside_the_engine_tells_nothing_of_the_inside(client: ControlClient) -> None:
    with pytest.raises(SupervisorError) as caught:
        await client.call("restart")
    assert caught.value.code == "error"
    assert "secret" not in str(caught.value)
    assert await client.call("hello") == {"protocol": 1}


async def test_a_snapshot_comes_back_as_the_value_it_was(
    client: ControlClient, engine: ScriptedEngine
) -> None:
    engine.happen(3)
    assert await client.snapshot() == Snapshot(version=3, at=0.0, run=1, engine=ENGINE, tables={})


async def test_calls_of_several_tasks_take_turns(client: ControlClient) -> None:
    answers = await asyncio.gather(*(client.call("send", body=str(number)) for number in range(20)))
    assert [answer["text"] for answer in answers] == [str(number) for number in range(20)]


async def test_the_late_answer_to_an_abandoned_call_is_not_taken_for_the_next_one(
    client: ControlClient, engine: ScriptedEngine
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.call("down")
    engine.never.set()
    assert await client.call("hello") == {"protocol": 1}


async def test_a_silent_engine_is_told_of_after_the_deadline(
    client: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CALL_TIMEOUT_S", 0.05)
    with pytest.raises(EngineError, match="did not answer `down`"):
        await client.call("down")


async def test_an_answer_over_the_line_limit_arrives_in_parts(
    client: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LINE_MAX", 1_000)
    text = '"\\ü\U0001f600' * 2_000
    assert await client.call("send", body=text) == {"text": text}
    assert await client.call("hello") == {"protocol": 1}


async def test_every_line_is_plain_ascii(client: ControlClient, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    body = json.dumps({"id": 1, "verb": "send", "args": {"body": "\x1b[2J\x9b\u202e\x7f"}})
    writer.write(body.encode() + b"\n")
    line = await reader.readline()
    writer.close()
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])


# ------------------------------------------------------------------------------------------- feed


async def test_the_feed_begins_with_a_snapshot_and_goes_on_with_every_frame(
    client: ControlClient, engine: ScriptedEngine
) -> None:
    engine.happen(5)
    async with aclosing(client.feed()) as feed:
        (snapshot,) = await take(feed, 1)
        engine.happen(2)
        metrics = MetricsFrame(at=1.5, agents=(AgentMetrics(name="worker-1", cpu_percent=12.5),))
        engine.hub.publish(metrics)
        assert snapshot.version == 5
        assert await take(feed, 3) == [event(6), event(7), metrics]


async def test_events_that_the_snapshot_already_holds_do_not_come_again(
    client: ControlClient, engine: ScriptedEngine
) -> None:
    async with aclosing(client.feed()) as feed:
        await take(feed, 1)
        engine.hub.publish(event(0))
        engine.happen()
        assert await take(feed, 1) == [event(1)]


async def test_a_gap_in_the_numbers_brings_a_new_snapshot(
    client: ControlClient, engine: ScriptedEngine
) -> None:
    async with aclosing(client.feed()) as feed:
        await take(feed, 1)
        engine.version = 7
        engine.hub.publish(event(7))
        (snapshot,) = await take(feed, 1)
        engine.happen()
        assert snapshot.version == 7
        assert await take(feed, 1) == [event(8)]


async def test_a_subscriber_that_fell_behind_gets_a_new_snapshot_and_misses_nothing(path: Path) -> None:
    engine = ScriptedEngine(backlog=10)
    async with (
        ControlServer(engine, path),
        await ControlClient.connect(path) as client,
        aclosing(client.feed()) as feed,
    ):
        await take(feed, 1)
        engine.happen(50)  # in one step of the loop: the server cannot pass any on in between
        (snapshot,) = await take(feed, 1)
        engine.happen()
        assert snapshot.version == 50
        assert await take(feed, 1) == [event(51)]


async def test_a_bye_ends_the_feed(client: ControlClient, engine: ScriptedEngine) -> None:
    async with aclosing(client.feed()) as feed:
        await take(feed, 1)
        engine.hub.publish(Bye(reason="run finished"))
        assert [item async for item in feed] == [Bye(reason="run finished")]


async def test_a_stopping_server_passes_the_engines_own_bye_on(engine: ScriptedEngine, path: Path) -> None:
    async with ControlServer(engine, path):
        client = await ControlClient.connect(path)
        feed = client.feed()
        await take(feed, 1)
        engine.hub.publish(Bye(reason="drained"))
    assert [item async for item in feed] == [Bye(reason="drained")]
    await client.close()


async def test_a_server_that_just_stops_says_bye_itself(engine: ScriptedEngine, path: Path) -> None:
    async with ControlServer(engine, path):
        client = await ControlClient.connect(path)
        feed = client.feed()
        await take(feed, 1)
    assert [item async for item in feed] == [Bye(reason="stopped")]
    await client.close()


async def test_a_connection_that_breaks_without_a_word_ends_the_feed_as_lost(path: Path) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with await asyncio.start_unix_server(break_off, str(path)):
        client = await ControlClient.connect(path)
        assert [item async for item in client.feed()] == [Bye(reason=LOST)]
        with pytest.raises(EngineNotRunning):
            await client.call("hello")
        await client.close()


async def test_two_feeds_of_one_client_are_independent(client: ControlClient, engine: ScriptedEngine) -> None:
    async with aclosing(client.feed()) as one, aclosing(client.feed()) as other:
        await take(one, 1)
        await take(other, 1)
        engine.happen()
        assert await take(one, 1) == await take(other, 1) == [event(1)]


async def test_a_client_that_reads_nothing_holds_up_nobody(
    client: ControlClient, engine: ScriptedEngine, path: Path
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b'{"id":1,"verb":"subscribe"}\n')
    await reader.readline()
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    async with aclosing(client.feed()) as feed:
        await take(feed, 1)
        for _ in range(200):
            engine.happen(50)
            await take(feed, 50)
        assert engine.version == 10_000
        assert await client.call("hello") == {"protocol": 1}
    writer.close()


async def test_a_client_that_reads_nothing_is_cut_off_after_the_deadline(
    engine: ScriptedEngine, served: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "DRAIN_TIMEOUT_S", 0.05)
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(str(path))
    connected.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, b'{"id":1,"verb":"subscribe"}\n')
    await engine.subscribed.wait()
    async with asyncio.timeout(10):
        while served._connections:
            engine.happen(100)
            await asyncio.sleep(0)
    connected.close()


# ----------------------------------------------------------------------------- what is no request


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"[]\n",
        b"null\n",
        b'{"id":"1","verb":"hello"}\n',
        b'{"id":true,"verb":"hello"}\n',
        b'{"verb":"hello"}\n',
        b'{"id":1}\n',
        b'{"id":1,"verb":2}\n',
        b'{"id":1,"verb":"hello","args":[]}\n',
        b'{"id":1,"verb":"hello","actor":"human"}\n',
        b'{"id":1,"verb":"hello","verb":"down"}\n',
        b'{"id":NaN,"verb":"hello"}\n',
        b'{"id":1,"verb":"snapshot","args":{"x":1}}\n',
        b"\xff\xfe\n",
        b"[" * 33 + b"\n",
    ],
    ids=lambda line: repr(line[:30]),
)
async def test_what_is_no_request_is_refused_and_the_next_one_is_served(
    served: ControlServer, engine: ScriptedEngine, path: Path, line: bytes
) -> None:
    refused, answered = await raw(path, line, b'{"id":2,"verb":"hello"}\n')
    assert refused["ok"] is False
    assert refused["error"]["code"] == InvalidArgument.code
    assert answered == {"id": 2, "ok": True, "data": {"protocol": 1}}
    assert engine.asked == [("hello", {})]


async def test_a_line_without_end_is_refused_and_the_connection_closed(
    served: ControlServer, path: Path
) -> None:
    (refused,) = await raw(path, b"x" * (protocol.REQUEST_MAX + 10))
    assert refused["error"]["code"] == TooLarge.code
    (unended,) = await raw(path, b'{"id":1,"verb":"hello"}')
    assert unended["error"]["code"] == InvalidArgument.code


async def test_too_many_connections_are_refused_with_a_reason(
    served: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 1)
    async with await ControlClient.connect(path) as client:
        assert await client.call("hello") == {"protocol": 1}
        (refused,) = await raw(path)
        assert refused["error"]["code"] == "too_many"


# -------------------------------------------------------------------------------------- the socket


async def test_the_socket_is_for_its_owner_only_and_goes_with_the_server(
    engine: ScriptedEngine, path: Path
) -> None:
    async with ControlServer(engine, path):
        assert mode_of(path) == stat.S_IFSOCK | 0o600
    assert mode_of(path) is None
    with pytest.raises(EngineNotRunning):
        await ControlClient.connect(path)


async def test_the_socket_that_a_killed_engine_left_is_replaced(engine: ScriptedEngine, path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with pytest.raises(EngineNotRunning):
        await ControlClient.connect(path)
    async with ControlServer(engine, path), await ControlClient.connect(path) as client:
        assert await client.call("hello") == {"protocol": 1}


async def test_what_else_is_in_the_way_is_left_alone(engine: ScriptedEngine, path: Path) -> None:
    make_directory(path)
    with pytest.raises(StateUnsafe):
        async with ControlServer(engine, path):
            pass
    assert stat.S_ISDIR(mode_of(path) or 0)


async def test_a_path_over_107_bytes_is_refused_with_a_way_out(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    with pytest.raises(PathTooLong, match="XDG_RUNTIME_DIR"):
        async with ControlServer(engine, tmp_path / ("x" * 108)):
            pass


async def test_another_users_process_is_refused_from_both_ends(
    served: ControlServer, engine: ScriptedEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "is_own_user", lambda _: False)
    with pytest.raises(ConnectionResetError):
        await raw(path, b'{"id":1,"verb":"hello"}\n')
    assert engine.asked == []
    monkeypatch.setattr(client_module, "is_own_user", lambda _: False)
    with pytest.raises(StateUnsafe, match="nothing was sent"):
        await ControlClient.connect(path)


async def test_an_error_in_the_body_passes_the_server_as_it_is(engine: ScriptedEngine, path: Path) -> None:
    with pytest.raises(NotFound):
        async with ControlServer(engine, path):
            raise NotFound
    assert mode_of(path) is None


async def test_no_descriptor_is_left_behind(engine: ScriptedEngine, path: Path) -> None:
    before = open_descriptors()
    async with ControlServer(engine, path):
        for _ in range(20):
            async with await ControlClient.connect(path) as client:
                await client.call("hello")
    await asyncio.sleep(0)
    assert open_descriptors() <= before


async def test_a_feed_that_fails_inside_costs_its_own_connection_only(
    client: ControlClient,
    engine: ScriptedEngine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        raise RuntimeError("inside")

    monkeypatch.setattr(engine, "subscribe", fail)
    assert [item async for item in client.feed()] == [Bye(reason=LOST)]
    assert "a control connection failed" in caplog.text
    assert await client.call("hello") == {"protocol": 1}


async def test_a_cancelled_server_cleans_up_like_any_other(engine: ScriptedEngine, path: Path) -> None:
    opened = asyncio.Event()

    async def serve() -> None:
        async with ControlServer(engine, path):
            opened.set()
            await engine.never.wait()

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        await opened.wait()
        client = await ControlClient.connect(path)
        feed = client.feed()
        await take(feed, 1)
        serving.cancel()
    assert [item async for item in feed] == [Bye(reason="stopped")]
    assert mode_of(path) is None
    await client.close()


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b"\xff\n", b"x" * (protocol.LINE_MAX + 2)], ids=len)
async def test_an_engine_that_speaks_otherwise_is_told_of(path: Path, line: bytes) -> None:
    hung_up = asyncio.Event()

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(line)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_unix_server(babble, str(path)):
        async with await ControlClient.connect(path) as client:
            with pytest.raises(SupervisorError, match="the engine sent"):
                await client.call("hello")
        await hung_up.wait()


# ----------------------------------------------------------------------------------------- the hub


async def test_a_hub_cuts_only_the_subscriber_that_fell_behind() -> None:
    hub = FrameHub(backlog=2)
    async with hub.subscribe() as slow, hub.subscribe() as quick:
        for number in range(1, 4):
            hub.publish(event(number))
            assert await anext(quick) == event(number)
        assert [frame async for frame in slow] == [Lagged()]
        hub.publish(event(4))
        assert await anext(quick) == event(4)


async def test_a_closed_hub_says_bye_to_whoever_still_comes() -> None:
    hub = FrameHub()
    hub.publish(Bye(reason="over"))
    async with hub.subscribe() as frames:
        assert [frame async for frame in frames] == [Bye(reason="over")]


def test_events_keep_every_field_on_the_wire() -> None:
    whole = replace(event(3), after={"id": "T1"}, reason="r", hash="h")
    assert protocol.parse_frame(json.loads(protocol.frame_line(whole))) == whole
    with pytest.raises(InvalidArgument):
        protocol.parse_frame({"frame": "gossip", "data": {}})
