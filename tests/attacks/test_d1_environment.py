"""D1: an agent's environment is an allow-list, shown on a real child and grandchild."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.kit import LaunchKit
from supervisor.adapters.registry import load_adapter
from supervisor.clock import SystemClock
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch, spawn

INNOCENT = (
    "COLOR", "EDITOR_MODE", "BUILD_ID", "REGION", "STAGE", "PROFILE", "CACHE_DIR", "HOSTALIAS",
    "npm_config_x", "GIT_AUTHOR_NOTE", "LC_CANARY", "SHELL", "PYTHONPATH", "LD_PRELOAD", "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS", "AWS_PROFILE", "ANTHROPIC_BASE_URL", "http_proxy", "XDG_RUNTIME_DIR",
)  # fmt: skip
CANARIES = {name: f"canary-{name}" for name in (*INNOCENT, *(f"SETTING_{number}" for number in range(180)))}

# Each program of the tree writes its own environment, then the child starts the grandchild.
TELL = (
    "import json, os, subprocess, sys\n"
    "open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))\n"
    "if len(sys.argv) > 2: subprocess.run([sys.executable, '-c', sys.argv[3], sys.argv[2]], check=True)\n"
)


class LeakyAdapter(CommandAdapter):
    """Pass on everything: the mistake that this row is about."""

    def launch(self, context: LaunchContext) -> Launch:
        launch = super().launch(context)
        return Launch(
            argv=launch.argv,
            cwd=launch.cwd,
            env={**context.environ, **launch.env},
            session=launch.session,
            agent=launch.agent,
        )


async def environments(
    adapter: Adapter, tmp_path: Path, *, env_allow: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """Start a child with a grandchild through the adapter; return what both had in their environments."""
    files = (tmp_path / "child.json", tmp_path / "grandchild.json")
    pool = PoolSpec(
        name="worker",
        role=Role.WORKER,
        command=("{python}", "-c", TELL, *map(str, files), TELL),
        env_allow=env_allow,
    )
    context = LaunchContext(
        agent="worker",
        incarnation=1,
        pool=pool,
        project=tmp_path,
        profile_dir=tmp_path,
        report_dir=tmp_path,
        kit=LaunchKit(directory=tmp_path, mcp_config=tmp_path / "mcp.json", role_prompt=tmp_path / "p.md"),
        session="d1",
        environ={"PATH": "/usr/bin:/bin", **CANARIES},
    )
    process = spawn(adapter.launch(context), on_output=lambda _: True, clock=SystemClock())
    async with asyncio.timeout(20):
        assert (await process.wait()).code == 0
        await process.clean_up()
    return [json.loads(file.read_text()) for file in files]


def leaked(env: dict[str, str]) -> set[str]:
    return {name for name, value in CANARIES.items() if value in env.values() or name in env}


async def test_of_200_canaries_none_reaches_the_child_or_its_child(tmp_path: Path) -> None:
    assert len(CANARIES) == 200
    for env in await environments(load_adapter("command"), tmp_path):
        assert leaked(env) == set()
        assert set(env) <= {
            "PATH", "TERM", "PYTHONUNBUFFERED", "LC_CTYPE", "SUP_SESSION", "SUP_AGENT",
            "SUPERVISOR_AGENT", "SUPERVISOR_MCP_CONFIG", "SUPERVISOR_PROMPT",
        }  # fmt: skip


async def test_only_what_the_pool_names_gets_through(tmp_path: Path) -> None:
    for env in await environments(load_adapter("command"), tmp_path, env_allow=("REGION", "SETTING_7")):
        assert leaked(env) == {"REGION", "SETTING_7"}


@pytest.mark.parametrize("adapter", [LeakyAdapter()])
async def test_canary_an_adapter_that_passes_everything_on_is_caught(
    adapter: Adapter, tmp_path: Path
) -> None:
    for env in await environments(adapter, tmp_path):
        assert leaked(env) == set(CANARIES)
