"""Keeping processes alive: ours beside supervisord, circus and pm2, the same children, the same run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks import engine_trials
from benchmarks.keeper import Keeper, Kept, Order, cpu_percent, disk_mib, kill, kill_all, pss_mib
from benchmarks.nursery import Missing, Nursery, child_program
from benchmarks.own_keepers import Alone, Engine
from benchmarks.peers import installed
from benchmarks.table import Table, median, percentile

COPIES: Final = 50
CHATTY: Final = 200
FLOODERS: Final = 10
TREE: Final = 6
BACK_S: Final = 20.0
STOP_S: Final = 20.0
QUICK_ROUNDS: Final = 3


def tables(rounds: int) -> Iterator[Table]:
    """Measure every keeper: starting, restarting, weight, output, stopping, and its own death."""
    quick = rounds <= QUICK_ROUNDS
    with installed() as peers, tempfile.TemporaryDirectory(prefix="nursery-") as place:
        field = Field(Path(place), [Engine(), Alone(), *peers], quick=quick)
        yield field.starting()
        yield field.returning()
        yield field.resting()
        yield field.talking()
        yield field.flooding()
        yield field.stopping()
        yield field.dying()
        yield from engine_trials.tables(field.nursery, quick=quick)


class Field:
    """The keepers, and the children that each is given in its turn."""

    def __init__(self, place: Path, keepers: list[Keeper], *, quick: bool) -> None:
        """Measure these in `place`; `quick` takes one look instead of three."""
        self._place = place
        self._keepers = keepers
        self._program = child_program(place)
        self._quick = quick
        self._rounds = 1 if quick else 3

    def nursery(self) -> Nursery:
        """Return an empty nursery in a directory of its own."""
        return Nursery(Path(tempfile.mkdtemp(dir=self._place)), self._program)

    @contextmanager
    def kept(self, keeper: Keeper, copies: int, mode: str, *more: object) -> Iterator[tuple[Kept, Nursery]]:
        """Have a keeper keep so many children of a mode; nothing of either is left afterwards."""
        nursery = self.nursery()
        order = Order(argv=nursery.argv(mode, *more), copies=copies, directory=nursery.directory)
        try:
            with keeper.keep(order) as kept:
                yield kept, nursery
        finally:
            nursery.clear()
            shutil.rmtree(nursery.directory, ignore_errors=True)

    def starting(self) -> Table:
        """Time it from the order to the last child's first instruction."""
        counts = (50, 200) if self._quick else (50, 200, 1000)
        table = Table(
            "Starting", ("keeper", *(f"{count}: s" for count in counts), "of that, first to last s")
        )
        for keeper in self._keepers:
            took = [self._start_of(keeper, count) for count in counts if count <= keeper.most]
            cells = [f"{whole:.2f}" for whole, _ in took] + ["-"] * (len(counts) - len(took))
            table.add(keeper.name, *cells, " / ".join(f"{spread:.2f}" for _, spread in took))
        return table

    def _start_of(self, keeper: Keeper, count: int) -> tuple[float, float]:
        looks = []
        for _ in range(self._rounds):
            with self.kept(keeper, count, "sleep") as (kept, nursery):
                starts = nursery.until_started(count)
                last = max(start.at for start in starts)
                looks.append((last - kept.ordered_at, last - min(start.at for start in starts)))
        return sorted(looks)[len(looks) // 2]

    def returning(self) -> Table:
        """Time it from a death to the successor's first instruction: one at a time, and all at once."""
        heads = ("keeper", "one killed: p50 ms", "p99 ms", f"{COPIES} killed at once: last back ms")
        table = Table("Coming back from SIGKILL", heads)
        for keeper in self._keepers:
            singles, together = self._singles(keeper), self._together(keeper)
            told = f"{1000 * together:,.0f}" if together is not None else f"not in {BACK_S:.0f} s"
            table.add(keeper.name, 1000 * median(singles), 1000 * percentile(singles, 99), told)
        return table

    def _singles(self, keeper: Keeper) -> list[float]:
        """Kill each child once, one after the other."""
        took = []
        with self.kept(keeper, COPIES, "sleep") as (_kept, nursery):
            starts = nursery.until_started(COPIES)
            time.sleep(keeper.settle_s)
            for number, child in enumerate(starts[: 20 if self._quick else COPIES], start=1):
                killed_at = kill(child.pid)
                took.append(nursery.until_started(COPIES + number)[-1].at - killed_at)
                time.sleep(0.02)
        return took

    def _together(self, keeper: Keeper) -> float | None:
        looks = []
        for _ in range(self._rounds):
            with self.kept(keeper, COPIES, "sleep") as (_kept, nursery):
                starts = nursery.until_started(COPIES)
                time.sleep(keeper.settle_s)
                killed_at = kill_all([start.pid for start in starts])
                try:
                    looks.append(nursery.until_started(2 * COPIES, patience_s=BACK_S)[-1].at - killed_at)
                except Missing:
                    return None
        return median(looks)

    def resting(self) -> Table:
        """Weigh and watch each keeper while its children sleep."""
        table = Table(f"{COPIES} idle children", ("keeper", "PSS MiB", "beside it MiB", "CPU % of a core"))
        for keeper in self._keepers:
            with self.kept(keeper, COPIES, "sleep") as (kept, nursery):
                nursery.until_started(COPIES)
                time.sleep(8)
                percent = cpu_percent(kept.pids, seconds=10 if self._quick else 30)
                own, *beside = kept.pids
                table.add(keeper.name, pss_mib([own]), pss_mib(beside), percent)
        return table

    def talking(self) -> Table:
        """Measure what it costs to take and keep 10,000 lines a second."""
        heads = ("keeper", "CPU % of a core", "PSS MiB")
        table = Table(f"{COPIES} children with {CHATTY} lines of 100 bytes a second each", heads)
        for keeper in self._keepers:
            with self.kept(keeper, COPIES, "lines", CHATTY) as (kept, nursery):
                nursery.until_started(COPIES)
                time.sleep(5)
                percent = cpu_percent(kept.pids, seconds=8 if self._quick else 20)
                table.add(keeper.name, percent, pss_mib(kept.pids))
        return table

    def flooding(self) -> Table:
        """Let ten children write as fast as they are read."""
        seconds = 7
        heads = ("keeper", "CPU % of a core", "PSS MiB before", "grown by MiB", "disk MiB")
        table = Table(f"{FLOODERS} children that write without end, after {seconds} s", heads)
        for keeper in self._keepers:
            before = self._weight(keeper)
            with self.kept(keeper, FLOODERS, "flood") as (kept, nursery):
                nursery.until_started(FLOODERS)
                percent = cpu_percent(kept.pids, seconds=seconds)
                grown = pss_mib(kept.pids) - before
                table.add(keeper.name, percent, before, grown, disk_mib(nursery.directory))
        return table

    def _weight(self, keeper: Keeper) -> float:
        with self.kept(keeper, FLOODERS, "sleep") as (kept, nursery):
            nursery.until_started(FLOODERS)
            time.sleep(5)
            return pss_mib(kept.pids)

    def stopping(self) -> Table:
        """Count who is left of 50 trees of six when the keeper says that all is stopped."""
        heads = (
            "keeper",
            f"left of {COPIES * TREE}",
            "the last one gone after s",
            "its command back after s",
        )
        table = Table(
            "Stopping trees with members in the group, in own sessions, daemons, and deaf ones", heads
        )
        for keeper in self._keepers:
            with self.kept(keeper, COPIES, "tree") as (kept, nursery):
                nursery.until_started(COPIES * TREE)
                time.sleep(3)
                gone_s, back_s = _stopped(kept, nursery)
                left = len(nursery.alive())
                told = f"{gone_s:.2f}" if not left else f"never in {gone_s:.0f}"
                table.add(keeper.name, left, told, back_s)
        return table

    def dying(self) -> Table:
        """Kill each keeper and start it again: who of its children is left, and how many run then."""
        heads = (
            "keeper",
            "left after 1 s",
            "gone after ms",
            "after its restart: running",
            "all back after s",
        )
        table = Table(f"SIGKILL of the keeper of {COPIES} silent children", heads)
        for keeper in self._keepers:
            with self.kept(keeper, COPIES, "sleep") as (kept, nursery):
                nursery.until_started(COPIES)
                time.sleep(3)
                kill(kept.pids[0])
                gone_s = nursery.until_gone(patience_s=1)
                left = len(nursery.alive())
                order = Order(argv=nursery.argv("sleep"), copies=COPIES, directory=nursery.directory)
                with keeper.begin_again(order) as again:
                    last = nursery.until_started(2 * COPIES)[-1].at
                    time.sleep(3)
                    gone = f"{1000 * gone_s:,.0f}" if not left else "never"
                    table.add(keeper.name, left, gone, len(nursery.alive()), last - again.ordered_at)
        return table


def _stopped(kept: Kept, nursery: Nursery) -> tuple[float, float]:
    """Stop a keeper; return when its last child was gone, or how long was waited, and when it was back."""
    begun = time.monotonic()

    def stop() -> float:
        kept.stop()
        return time.monotonic()

    with ThreadPoolExecutor(1) as beside:
        back_at = beside.submit(stop)
        gone_s = nursery.until_gone(patience_s=STOP_S, look_s=0.02)
        return gone_s, back_at.result() - begun
