"""Fitting out and watching incarnations: what is given back when a start fails, and when a watch does."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.kit import LaunchKit
from supervisor.clock import SystemClock
from supervisor.engine import readiness_watch
from supervisor.engine.readiness_watch import ReadinessWatch
from supervisor.errors import NotFound
from supervisor.model.agent import Role
from supervisor.model.health import Probe, Readiness, ReadyBy
from supervisor.model.team import PoolSpec
from supervisor.runtime.notification import Notification
from supervisor.runtime.spawn import Launch, SpawnFailed, spawn
from supervisor.supervision.notices import Condemned
from supervisor.supervision.readiness import Watch
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.chaos import ChaosTeam, chaos_argv
from supervisor.testing.small_team import SmallTeam, small_team

NOTIFY = Readiness(by=ReadyBy.NOTIFY)


@dataclass
class Ear:
    """Stands where the supervisor does, and keeps what it is told."""

    told: list[tuple[str, str, object]] = field(default_factory=list)
    awaited: frozenset[str] = frozenset()
    news: asyncio.Event = field(default_factory=asyncio.Event)
    knows_nobody: bool = False

    def awaited_lines(self, agent: str) -> frozenset[str]:
        return self.awaited

    def ready(self, agent: str, incarnation: int) -> None:
        self._keep("ready", agent, incarnation)

    def more_time(self, agent: str, incarnation: int, seconds: float) -> None:
        self._keep("more time", agent, seconds)

    def condemn(self, agent: str, condemned: Condemned) -> None:
        self._keep("condemned", agent, condemned.cause.value)

    def log_line_seen(self, agent: str, incarnation: int, pattern: str) -> None:
        self._keep("line", agent, pattern)

    def _keep(self, what: str, agent: str, about: object) -> None:
        self.told.append((what, agent, about))
        self.news.set()
        if self.knows_nobody:
            raise NotFound(f"no agent is called {agent}")


@dataclass
class Scene:
    """A watch with a real store behind it, real processes before it, and an ear instead of a supervisor."""

    team: SmallTeam
    chaos: ChaosTeam
    ear: Ear
    watch: ReadinessWatch
    directory: Path
    processes: list[Any] = field(default_factory=list)

    def context(self, **pool: Any) -> LaunchContext:
        spec = PoolSpec(**{"name": "worker", "role": Role.WORKER, "size": 2, "command": ("worker",), **pool})
        return LaunchContext(
            agent="worker-1",
            incarnation=1,
            pool=spec,
            project=Path("/"),
            profile_dir=Path("/"),
            report_dir=Path("/"),
            kit=LaunchKit(directory=Path("/"), mcp_config=Path("/"), role_prompt=Path("/")),
            session=self.chaos.session,
        )

    def launch(self, *argv: str) -> Launch:
        return self.chaos.launch(*argv)

    def start(self, context: LaunchContext, *argv: str) -> Any:
        with self.watch.fit_out(context, self.launch(*argv)) as fitting:
            process = spawn(fitting.launch, on_output=fitting.sink(lambda _: True), clock=SystemClock())
            self.watch.begin(context, fitting, process)
        self.processes.append(process)
        return process

    async def until_told(self, what: str) -> None:
        async with asyncio.timeout(20):
            while what not in {each[0] for each in self.ear.told}:
                await self.ear.news.wait()
                self.ear.news.clear()

    def sockets(self) -> list[Path]:
        return list(self.directory.glob("notify-*"))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with small_team(tmp_path) as team, ChaosTeam() as chaos:
        directory, ear = tmp_path / "run", Ear()
        watch = ReadinessWatch(team.coordinator, SystemClock(), directory=directory)
        watch.answer_to(cast("Supervisor", ear))
        keeping = asyncio.create_task(watch.keep())
        await asyncio.sleep(0)
        made = Scene(team, chaos, ear, watch, directory)
        yield made
        for process in made.processes:
            await process.stop(made.context().pool.stop, now=True)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("by", [ReadyBy.NOTIFY, ReadyBy.FD])
async def test_a_start_that_fails_leaves_no_socket_and_no_pipe(scene: Scene, by: ReadyBy) -> None:
    before = open_fds()
    with pytest.raises(SpawnFailed):
        scene.start(scene.context(ready=Readiness(by=by)), "no-such-program")
    assert open_fds() == before
    assert scene.sockets() == []


async def test_a_socket_that_cannot_be_opened_fails_the_start(scene: Scene) -> None:
    scene.directory.symlink_to("/tmp")
    with pytest.raises(Exception, match="symbolic link"):
        scene.start(scene.context(ready=NOTIFY), *chaos_argv("idle"))


async def test_a_plain_pool_costs_nothing(scene: Scene) -> None:
    launch = scene.launch(*chaos_argv("idle"))
    with scene.watch.fit_out(scene.context(), launch) as fitting:
        assert fitting.launch == launch
        write = list[bytes]().append
        assert fitting.sink(write) == write
    assert not scene.directory.exists()


async def test_the_socket_and_the_hold_end_with_the_incarnation(scene: Scene) -> None:
    process = scene.start(scene.context(ready=NOTIFY), *chaos_argv("slow-start", "0.2"))
    assert len(scene.sockets()) == 1
    await scene.until_told("ready")
    process.signal_leader(9)
    await until(lambda: scene.sockets() == [])
    assert scene.watch._wards == {}
    assert scene.team.coordinator._held_back == {}


async def test_an_agent_is_held_back_until_it_is_ready(scene: Scene) -> None:
    scene.start(scene.context(ready=Readiness(by=ReadyBy.FD)), *chaos_argv("slow-start", "0.2"))
    assert scene.team.coordinator._held_back == {"worker-1": "it is not ready yet"}
    await scene.until_told("ready")
    assert scene.team.coordinator._held_back == {}


async def test_a_call_begins_the_watch_of_who_becomes_ready_by_it(scene: Scene) -> None:
    scene.start(scene.context(watchdog_s=0.2), *chaos_argv("idle"))
    scene.watch.heard_from("worker-1", 7)  # of another life: the supervisor knows what to make of it
    assert not scene.watch._wards["worker-1"].watch._ready.is_set()
    scene.watch.heard_from("worker-1", 1)
    scene.watch.heard_from("worker-2", 1)
    await scene.until_told("condemned")
    assert ("ready", "worker-2", 1) in scene.ear.told
    assert scene.team.coordinator._held_back == {}


async def test_what_it_says_is_written_and_what_it_asks_is_passed_on(scene: Scene) -> None:
    words = ("STATUS=half", "ERRNO=2", "EXTEND_TIMEOUT_USEC=5000000")
    scene.start(scene.context(ready=NOTIFY), *chaos_argv("notify", *words))
    await scene.until_told("more time")
    assert ("more time", "worker-1", 5.0) in scene.ear.told
    async with asyncio.timeout(20):
        while True:
            agent = await scene.team.coordinator.read(lambda scope: scope.agent("worker-1"))
            if agent.activity:
                break
    assert agent.activity == f"half · errno 2: {os.strerror(2)}"


async def test_what_is_said_before_the_start_is_stored_is_written_once_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness_watch, "TELL_EVERY_S", 0.01)
    context = replace(scene.context(ready=NOTIFY), incarnation=2)
    scene.start(context, *chaos_argv("notify", "STATUS=loading"))
    ward = scene.watch._wards["worker-1"]
    await until(lambda: ward._untold)
    await scene.team.start("worker-1")
    await until(lambda: not ward._untold)
    agent = await scene.team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert agent.activity == "loading"


async def test_a_line_makes_ready_and_lets_those_go_on_who_wait_for_it(scene: Scene) -> None:
    scene.ear.awaited = frozenset({"up and", "^now "})
    ready = Readiness(by=ReadyBy.LOG, pattern="^now up")
    scene.start(scene.context(ready=ready), *chaos_argv("slow-start"))
    await until(lambda: len(scene.ear.told) == 3)
    assert sorted(map(str, scene.ear.told)) == sorted(
        map(str, [("ready", "worker-1", 1), ("line", "worker-1", "up and"), ("line", "worker-1", "^now ")])
    )


async def test_a_silent_watchdog_and_a_failing_probe_condemn(scene: Scene) -> None:
    pool = {"ready": NOTIFY, "watchdog_s": 0.2}
    scene.start(scene.context(**pool), *chaos_argv("beat", "3", "0.05"))
    await scene.until_told("condemned")
    assert scene.ear.told == [("ready", "worker-1", 1), ("condemned", "worker-1", "watchdog")]


async def test_a_probe_runs_in_the_agents_environment_and_is_not_begun_while_it_ends(scene: Scene) -> None:
    probe = Probe(command=("/bin/sh", "-c", 'test "$NOTIFY_SOCKET" -a {agent} = worker-1'), period_s=0.1)
    pool = {"ready": Readiness(by=ReadyBy.EXEC, probe=probe), "watchdog_s": 60.0}
    process = scene.start(scene.context(**pool), *chaos_argv("idle"))
    await scene.until_told("ready")
    ward = scene.watch._wards["worker-1"]
    await process.stop(scene.context().pool.stop, now=True)
    asked = ward._asked
    assert not (await ward.ask(probe)).passed
    assert ward._asked == asked


async def test_an_agent_that_nobody_knows_any_more_harms_nobody(scene: Scene) -> None:
    scene.ear.knows_nobody = True
    scene.start(scene.context(ready=NOTIFY, watchdog_s=60.0), *chaos_argv("idle"))
    ward = scene.watch._wards["worker-1"]
    ward.hear(Notification(extend_s=5.0))
    ward.hear(Notification(ready=True, beat=True, trigger=True, stopping=True))
    ward.wrote("nothing")
    assert [what for what, *_ in scene.ear.told] == ["more time", "ready", "condemned"]


async def test_a_watch_that_fails_leaves_its_agent_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Watch) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Watch, "run", broken)
    process = scene.start(scene.context(ready=NOTIFY), *chaos_argv("idle"))
    await until(lambda: "goes on unwatched" in caplog.text)
    assert process.exit is None
    process.signal_leader(9)
    await until(lambda: scene.watch._wards == {})


async def test_what_is_started_before_the_watch_runs_is_watched_too(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team, ChaosTeam() as chaos:
        ear = Ear()
        watch = ReadinessWatch(team.coordinator, SystemClock(), directory=tmp_path / "run")
        watch.answer_to(cast("Supervisor", ear))
        scene = Scene(team, chaos, ear, watch, tmp_path / "run")
        ready = Readiness(by=ReadyBy.SETTLE, settle_s=0.0)
        process = scene.start(scene.context(ready=ready), sys.executable, "-c", "input()")
        keeping = asyncio.create_task(watch.keep())
        await scene.until_told("ready")
        await process.stop(scene.context().pool.stop, now=True)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
