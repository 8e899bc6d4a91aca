"""Archiving by hand: by the engine if one runs, else here, under its lock."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from supervisor.cli.output import print_json, say
from supervisor.errors import EngineNotRunning

Step = Callable[[], Awaitable[dict[str, Any]]]
"""Moves one file's worth, or only looks, and answers like the verb `archive`."""


async def archive_all(project: Path, *, before: float | None, dry_run: bool, as_json: bool) -> None:
    """Move file after file until nothing is left that may go, and say what was moved."""
    from supervisor.cli.engine_door import connected

    try:
        async with connected(project) as client:
            await _repeat(
                lambda: client.call("archive", before=before, dry_run=dry_run),
                dry_run=dry_run,
                as_json=as_json,
            )
            return
    except EngineNotRunning:
        pass
    await _archive_offline(project, before=before, dry_run=dry_run, as_json=as_json)


async def _archive_offline(project: Path, *, before: float | None, dry_run: bool, as_json: bool) -> None:
    from supervisor.dispatch.archivist import Retention
    from supervisor.engine.stored_events import offline_archivist
    from supervisor.model.team import KEEP_EVENTS_DAYS, KEEP_RUNS

    async with offline_archivist(project) as archivist:
        kept = Retention(before=before)
        if before is None:
            kept = archivist.kept(days=KEEP_EVENTS_DAYS, runs=KEEP_RUNS)

        async def step() -> dict[str, Any]:
            moved = None if dry_run else await archivist.move(kept, whole=False)
            left = await archivist.plan(kept)
            return {"moved": None if moved is None else asdict(moved), "left": asdict(left)}

        await _repeat(step, dry_run=dry_run, as_json=as_json)


async def _repeat(step: Step, *, dry_run: bool, as_json: bool) -> None:
    moved: list[dict[str, Any]] = []
    while True:
        answer = await step()
        if answer["moved"] is None:
            break
        moved.append(answer["moved"])
        if not as_json:
            say(_line(answer["moved"]))
    left = answer["left"]
    count = max(0, left["last"] - left["first"] + 1)
    if as_json:
        print_json("archive", moved=moved, left=left | {"events": count})
    elif dry_run:
        say(
            f"would move {count} events: {left['first']} to {left['last']}"
            if count
            else "nothing would be moved"
        )
    elif not moved:
        say("nothing is old enough to be moved")


def _line(segment: dict[str, Any]) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(segment["last_at"]))
    name = f"events-{segment['first']}-{segment['last']}.jsonl.gz"
    count = segment["last"] - segment["first"] + 1
    return f"moved {count} events, until {day}, to archive/{name} ({segment['bytes'] // 1024} KiB)"
