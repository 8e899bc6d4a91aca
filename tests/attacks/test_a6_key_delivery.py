"""A6: the key of an incarnation is in its 0600 file and nowhere where others can read it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.kit import write_kit
from supervisor.adapters.registry import load_adapter
from supervisor.clock import SystemClock
from supervisor.model.agent import Role
from supervisor.model.ids import new_key
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch, spawn

# The child waits for its own child, which has read the kit as an agent would, and sleeps.
PROGRAM = (
    "import os, subprocess, sys, time\n"
    "assert open(os.environ['SUPERVISOR_MCP_CONFIG']).read()\n"
    "print('up', flush=True)\n"
    "if len(sys.argv) > 1: subprocess.run([sys.executable, '-c', sys.argv[1]])\n"
    "time.sleep(60)\n"
)


class KeyInArgv(CommandAdapter):
    """Hand the key over as an argument: readable by every user of the machine."""

    def launch(self, context: LaunchContext) -> Launch:
        launch = super().launch(context)
        return replace(launch, argv=(*launch.argv, "", context.kit.mcp_config.read_text()))


class KeyInEnvironment(CommandAdapter):
    """Hand the key over as a variable: inherited by everything the agent starts."""

    def launch(self, context: LaunchContext) -> Launch:
        launch = super().launch(context)
        return replace(launch, env={**launch.env, "TOKEN": context.kit.mcp_config.read_text()})


def context_of(tmp_path: Path, key: str, *, name: str = "worker") -> LaunchContext:
    """Write a kit with this key, and build the context that goes with it."""
    project, state = tmp_path / "project", tmp_path / "state" / name
    project.mkdir(exist_ok=True)
    state.mkdir(parents=True, mode=0o700, exist_ok=True)
    kit = write_kit(
        state, url="http://127.0.0.1:1/mcp", key=key, agent=name, incarnation=1, role=Role.WORKER, prompt="p"
    )
    pool = PoolSpec(name=name, role=Role.WORKER, command=("{python}", "-c", PROGRAM, PROGRAM), prompt="p")
    return LaunchContext(
        agent=name,
        incarnation=1,
        pool=pool,
        project=project,
        profile_dir=project,
        report_dir=project,
        kit=kit,
        session="a6",
        environ={"PATH": "/usr/bin:/bin"},
    )


def places_with(key: str, context: LaunchContext, launch: Launch) -> set[str]:
    """Name where the key can be seen besides the kit's configuration file."""
    surfaces = {
        "argv": launch.argv,
        "env": (*launch.env, *launch.env.values()),
        "prompt": (context.kit.role_prompt.read_text(),),
        "project": tuple(path.read_text() for path in context.project.rglob("*") if path.is_file()),
    }
    return {place for place, texts in surfaces.items() if any(key in text for text in texts)}


def seen_by_others(key: str) -> set[str]:
    """Look through the command lines and environments of all processes, as `ps` would."""
    needle = key.encode()
    seen = set()
    for surface in ("cmdline", "environ"):
        for file in Path("/proc").glob(f"[0-9]*/{surface}"):
            try:
                if needle in file.read_bytes():
                    seen.add(surface)
            except OSError:
                continue
    return seen


async def seen_while_it_runs(adapter: Adapter, context: LaunchContext, key: str) -> set[str]:
    """Start the agent and its child, and look once both are up."""
    words = bytearray()
    both_up = asyncio.Event()

    def hear(chunk: bytes) -> bool:
        words.extend(chunk)
        if words.count(b"up") == 2:
            both_up.set()
        return True

    process = spawn(adapter.launch(context), on_output=hear, clock=SystemClock())
    try:
        async with asyncio.timeout(20):
            await both_up.wait()
        return seen_by_others(key)
    finally:
        await process.stop(context.pool.stop, now=True)


def test_over_1000_launches_the_key_is_in_no_argument_variable_prompt_or_project_file(tmp_path: Path) -> None:
    adapter = load_adapter("command")
    for _ in range(1000):
        key = new_key()
        context = context_of(tmp_path, key)
        assert key in context.kit.mcp_config.read_text()
        assert places_with(key, context, adapter.launch(context)) == set()


async def test_the_key_of_a_running_agent_is_in_no_command_line_and_no_environment(tmp_path: Path) -> None:
    key = new_key()
    context = context_of(tmp_path, key)
    assert await seen_while_it_runs(load_adapter("command"), context, key) == set()


@pytest.mark.parametrize(
    ("broken", "place", "surface"), [(KeyInArgv, "argv", "cmdline"), (KeyInEnvironment, "env", "environ")]
)
async def test_canary_an_adapter_that_hands_the_key_over_in_the_open_is_caught(
    broken: Callable[[], Adapter], place: str, surface: str, tmp_path: Path
) -> None:
    key = new_key()
    context = context_of(tmp_path, key)
    assert places_with(key, context, broken().launch(context)) == {place}
    assert surface in await seen_while_it_runs(broken(), context, key)
