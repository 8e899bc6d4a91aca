"""Running a task's checks: each a process of its own in the agent's workspace, of which nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.clock import Clock
from supervisor.model.evidence import TAIL_MAX, Check, Evidence
from supervisor.model.task import Task
from supervisor.model.team import StopLadder
from supervisor.runtime.launch import Confinement
from supervisor.runtime.spawn import Launch, Process, SpawnFailed, spawn
from supervisor.workspace.git import standing_of

_COMMAND_SHOWN: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlace:
    """Where checks run and with what: their author's workspace, environment and confinement."""

    directory: Path
    session: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    confinement: Confinement = field(default_factory=Confinement)


class _Output:
    """Hands on what a check writes, and remembers the end of it."""

    def __init__(self, log: Callable[[bytes], bool]) -> None:
        self._log: Final = log
        self._end = bytearray()

    def hear(self, chunk: bytes) -> bool:
        """Take a chunk; the answer is the log's: False holds the check back for a moment."""
        self._end += chunk[-TAIL_MAX:]
        del self._end[:-TAIL_MAX]
        return self._log(chunk)

    @property
    def tail(self) -> str:
        """Return the end of what was written, as text of at most `TAIL_MAX` bytes."""
        text = self._end.decode("utf-8", "replace").replace("\0", "\ufffd")
        return text.encode()[-TAIL_MAX:].decode("utf-8", "ignore")


async def run_check(
    task: Task, check: Check, place: CheckPlace, *, log: Callable[[bytes], bool], clock: Clock
) -> Evidence:
    """Run one check to its end or the end of its time, and say what came of it.

    Whatever it started is ended with it, also when this is cancelled. Its whole output goes to `log`.
    """
    standing = await asyncio.to_thread(standing_of, place.directory)
    output = _Output(log)
    started_at, began = clock.now(), clock.monotonic()
    log(_heading(task, check))
    ending = await _ended(_launch(task, check, place), check, place, output, clock)
    evidence = Evidence(
        task=task.id,
        token=task.token,
        check=check.name,
        argv=check.argv,
        tail=output.tail,
        commit=standing.commit,
        dirty=standing.dirty,
        started_at=started_at,
        duration_s=max(0.0, clock.monotonic() - began),
        **ending,
    )
    log(f"\n== check {check.name} {evidence.outcome}\n".encode())
    return evidence


def _launch(task: Task, check: Check, place: CheckPlace) -> Launch:
    return Launch(
        argv=check.argv,
        cwd=str(place.directory),
        env=dict(place.env),
        session=place.session,
        agent=f"check-{task.id}#{task.token}",
    )


async def _ended(
    launch: Launch, check: Check, place: CheckPlace, output: _Output, clock: Clock
) -> dict[str, Any]:
    try:
        process = spawn(launch, on_output=output.hear, clock=clock, confinement=place.confinement)
    except SpawnFailed as failure:
        return {"problem": failure.detail}
    try:
        return await _in_time(process, check.timeout_s)
    finally:
        await process.stop(StopLadder(), now=True)


async def _in_time(process: Process, timeout_s: float) -> dict[str, Any]:
    try:
        async with asyncio.timeout(timeout_s):
            ended = await process.wait()
    except TimeoutError:
        return {"timed_out": True}
    if ended.code is None and ended.signal is None:
        return {"problem": "nobody knows how it ended"}
    return {"exit_code": ended.code, "signal": ended.signal}


def _heading(task: Task, check: Check) -> bytes:
    command = " ".join(check.argv).replace("\n", " ")[:_COMMAND_SHOWN]
    return f"\n== check {check.name} of {task.id}, attempt {task.token}: {command}\n".encode()
