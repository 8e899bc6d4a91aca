"""What held calls cost while nothing happens: processor time of the engine and how often it wakes up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.memory import cpu_seconds
from benchmarks.table import Table
from benchmarks.team import running, sleepers

AGENTS: Final = 20
EACH: Final = 25
SETTLE_S: Final = 5.0
WATCH_S: Final = 30.0


def tables(_rounds: int) -> Iterator[Table]:
    """Watch the engine with nobody waiting, with 500 waits held, and with 500 that are told progress."""
    table = Table("Held waits", ("held", "told progress", "engine CPU % of a core", "wake-ups/s"))
    with running(sleepers(AGENTS)) as team:
        kits = team.kits(AGENTS)
        for held, progress in ((0, False), (AGENTS * EACH, False), (AGENTS * EACH, True)):
            time.sleep(SETTLE_S)
            waiting = kits * (held // AGENTS)
            table.add(
                held,
                "every 5 s" if progress else "no",
                *asyncio.run(_cost(waiting, team.pid, progress=progress)),
            )
    yield table


async def _cost(kits: list[dict[str, Any]], pid: int, *, progress: bool) -> tuple[float, float]:
    """Hold one wait for each kit; return the engine's share of a core and its wake-ups a second."""
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(_hold(kit, progress=progress)) for kit in kits]
        await asyncio.sleep(SETTLE_S)
        busy, woken, begun = cpu_seconds(pid), wake_ups(pid), time.perf_counter()
        await asyncio.sleep(WATCH_S)
        seconds = time.perf_counter() - begun
        cost = (cpu_seconds(pid) - busy) / seconds * 100, (wake_ups(pid) - woken) / seconds
        if early := [each for each in held if each.done()]:
            raise RuntimeError(f"{len(early)} of {len(held)} waits came back: {early[0].result()[:500]!r}")
        for each in held:
            each.cancel()
    return cost


async def _hold(kit: dict[str, Any], *, progress: bool) -> bytes:
    params: dict[str, Any] = {"name": "wait", "arguments": {"for": ["mail"]}}
    if progress:
        params["_meta"] = {"progressToken": "p"}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    address = urlsplit(kit["url"])
    headers = {
        "Host": address.netloc,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **kit["headers"],
    }
    head = f"POST {address.path} HTTP/1.1\r\n" + "".join(
        f"{key}: {value}\r\n" for key, value in headers.items()
    )
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(head.encode() + b"\r\n" + body)
        return await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def wake_ups(pid: int) -> int:
    """Return how often the main thread of a process has been woken up."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} tells no context switches")
