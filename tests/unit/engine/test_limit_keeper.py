"""Agents that use more than they may: ended or told of, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from supervisor.engine.confinements import Confinements
from supervisor.engine.limit_keeper import EXCEEDED, LimitKeeper
from supervisor.engine.vitals import Vital, Vitals
from supervisor.errors import NotFound
from supervisor.model.agent import ExitClass, MachineMetrics
from supervisor.model.health import ProcessLimits
from supervisor.runtime.close_look import CloseLook
from supervisor.runtime.trees import TreeUse
from supervisor.supervision.notices import Condemned
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

MIB = 1 << 20
LIMITS = ProcessLimits(mem_high_mib=100, mem_max_mib=200, pids=10)
POOLS = tuple(
    replace(pool, limits=LIMITS if pool.name == "worker" else ProcessLimits()) for pool in SMALL_TEAM.pools
)


@dataclass
class Bench:
    """Keeps who was condemned; can forget an agent."""

    condemned: list[tuple[str, Condemned]] = field(default_factory=list)
    left: bool = False

    def condemn(self, agent: str, condemned: Condemned) -> None:
        if self.left:
            raise NotFound(agent)
        self.condemned.append((agent, condemned))


class Kernel(Confinements):
    """Confinements of a machine whose kernel counts some things itself."""

    def __init__(self, *counts: str) -> None:
        super().__init__(SMALL_TEAM, "s")
        self.counts = counts

    def is_counted_by_kernel(self, pool: object, controller: str) -> bool:
        return controller in self.counts


@dataclass
class Stage:
    team: SmallTeam
    bench: Bench
    vitals: Vitals
    numbers: dict[str, int]
    written: asyncio.Event = field(default_factory=asyncio.Event)

    def sample(self, agent: str = "worker-1", *, mib: int = 1, processes: int = 1) -> None:
        use = TreeUse(rss_bytes=mib * MIB, processes=processes)
        self.vitals.note({agent: Vital(at=1.0, leader=7, use=use, close=CloseLook())}, MachineMetrics())

    async def told(self) -> list[tuple[str, str]]:
        async with asyncio.timeout(10):
            await self.written.wait()
        events = await self.team.events()
        return [(event.subject, event.reason) for event in events if event.kind == EXCEEDED]


@asynccontextmanager
async def stage(directory: Path, *counts: str) -> AsyncIterator[Stage]:
    async with small_team(directory, pools=POOLS) as team:
        vitals, bench, numbers = Vitals(lambda _: "worker"), Bench(), {"worker-1": 3, "solo": 1}
        keeper = LimitKeeper(
            team.coordinator,
            team.clock,
            judge=bench,
            vitals=vitals,
            confinements=Kernel(*counts),
            incarnation_of=numbers.get,
        )
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.keep())
            at = Stage(team, bench, vitals, numbers)
            team.store.listen(
                lambda events: at.written.set() if EXCEEDED in {each.kind for each in events} else None
            )
            yield at
            keeping.cancel()


async def test_a_tree_over_its_memory_is_condemned_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.sample(mib=200)
        assert at.bench.condemned == []
        at.sample(mib=201)
        at.sample(mib=300)
        ((agent, condemned),) = at.bench.condemned
        assert agent == "worker-1"
        assert (condemned.incarnation, condemned.cause) == (3, ExitClass.OOM)
        assert condemned.detail == "it uses 201 MiB of memory; mem_max_mib allows 200"


async def test_a_tree_of_too_many_processes_is_condemned(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.sample(processes=11)
        assert [each.detail for _, each in at.bench.condemned] == ["it uses 11 processes; pids allows 10"]


async def test_the_next_incarnation_is_judged_anew(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.sample(mib=300)
        at.numbers["worker-1"] = 4
        at.sample(mib=300)
        assert [each.incarnation for _, each in at.bench.condemned] == [3, 4]


async def test_people_are_told_once_of_a_soft_limit_and_the_hard_one_still_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.sample(mib=150)
        at.sample(mib=90)
        at.sample(mib=160)
        assert await at.told() == [("worker-1", "it uses 150 MiB of memory; mem_high_mib allows 100")]
        at.sample(mib=201)
        assert len(at.bench.condemned) == 1


async def test_what_the_kernel_holds_it_to_is_not_watched(tmp_path: Path) -> None:
    async with stage(tmp_path, "memory", "pids") as at:
        at.sample(mib=300, processes=100)
        assert at.bench.condemned == []
        assert len(await at.told()) == 1, "that it is slowed down is told all the same"


async def test_an_agent_without_limits_or_without_a_process_is_left_alone(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.sample("solo", mib=5000, processes=500)
        del at.numbers["worker-1"]
        at.sample("worker-1", mib=5000)
        assert at.bench.condemned == []


async def test_one_that_has_just_left_the_team_is_no_problem(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.bench.left = True
        at.sample(mib=300)
        assert at.bench.condemned == []
