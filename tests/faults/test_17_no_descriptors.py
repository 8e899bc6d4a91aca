"""Fault 17: no file descriptor is left when an agent is to be started.

No half of a child stays, the start is tried again later, and succeeds when there are descriptors again. The
engine raises its own limit to the hardest it may; its children get the one it was started with.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from supervisor.model.agent import AgentState, ExitClass
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import chaos_argv
from tests.workshop import Workshop, agent, at_work

SCRIPT = """
import asyncio, json, os, resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
from supervisor.runtime.limits import raise_nofile
from supervisor.testing.chaos import ChaosTeam
async def main():
    raised = raise_nofile()
    async with ChaosTeam() as team:
        child = team.start("idle")
        (pid,) = await child.ready()
        told = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        child.process.signal_leader(9)
        await child.process.clean_up()
    print(json.dumps({"raised": raised, "hard": hard, "child": told}))
asyncio.run(main())
"""


async def test_it_is_tried_again_and_succeeds_when_there_are_some_again() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shop = Workshop(agent("a", intensity=50), commands={"a": chaos_argv("idle")})
    async with at_work(shop):
        await shop.tree("a#1")
        used = {int(fd.name) for fd in Path("/proc/self/fd").iterdir()}
        lowest = next(number for number in range(1000) if number not in used)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))
        try:
            shop.live["a"].signal_leader(9)
            await shop.until(
                lambda: any(
                    change.last_exit is not None and change.last_exit.kind is ExitClass.SPAWN_ERROR
                    for change in shop.changes
                )
            )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        number = shop.numbers["a"]
        await shop.until(lambda: shop.numbers["a"] > number or len(marked(shop.session)) == 1)
        await shop.until(lambda: shop.supervisor.state_of("a") is AgentState.STARTING)
        await shop.tree(f"a#{shop.numbers['a']}")
        assert len(marked(shop.session)) == 1
        failed = next(
            change.last_exit
            for change in shop.changes
            if change.last_exit is not None and change.last_exit.kind is ExitClass.SPAWN_ERROR
        )
        assert "Too many open files" in failed.detail


def test_the_engine_takes_all_it_may_and_children_get_what_was_usual() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, timeout=60)
    told = json.loads(done.stdout)
    assert told["raised"] == told["hard"]
    assert told["child"] == [256, told["hard"]]
