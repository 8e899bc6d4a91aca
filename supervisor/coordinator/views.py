"""What people are shown: the snapshot of a run, and one task with all around it."""

from __future__ import annotations

from typing import Any, Final

from supervisor.coordinator import evidence, memory, votes
from supervisor.coordinator.handoffs import NEWEST
from supervisor.coordinator.scope import Scope, task_number
from supervisor.coordinator.work import claim_details
from supervisor.model.agent import Agent
from supervisor.model.allowance import Allowance
from supervisor.model.approval import Approval
from supervisor.model.handoff import Handoff
from supervisor.model.message import Delivery, Message
from supervisor.model.milestone import Milestone
from supervisor.model.outside_key import OutsideKey
from supervisor.model.question import Question
from supervisor.model.rule import StandingRule
from supervisor.model.scale import Pool
from supervisor.model.task import Board, Checkpoint, Note, Task
from supervisor.model.team import Run
from supervisor.model.turn import Turn
from supervisor.model.vote import Ballot, Vote, tally
from supervisor.model.wire import to_wire
from supervisor.model.work_state import WorkState
from supervisor.model.world import ENTITIES, EngineInfo, Snapshot, World, key_of
from supervisor.store.transaction import Transaction, event_of

MESSAGES_SHOWN: Final = 1000
MEMORY_SHOWN: Final = 500
QUESTIONS_SHOWN: Final = 1000
HANDOFFS_SHOWN: Final = 200
TURNS_SHOWN: Final = 200
TASKS_SHOWN: Final = 100_000
EVENTS_SHOWN: Final = 50
EVIDENCE_SHOWN: Final = 50


def run_tables(tx: Transaction, run: int) -> dict[str, list[Any]]:
    """Return the wire tables of one run: everything of it, but only the newest of what piles up."""
    messages = _messages(tx, run)
    votes = tx.values(Vote, "vote.of_run", run=run)
    tasks = tx.values(Task, "task.shown", run=run, after=0, limit=TASKS_SHOWN)
    tables: dict[str, tuple[Any, ...]] = {
        "run": tx.values(Run, "run.all"),
        "agent": tx.values(Agent, "agent.all"),
        "milestone": tx.values(Milestone, "milestone.of_run", run=run),
        "task": tasks,
        "note": tx.values(Note, "note.of_run", run=run),
        "board": tx.values(Board, "board.of_open", run=run),
        "checkpoint": _checkpoints(tx, tasks),
        "message": messages,
        "delivery": tuple(
            copy for each in messages for copy in tx.values(Delivery, "delivery.of_message", message=each.id)
        ),
        "vote": votes,
        "ballot": tuple(
            ballot for vote in votes for ballot in tx.values(Ballot, "ballot.of_vote", vote=vote.id)
        ),
        "approval": tx.values(Approval, "approval.of_run", run=run),
        "memory": memory.newest(tx, MEMORY_SHOWN),
        **_people_tables(tx, run),
        "outside_key": tx.values(OutsideKey, "outside_key.all"),
        "pool": tx.values(Pool, "pool.all"),
        "rule": tx.values(StandingRule, "rule.all"),
        "evidence": evidence.newest_of_run(tx, run, EVIDENCE_SHOWN),
        "turn": tuple(reversed(tx.values(Turn, "turn.of_run", run=run, limit=TURNS_SHOWN))),
        "budget": tx.values(Allowance, "budget.all"),
    }
    return {noun: [to_wire(value) for value in rows] for noun, rows in tables.items()}


def _people_tables(tx: Transaction, run: int) -> dict[str, tuple[Any, ...]]:
    questions = tx.values(Question, "question.of_run", run=run, limit=QUESTIONS_SHOWN)
    handoffs = tx.values(Handoff, "handoff.of_run", run=run, before=NEWEST, limit=HANDOFFS_SHOWN)
    return {
        "work_state": tx.values(WorkState, "work_state.all"),
        "question": tuple(reversed(questions)),
        "handoff": tuple(reversed(handoffs)),
    }


def _messages(tx: Transaction, run: int) -> tuple[Message, ...]:
    """Return the newest messages, and older ones that still want something of the person."""
    recent = tx.values(Message, "message.recent", run=run, limit=MESSAGES_SHOWN)
    shown = {each.id: each for each in (*tx.values(Message, "message.unsettled"), *reversed(recent))}
    return tuple(shown.values())


def _checkpoints(tx: Transaction, tasks: tuple[Task, ...]) -> tuple[Checkpoint, ...]:
    known = {task.id for task in tasks}
    return tuple(each for each in tx.values(Checkpoint, "checkpoint.all") if each.task in known)


def whole_world(tx: Transaction) -> World:
    """Return every entity of every run, as the tables have it: what the fold of all events must equal."""
    world = World(seq=tx.end.seq, run=tx.run)
    for noun, kind in ENTITIES.items():
        world.tables[noun] = {key_of(noun, value): value for value in tx.values(kind, f"{noun}.all")}
    return world


def task_page(scope: Scope, spelled: str) -> dict[str, Any]:
    """Return one task with notes, checkpoint, edges both ways and its newest events, as wire data."""
    task = scope.task(spelled)
    details = claim_details(scope, task)
    dependents = scope.tx.values(Task, "dependency.dependents", dep=task_number(task.id))
    events = scope.tx.all("event.of_subject", subject=task.id, limit=EVENTS_SHOWN)
    return {
        "task": to_wire(task),
        "notes": to_wire(details.notes),
        "board": to_wire(details.board),
        "checkpoint": to_wire(details.checkpoint),
        "dependencies": to_wire(details.dependencies),
        "children": to_wire(details.children),
        "dependents": to_wire(dependents),
        "evidence": to_wire(evidence.of_newest(scope, task)),
        "events": [to_wire(event_of(row)) for row in reversed(events)],
    }


def vote_page(scope: Scope, spelled: str) -> dict[str, Any]:
    """Return a vote with tally and ballots, as wire data."""
    vote = votes.the_vote(scope, spelled)
    ballots = votes.ballots_of(scope, vote)
    return {"vote": to_wire(vote), "tally": tally(vote, ballots), "ballots": to_wire(ballots)}


def snapshot(tx: Transaction, engine: EngineInfo) -> Snapshot:
    """Return everything that a viewer needs, at this instant."""
    return Snapshot(version=tx.end.seq, at=tx.now, run=tx.run, engine=engine, tables=run_tables(tx, tx.run))
