"""Asking an agent whether it is well: by a program of its tree, or by a URL on this machine.

Neither has a deadline of its own: whoever asks cancels when the time is over.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from supervisor.clock import Clock
from supervisor.model.escape import visible
from supervisor.model.team import StopLadder
from supervisor.runtime.spawn import Launch, SpawnFailed, spawn

SAID_MAX: Final = 200
"""How much of what a probe wrote is told."""

_HEAD_MAX: Final = 8192
_HOSTS: Final = {"127.0.0.1": ("127.0.0.1",), "localhost": ("127.0.0.1", "::1"), "::1": ("::1",)}
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?:[ \r\n]|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """Whether one try passed, and in words why not."""

    passed: bool
    detail: str = ""


def _failed(detail: str) -> ProbeResult:
    return ProbeResult(passed=False, detail=detail)


async def ask_program(launch: Launch, *, clock: Clock) -> ProbeResult:
    """Run a program, which passes by exiting with 0; what is left of it then, or when cancelled, is killed.

    `launch.within` should name the agent, so that the program ends with it at the latest.
    """
    said = bytearray()
    try:
        process = spawn(
            launch, on_output=lambda chunk: said.extend(chunk[: SAID_MAX - len(said)]), clock=clock
        )
    except SpawnFailed as failure:
        return _failed(failure.detail)
    try:
        ended = await process.wait()
    finally:
        await process.stop(StopLadder(), now=True)
    if ended.code == 0:
        return ProbeResult(passed=True)
    how = f"was killed by signal {ended.signal}" if ended.code is None else f"exited with code {ended.code}"
    words = visible(said.decode("utf-8", "replace").strip())
    return _failed(f"it {how}: {words}" if words else f"it {how}")


async def ask_url(url: str) -> ProbeResult:
    """Get a URL of this machine, which passes by answering 2xx.

    Only the status is read; no redirect is followed and no proxy asked.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        return _failed(f"{url} names no port that there can be")
    if parts.scheme != "http" or parts.hostname not in _HOSTS:
        return _failed(f"{url} is not on this machine")
    try:
        return await _get(parts, _HOSTS[parts.hostname], port)
    except OSError as problem:
        return _failed(f"port {port} cannot be reached: {problem.strerror or problem}")
    except ValueError:
        return _failed("what answered is no HTTP server")


async def _get(parts: SplitResult, hosts: tuple[str, ...], port: int) -> ProbeResult:
    reader, writer = await _connected(hosts, port)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: supervisor\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        await writer.drain()
        status = _STATUS.match(await reader.readline())
    finally:
        writer.transport.abort()
    if status is None:
        return _failed("what answered is no HTTP server")
    code = int(status[1])
    return ProbeResult(passed=True) if code // 100 == 2 else _failed(f"it answered {code}")


async def _connected(hosts: tuple[str, ...], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    *others, last = hosts
    for host in others:
        try:
            return await asyncio.open_connection(host, port, limit=_HEAD_MAX)
        except ConnectionRefusedError:
            continue
    return await asyncio.open_connection(last, port, limit=_HEAD_MAX)
