"""What only our engine is asked: how soon it sees a death, and how late a frozen screen makes it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pexpect

from benchmarks.keeper import disk_mib, kill
from benchmarks.nursery import Nursery
from benchmarks.own_keepers import FREE_AFTER_S, kept_for_good
from benchmarks.start import COLUMNS, FIRST_WORDS, ROWS
from benchmarks.table import Table, median, percentile
from benchmarks.team import PATIENCE_S, ROOT, SUPERVISOR, Team, environment, profile, running
from supervisor.model.event import Event
from supervisor.transports.control.client import ControlClient

AGENTS: Final = 50
FLOODERS: Final = 10
GAP_S: Final = 0.05
SETTLE_S: Final = 20.0
"""Until the engine has loaded all it loads, and none of that is within what its lag is counted over."""


def tables(nursery: Callable[[], Nursery], *, quick: bool) -> Iterator[Table]:
    """Measure how soon deaths are seen, idle and under a flood, and what a frozen screen changes."""
    deaths = 20 if quick else AGENTS
    yield _seen(nursery, deaths)
    yield _frozen(nursery, deaths, seconds=10.0 if quick else 60.0)


def _seen(nursery: Callable[[], Nursery], deaths: int) -> Table:
    heads = ("the engine", "death → event p50 ms", "p99 ms", "loop lag p99 ms", "logs MiB")
    table = Table("How soon a death is seen: from kill to the event on the control socket", heads)
    for label, flooders in (("50 idle agents", 0), (f"and {FLOODERS} that write without end", FLOODERS)):
        crew = _crew(nursery(), flooders)
        with running(crew.profile) as team:
            crew.nursery.until_started(AGENTS + flooders)
            time.sleep(SETTLE_S)
            times_ms, lag_ms = asyncio.run(_deaths(team, deaths))
            logs = disk_mib(team.project / ".supervisor" / "logs")
        crew.nursery.clear()
        table.add(label, median(times_ms), percentile(times_ms, 99), lag_ms, logs)
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crew:
    """Idle agents, and flooders beside them."""

    nursery: Nursery
    profile: str


def _crew(nursery: Nursery, flooders: int) -> _Crew:
    text = profile({"w": AGENTS}, nursery.argv("sleep"))
    if flooders:
        text += profile({"f": flooders}, nursery.argv("flood")).partition('on_done = "keep"\n')[2]
    return _Crew(nursery=nursery, profile=kept_for_good(text))


async def _deaths(team: Team, deaths: int) -> tuple[list[float], float]:
    """Kill agents one by one and return the ms until the feed told of each, and the engine's loop lag."""
    socket = Path(json.loads((team.project / ".supervisor" / "engine.json").read_text())["socket"])
    times_ms = []
    async with await ControlClient.connect(socket) as client:
        pids = await _pids(client, deaths)
        async with _feed(client) as feed:
            await anext(feed)
            for agent, pid in pids.items():
                killed_at = kill(pid)
                async for item in feed:
                    if isinstance(item, Event) and item.subject == agent and item.after.get("last_exit"):
                        times_ms.append((time.monotonic() - killed_at) * 1000)
                        break
                await asyncio.sleep(GAP_S)
        measured = await client.call("metrics")
    return times_ms, measured["engine"]["lag_p99_ms"]


async def _pids(client: ControlClient, count: int) -> dict[str, int]:
    tables = (await client.snapshot()).tables
    idle = [row for row in tables["agent"] if row["pool"] == "w" and row["pid"]]
    return {row["name"]: row["pid"] for row in idle[:count]}


@asynccontextmanager
async def _feed(client: ControlClient) -> AsyncIterator[AsyncIterator[Any]]:
    async with aclosing(client.feed()) as feed:
        yield feed


def _frozen(nursery: Callable[[], Nursery], deaths: int, *, seconds: float) -> Table:
    """Restart agents while a screen is attached whose terminal takes nothing, and after it was killed."""
    heads = ("meanwhile", "restarted p50 ms", "worst ms", "engine lag at worst ms")
    table = Table(f"Agents killed one by one over {seconds:.0f} s", heads)
    for label, screen in (("nobody looks", False), ("the screen's terminal is frozen, then killed", True)):
        crew = _crew(nursery(), 0)
        with running(crew.profile) as team:
            starts = crew.nursery.until_started(AGENTS)
            time.sleep(FREE_AFTER_S)
            view = _attached(team.project) if screen else None
            pids = [start.pid for start in starts[:deaths]]
            times_ms = _restarts(crew.nursery, pids, gap_s=seconds / deaths, view=view)
            worst_lag = asyncio.run(_lag(team))
        crew.nursery.clear()
        table.add(label, median(times_ms), max(times_ms), worst_lag)
    return table


def _attached(project: Path) -> pexpect.spawn[Any]:
    """Attach a screen, wait for its first frame, and never read again."""
    words = [*SUPERVISOR, "attach", "--project", str(project)]
    screen = pexpect.spawn(
        words[0],
        words[1:],
        dimensions=(ROWS, COLUMNS),
        env=environment(),
        timeout=PATIENCE_S,
        cwd=str(ROOT),
    )
    screen.expect_exact(FIRST_WORDS)
    return screen


def _restarts(
    nursery: Nursery, pids: list[int], *, gap_s: float, view: pexpect.spawn[Any] | None
) -> list[float]:
    times_ms = []
    for number, pid in enumerate(pids, start=1):
        if view is not None and number == len(pids):
            view.kill(signal.SIGKILL)
        killed_at = kill(pid)
        times_ms.append((nursery.until_started(AGENTS + number)[-1].at - killed_at) * 1000)
        time.sleep(gap_s)
    if view is not None:
        with suppress(OSError):
            view.close(force=True)
    return times_ms


async def _lag(team: Team) -> float:
    socket = Path(json.loads((team.project / ".supervisor" / "engine.json").read_text())["socket"])
    async with await ControlClient.connect(socket) as client:
        return float((await client.call("metrics"))["engine"]["lag_max_ms"])
