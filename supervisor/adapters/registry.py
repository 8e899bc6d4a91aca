"""Which adapters there are: the built-in ones, then those that installed packages bring."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from supervisor.adapters.adapter import Adapter
from supervisor.errors import ProfileInvalid
from supervisor.model.team import TeamSpec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "supervisor.adapters"
"""The entry-point group: each entry is called without arguments and returns an Adapter."""

_BUILT_IN: Final = {
    "acp": "supervisor.adapters.acp:AcpAdapter",
    "claude": "supervisor.adapters.claude:ClaudeAdapter",
    "codex": "supervisor.adapters.codex:CodexAdapter",
    "command": "supervisor.adapters.command:CommandAdapter",
    "pty": "supervisor.adapters.pty:PtyAdapter",
}
"""Where each is; only those that a team uses are loaded."""


def installed() -> tuple[EntryPoint, ...]:
    """List the adapters that installed packages bring."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms, and few teams need a plug-in

    return tuple(entry_points(group=GROUP))


def adapter_names(plugins: Iterable[EntryPoint]) -> tuple[str, ...]:
    """List every name that a profile may ask for."""
    return tuple(sorted({*_BUILT_IN, *(plugin.name for plugin in plugins)}))


def load_adapter(name: str, *, plugins: Iterable[EntryPoint] | None = None) -> Adapter:
    """Return the adapter of this name; a package cannot replace a built-in one.

    Raises ProfileInvalid that names the nearest adapter, or why a package's adapter does not load.
    """
    if name in _BUILT_IN:
        module, _, made = _BUILT_IN[name].partition(":")
        return cast("Adapter", getattr(importlib.import_module(module), made)())
    known = installed() if plugins is None else tuple(plugins)
    for plugin in known:
        if plugin.name == name:
            return _load(plugin)
    problem = f"no adapter is called `{name}`; there are: {', '.join(adapter_names(known))}"
    near = difflib.get_close_matches(name, adapter_names(known), n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    raise ProfileInvalid(problems=(problem + hint,))


def adapters_of(team: TeamSpec, *, plugins: Iterable[EntryPoint] | None = None) -> dict[str, Adapter]:
    """Load the adapter of every pool, by pool name; raise ProfileInvalid with every problem at once."""
    adapters: dict[str, Adapter] = {}
    problems: list[str] = []
    for pool in team.pools:
        try:
            adapters[pool.name] = load_adapter(pool.adapter, plugins=plugins)
        except ProfileInvalid as invalid:
            problems += [
                f"{team.source}: pools.{pool.name}.adapter: {problem}" for problem in invalid.problems
            ]
    if problems:
        raise ProfileInvalid("; ".join(problems), problems=tuple(problems))
    return adapters


def _load(plugin: EntryPoint) -> Adapter:
    try:
        return cast("Adapter", plugin.load()())
    except Exception as error:
        problem = f"adapter `{plugin.name}` ({plugin.value}) does not load: {type(error).__name__}: {error}"
        raise ProfileInvalid(problem, problems=(problem,)) from error
