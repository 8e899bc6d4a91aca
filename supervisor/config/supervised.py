"""What holds between the keys that say how agents are kept, and the values they make."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import Any

from supervisor.config.locator import KeyPath
from supervisor.config.problems import Problems, did_you_mean, shown
from supervisor.config.start_order import waits_by_order
from supervisor.config.terminal_keys import check_terminal, terminal_of
from supervisor.model.branch import Condition, Dependency, Restart
from supervisor.model.health import Probe, ProcessLimits, Readiness, ReadyBy, StallLimits
from supervisor.model.scale import Scale

Values = dict[str, Any]


def most_of(pool: Values) -> int:
    """Return how many agents a pool can have, by its checked values; 1 where they are still wrong."""
    scale = pool.get("scale")
    if scale is not None:
        return int(scale.get("max") or 1)
    return int(pool.get("size") or 1)


def check_supervision(values: Values, problems: Problems) -> None:
    """Hold that the tree is a tree, that what is waited for can come, and that probes ask something."""
    _check_branches(values, problems)
    for index, pool in enumerate(values.get("pools") or []):
        path = ("pools", index)
        _check_place(pool, values, path, problems)
        _check_scale(pool, path, problems)
        _check_ready(pool.get("ready") or {}, (*path, "ready"), problems)
        check_terminal(pool, path, problems)
        if pool.get("liveness") is not None:
            _check_probe(pool["liveness"], (*path, "liveness"), problems)
    _check_dependencies(values, problems)


def kept_by(values: Values) -> Values:
    """Make the parts of a pool from its checked values."""
    made: Values = {
        "stall": StallLimits(**values.get("stall", {})),
        "limits": ProcessLimits(**values.get("limits", {})),
        "ready": _readiness(values.get("ready", {})),
        "depends_on": tuple(Dependency(**each) for each in values.get("depends_on", ())),
        **terminal_of(values),
    }
    if "liveness" in values:
        made["liveness"] = Probe(**values["liveness"])
    if "scale" in values:
        made["scale"] = Scale(**values["scale"])
        made["size"] = made["scale"].max
    return made


def _readiness(values: Values) -> Readiness:
    probe = {"probe": Probe(**values["probe"])} if "probe" in values else {}
    return Readiness(**(values | probe))


def _check_branches(values: Values, problems: Problems) -> None:
    names = [pool.get("name") for pool in values.get("pools") or []]
    branches = values.get("branches") or []
    known = [branch.get("name") for branch in branches]
    for index, branch in enumerate(branches):
        name, path = branch.get("name"), ("branches", index)
        if name is None:
            continue
        if name in names:
            problems.add((*path, "name"), f'a pool is called "{name}" already; choose another name')
        if name in known[:index]:
            problems.add((*path, "name"), f'another branch is called "{name}" already; choose another name')
        _check_named(branch.get("under"), known, (*path, "under"), problems)
        _check_significant(branch, path, problems)
    above = {each["name"]: [each["under"]] for each in branches if each.get("name") and each.get("under")}
    _check_no_circle(above, ("branches",), "branches stand under each other", problems)


def _check_place(pool: Values, values: Values, path: KeyPath, problems: Problems) -> None:
    known = [branch.get("name") for branch in values.get("branches") or []]
    _check_named(pool.get("branch"), known, (*path, "branch"), problems)
    _check_significant(pool, path, problems)


def _check_named(name: str | None, known: list[str | None], path: KeyPath, problems: Problems) -> None:
    if name is not None and name not in known:
        names = [each for each in known if each is not None]
        problems.add(path, f'no branch is called "{shown(name)}"{did_you_mean(name, names)}')


def _check_significant(child: Values, path: KeyPath, problems: Problems) -> None:
    """OTP refuses it too: what is always restarted never ends."""
    default = Restart.PERMANENT if "under" in child or path[0] == "branches" else Restart.TRANSIENT
    if child.get("significant") and child.get("restart", default) == Restart.PERMANENT:
        problems.add((*path, "significant"), 'has no meaning with `restart = "permanent"`, which never ends')


def _check_scale(pool: Values, path: KeyPath, problems: Problems) -> None:
    scale = pool.get("scale")
    if scale is None:
        return
    if pool.get("size") is not None:
        problems.add((*path, "size"), "stands beside `scale`, which says how many there are; remove it")
    least, most = scale.get("min") or 0, scale.get("max") or 1
    if least > most:
        problems.add((*path, "scale", "min"), f"must be at most `max` ({most}), not {least}")


def _check_ready(ready: Values, path: KeyPath, problems: Problems) -> None:
    by = ready.get("by", ReadyBy.CALL)
    needs = {ReadyBy.LOG: "pattern", ReadyBy.EXEC: "probe", ReadyBy.HTTP: "probe"}.get(by)
    if needs is not None and ready.get(needs) is None:
        problems.add((*path, "by"), f'"{by}" needs `{needs}`')
    if ready.get("pattern") is not None:
        _check_regex(ready["pattern"], (*path, "pattern"), problems)
    probe = ready.get("probe")
    if probe is not None:
        _check_probe(probe, (*path, "probe"), problems)
        wanted = {ReadyBy.EXEC: "command", ReadyBy.HTTP: "url"}.get(by)
        if wanted is not None and probe.get(wanted) is None:
            problems.add((*path, "probe"), f'needs `{wanted}` for `by = "{by}"`')


def _check_probe(probe: Values, path: KeyPath, problems: Problems) -> None:
    if (probe.get("command") is None) == (probe.get("url") is None):
        problems.add(path, "needs either `command` or `url`")


def _check_regex(pattern: str, path: KeyPath, problems: Problems) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        problems.add(path, f"is no regular expression: {error}")


def _check_dependencies(values: Values, problems: Problems) -> None:
    pools = values.get("pools") or []
    names = [pool["name"] for pool in pools if pool.get("name")]
    waits: dict[str, list[str]] = {}
    for index, pool in enumerate(pools):
        for place, each in enumerate(pool.get("depends_on") or ()):
            path: KeyPath = ("pools", index, "depends_on", place)
            other = each.get("pool")
            if other is not None and other not in names:
                problems.add(
                    (*path, "pool"), f'no pool is called "{shown(other)}"{did_you_mean(other, names)}'
                )
            elif other is not None and pool.get("name"):
                waits.setdefault(pool["name"], []).append(other)
            if (each.get("condition") == Condition.LOG_LINE) != (each.get("pattern") is not None):
                problems.add(path, '`pattern` belongs to `condition = "log_line"`, and to it alone')
            elif each.get("pattern") is not None:
                _check_regex(each["pattern"], (*path, "pattern"), problems)
            _check_can_complete(each, pools, path, problems)
    if _check_no_circle(waits, ("pools",), "pools wait for each other", problems):
        for pool, formers in waits_by_order(values).items():
            waits.setdefault(pool, []).extend(formers)
        what = "by their branches' start order and `depends_on`, pools wait for each other"
        _check_no_circle(waits, ("pools",), what, problems)


def _check_can_complete(want: Values, pools: list[Values], path: KeyPath, problems: Problems) -> None:
    never = [pool.get("name") for pool in pools if pool.get("restart") == Restart.PERMANENT]
    if want.get("condition") == Condition.COMPLETED_OK and want.get("pool") in never:
        name = shown(want["pool"])
        problems.add(path, f'"{name}" never completes: it has `restart = "permanent"`')


def _check_no_circle(edges: dict[str, list[str]], path: KeyPath, what: str, problems: Problems) -> bool:
    """Tell whether there is none, after adding the problem if there is."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        circle = " → ".join(shown(str(name)) for name in reversed(error.args[1]))
        problems.add(path, f"{what} in a circle: {circle}")
        return False
    return True
