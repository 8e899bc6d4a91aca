"""The teams that ship: each is understood, its prompts say something, and name only what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from supervisor.config.presets import PRESETS
from supervisor.config.profile import load_profile
from supervisor.model.agent import Role
from supervisor.model.permissions import Operation as Op
from supervisor.model.permissions import may
from supervisor.model.team import PoolSpec
from supervisor.transports.mcp.tools.table import TOOLS

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = ROOT / "docs" / "profiles.md"
NAMES: Final = tuple(sorted(path.stem for path in (ROOT / "profiles").glob("*.toml")))
POOLS: Final = [(name, pool) for name in NAMES for pool in load_profile(name).pools if pool.agent]
TOOL: Final = re.compile(r"`([a-z]+(?:_[a-z]+)+|help|wait|inbox)`")
WORDS: Final = 60
WITH_A_MODEL: Final = [(name, pool) for name, pool in POOLS if name != "demo"]
"""Those whose model reads its prompt; the demo's plays a script."""

OF_ONE_ROLE: Final = {"solo", "fan-out", "council"}
"""Teams whose lead does the last task itself; nothing in them is reviewed."""


def of_pool(each: object) -> str:
    return each.name if isinstance(each, PoolSpec) else str(each)


def strangers_in(pool: PoolSpec) -> list[str]:
    """List what a prompt speaks of as a tool and its role does not have."""
    arguments = {name for tool in TOOLS.values() for name in tool.arguments.model_fields}
    named = set(TOOL.findall(pool.prompt)) - arguments
    return sorted(name for name in named if name not in TOOLS or not TOOLS[name].visible_to(pool.role))


@pytest.mark.parametrize(("profile", "pool"), POOLS, ids=of_pool)
def test_a_prompt_names_only_tools_that_its_role_may_call(profile: str, pool: PoolSpec) -> None:
    assert strangers_in(pool) == [], profile


def test_a_prompt_that_names_others_would_be_found() -> None:
    """The canary."""
    prompt = "Call `task_finish`, then `task_approve` with `task_id`."
    assert strangers_in(PoolSpec(name="w", role=Role.WORKER, command=("x",), prompt=prompt)) == [
        "task_approve",
        "task_finish",
    ]


@pytest.mark.parametrize(("profile", "pool"), WITH_A_MODEL, ids=of_pool)
def test_a_prompt_says_how_to_work_and_how_it_ends(profile: str, pool: PoolSpec) -> None:
    assert len(pool.prompt.split()) >= WORDS, f"{profile}: {pool.name}"
    assert re.search(r"`task_(complete|approve)`|[Ee]nd (your turn|with)|`vote_cast`", pool.prompt)


@pytest.mark.parametrize("profile", NAMES)
def test_a_profile_says_what_it_is_for_and_how_to_begin(profile: str) -> None:
    team = load_profile(profile)
    head = (ROOT / "profiles" / f"{profile}.toml").read_text(encoding="utf-8").split("\nname", 1)[0]

    assert team.name == profile
    assert team.description.endswith(".")
    assert head.startswith("# ")
    assert all(pool.agent in PRESETS for pool in team.pools if pool.agent)


@pytest.mark.parametrize("profile", NAMES)
def test_every_profile_is_described(profile: str) -> None:
    assert f"## `{profile}`" in PAGE.read_text(encoding="utf-8")


def test_nobody_of_a_shipped_team_judges_what_it_made() -> None:
    for name in NAMES:
        makers = {pool.name for pool in load_profile(name).pools if may(pool.role, Op.TASK_WORK)}
        judges = {pool.name for pool in load_profile(name).pools if may(pool.role, Op.TASK_REVIEW)}
        assert name in OF_ONE_ROLE or not makers & judges
