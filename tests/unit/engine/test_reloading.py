"""The profile is read again while the team runs: a real database, paper processes, a real profile file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.adapter import Adapter
from supervisor.config.profile import load_profile
from supervisor.engine.reloading import Reloaded, Reloading, answer_of
from supervisor.errors import ConfigError, ProfileInvalid, WrongState
from supervisor.model.team import TeamSpec
from supervisor.supervision.child_spec import children_of, pools_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import SmallTeam, small_team

POOL = '[[pools]]\nname = "{name}"\nrole = "{role}"\ncommand = ["/bin/true", "{word}"]\n{more}'


def pool(name: str, role: str = "worker", *, word: str = "a", **more: Any) -> str:
    return POOL.format(name=name, role=role, word=word, more="".join(f"{k} = {v}\n" for k, v in more.items()))


BEFORE = (pool("boss", "planner"), pool("hand", size=2))


def write(path: Path, *pools: str, top: str = "") -> None:
    path.write_text(f'name = "t"\ndescription = "d"\n{top}' + "".join(pools))


@dataclass
class Bench:
    profile: Path
    team: SmallTeam
    launcher: PaperLauncher
    supervisor: Supervisor
    reloading: Reloading
    told: list[TeamSpec] = field(default_factory=list)
    stopping: bool = False

    async def passed(self) -> None:
        for _ in range(5):
            await self.team.clock.advance(0.1)

    def alive(self) -> list[str]:
        return sorted(name for name in self.launcher.processes if self.launcher.last(name).alive)


@asynccontextmanager
async def at_work(directory: Path) -> AsyncIterator[Bench]:
    profile, clock = directory / "t.toml", VirtualClock()
    write(profile, *BEFORE)
    plan = load_profile(str(profile))
    changes = {name: getattr(plan, name) for name in ("name", "pools", "source", "digest")}
    async with small_team(directory, clock=clock, **changes) as team:
        launcher = PaperLauncher()
        supervisor = Supervisor(
            children_of(plan), launcher, ChangeLog(), clock, random.Random(1), pools=pools_of(plan)
        )
        told: list[TeamSpec] = []
        bench: Bench

        def take(plan: TeamSpec, _adapters: Mapping[str, Adapter]) -> None:
            told.append(plan)

        reloading = Reloading(
            team.coordinator,
            supervisor,
            project=directory,
            on_new_plan=take,
            stopping=lambda: bench.stopping,
        )
        bench = Bench(profile, team, launcher, supervisor, reloading, told)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            await bench.passed()
            yield bench
            await supervisor.stop(now=True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with at_work(tmp_path) as bench:
        yield bench


async def test_the_same_profile_changes_nothing(bench: Bench) -> None:
    seen = bench.team.store.last_seq
    assert await bench.reloading.reload() == Reloaded()
    assert (bench.team.store.last_seq, bench.told) == (seen, [])


async def test_only_whose_pool_is_another_is_started_anew(bench: Bench) -> None:
    boss = bench.launcher.last("boss")
    write(bench.profile, BEFORE[0], pool("hand", word="b", size=3), pool("judge", "judge"))
    done = await bench.reloading.reload()
    assert done == Reloaded(started=("hand-3", "judge"), restarted=("hand-1", "hand-2"), changed=True)
    await bench.passed()
    assert bench.alive() == ["boss", "hand-1", "hand-2", "hand-3", "judge"]
    assert bench.launcher.last("boss") is boss
    assert [bench.launcher.starts(name) for name in ("boss", "hand-1", "hand-3")] == [1, 2, 1]
    run = (await bench.team.events())[-1]
    assert (run.kind, run.after["digest"]) == ("run.reloaded", bench.team.coordinator.team.digest)
    assert bench.told == [bench.team.coordinator.team]
    assert "judge" in {agent.name for agent in await bench.team.do(lambda scope: scope.agents())}


async def test_who_is_no_more_in_it_ends_and_is_known_till_then(bench: Bench) -> None:
    write(bench.profile, BEFORE[0], pool("hand"))
    done = await bench.reloading.reload()
    assert set(done.stopped) == {"hand-1", "hand-2"}
    assert bench.team.coordinator.team.pool_of("hand-2").size == 2
    await bench.passed()
    assert bench.alive() == ["boss", "hand"]


@pytest.mark.parametrize(
    ("top", "pools", "error", "words"),
    [
        ("[run]\nlease_s = 5\n", BEFORE, ProfileInvalid, "cannot become this while it runs"),
        ("", (BEFORE[0], "what is this"), ConfigError, "t.toml"),
        ("", (BEFORE[0], BEFORE[1].replace("/bin/true", "/no/such")), ConfigError, "/no/such"),
        ("", (BEFORE[0], BEFORE[1] + 'adapter = "nosuch"\n'), ConfigError, "nosuch"),
    ],
)
async def test_what_cannot_be_followed_changes_nothing(
    bench: Bench, top: str, pools: tuple[str, ...], error: type[Exception], words: str
) -> None:
    seen, plan = bench.team.store.last_seq, bench.team.coordinator.team
    write(bench.profile, *pools, top=top)
    with pytest.raises(error) as refused:
        await bench.reloading.reload()
    assert words in str(refused.value) + str(getattr(refused.value, "problems", ""))
    assert (bench.team.store.last_seq, bench.team.coordinator.team, bench.told) == (seen, plan, [])


async def test_a_team_that_stops_is_left_alone(bench: Bench) -> None:
    bench.stopping = True
    with pytest.raises(WrongState):
        await bench.reloading.reload()


async def test_a_signal_reloads_and_a_refusal_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()
    keeping = asyncio.get_running_loop().create_task(bench.reloading.keep(asked))
    write(bench.profile, *BEFORE, top="[run]\nlease_s = 5\n")
    asked.set()
    await until(lambda: "lease_s is another" in caplog.text)
    write(bench.profile, BEFORE[0], pool("hand", word="b", size=2))
    asked.set()
    await until(lambda: bool(bench.told))
    keeping.cancel()


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Reloaded(), "the profile is what it was"),
        (Reloaded(changed=True), "nobody has to be started anew for it"),
        (
            Reloaded(changed=True, started=("a",), stopped=("b", "c"), restarted=("d",)),
            "a are new; b, c are no more part of it; d are started anew",
        ),
    ],
)
def test_what_was_done_is_said_in_a_line(done: Reloaded, words: str) -> None:
    assert answer_of(done)["words"] == words
