"""What differs between two plans: what is refused, who starts anew, who leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.engine.plan_change import PlanChange
from supervisor.model.agent import Role
from supervisor.model.scale import Scale
from supervisor.model.team import PoolSpec, TeamSpec

WORKER = PoolSpec(name="worker", role=Role.WORKER, size=3, command=("work",))
JUDGE = PoolSpec(name="judge", role=Role.JUDGE, command=("judge",))
CREW = PoolSpec(name="crew", role=Role.WORKER, command=("work",), scale=Scale(min=0, max=4))
TEAM = TeamSpec(name="t", description="", source="/t.toml", digest="1", pools=(WORKER, JUDGE, CREW))
NAMES = ("worker-1", "worker-2", "worker-3", "judge", "crew-1")


def change(*pools: PoolSpec, **team: Any) -> PlanChange:
    return PlanChange(old=TEAM, new=replace(TEAM, digest="2", pools=pools or TEAM.pools, **team))


def test_the_same_text_is_no_change() -> None:
    assert PlanChange(old=TEAM, new=TEAM).is_none
    assert not change().is_none


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        (change(name="other"), ("name is another",)),
        (change(lease_s=5.0), ("lease_s is another",)),
        (change(keep_runs=1), ("run.keep_runs is another",)),
        (change(replace(WORKER, role=Role.SOLO), JUDGE, CREW), ("pools.worker.role is another",)),
        (change(WORKER, JUDGE, replace(CREW, scale=Scale(max=9))), ("pools.crew.scale is another",)),
        (change(WORKER, JUDGE), ("pools.crew is gone, and was scaled",)),
        (
            change(*TEAM.pools, replace(CREW, name="more")),
            ("pools.more is new and scaled",),
        ),
        (change(description="new", approvals=()), ()),
    ],
)
def test_what_is_read_only_once_is_refused_by_name(changed: PlanChange, refused: tuple[str, ...]) -> None:
    assert changed.refused() == refused


@pytest.mark.parametrize(
    ("pool", "restarted"),
    [
        (replace(WORKER, command=("other",)), ("worker-1", "worker-2", "worker-3")),
        (replace(WORKER, env={"A": "1"}, size=2), ("worker-1", "worker-2")),
        (replace(WORKER, wip=1, size=5), ()),
        (WORKER, ()),
    ],
)
def test_who_is_given_something_else_at_the_start_starts_anew(
    pool: PoolSpec, restarted: tuple[str, ...]
) -> None:
    assert change(pool, JUDGE, CREW).restarted(NAMES) == restarted


def test_who_leaves_is_still_known_by_the_former_pool() -> None:
    changed = change(replace(WORKER, size=2), CREW)
    leaving = changed.leaving(NAMES)
    assert leaving == {"worker-3": WORKER, "judge": JUDGE}
    team = replace(changed.new, leaving=leaving)
    assert [team.pool_of(name).name for name in NAMES] == ["worker", "worker", "worker", "judge", "crew"]
    with pytest.raises(KeyError):
        team.pool_of("stranger")
