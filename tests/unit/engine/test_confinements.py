"""What holds each pool's processes: what the machine has, and never less than somebody asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.engine import confinements as module
from supervisor.engine.confinements import Confinements
from supervisor.errors import EngineStartFailed
from supervisor.model.health import Containment, ProcessLimits
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.runtime.probe import ContainmentLevel, ContainmentReport
from supervisor.testing.small_team import SMALL_TEAM

LEVELS = [level for level in Containment if level is not Containment.AUTO]


def pool(containment: Containment = Containment.AUTO, **limits: int) -> PoolSpec:
    return replace(SMALL_TEAM.pools[0], containment=containment, limits=ProcessLimits(**limits))


def team(*pools: PoolSpec) -> TeamSpec:
    return replace(SMALL_TEAM, pools=pools)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Be a machine with control groups, whose files are plain ones."""
    offer(monkeypatch, *LEVELS)
    monkeypatch.setattr(module, "own_cgroup", lambda: tmp_path)
    (tmp_path / "cgroup.subtree_control").write_text("memory pids\n")
    (tmp_path / "supervisor-s").mkdir()
    (tmp_path / "supervisor-s" / "cgroup.subtree_control").write_text("memory pids\n")
    return tmp_path


def offer(monkeypatch: pytest.MonkeyPatch, *available: Containment) -> None:
    levels = tuple(
        ContainmentLevel(level=level, available=level in available, detail=f"of {level.value}")
        for level in LEVELS
    )
    used = Containment.CGROUP if Containment.CGROUP in available else Containment.GROUP_MARKER
    report = ContainmentReport(used=used, levels=levels)
    monkeypatch.setattr(module, "probe_containment", lambda *, tries_namespaces: report)


async def test_auto_is_the_best_there_is(machine: Path) -> None:
    chosen = pool()
    confinements = Confinements(team(chosen), "s")
    assert confinements.of(chosen).level is Containment.GROUP_MARKER, "nothing is known before it is opened"
    async with confinements.opened():
        held = confinements.of(chosen)
        assert (held.level, held.is_strict) == (Containment.CGROUP, False)
        assert held.cgroups is not None
        assert confinements.cgroup == machine / "supervisor-s"


async def test_who_asks_for_a_group_gets_it_strictly_and_others_what_they_ask_for(machine: Path) -> None:
    asked = [pool(level) for level in LEVELS]
    confinements = Confinements(team(*asked), "s")
    async with confinements.opened():
        held = [confinements.of(each) for each in asked]
        assert [each.level for each in held] == LEVELS
        assert [each.is_strict for each in held] == [True, False, False, False]
        assert [each.cgroups is not None for each in held] == [True, False, False, False]


async def test_what_somebody_asked_for_is_not_replaced_by_less(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Containment.GROUP_MARKER, Containment.GROUP)
    for level in (Containment.CGROUP, Containment.PIDNS):
        with pytest.raises(
            EngineStartFailed, match=rf"pool planner asks .* {level.value}, .*: of {level.value}"
        ):
            async with Confinements(team(pool(level)), "s").opened():
                pass
    async with (confinements := Confinements(team(pool()), "s")).opened():
        assert confinements.of(pool()).level is Containment.GROUP_MARKER
        assert confinements.cgroup is None


async def test_groups_that_cannot_be_made_after_all_are_done_without(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "own_cgroup", lambda: machine / "gone")
    async with (confinements := Confinements(team(pool()), "s")).opened():
        assert confinements.of(pool()).level is Containment.GROUP_MARKER
    monkeypatch.setattr(module, "own_cgroup", lambda: None)
    async with (confinements := Confinements(team(pool()), "s")).opened():
        assert confinements.cgroup is None


async def test_only_limits_that_the_kernel_counts_are_left_to_it(machine: Path) -> None:
    plain, limited = pool(), pool(mem_max_mib=100)
    confinements = Confinements(team(plain, limited), "s")
    assert not confinements.is_counted_by_kernel(limited, "memory")
    async with confinements.opened():
        assert confinements.is_counted_by_kernel(limited, "memory")
        assert not confinements.is_counted_by_kernel(limited, "pids"), "nobody asked for it"


async def test_a_group_that_stays_is_no_failure(
    machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (machine / "supervisor-s" / "cgroup.events").write_text("populated 1\n")
    monkeypatch.setattr("supervisor.runtime.cgroup._REMOVE_S", 0.01)
    async with Confinements(team(pool()), "s").opened():
        pass
    assert "something in it does not end" in caplog.text
