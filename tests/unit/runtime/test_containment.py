"""Every shape of tree at every level of containment that this machine has: stopped, crashed, frozen."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from supervisor.model.health import Containment, ProcessLimits
from supervisor.model.team import StopLadder
from supervisor.runtime.census import shared_census
from supervisor.runtime.cgroup import Cgroup, SessionCgroup
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.guardian import Guardian
from supervisor.runtime.pid_namespace import agent_inside
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.spawn import Confinement, Process
from supervisor.runtime.sweep import kill_refs
from supervisor.testing.chaos import ChaosChild, ChaosTeam, Unavailable, confined, gone, is_alive

QUICK = StopLadder(leader_s=0.3, group_s=0.3, sweep_s=3.0)
PATIENT = StopLadder(leader_s=30.0, group_s=30.0, sweep_s=3.0)
SHAPES = ["idle", "ignore-term", "group", "setsid", "daemon", "tree", "unmarked", "stubborn-member"]
LEVELS = [each.level for each in probe_containment().levels if each.available]
STRONG = [level for level in LEVELS if level in {Containment.CGROUP, Containment.PIDNS}]


async def whole(process: Process) -> set[int]:
    """Return the pids of a tree as the machine numbers them: inside a namespace they are others."""
    return {stat.pid for stat in await process._tree.members()}


async def standing(child: ChaosChild) -> set[int]:
    await child.ready()
    await child.process._tree.stand()
    return await whole(child.process)


async def all_still(child: ChaosChild) -> bool:
    """Tell whether nothing of a tree can run: stopped, or in a group that the kernel calls frozen."""
    cgroup = child.process._tree._cgroup
    if cgroup is not None and "frozen 1" in (cgroup.path / "cgroup.events").read_text():
        return await whole(child.process) == set(cgroup.pids())
    return all(stat.stopped for stat in await child.process._tree.members())


@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("level", LEVELS)
async def test_a_stop_leaves_nothing_at_any_level(level: Containment, mode: str) -> None:
    async with confined(level) as team:
        child = team.start(mode)
        pids = await standing(child)
        end = await child.process.stop(QUICK)
        assert end.empty
        assert [pid for pid in pids if is_alive(pid)] == []
        assert child.process.containment is level


@pytest.mark.parametrize("level", LEVELS)
async def test_a_crash_leaves_nothing_at_any_level(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        pids = await standing(child)
        child.process.signal_leader(signal.SIGKILL)
        assert await child.process.wait() == ProcessExit(signal=signal.SIGKILL)
        assert (await child.process.clean_up()).empty
        assert [pid for pid in pids if is_alive(pid)] == []


@pytest.mark.parametrize("level", LEVELS)
async def test_a_frozen_tree_stands_still_and_goes_on_when_thawed(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        await standing(child)
        await child.process.freeze()
        assert await all_still(child)
        await child.process.thaw()
        assert not await all_still(child)
        assert (await child.process.stop(QUICK)).empty


@pytest.mark.parametrize("level", LEVELS)
async def test_a_frozen_tree_is_thawed_to_hear_that_it_is_stopped(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        pids = await standing(child)
        await child.process.freeze()
        ladder = StopLadder(leader_s=10.0, group_s=0.2, sweep_s=3.0)
        assert (await child.process.stop(ladder)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("level", LEVELS)
async def test_a_frozen_tree_can_be_killed_at_once(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        pids = await standing(child)
        await child.process.freeze()
        assert (await child.process.stop(PATIENT, now=True)).empty
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("level", LEVELS)
async def test_a_fork_bomb_is_frozen_whole_and_killed_whole(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("bomb", "150")
        await child.ready()
        await child.process.freeze()
        assert await all_still(child)
        before = await whole(child.process)
        assert await whole(child.process) == before
        assert (await child.process.stop(QUICK, now=True)).empty
        assert not any(is_alive(pid) for pid in before)


@pytest.mark.parametrize("level", STRONG)
async def test_a_daemon_that_shed_every_sign_does_not_get_away(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("naked-daemon")
        pids = await standing(child)
        async with asyncio.timeout(10):
            while not pids & naked():
                pids |= await whole(child.process)
        assert (await child.process.stop(QUICK)).empty
        assert [pid for pid in pids if is_alive(pid)] == []


async def test_without_containment_it_would_get_away() -> None:
    """The canary of the test above, and what the level `group+marker` cannot do without a subreaper."""
    async with ChaosTeam() as team:
        child = team.start("naked-daemon")
        _, daemon = await child.ready()
        async with asyncio.timeout(10):  # it sheds its environment by the exec that follows
            while daemon not in naked():
                await asyncio.sleep(0)
        stat = read_stat(daemon)
        assert stat is not None
        assert (await child.process.stop(QUICK)).empty
        assert is_alive(daemon)
        await kill_refs([stat.ref])
        assert await gone(daemon, within_s=5)


def naked() -> set[int]:
    """Find the daemons of this test that carry no sign: sleepers without any environment."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cmdline").read_bytes() == b"sleep\x003600\x00" and not (
                path / "environ"
            ).read_bytes():
                found.add(int(path.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "level", [each for each in LEVELS if each in {Containment.CGROUP, Containment.GROUP_MARKER}]
)
async def test_a_permitted_program_lives_on_and_is_named(level: Containment) -> None:
    async with confined(level, escapees=("sleep",)) as team:
        child = team.start("escape-as", "/bin/sleep")
        _, daemon = await child.ready()
        await child.process.wait()
        end = await child.process.clean_up()
        assert end.empty
        assert [name.rpartition(" ")[2] for name in end.escaped] == [f"({daemon})"]
        assert end.escaped[0].startswith("/")
        assert is_alive(daemon)
        assert child.process._tree._cgroup is None or not child.process._tree._cgroup.path.exists()
        await kill_refs([stat.ref] if (stat := read_stat(daemon)) else [])


@pytest.mark.parametrize("level", LEVELS)
async def test_a_program_of_another_name_does_not(level: Containment) -> None:
    async with confined(level, escapees=("cat", "/opt/*")) as team:
        child = team.start("escape-as", "/bin/sleep")
        await child.ready()
        await child.process.wait()
        end = await child.process.clean_up()
        assert (end.empty, end.escaped) == (True, ())


async def test_a_leader_never_lives_on_whatever_its_program() -> None:
    async with ChaosTeam(Confinement(escapees=("*",))) as team:
        child = team.start("idle")
        (pid,) = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert not is_alive(pid)


@pytest.mark.parametrize("level", [each for each in STRONG if each is Containment.CGROUP])
async def test_a_strict_child_does_nothing_outside_its_group(level: Containment) -> None:
    async with confined(level, is_strict=True) as team:
        for number in range(5):
            child = ChaosChild(
                team.launch("cat", "/proc/self/cgroup", agent=f"a#{number}"), None, team.confinement
            )
            await child.process.wait()
            assert (await child.process.clean_up()).empty
            assert f"0::/supervisor-{team.session}/agent-a#{number}\n" in child.output.decode()


@pytest.mark.parametrize("level", [each for each in STRONG if each is Containment.CGROUP])
async def test_a_group_made_below_goes_with_the_tree(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        pids = await standing(child)
        cgroup = child.process._tree._cgroup
        assert cgroup is not None
        inner = cgroup.path / "inner"
        inner.mkdir()
        member = max(pids)
        (inner / "cgroup.procs").write_text(str(member))
        assert member in cgroup.pids()
        assert cgroup.has(member)
        assert (await child.process.stop(QUICK)).empty
        assert not cgroup.path.exists()


async def test_a_group_that_cannot_be_made_is_replaced_by_the_marker(tmp_path: Path) -> None:
    cgroups = SessionCgroup(tmp_path / "nowhere", "x")
    async with ChaosTeam(Confinement(level=Containment.CGROUP, cgroups=cgroups)) as team:
        child = team.start("tree")
        pids = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert child.process.containment is Containment.GROUP_MARKER
        assert not any(is_alive(pid) for pid in pids)


async def test_a_pid_that_a_group_named_is_asked_again_before_it_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The list of a group is old when it is read: a number in it may mean a stranger by then."""
    async with ChaosTeam() as team, ChaosTeam() as others:
        stranger = others.start("idle")
        (pid,) = await stranger.ready()
        child = team.start("idle")
        await child.ready()
        monkeypatch.setattr(Cgroup, "pids", lambda group: (pid,))
        monkeypatch.setattr(Cgroup, "kill", lambda group: None)
        child.process._tree._cgroup = Cgroup(tmp_path / "agent")
        with monkeypatch.context() as broken:
            broken.setattr(Cgroup, "has", lambda group, pid: True)  # the canary: believing the list
            assert pid in await whole(child.process)
            child.process._tree._kin = {ref for ref in child.process._tree._kin if ref.pid != pid}
        assert (await child.process.stop(QUICK)).empty
        assert is_alive(pid)
        await stranger.process.stop(QUICK, now=True)


async def test_a_level_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.runtime.probe.own_cgroup", lambda: None)
    with pytest.raises(Unavailable, match="no cgroup v2 here"):
        async with confined(Containment.CGROUP):
            pass


@pytest.mark.parametrize("level", LEVELS)
async def test_a_child_gets_its_limits(level: Containment) -> None:
    limits = ProcessLimits(nofile=77, nice=5, oom_score_adj=555)
    async with confined(level, limits=limits) as team:
        child = team.start("idle")
        await child.ready()
        inside = agent_inside(child.process.pid) if level is Containment.PIDNS else None
        pid = child.process.pid if inside is None else inside.pid
        assert "Max open files            77 " in Path(f"/proc/{pid}/limits").read_text()
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "555\n"
        await child.process.stop(QUICK, now=True)


@pytest.mark.parametrize("level", [each for each in STRONG if each is Containment.PIDNS])
async def test_in_a_namespace_the_agent_hears_each_signal_once_and_its_end_is_told(
    level: Containment,
) -> None:
    async with confined(level) as team:
        child = team.start("leave-on", "SIGINT", "3")
        await child.ready()
        ladder = StopLadder(signal="INT", leader_s=10.0)
        assert (await child.process.stop(ladder)).empty
        assert child.process.exit == ProcessExit(code=3)


@pytest.mark.parametrize("level", [each for each in STRONG if each is Containment.PIDNS])
async def test_our_own_death_ends_a_namespace_without_any_guardian(level: Containment) -> None:
    async with confined(level) as team:
        child = team.start("tree")
        pids = await standing(child)
        os.kill(child.process.pid, signal.SIGKILL)  # what the kernel does to it when we die
        assert await gone(*pids, within_s=5)
        assert await child.process.wait() == ProcessExit(signal=signal.SIGKILL)
        assert (await child.process.clean_up()).empty


async def test_a_group_alone_finds_no_daemon_by_its_marker() -> None:
    async with ChaosTeam(Confinement(level=Containment.GROUP)) as team:
        child = team.start("daemon")
        leader, daemon = await child.ready()
        async with asyncio.timeout(10):  # the process between them may not have ended yet
            while {stat.pid for stat in child.process._tree._in(await shared_census().take())} != {leader}:
                pass
        child.process._tree._kin.clear()
        assert (await child.process.stop(QUICK)).empty
        assert is_alive(daemon), "the session's sweep ends it"


async def test_freezing_gives_way_to_a_stop() -> None:
    async with ChaosTeam() as team:
        child = team.start("hopper", "30")
        await child.ready()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(child.process.freeze())
            await asyncio.sleep(0)
            end = await child.process.stop(QUICK)
        assert end.empty


@pytest.mark.parametrize("level", [each for each in STRONG if each is Containment.CGROUP])
async def test_after_our_death_the_guardian_ends_even_who_shed_every_sign(level: Containment) -> None:
    async with confined(level) as team:
        cgroups = team.confinement.cgroups
        assert cgroups is not None
        guardian = await Guardian.start(team.session, cgroup=cgroups.path)
        child = team.start("naked-daemon")
        pids = await standing(child)
        assert len(pids) == 2
        assert await guardian.close(), "its lifeline is cut, as by our death"
        assert not any(is_alive(pid) for pid in pids)
        assert not cgroups.path.exists()
        await child.process.clean_up()
