"""From the text of a profile to a TeamSpec, or to every reason why not."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any, Final

from supervisor.config.approval_keys import day_end, rule_of
from supervisor.config.check import checked
from supervisor.config.keys import AGENTS_MAX, PROFILE
from supervisor.config.locator import DEPTH_MAX, ENTRIES_MAX, Locator, TooDeep, TooManyEntries
from supervisor.config.notify import check_sinks, sink_of
from supervisor.config.placeholders import names_in
from supervisor.config.presets import PRESETS
from supervisor.config.problems import (
    PROBLEMS_MAX,
    EnoughProblems,
    Problems,
    did_you_mean,
    nearest,
    shown,
)
from supervisor.config.supervised import check_supervision, kept_by, most_of
from supervisor.errors import ProfileInvalid
from supervisor.model.agent import Role
from supervisor.model.approval import Decision
from supervisor.model.branch import BranchSpec
from supervisor.model.driving import Budget, Price
from supervisor.model.ids import RESERVED_NAMES
from supervisor.model.team import Backoff, PoolSpec, StopLadder, TeamSpec

PROFILE_MAX: Final = 256 * 1024
"""Bytes of the longest profile."""

BUILT_IN_ADAPTERS: Final = ("acp", "claude", "codex", "command", "pty")
ADAPTER_GROUP: Final = "supervisor.adapters"

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_NAME_MAX: Final = 63
_LISTED: Final = 10


def parse_profile(
    text: str, source: str, *, shown_as: str = "", adapters: Collection[str] | None = None
) -> TeamSpec:
    """Return the team that `text` defines, or raise ProfileInvalid with every problem at once.

    `source` is the profile's path, kept in the team; problems call it `shown_as` if that is given.
    `adapters` are the names that may be used; without it, the built-in and the installed ones.
    """
    name = shown(shown_as or source, limit=4096)
    locator, data = _read(text, name)
    problems = Problems(name, locator, data)
    team: TeamSpec | None = None
    enough = ""
    try:
        values = checked(PROFILE, data, (), problems)
        _check_pools(values, problems, adapters)
        _check_approvals(values, problems)
        check_sinks(values, problems)
        check_supervision(values, problems)
        if not problems:
            team = _team(values, source=source, digest=hashlib.sha256(text.encode()).hexdigest())
    except EnoughProblems:
        enough = f"{name}: more than {PROBLEMS_MAX} problems; mend these first"
    if team is None:
        raise invalid(name, (*problems.lines, enough) if enough else problems.lines)
    return team


def invalid(name: str, problems: tuple[str, ...]) -> ProfileInvalid:
    """Make the error that carries `problems`, each a line of its own beside the message."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ProfileInvalid(f"the profile {name} has {count}. Nothing was started.", problems=problems)


def _read(text: str, name: str) -> tuple[Locator, dict[str, Any]]:
    """Parse the TOML within its limits."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise invalid(name, (f"{name}:{line}: is not valid UTF-8; save the file as UTF-8",)) from error
    if size > PROFILE_MAX:
        raise invalid(name, (f"{name}:1: has {size} bytes; a profile may have at most {PROFILE_MAX}",))
    try:
        locator = Locator(text)
    except TooDeep as error:
        raise invalid(name, (f"{name}:{error}: is nested deeper than {DEPTH_MAX} levels",)) from error
    except TooManyEntries as error:
        raise invalid(
            name, (f"{name}:{error}: is one of more than {ENTRIES_MAX} keys and elements",)
        ) from error
    try:
        return locator, tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(name, _syntax_problems(name, error, locator)) from error


def _syntax_problems(name: str, error: Exception, locator: Locator) -> tuple[str, ...]:
    """Say what TOML cannot read: every key that stands twice, and the parser's own complaint."""
    message = str(error)
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else locator.last_line
    column = f" (column {place[2]})" if place and place[2] else ""
    what = _PLACE.sub("", message) if place else "A number is too long"
    hint = "; text must stand in quotes" if what == "Invalid value" else ""
    words = shown(what[:1].lower() + what[1:], limit=200)
    complaints = {line: f"{name}:{line}: is not valid TOML{column}: {words}{hint}"}
    for duplicate in locator.duplicates[:PROBLEMS_MAX]:
        complaints[duplicate.line] = (
            f"{name}:{duplicate.line}: {_dotted(duplicate.path)}: stands here a second time, "
            f"first on line {duplicate.first}; keep one"
        )
    return tuple(complaints[number] for number in sorted(complaints))


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(f"#{part + 1}" if isinstance(part, int) else shown(part) for part in path)


