"""A word in a file means an agent, a pool, a role, a group or a tag, in this order, or nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.cli.addressees import Addressees
from supervisor.errors import InvalidArgument
from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.approval import Mode
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.world import EngineInfo, PoolInfo

ENGINE = EngineInfo(
    team="t",
    description="",
    project="/p",
    mode=Mode.HEADLESS,
    pid=1,
    started_at=0.0,
    pools=(
        PoolInfo(name="architect", role="worker", size=1),
        PoolInfo(name="builder", role="worker", size=2),
        PoolInfo(name="gpu", role="worker", size=2),
        PoolInfo(name="judge", role="judge", size=1),
        PoolInfo(name="voter", role="judge", size=2),
        PoolInfo(name="empty", role="worker", size=2),
    ),
    log_dir="",
    report_dir="",
)


def agent(name: str, pool: str, role: Role = Role.WORKER, **more: Any) -> Agent:
    return Agent(name=name, pool=pool, role=role, **more)


AGENTS = (
    agent("architect", "architect", tags=("design",)),
    agent("builder-1", "builder", groups=("crew", "builders"), tags=("python",)),
    agent("builder-2", "builder", groups=("crew", "builders"), tags=("python",)),
    agent("gpu-1", "gpu", groups=("crew",), tags=("python", "cuda")),
    agent("gpu-2", "gpu", groups=("crew",), tags=("python", "cuda")),
    agent("judge", "judge", Role.JUDGE, groups=("council",)),
    agent("voter-1", "voter", Role.JUDGE),
    agent("lens", OUTSIDE, state=AgentState.IDLE, tags=("far",)),
    agent("gone", OUTSIDE, state=AgentState.EXITED),
    agent("former", "old-pool"),
)
TEAM = Addressees(AGENTS, ENGINE)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("architect", {"assignee": "architect"}),
        ("builder-2", {"assignee": "builder-2"}),
        ("lens", {"assignee": "lens"}),
        ("builder", {"required_group": "builders"}),
        ("gpu", {"required_tags": ["cuda"]}),
        ("worker", {"required_role": "worker"}),
        ("developer", {"required_role": "worker"}),
        ("crew", {"required_group": "crew"}),
        ("design", {"required_tags": ["design"]}),
        ("far", {"required_tags": ["far"]}),
    ],
)
def test_a_word_means_what_picks_whom_it_names(word: str, wanted: dict[str, Any]) -> None:
    assert TEAM.meant_by(word) == wanted


def test_a_pool_that_is_all_its_role_has_is_picked_by_the_role() -> None:
    pools = (PoolInfo(name="builder", role="worker", size=2),)
    plain = [replace(each, groups=(), tags=()) for each in AGENTS[1:3]]

    assert Addressees(plain, replace(ENGINE, pools=pools)).meant_by("builder") == {"required_role": "worker"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("judge", "`judge` is a judge, who claims no tasks; who does: architect, builder-1"),
        ("reviewer", "`reviewer` is a judge, who claims no tasks"),
        ("voter", "`voter` is a judge, who claims no tasks"),
        ("empty", "no agent of the pool `empty` was ever started"),
        ("council", "`council` is nobody in this team"),
        ("architct", "`architct` is nobody in this team; did you mean `architect`?"),
        ("gone", "`gone` is nobody in this team"),
        ("former", "`former` is nobody in this team"),
        ("planner", "`planner` is nobody in this team"),
    ],
)
def test_who_cannot_take_it_is_refused_with_who_could(word: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        TEAM.meant_by(word)

    assert refused.value.message.startswith(said), refused.value.message


def test_a_pool_that_cannot_be_told_from_others_is_refused() -> None:
    twins = [replace(each, groups=("crew",), tags=("python",)) for each in AGENTS[1:5]]

    with pytest.raises(
        InvalidArgument, match="cannot be told from others: give it a group or tag of its own"
    ):
        Addressees(twins, ENGINE).meant_by("builder")


def test_where_nobody_claims_the_refusal_says_so() -> None:
    with pytest.raises(InvalidArgument, match="who does: nobody"):
        Addressees([AGENTS[5]], ENGINE).meant_by("judge")
