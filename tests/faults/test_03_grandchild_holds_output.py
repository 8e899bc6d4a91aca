"""Fault 3: an agent ends while a grandchild keeps its output open.

The end is seen at once, by the process itself and not by the end of its output; the grandchild is ended.
"""

from __future__ import annotations

import asyncio

import pytest

from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import ChaosTeam, is_alive


async def test_the_end_is_seen_at_once_and_the_grandchild_ended() -> None:
    async with ChaosTeam() as team:
        child = team.start("hold-output")
        async with asyncio.timeout(5):
            assert await child.process.wait() == ProcessExit(code=0)
        _, grandchild = await child.ready()
        assert is_alive(grandchild)
        assert (await child.process.clean_up()).empty
        assert not is_alive(grandchild)


async def test_who_waits_for_the_end_of_the_output_waits_in_vain() -> None:
    """The canary: what asyncio's own process and others do."""
    async with ChaosTeam() as team:
        launch = team.launch("sh", "-c", "setsid sleep 60 & exit 0")
        child = await asyncio.create_subprocess_exec(
            *launch.argv,
            env={**launch.env, "SUP_SESSION": team.session, "SUP_AGENT": launch.agent},
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await child.stdout.read()
    await child.wait()