def _check_pools(values: dict[str, Any], problems: Problems, adapters: Collection[str] | None) -> None:
    pools = values.get("pools") or []
    owners: dict[str, str] = {}
    total = 0
    for index, pool in enumerate(pools):
        path = ("pools", index)
        size, name = most_of(pool), pool.get("name")
        total += size
        if name is not None:
            _check_names(name, size, index, owners, problems)
        _check_adapter(pool.get("adapter"), index, problems, adapters)
        _check_program(pool.get("command"), index, problems)
        if "command" not in pool and "agent" not in pool:
            problems.add(path, "needs a `command`, or an `agent` that gives one")
        backoff = Backoff(**_given(pool.get("backoff")))
        if backoff.cap_s < backoff.base_s:
            problems.add(
                (*path, "backoff", "cap_s"),
                f"must be at least `base_s` ({backoff.base_s:g}), not {backoff.cap_s:g}",
            )
    _check_chiefs(pools, problems)
    if total > AGENTS_MAX:
        problems.add(
            ("pools",), f"have {total} agents in all; at most {AGENTS_MAX} are allowed: lower some `size`"
        )


def _check_chiefs(pools: list[dict[str, Any]], problems: Problems) -> None:
    """Hold that nobody disputes the orchestrator's place."""
    chief: str | None = None
    for index, pool in enumerate(pools):
        if pool.get("role") != Role.ORCHESTRATOR:
            continue
        if chief is not None:
            problems.add(
                ("pools", index, "role"),
                f'a team has one orchestrator at most, and pool "{chief}" is it; make this one a "planner"',
            )
        elif most_of(pool) > 1:
            problems.add(("pools", index, "size"), "must be 1: a team has one orchestrator at most")
        chief = chief or shown(str(pool.get("name")))


def _check_names(name: str, size: int, index: int, owners: dict[str, str], problems: Problems) -> None:
    """Hold that every agent of the team has a name of its own that can be spoken to."""
    path = ("pools", index, "name")
    if name in RESERVED_NAMES:
        problems.add(path, f'"{name}" is reserved ({", ".join(sorted(RESERVED_NAMES))}); choose another name')
        return
    if name in owners.values():
        problems.add(path, f'another pool is called "{name}" already; pools need names of their own')
        return
    names = _names_of(name, size)
    if len(names[-1]) > _NAME_MAX:
        problems.add(
            path, f'its agents would be called "{names[-1]}", over {_NAME_MAX} characters; shorten it'
        )
    taken = next((agent for agent in names if agent in owners), None)
    if taken is not None:
        problems.add(
            path, f'its agent "{taken}" would bear the name of one in pool "{owners[taken]}"; rename it'
        )
    owners.update(dict.fromkeys(names, name))
    owners.setdefault(name, name)


def _check_adapter(
    adapter: str | None, index: int, problems: Problems, adapters: Collection[str] | None
) -> None:
    if adapter is None or adapter in BUILT_IN_ADAPTERS:
        return
    known = sorted({*BUILT_IN_ADAPTERS, *(_installed_adapters() if adapters is None else adapters)})
    if adapter not in known:
        problems.add(
            ("pools", index, "adapter"), f'no adapter is called "{adapter}"{did_you_mean(adapter, known)}'
        )


