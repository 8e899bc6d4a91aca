"""Durable messages over MCP, beside mcp_agent_mail: one sender, and eight at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks import agent_mail
from benchmarks.contender import Outcome, measured
from benchmarks.crew import BODY
from benchmarks.mail import name_of
from benchmarks.mcp_calls import Connection, Endpoint
from benchmarks.store import times
from benchmarks.table import Table
from benchmarks.team import running, sleepers

AGENTS: Final = 200
"""So many keys, used in turn, that no agent meets its limit of messages a minute."""

PEER_AGENTS: Final = 16
SENDERS: Final = {1: 30, 8: 500}
"""How many send at once, and how many times as fast we mean to be."""

Letter = Callable[[int], tuple[str, dict[str, Any]]]


def tables(rounds: int) -> Iterator[Table]:
    """Measure messages a second."""
    ours_messages, peer_messages = (4_000, 64) if rounds > 3 else (400, 16)
    table = Table(
        "Durable messages over MCP",
        ("server", "senders", "messages/s", "p50 ms", "p99 ms", "not sent", "ours is", "target"),
    )
    with running(sleepers(AGENTS)) as team:
        kits = team.kits(AGENTS)
        endpoints = [Endpoint(url=kit["url"], headers=kit["headers"], pid=team.pid) for kit in kits]
        names = asyncio.run(_names(endpoints))
        ours = {}
        for senders in SENDERS:
            ours[senders], refused = _sent(
                endpoints, senders, ours_messages, lambda number: _letter(names, number)
            )
            table.add("ours", senders, *_figures(ours[senders]), refused, "", "")
    if not agent_mail.python():
        table.add(f"mcp_agent_mail: {agent_mail.PYTHON} names no Python that has it", *[""] * 7)
        yield table
        return
    with agent_mail.running(PEER_AGENTS) as office:
        for senders, target in SENDERS.items():
            peer, refused = _sent([office.endpoint], senders, peer_messages, office.letter)
            ratio = times(ours[senders].per_second / peer.per_second)
            label = f"mcp_agent_mail {office.version}"
            table.add(label, senders, *_figures(peer), refused, ratio, f"{target} times")
    yield table


def _figures(outcome: Outcome) -> tuple[float, float, float]:
    return outcome.per_second, outcome.p50_ms, outcome.p99_ms


def _sent(endpoints: list[Endpoint], senders: int, messages: int, letter: Letter) -> tuple[Outcome, int]:
    """Let so many senders write in turn; return how fast, and how many messages were refused."""
    return asyncio.run(_send_all(endpoints, senders, messages, letter))


async def _send_all(
    endpoints: list[Endpoint], senders: int, messages: int, letter: Letter
) -> tuple[Outcome, int]:
    connections = [Connection(endpoints[number::senders] or endpoints) for number in range(senders)]
    left = [messages // senders] * senders
    refused = 0

    async def turn(sender: int) -> bool:
        nonlocal refused
        if not left[sender]:
            return False
        left[sender] -= 1
        tool, arguments = letter(left[sender] * senders + sender)
        try:
            await connections[sender].ask(tool, arguments)
        except (RuntimeError, TimeoutError):  # refused, or not answered within a minute
            refused += 1
            await connections[sender].close()
            connections[sender] = Connection(endpoints[sender::senders] or endpoints)
        return True

    outcome = await measured(senders, turn)
    for connection in connections:
        await connection.close()
    return outcome, refused


async def _names(endpoints: list[Endpoint]) -> list[str]:
    return [await name_of(endpoint) for endpoint in endpoints]


def _letter(names: list[str], number: int) -> tuple[str, dict[str, Any]]:
    to = random.Random(number).choice(names)  # else the same two would write to each other, and be stopped
    return "message_send", {"to": to, "body": BODY}
