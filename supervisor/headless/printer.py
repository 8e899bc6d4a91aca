"""The two ways a run is told: a story for people, one JSON object per line for programs."""

from __future__ import annotations

from typing import Any, Protocol

from supervisor.headless.json_line import json_line, versioned
from supervisor.headless.narrative import quoted, sentence
from supervisor.model.event import Event
from supervisor.model.task import TERMINAL, TaskState
from supervisor.model.wire import to_wire
from supervisor.model.world import EngineInfo, Snapshot, World


class Printer(Protocol):
    """Turns what happens into lines; writes nothing itself."""

    def opened(self, snapshot: Snapshot, world: World) -> list[str]:
        """Tell what is being followed."""
        ...

    def happened(self, event: Event, world: World) -> list[str]:
        """Tell one event, before `world` has taken it in."""
        ...

    def ended(self, summary: dict[str, Any]) -> list[str]:
        """Tell how it ended; `summary` has exit_code, outcome, counts and report."""
        ...


def _size(engine: EngineInfo) -> str:
    """Spell how many agents the team has: `4`, or `1 to 8` if pools follow their work."""
    least = sum(pool.size if pool.scale is None else pool.scale.min for pool in engine.pools)
    most = sum(pool.size for pool in engine.pools)
    return str(most) if least == most else f"{least} to {most}"


class StoryPrinter:
    """Tells the run in short English lines, each with the time since the engine's start."""

    def __init__(self) -> None:
        self._zero = 0.0

    def opened(self, snapshot: Snapshot, world: World) -> list[str]:
        """Name team, run, size and project in one line."""
        engine = snapshot.engine
        self._zero = engine.started_at
        team = f"team {quoted(engine.team)}, run {snapshot.run}: {_size(engine)} agents"
        return [f"{self._at(snapshot.at)} {team} on {quoted(engine.project, 200)}{_so_far(world)}"]

    def happened(self, event: Event, world: World) -> list[str]:
        """Tell one event in a sentence, with the count of ended tasks whenever one ends."""
        told = sentence(event, world)
        if told is None:
            return []
        return [f"{self._at(event.at)} {told}{_progress(event, world)}"]

    def ended(self, summary: dict[str, Any]) -> list[str]:
        """Sum the run up: outcome, tasks by state, and where the report lies."""
        counts = ", ".join(f"{count} {state}" for state, count in summary["counts"].items() if count)
        lines = [f"{quoted(summary['outcome'], 200)}; tasks: {counts or 'none'}"]
        if summary.get("report"):
            lines.append(f"report: {quoted(summary['report'], 400)}")
        return lines

    def _at(self, moment: float) -> str:
        return clock_text(moment - self._zero)


class JsonPrinter:
    """Tells the run as JSON objects of the types `start`, `event` and `end`."""

    def opened(self, snapshot: Snapshot, world: World) -> list[str]:
        """Give the engine, the run and the number of the last event before the first one told."""
        start = versioned(
            "start", seq=snapshot.version, at=snapshot.at, run=snapshot.run, engine=to_wire(snapshot.engine)
        )
        return [json_line(start)]

    def happened(self, event: Event, world: World) -> list[str]:
        """Give the event whole."""
        return [json_line(versioned("event", event=to_wire(event)))]

    def ended(self, summary: dict[str, Any]) -> list[str]:
        """Give the summary as it is."""
        return [json_line(versioned("end", **summary))]


def clock_text(seconds: float) -> str:
    """Spell a duration as `MM:SS`, or `H:MM:SS` from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _so_far(world: World) -> str:
    """Say how far an earlier engine came; tasks that nobody touched yet may be this one's own goal."""
    tasks = world.run_tasks()
    begun = any(task.token or task.is_terminal for task in tasks)
    return f"; going on with {_ended(world)} of {len(tasks)} tasks ended" if begun else ""


def _ended(world: World) -> int:
    return sum(count for state, count in world.task_counts().items() if state in TERMINAL)


def _progress(event: Event, world: World) -> str:
    if event.noun != "task" or event.after.get("state") not in {state.value for state in TERMINAL}:
        return ""
    before = world.tasks.get(event.subject)
    grown = before is None or before.state not in TERMINAL
    total = len(world.run_tasks()) + (before is None)
    return f" [{_ended(world) + grown}/{total}]"


def state_counts(world: World) -> dict[str, int]:
    """Count the run's tasks by the word of their state, every state present."""
    counts = world.task_counts()
    return {state.value: counts[state] for state in TaskState}
