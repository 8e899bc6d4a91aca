"""A follower of the log misses nothing and hears nothing twice, whatever becomes of the engine between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from subprocess import Popen
from typing import Any

from supervisor.model.event import Event, verify_chain
from supervisor.model.task import TaskState
from supervisor.model.wire import from_wire
from tests.acceptance.project import Project, wait_empty, write_profile


async def follower(project: Project, since: int) -> tuple[Popen[str], str]:
    """Follow the log by the command line; return once it has told its first event."""
    process = project.start("events", "--follow", "--since", str(since), "--json")
    assert process.stdout is not None
    return process, await asyncio.to_thread(process.stdout.readline)


async def rest(process: Popen[str], first: str, *, least: int) -> list[Event]:
    """Return all that a follower told until the engine went, at least so many."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = [first, *await asyncio.to_thread(process.stdout.readlines)]
    process.communicate()
    events = [from_wire(Event, json.loads(line)["event"]) for line in lines]
    assert len(events) >= least
    return events


async def up(project: Project) -> None:
    started = await asyncio.to_thread(project.run, "up", str(project.profile), "--detach")
    assert started.returncode == 0, started.stderr


async def test_a_client_resumes_after_a_number_across_engines(project: Project) -> None:
    write_profile(project.profile, tasks=12, step_s=0.3)
    heard: list[Event] = []
    for life in range(3):
        await up(project)
        session = project.session
        process, first = await follower(project, heard[-1].seq if heard else 0)
        async with project.watched() as watcher:
            done = 2 * (life + 1)
            await watcher.until(lambda world, done=done: world.task_counts()[TaskState.DONE] >= done)  # type: ignore[misc]
        if life == 1:
            down = await asyncio.to_thread(project.run, "down", "--now")
            assert down.returncode == 0, down.stderr
        else:
            os.kill(engine_pid(project), signal.SIGKILL)
        heard += await rest(process, first, least=3)
        await asyncio.to_thread(wait_empty, project, session, seconds=30)
    told = await project.events()

    assert [event.seq for event in heard] == list(range(1, len(heard) + 1))
    assert heard == told[: len(heard)]
    assert verify_chain(told) == len(told)
    assert len({event.session for event in heard}) == 3
    acted = [event for event in heard if event.kind == "task.claimed"]
    assert all(event.incarnation > 0 for event in acted)
    await project.check()


def engine_pid(project: Project) -> int:
    record: dict[str, Any] = json.loads((project.root / ".supervisor" / "engine.json").read_text())
    return int(record["pid"])
