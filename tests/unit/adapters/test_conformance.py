"""Every adapter that is installed passes the suite, and the suite catches one that breaks each rule."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.driver import Answer, Driver, Line
from supervisor.adapters.registry import adapter_names, installed, load_adapter
from supervisor.runtime.spawn import Launch
from supervisor.testing.adapter_conformance import RULES, Rule, make_trial


def name_of(rule: object) -> str:
    return getattr(rule, "__name__", str(rule))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@pytest.mark.parametrize("adapter", adapter_names(installed()))
def test_every_adapter_conforms(adapter: str, rule: Rule, tmp_path: Path) -> None:
    rule(load_adapter(adapter), make_trial(tmp_path))


class Careless(CommandAdapter):
    """Break every rule at once."""

    name = "Care Less"

    def launch(self, context: LaunchContext) -> Launch:
        (context.project / "mcp.json").write_text("{}")
        launch = super().launch(replace(context, pool=replace(context.pool, env={}, env_allow=())))
        argv = (*launch.argv, context.kit.mcp_config.read_text(), str(time.monotonic_ns()))
        return replace(launch, argv=argv, env={**context.environ, **launch.env}, agent=context.agent)

    def driver(self, context: LaunchContext, line: Line) -> Driver:
        return Strict()


class Strict:
    """Take nothing but JSON."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def hear(self, data: bytes) -> None:
        json.loads(data)

    def prompt(self, text: str, *, fresh: bool = False) -> None: ...

    def inject(self, text: str) -> bool:
        return False

    def interrupt(self) -> bool:
        return False

    def answer(self, request: str, answer: Answer) -> bool:
        return False


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_canary_a_careless_adapter_is_caught_by_each_rule(rule: Rule, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ValueError)):
        rule(Careless(), make_trial(tmp_path))
