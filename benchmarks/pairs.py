"""Claim and complete, durable, beside queues that teams of agents could stand on."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks import servers
from benchmarks.contender import Outcome
from benchmarks.store import middle, times
from benchmarks.table import Table
from benchmarks.team import ROOT

CALLERS: Final = 50
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One queue: what it is, which module its client is, and the target that we set ourselves."""

    label: str
    client: str
    target: int


PEERS: Final = {
    "postgres": Peer(label="PostgreSQL, `SKIP LOCKED` by asyncpg, pool of 16", client="asyncpg", target=5),
    "redis": Peer(label="Redis in Tinytown's order, `appendfsync always`", client="redis", target=15),
    "huey": Peer(label="huey, SqliteStorage with fsync, 8 threads", client="huey", target=6),
    "litequeue": Peer(label="litequeue, synchronous FULL, 8 threads", client="litequeue", target=6),
    "persistqueue": Peer(label="persist-queue, SQLiteAckQueue, 8 threads", client="persistqueue", target=6),
}


def tables(rounds: int) -> Iterator[Table]:
    """Measure pairs a second of every queue that is installed, round by round."""
    pairs, repeats = (10_000, 3) if rounds > 3 else (1_000, 1)
    queues = ["ours", *(name for name in PEERS if not missing(name))]
    outcomes: dict[str, list[Outcome]] = {name: [] for name in queues}
    for _ in range(repeats):
        for name in queues:
            outcomes[name].append(_contend(name, pairs if name == "ours" else pairs // 2))
    table = Table(
        f"Claim and complete, durable, {CALLERS} callers",
        ("queue", "pairs/s", "pair p50 ms", "p99 ms", "ours is", "target"),
    )
    ours = middle(outcomes["ours"])
    table.add(
        "ours, with lease, token, unblocking and events", ours.per_second, ours.p50_ms, ours.p99_ms, "", ""
    )
    for name, peer in PEERS.items():
        if name in outcomes:
            found = middle(outcomes[name])
            ratio = times(ours.per_second / found.per_second)
            table.add(peer.label, found.per_second, found.p50_ms, found.p99_ms, ratio, f"{peer.target} times")
        else:
            table.add(peer.label, missing(name), "", "", "", f"{peer.target} times")
    yield table


def missing(name: str) -> str:
    """Say what of a peer is not installed; empty if all is."""
    if find_spec(PEERS[name].client) is None:
        return "client not installed"
    if (name == "postgres" and servers.postgres_programs() is None) or (
        name == "redis" and not servers.has_redis()
    ):
        return "server not installed"
    return ""


def _contend(name: str, pairs: int) -> Outcome:
    places: dict[str, AbstractContextManager[Path]] = {
        "postgres": servers.postgres(),
        "redis": servers.redis(),
    }
    with places.get(name, _directory()) as place:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.pair_peers", name, str(place), str(pairs), str(CALLERS)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            timeout=PATIENCE_S,
        )
    return Outcome(**json.loads(done.stdout))


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        yield Path(place)
