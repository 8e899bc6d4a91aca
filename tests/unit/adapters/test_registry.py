"""Adapters are found by name: built in, or brought by an installed package."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.registry import GROUP, adapter_names, adapters_of, installed, load_adapter
from supervisor.config.parse import ADAPTER_GROUP, BUILT_IN_ADAPTERS
from supervisor.errors import ProfileInvalid
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec, TeamSpec


class Robot(CommandAdapter):
    """Stand for an adapter of another package."""

    name = "robot"


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


ROBOT = entry("robot", f"{__name__}:Robot")


def team(*adapters: str) -> TeamSpec:
    pools = tuple(
        PoolSpec(name=f"pool{number}", role=Role.WORKER, command=("x",), adapter=adapter)
        for number, adapter in enumerate(adapters)
    )
    return TeamSpec(name="t", description="", pools=pools, source="t.toml", digest="")


def test_the_command_adapter_is_built_in() -> None:
    assert load_adapter("command").name == "command"
    assert "command" in adapter_names(installed())


def test_the_profile_parser_knows_the_same_built_in_adapters_and_the_same_group() -> None:
    assert tuple(BUILT_IN_ADAPTERS) == adapter_names(())
    assert ADAPTER_GROUP == GROUP


def test_a_package_s_adapter_is_loaded_from_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda self: Robot)
    assert load_adapter("robot", plugins=[ROBOT]).name == "robot"


def test_a_package_cannot_replace_a_built_in_adapter() -> None:
    impostor = entry("command", f"{__name__}:Robot")
    assert type(load_adapter("command", plugins=[impostor])) is CommandAdapter


def test_an_unknown_adapter_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ProfileInvalid) as refused:
        load_adapter("comand", plugins=[ROBOT])
    assert refused.value.problems == (
        "no adapter is called `comand`; there are: "
        + ", ".join(sorted((*BUILT_IN_ADAPTERS, "robot")))
        + "; did you mean `command`?",
    )


def test_an_adapter_unlike_any_other_is_refused_without_a_guess() -> None:
    with pytest.raises(ProfileInvalid) as refused:
        load_adapter("zzz")
    assert "did you mean" not in refused.value.problems[0]


def test_an_adapter_that_does_not_load_is_refused_with_the_cause() -> None:
    broken = entry("broken", "no_such_module_at_all:Thing")
    with pytest.raises(ProfileInvalid, match="No module named 'no_such_module_at_all'"):
        load_adapter("broken", plugins=[broken])


def test_every_pool_gets_its_adapter() -> None:
    assert [*adapters_of(team("command", "command"))] == ["pool0", "pool1"]


def test_all_pools_with_wrong_adapters_are_named_at_once() -> None:
    with pytest.raises(ProfileInvalid) as refused:
        adapters_of(team("comand", "command", "zzz"), plugins=())
    assert [problem.split(": ")[1] for problem in refused.value.problems] == [
        "pools.pool0.adapter",
        "pools.pool2.adapter",
    ]
