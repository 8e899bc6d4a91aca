"""From a sender's call to the waiting agent's answer, with 200 agents that wait, and what waiting costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.crew import BODY
from benchmarks.mcp_calls import Connection, Endpoint
from benchmarks.memory import cpu_seconds
from benchmarks.table import Table, median, percentile
from benchmarks.team import running, sleepers

HOLD_S: Final = 45.0
PAUSE_S: Final = 0.02
"""Between two messages, so that each meets a team that waits."""

WATCH_S: Final = 20.0


class Listener:
    """One agent: it waits for mail, notes when it heard of it, reads and acks, and waits again."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Take the agent's key; nothing is called yet."""
        self._waiting = Connection([endpoint])
        self._acting = Connection([endpoint])
        self.heard_at = 0.0
        self.heard = asyncio.Event()
        self.listening = asyncio.Event()

    async def listen(self) -> None:
        """Wait for mail for ever."""
        while True:
            self.listening.set()
            answer = await self._waiting.ask("wait", {"for": ["mail"], "timeout_s": HOLD_S})
            if b"mail" not in answer:
                continue
            self.heard_at = time.perf_counter()
            self.listening.clear()
            body = await self._acting.ask("inbox", {})
            await self._acting.call("message_ack", {"ids": _ids(body)})
            self.heard.set()

    async def write(self, name: str) -> None:
        """Send one message."""
        await self._acting.call("message_send", {"to": name, "body": BODY})

    async def close(self) -> None:
        """Hang up."""
        await self._waiting.close()
        await self._acting.close()


def tables(rounds: int) -> Iterator[Table]:
    """Measure wake-ups, and what held calls cost while nothing happens."""
    agents, messages = (200, 400) if rounds > 3 else (20, 40)
    with running(sleepers(agents)) as team:
        kits = team.kits(agents)
        endpoints = [Endpoint(url=kit["url"], headers=kit["headers"], pid=team.pid) for kit in kits]
        times_ms, percent = asyncio.run(_measured(endpoints, messages))
    table = Table(f"{agents} agents that wait", ("what", "p50 ms", "p99 ms", "target"))
    table.add("sent → the waiting agent has it", median(times_ms), percentile(times_ms, 99), "p99 10")
    yield table
    idle = Table("While nothing happens", ("held calls", "engine CPU % of a core", "target"))
    idle.add(agents, percent, "1")
    yield idle


async def _measured(endpoints: list[Endpoint], messages: int) -> tuple[list[float], float]:
    listeners = [Listener(endpoint) for endpoint in endpoints]
    names = [await name_of(endpoint) for endpoint in endpoints]
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(listener.listen()) for listener in listeners]
        await asyncio.sleep(2 * PAUSE_S * len(listeners))
        times_ms = []
        for number in range(messages):
            sender, reader = listeners[number % len(listeners)], listeners[(number + 1) % len(listeners)]
            times_ms.append(await _woken_ms(sender, reader, names[(number + 1) % len(listeners)]))
        busy = cpu_seconds(endpoints[0].pid)
        await asyncio.sleep(WATCH_S)
        percent = (cpu_seconds(endpoints[0].pid) - busy) / WATCH_S * 100
        for each in held:
            each.cancel()
    for listener in listeners:
        await listener.close()
    return times_ms, percent


async def _woken_ms(sender: Listener, reader: Listener, name: str) -> float:
    """Send one message and return how long after the call began the waiting agent had its answer."""
    await reader.listening.wait()
    await asyncio.sleep(PAUSE_S)
    reader.heard.clear()
    begun = time.perf_counter()
    await sender.write(name)
    await reader.heard.wait()
    return (reader.heard_at - begun) * 1000


async def name_of(endpoint: Endpoint) -> str:
    """Ask who the owner of a key is."""
    connection = Connection([endpoint])
    found: str = _content(await connection.ask("whoami", {}))["name"]
    await connection.close()
    return found


def _ids(body: bytes) -> list[str]:
    return [message["id"] for message in _content(body)["messages"]]


def _content(body: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(body)["result"]["structuredContent"]
    return content
