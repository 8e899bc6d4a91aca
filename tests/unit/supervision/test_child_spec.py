"""Child specs come from the team in start order."""

from __future__ import annotations

from supervisor.model.agent import Role
from supervisor.model.branch import Restart
from supervisor.model.team import Backoff, PoolSpec, StopLadder, TeamSpec
from supervisor.supervision.child_spec import children_of, pools_of


def test_every_agent_gets_its_pool_s_rules_in_start_order() -> None:
    rules = {
        "restart": Restart.PERMANENT,
        "intensity": 2,
        "period_s": 30.0,
        "backoff": Backoff(base_s=3.0),
        "stop": StopLadder(leader_s=1.0),
        "start_timeout_s": 7.0,
        "max_runtime_s": 70.0,
    }
    team = TeamSpec(
        name="t",
        description="",
        pools=(
            PoolSpec(name="planner", role=Role.PLANNER, command=("x",)),
            PoolSpec(name="worker", role=Role.WORKER, command=("x",), size=2, **rules),  # type: ignore[arg-type]
        ),
        source="t.toml",
        digest="",
    )
    planner, first, second = children_of(team)
    assert [spec.name for spec in (planner, first, second)] == ["planner", "worker-1", "worker-2"]
    assert (planner.restart, planner.intensity) == (Restart.TRANSIENT, 5)
    for spec in (first, second):
        assert spec.pool == "worker"
        assert {name: getattr(spec, name) for name in rules} == rules
    assert pools_of(team) == {"planner": "", "worker": ""}
