"""What every adapter must pass, ours and those of other packages.

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_my_adapter_conforms(rule, tmp_path):
        rule(MyAdapter(), make_trial(tmp_path))

Each rule raises AssertionError that says what is wrong.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.events import AgentEvent
from supervisor.adapters.kit import write_kit
from supervisor.model.agent import Role
from supervisor.model.ids import NAME_PATTERN, new_key
from supervisor.model.team import PoolSpec

HOSTILE_LINES: Final = (
    b"",
    b"\0",
    b"\r",
    b"\xff\xfe\xfd",
    b"{",
    b"[" * 10_000,
    b'{"type": null}',
    b'{"type": "started", "type": 7}',
    b"\x1b]52;c;Y2FuYXJ5\x07",
    b"x" * 1_048_576,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A context to launch in, the key of its kit, and variables that must not get through."""

    context: LaunchContext
    key: str
    canaries: dict[str, str]


def make_trial(directory: Path) -> Trial:
    """Write a real kit and build a context around it."""
    key = new_key()
    kit_dir, project = directory / "kit", directory / "project"
    kit_dir.mkdir(mode=0o700)
    project.mkdir()
    canaries = {f"SETTING_{number}": f"canary-{number}" for number in range(200)}
    context = LaunchContext(
        agent="worker-2",
        incarnation=7,
        pool=PoolSpec(name="worker", role=Role.WORKER, size=2, command=("true",)),
        project=project,
        profile_dir=directory,
        report_dir=directory / "report",
        kit=write_kit(
            kit_dir,
            url="http://127.0.0.1:1/mcp",
            key=key,
            agent="worker-2",
            incarnation=7,
            role=Role.WORKER,
            prompt="Do it.",
        ),
        session=secrets.token_hex(8),  # trees are swept by it: two trials must not end each other's agents
        environ={"PATH": "/usr/bin:/bin", "HOME": str(directory), **canaries},
    )
    return Trial(context=context, key=key, canaries=canaries)


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads as assert does
    if not holds:
        raise AssertionError(problem)


def has_a_well_formed_name(adapter: Adapter, _trial: Trial) -> None:
    """Check that a profile can ask for it."""
    _require(NAME_PATTERN.match(adapter.name) is not None, f"`{adapter.name}` cannot stand in a profile")


def launches_the_same_twice(adapter: Adapter, trial: Trial) -> None:
    """Check that what is shown before a start is what is started."""
    _require(adapter.launch(trial.context) == adapter.launch(trial.context), "launch is not pure")


def marks_the_incarnation(adapter: Adapter, trial: Trial) -> None:
    """Check that the runtime finds the tree by session and marker."""
    launch = adapter.launch(trial.context)
    expected = (trial.context.session, "worker-2#7")
    _require((launch.session, launch.agent) == expected, "the tree would not be found")


def keeps_the_key_in_its_file(adapter: Adapter, trial: Trial) -> None:
    """Check that neither other users nor the agent's own children can read the key."""
    launch = adapter.launch(trial.context)
    seen = (*launch.argv, launch.cwd, *launch.env, *launch.env.values())
    _require(not any(trial.key in text for text in seen), "the key stands in an argument or a variable")


def passes_on_no_variable_by_itself(adapter: Adapter, trial: Trial) -> None:
    """Check that the environment is an allow-list."""
    env = adapter.launch(trial.context).env
    leaked = sorted(name for name, value in trial.canaries.items() if name in env or value in env.values())
    _require(not leaked, f"variables got through: {', '.join(leaked[:5])}")


def passes_on_what_the_pool_names(adapter: Adapter, trial: Trial) -> None:
    """Check that the pool's `env` and `env_allow` are heeded."""
    pool = replace(trial.context.pool, env={"LEVEL": "3"}, env_allow=("SETTING_7",))
    env = adapter.launch(replace(trial.context, pool=pool)).env
    _require(
        (env.get("LEVEL"), env.get("SETTING_7")) == ("3", "canary-7"), "the pool's variables are missing"
    )


def leaves_the_project_alone(adapter: Adapter, trial: Trial) -> None:
    """Check that nothing is generated into the work tree."""
    adapter.launch(trial.context)
    _require(not list(trial.context.project.iterdir()), "launch wrote into the project")


def reads_any_line_without_raising(adapter: Adapter, trial: Trial) -> None:
    """Check that unknown and broken lines are never fatal."""
    rng = random.Random(7)  # noqa: S311 - noise, not secrets
    noise = (rng.randbytes(rng.randrange(200)) for _ in range(500))
    driver = adapter.driver(trial.context, _Deaf())
    if driver is not None:
        driver.open()
        for line in (*HOSTILE_LINES, *noise):
            driver.hear(line + b"\n")
        driver.close()


class _Deaf:
    """A line on which nobody listens."""

    def send(self, data: bytes) -> bool:
        return bool(data)

    def tell(self, event: AgentEvent) -> None:
        pass


Rule = Callable[[Adapter, Trial], None]

RULES: Final[tuple[Rule, ...]] = (
    has_a_well_formed_name,
    launches_the_same_twice,
    marks_the_incarnation,
    keeps_the_key_in_its_file,
    passes_on_no_variable_by_itself,
    passes_on_what_the_pool_names,
    leaves_the_project_alone,
    reads_any_line_without_raising,
)
