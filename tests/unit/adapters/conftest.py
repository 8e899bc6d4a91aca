"""A context as the engine would build it, in a directory of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.kit import LaunchKit
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec

MakeContext = Callable[..., LaunchContext]


@pytest.fixture
def make_context(tmp_path: Path) -> MakeContext:
    """Return a maker of contexts; keyword arguments replace what stands here."""

    def make(
        *,
        command: tuple[str, ...] = ("{python}", "-c", "pass"),
        env: dict[str, str] | None = None,
        env_allow: tuple[str, ...] = (),
        environ: dict[str, str] | None = None,
    ) -> LaunchContext:
        kit_dir = tmp_path / "kit"
        kit = LaunchKit(directory=kit_dir, mcp_config=kit_dir / "mcp.json", role_prompt=kit_dir / "prompt.md")
        pool = PoolSpec(
            name="worker", role=Role.WORKER, size=2, command=command, env=env or {}, env_allow=env_allow
        )
        return LaunchContext(
            agent="worker-2",
            incarnation=7,
            pool=pool,
            project=tmp_path,
            profile_dir=tmp_path / "profiles",
            report_dir=tmp_path / "report",
            kit=kit,
            session="5e55",
            environ={"PATH": "/usr/bin:/bin", "HOME": "/home/me"} if environ is None else environ,
        )

    return make
