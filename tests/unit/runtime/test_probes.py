"""Probes against real programs and real sockets: what passes, what is left behind, what is not followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from supervisor.clock import SystemClock
from supervisor.model.team import StopLadder
from supervisor.runtime.probes import SAID_MAX, ProbeResult, ask_program, ask_url
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosTeam, chaos_argv, gone

PASSED = ProbeResult(passed=True)
AGENT = "worker-1#1"


@pytest.fixture
async def team() -> AsyncIterator[ChaosTeam]:
    async with ChaosTeam() as made:
        yield made


async def ask(team: ChaosTeam, *argv: str) -> ProbeResult:
    launch = replace(team.launch(*argv, agent=f"{AGENT}:probe-1"), within=AGENT)
    async with asyncio.timeout(20):
        return await ask_program(launch, clock=SystemClock())


# ---------------------------------------------------------------- programs


async def test_a_program_that_exits_with_0_passes(team: ChaosTeam) -> None:
    assert await ask(team, "/bin/sh", "-c", "exit 0") == PASSED


async def test_a_program_that_fails_is_told_with_what_it_said(team: ChaosTeam) -> None:
    found = await ask(team, "/bin/sh", "-c", "printf 'no \\033[31mdatabase\\n'; exit 3")
    assert found == ProbeResult(passed=False, detail="it exited with code 3: no \\x1b[31mdatabase")


async def test_a_program_that_is_killed_or_missing_fails(team: ChaosTeam) -> None:
    assert (await ask(team, "/bin/sh", "-c", "kill -9 $$")).detail == "it was killed by signal 9"
    assert "no program" in (await ask(team, "no-such-program")).detail


async def test_a_flood_of_words_is_not_kept(team: ChaosTeam) -> None:
    found = await ask(team, "/bin/sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x; exit 1")
    assert found.detail == "it exited with code 1: " + "x" * SAID_MAX


async def test_what_a_probe_leaves_behind_is_cleared_and_its_agent_is_not(team: ChaosTeam) -> None:
    agent = team.start("tree", agent=AGENT)
    pids = await agent.ready()
    assert not (await ask(team, *chaos_argv("tree-and-crash"))).passed
    left = {ref.pid for ref in marked(team.session)}
    assert left == set(pids)
    assert agent.process.exit is None


async def test_a_probe_that_hangs_is_killed_with_its_tree_when_its_time_is_over(team: ChaosTeam) -> None:
    launch = replace(team.launch(*chaos_argv("tree"), agent=f"{AGENT}:probe-1"), within=AGENT)
    asking = asyncio.create_task(ask_program(launch, clock=SystemClock()))
    async with asyncio.timeout(20):
        while len(marked(team.session)) < 6:
            await asyncio.sleep(0.01)
    pids = [ref.pid for ref in marked(team.session)]
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    assert await gone(*pids, within_s=0.0)


async def test_a_probe_is_of_its_agents_tree_and_goes_with_it(team: ChaosTeam) -> None:
    agent = team.start("idle", agent=AGENT)
    await agent.ready()
    launch = replace(team.launch(*chaos_argv("tree"), agent=f"{AGENT}:probe-1"), within=AGENT)
    asking = asyncio.create_task(ask_program(launch, clock=SystemClock()))
    async with asyncio.timeout(20):
        while len(marked(team.session, AGENT)) < 7:
            await asyncio.sleep(0.01)
    pids = [ref.pid for ref in marked(team.session)]
    end = await agent.process.stop(StopLadder(), now=True)
    assert end.empty
    assert await gone(*pids, within_s=0.0)
    assert not (await asking).passed


# ---------------------------------------------------------------- URLs

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: bytes | Handler, host: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve on a free port; give it with the requests that came."""
    asked: list[bytes] = []
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                if callable(answer):
                    await answer(reader, writer)
                else:
                    writer.write(answer)
                    await writer.drain()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(begin, host, 0) as server:
        yield server.sockets[0].getsockname()[1], asked
        for each in served:
            each.cancel()
        await asyncio.gather(*served, return_exceptions=True)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def get(url: str) -> ProbeResult:
    async with asyncio.timeout(20):
        return await ask_url(url)


async def test_a_url_that_answers_2xx_passes_and_is_asked_plainly() -> None:
    async with serving(OK) as (port, asked):
        assert await get(f"http://127.0.0.1:{port}/health?deep=1") == PASSED
    head, *_ = asked[0].split(b"\r\n")
    assert head == b"GET /health?deep=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}".encode() in asked[0]


@pytest.mark.parametrize("status", [100, 199, 301, 302, 307, 404, 500, 503])
async def test_any_other_answer_fails_and_a_redirect_is_not_followed(status: int) -> None:
    async with serving(OK) as (there, followed):
        answer = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:{there}/\r\n\r\n".encode()
        async with serving(answer) as (port, _):
            assert (await get(f"http://127.0.0.1:{port}")).detail == f"it answered {status}"
        assert followed == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"\xff" * 100_000,
        b"200 OK\n",
    ],
)
async def test_what_is_no_http_server_fails(answer: bytes) -> None:
    async with serving(answer) as (port, _):
        assert (await get(f"http://127.0.0.1:{port}/")).detail == "what answered is no HTTP server"


async def test_an_endless_answer_is_not_read() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving(endless) as (port, _):
        assert await get(f"http://127.0.0.1:{port}/") == PASSED


async def test_an_answer_in_drips_ends_with_the_time_it_is_given() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as (port, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask_url(f"http://127.0.0.1:{port}/")


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as (proxy, proxied), serving(OK) as (port, asked):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert await get(f"http://127.0.0.1:{port}/") == PASSED
    assert (len(asked), proxied) == (1, [])


async def test_localhost_is_this_machine_in_both_families_whatever_the_hosts_file_says() -> None:
    async with serving(OK, "127.0.0.1") as (port, _):
        assert await get(f"http://localhost:{port}/") == PASSED
    async with serving(OK, "::1") as (port, _):
        assert await get(f"http://localhost:{port}/") == PASSED
        assert await get(f"http://[::1]:{port}/") == PASSED


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/", "not on this machine"),
        ("http://127.0.0.1.example.com/", "not on this machine"),
        ("http://user@127.0.0.2/", "not on this machine"),
        ("https://127.0.0.1/", "not on this machine"),
        ("file:///etc/passwd", "not on this machine"),
        ("http://127.0.0.1:99999/", "names no port"),
    ],
)
async def test_no_other_machine_is_asked(url: str, words: str) -> None:
    assert words in (await get(url)).detail


async def test_a_closed_port_is_told() -> None:
    async with serving(OK) as (port, _):
        pass
    assert "cannot be reached" in (await get(f"http://127.0.0.1:{port}/")).detail
