"""Who begins after whom by the tree alone: in a branch that is not `one_for_one`, each waits its turn."""

from __future__ import annotations

from typing import Any, Final

from supervisor.model.branch import ROOT_BRANCH, Strategy

Values = dict[str, Any]

_NESTED_MAX: Final = 1_000


def waits_by_order(values: Values) -> dict[str, list[str]]:
    """Name for each pool those that begin before it; the branches are known, and in no circle."""
    specs = {branch["name"]: branch for branch in values.get("branches") or [] if branch.get("name")}
    specs[ROOT_BRANCH] = values.get("supervision") or {}
    children: dict[str, dict[str, list[str]]] = {name: {} for name in specs}
    for pool in values.get("pools") or []:
        child = name = pool.get("name")
        branch = pool.get("branch") or ROOT_BRANCH
        for _ in range(_NESTED_MAX):
            if name is None or branch not in specs:
                break
            children[branch].setdefault(child, []).append(name)
            if branch == ROOT_BRANCH:
                break
            child, branch = branch, specs[branch].get("under") or ROOT_BRANCH
    waits: dict[str, list[str]] = {}
    for name, spec in specs.items():
        if spec.get("strategy", Strategy.ONE_FOR_ONE) != Strategy.ONE_FOR_ONE:
            _add_turns(list(children[name].values()), waits)
    return waits


def _add_turns(children: list[list[str]], waits: dict[str, list[str]]) -> None:
    former: list[str] = []
    for pools in children:
        for pool in pools:
            waits.setdefault(pool, []).extend(former)
        former = former + pools
