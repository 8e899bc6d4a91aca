"""Random small teams: branches, agents of their own, pools, and what waits for what."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from supervisor.model.branch import (
    ROOT_BRANCH,
    AutoShutdown,
    BranchSpec,
    Condition,
    Dependency,
    OnFailed,
    Restart,
    Strategy,
)
from supervisor.model.team import Backoff
from supervisor.supervision.child_spec import ChildSpec
from tests.integration.otp_machine import Restored, Team
from tests.integration.otp_model import PlainTeam
from tests.integration.otp_tree import pools_of


def random_team(rng: random.Random) -> Team:
    """Make a small team: branches, agents of their own, and pools of two or three."""
    names = ("x", "y", "z")[: rng.choice((0, 0, 1, 1, 2, 3))]
    branches = tuple(
        random_branch(rng, name, rng.choice((ROOT_BRANCH, *names[:index])))
        for index, name in enumerate(names)
    )
    children: list[ChildSpec] = []
    for pool in ("a", "b", "c", "d", "e")[: rng.randint(1, 5)]:
        size = rng.choice((1, 1, 1, 2, 3))
        looks = random_looks(rng) | {"branch": rng.choice((ROOT_BRANCH, *names, *names))}
        for number in range(1, size + 1):
            name = pool if size == 1 else f"{pool}-{number}"
            ladder = Backoff(
                base_s=1 + len(children) / 64, jitter=0.25, reset_after_s=20, cap_s=float(rng.choice((4, 47)))
            )
            spec = ChildSpec(name=name, pool=pool, single=size == 1, backoff=ladder, **looks)  # type: ignore[arg-type]
            children.append(apart(spec, (len(children) + 1) / 32))
    top = random_branch(rng, ROOT_BRANCH, ROOT_BRANCH)
    team = Team(children=tuple(children), top=top, branches=branches)
    team = random_waits(rng, team) if rng.random() < 0.4 else team
    return replace(team, restored=tuple(random_past(rng, team))) if rng.random() < 0.2 else team


def random_past(rng: random.Random, team: Team) -> Iterator[Restored]:
    """Choose what a former engine had come to with some of the agents."""
    for child in team.children:
        if rng.random() < 0.4:
            wait_s = rng.choice((0.0, 2.5, 7.5, 100.0))
            yield Restored(
                name=child.name, wait_s=wait_s, restarts=rng.choice((0, 2)), number=rng.choice((0, 3))
            )


def random_waits(rng: random.Random, team: Team) -> Team:
    """Let some pools wait for others, as far as nobody waits for itself then."""
    pools = list(dict.fromkeys(child.pool for child in team.children))
    wants: dict[str, tuple[Dependency, ...]] = {}
    for _ in range(rng.randint(1, 3)):
        pool, other = rng.choice(pools), rng.choice(pools)
        condition = rng.choice(tuple(Condition))
        pattern = "done" if condition is Condition.LOG_LINE else ""
        want = Dependency(pool=other, condition=condition, pattern=pattern)
        more = wants | {pool: (*wants.get(pool, ()), want)}
        children = tuple(replace(each, depends_on=more.get(each.pool, ())) for each in team.children)
        changed = replace(team, children=children)
        if comes_to_an_end(changed):
            team, wants = changed, more
    return team


def comes_to_an_end(team: Team) -> bool:
    """Tell whether no pool waits for itself: by what it depends on, and by who starts before it."""
    plain = PlainTeam(team.children, team.top, team.branches, 0.0)
    waits = {child.pool: {want.pool for want in child.depends_on} for child in team.children}
    for branch in plain.branches.values():
        for first, second in pairwise(branch.children) if branch.in_order else ():
            before = {pool.name for pool in pools_of(first)}
            for pool in pools_of(second):
                waits[pool.name] |= before
    try:
        TopologicalSorter(waits).prepare()
    except CycleError:
        return False
    return True


def apart(spec: ChildSpec, by_s: float) -> ChildSpec:
    """Let the limits of agents that start at the same moment not be over at the same moment."""
    return replace(
        spec,
        start_timeout_s=spec.start_timeout_s + by_s,
        max_runtime_s=spec.max_runtime_s + by_s,
        drain_timeout_s=spec.drain_timeout_s + by_s,
    )


def random_branch(rng: random.Random, name: str, under: str) -> BranchSpec:
    """Choose how a branch keeps its children."""
    restart = rng.choice((Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY))
    return BranchSpec(
        name=name,
        under=under,
        strategy=rng.choice(tuple(Strategy)),
        intensity=rng.choice((None, None, 0, 1, 3) if name else (None, None, 1, 3)),
        period_s=rng.choice((10.0, 60.0)),
        on_failed=rng.choice((OnFailed.CONTINUE, *OnFailed)),
        auto_shutdown=rng.choice((AutoShutdown.NEVER, *AutoShutdown)),
        restart=restart,
        significant=restart is not Restart.PERMANENT and rng.random() < 0.7,
    )


def random_looks(rng: random.Random) -> dict[str, object]:
    """Choose what the agents of a pool have in common."""
    restart = rng.choice((Restart.PERMANENT, Restart.TRANSIENT, Restart.TRANSIENT, Restart.TEMPORARY))
    return {
        "restart": restart,
        "significant": restart is not Restart.PERMANENT and rng.random() < 0.4,
        "intensity": rng.choice((0, 1, 2, 5)),
        "period_s": rng.choice((10.0, 120.0)),
        "start_timeout_s": rng.choice((5.0, 60.0)),
        "max_runtime_s": rng.choice((100.0, 7200.0)),
        "drain_timeout_s": rng.choice((4.0, 600.0)),
        "success_codes": rng.choice(((0,), (0, 3))),
        "no_restart_codes": rng.choice(((), (75,))),
        "force_restart_codes": rng.choice(((), (3,), (0,))),
    }