def _installed_adapters() -> set[str]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms, and few profiles name an adapter

    return {entry.name for entry in entry_points(group=ADAPTER_GROUP)}


def _check_program(command: tuple[str, ...] | None, index: int, problems: Problems) -> None:
    """Hold that the program is found by PATH or by a full path, never by whatever lies in the project."""
    if not command:
        return
    path, program = ("pools", index, "command", 0), command[0]
    if not program:
        problems.add(path, "must not be empty: the first element is the program")
    elif program.startswith("~"):
        problems.add(path, f'"{shown(program)}" begins with `~`, which is not replaced; write the full path')
    elif (
        "/" in program and not program.startswith("/") and not (names_in(program) and program.startswith("{"))
    ):
        problems.add(
            path,
            f'"{shown(program)}" is a relative path; write `{{profile_dir}}/…` or `{{project}}/…`, '
            "a full path, or a bare name that is found by PATH",
        )


def _check_approvals(values: dict[str, Any], problems: Problems) -> None:
    agents = _agent_names(values.get("pools") or [])
    for index, rule in enumerate(values.get("approvals") or []):
        path = ("approvals", index)
        if rule.get("decision") is Decision.DENY and rule.get("max_tier") is not None:
            problems.add(
                (*path, "max_tier"), "has no effect on a `deny`, which holds for every tier; remove it"
            )
        if rule.get("expires") is not None and day_end(rule["expires"]) is None:
            problems.add((*path, "expires"), f'"{shown(rule["expires"])}" is no day of the calendar')
        pattern = rule.get("agents")
        if pattern is not None and agents and not any(fnmatchcase(agent, pattern) for agent in agents):
            problems.add(
                (*path, "agents"),
                f'"{shown(pattern)}" matches no agent of this team{_nearest_of(pattern, agents)}',
            )


def _nearest_of(pattern: str, agents: list[str]) -> str:
    near = nearest(pattern, agents)
    listed = ", ".join(agents[:_LISTED]) + (", …" if len(agents) > _LISTED else "")
    return f'; did you mean "{near}"?' if near else f"; its agents: {listed}"


def _agent_names(pools: list[dict[str, Any]]) -> list[str]:
    """List the team's agents, or none while a name or a size is still wrong."""
    names: list[str] = []
    for pool in pools:
        name = pool.get("name")
        if name is None or pool.get("size", 1) is None:
            return []
        names += _names_of(name, most_of(pool))
    return names


def _names_of(name: str, size: int) -> list[str]:
    return [name] if size == 1 else [f"{name}-{number}" for number in range(1, size + 1)]


def _given(table: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (table or {}).items() if value is not None}


def _team(values: dict[str, Any], *, source: str, digest: str) -> TeamSpec:
    return TeamSpec(
        name=values["name"],
        description=values.get("description", ""),
        pools=tuple(_pool(pool) for pool in values["pools"]),
        source=source,
        digest=digest,
        approvals=tuple(rule_of(rule) for rule in values.get("approvals", ())),
        notify=tuple(sink_of(sink) for sink in values.get("notify", ())),
        budgets=tuple(Budget(**budget) for budget in values.get("budgets", ())),
        prices=tuple(Price(**price) for price in values.get("prices", ())),
        settings=values.get("settings", {}),
        supervision=BranchSpec(**values.get("supervision", {})),
        branches=tuple(BranchSpec(**branch) for branch in values.get("branches", ())),
        **values.get("run", {}),
    )


def _pool(values: dict[str, Any]) -> PoolSpec:
    nested: dict[str, Any] = {
        "backoff": Backoff(**values.get("backoff", {})),
        "stop": StopLadder(**values.get("stop", {})),
        **kept_by(values),
    }
    return PoolSpec(**(_preset_of(values) | values | nested))


def _preset_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the program that a pool names gives it."""
    preset = PRESETS.get(values.get("agent", ""))
    return {} if preset is None else {"adapter": preset.adapter, "command": preset.command}
