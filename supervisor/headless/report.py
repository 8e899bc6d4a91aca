"""The report directory of a run: run.json, junit.xml, events.jsonl and each agent's log."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from supervisor.headless.json_line import json_line, versioned
from supervisor.headless.junit import junit_lines
from supervisor.headless.log_copy import copy_log
from supervisor.headless.whole_file import made_directory, written_whole
from supervisor.model.event import Event
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.turn import Turn
from supervisor.model.vote import tally
from supervisor.model.wire import to_wire
from supervisor.model.world import EngineInfo, World

ENGINE_LOG: Final = "engine"
USED: Final = ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")


def write_report(
    directory: Path, *, world: World, engine: EngineInfo, events: Iterable[Event], summary: dict[str, Any]
) -> None:
    """Write every file of the report; each appears whole, an earlier one of its name is replaced."""
    made_directory(directory)
    with written_whole(directory / "events.jsonl") as stream:
        for event in events:
            stream.write(json_line(to_wire(event)) + "\n")
    with written_whole(directory / "junit.xml") as stream:
        stream.writelines(f"{line}\n" for line in junit_lines(world, engine.team))
    _copy_logs(directory / "logs", world, Path(engine.log_dir))
    with written_whole(directory / "run.json") as stream:
        stream.write(json_line(run_facts(world, engine, summary)) + "\n")


def run_facts(world: World, engine: EngineInfo, summary: dict[str, Any]) -> dict[str, Any]:
    """Gather what `run.json` tells: the summary, and all of the run that a reader may count or check.

    `usage` has a line for each agent that had turns; what nobody knows in it is null.
    """
    tasks, turns = world.run_tasks(), [turn for turn in world.turns.values() if turn.run == world.run]
    return versioned(
        "run",
        **summary,
        run=to_wire(world.current_run),
        engine=to_wire(engine),
        last_event=world.seq,
        tasks=[to_wire(task) for task in tasks],
        evidence=[to_wire(said) for task in tasks for said in world.evidence_of(task)],
        votes=_votes(world),
        approvals=[to_wire(each) for each in world.approvals.values() if each.run == world.run],
        agents=[to_wire(agent) for agent in world.agents.values()],
        turns=[to_wire(turn) for turn in turns],
        usage=[_used(agent, [each for each in turns if each.agent == agent]) for agent in _driven(turns)],
    )


def _driven(turns: list[Turn]) -> list[str]:
    return list(dict.fromkeys(turn.agent for turn in turns))


def _used(agent: str, turns: list[Turn]) -> dict[str, Any]:
    sums: dict[str, Any] = {"agent": agent, "turns": len(turns)}
    for what in USED:
        known = [value for turn in turns if (value := getattr(turn, what)) is not None]
        sums[what] = sum(known) if known else None
    return sums | {"cost_unknown": any(turn.cost_unknown for turn in turns)}


def _votes(world: World) -> list[dict[str, Any]]:
    told = []
    for vote in world.votes.values():
        if vote.run == world.run:
            ballots = world.ballots_of(vote.id)
            counted = {"tally": tally(vote, ballots), "ballots": to_wire(ballots)}
            told.append(to_wire(vote) | counted)
    return told


def _copy_logs(directory: Path, world: World, log_dir: Path) -> None:
    made_directory(directory)
    names = [name for name in world.agents if NAME_PATTERN.match(name)]
    for name in (*names, ENGINE_LOG):
        log = log_dir / f"{name}.log"
        if log.is_file() and not log.is_symlink():
            copy_log(log, directory / f"{name}.log")
