"""The state of a team as the fold of its events; the same fold serves the UI, headless, replay and fsck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.errors import InvalidArgument
from supervisor.model.agent import Agent
from supervisor.model.allowance import Allowance
from supervisor.model.approval import Approval, ApprovalState, Mode
from supervisor.model.event import Event
from supervisor.model.evidence import Evidence
from supervisor.model.handoff import Handoff
from supervisor.model.memory import MemoryEntry
from supervisor.model.message import Delivery, Message
from supervisor.model.milestone import Milestone
from supervisor.model.outside_key import OutsideKey
from supervisor.model.question import Question, QuestionState
from supervisor.model.rule import StandingRule
from supervisor.model.scale import Pool, Scale
from supervisor.model.task import Board, Checkpoint, Note, Task, TaskState
from supervisor.model.team import Run
from supervisor.model.turn import Turn
from supervisor.model.vote import Ballot, Vote
from supervisor.model.wire import from_wire, to_wire
from supervisor.model.work_state import WorkState

ENTITIES: Final[dict[str, type[Any]]] = {
    "run": Run,
    "agent": Agent,
    "milestone": Milestone,
    "task": Task,
    "note": Note,
    "board": Board,
    "checkpoint": Checkpoint,
    "message": Message,
    "delivery": Delivery,
    "vote": Vote,
    "ballot": Ballot,
    "approval": Approval,
    "memory": MemoryEntry,
    "work_state": WorkState,
    "question": Question,
    "handoff": Handoff,
    "outside_key": OutsideKey,
    "pool": Pool,
    "rule": StandingRule,
    "evidence": Evidence,
    "turn": Turn,
    "budget": Allowance,
}
"""The nouns whose events carry a whole value; events of other nouns tell, but change no state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolInfo:
    """What a viewer needs to know of one pool: of a scaled one `size` is the most that it can have."""

    name: str
    role: str
    size: int
    scale: Scale | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine behind a snapshot. `pid` 0 means that no engine runs and the state was read from disk.

    `trouble` says why nothing is written any more, and what to do.
    """

    team: str
    description: str
    project: str
    mode: Mode
    pid: int
    started_at: float
    pools: tuple[PoolInfo, ...]
    log_dir: str
    report_dir: str
    endpoint: str = ""
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything at one instant: the state after event number `version`. Tables map noun → wire values."""

    version: int
    at: float
    run: int
    engine: EngineInfo
    tables: dict[str, Any]


@dataclass(slots=True)
class World:
    """Tables of model values by id, and the number of the last event in them."""

    seq: int = 0
    run: int = 0
    tables: dict[str, dict[str, Any]] = field(default_factory=lambda: {noun: {} for noun in ENTITIES})

    def apply(self, event: Event) -> None:
        """Take one event in; raise InvalidArgument if it does not follow the last one."""
        if self.seq and event.seq != self.seq + 1:
            raise InvalidArgument(f"event {event.seq} does not follow {self.seq}: take a new snapshot")
        self.seq, self.run = event.seq, event.run
        if event.noun in ENTITIES:
            self.tables[event.noun][event.subject] = from_wire(ENTITIES[event.noun], event.after)

    @classmethod
    def of(cls, snapshot: Snapshot) -> World:
        """Build the world that a snapshot shows."""
        world = cls(seq=snapshot.version, run=snapshot.run)
        for noun, rows in snapshot.tables.items():
            values = (from_wire(ENTITIES[noun], row) for row in rows)
            world.tables[noun] = {key_of(noun, value): value for value in values}
        return world

    def wire_tables(self) -> dict[str, list[Any]]:
        """Spell all tables for the wire."""
        return {noun: [to_wire(value) for value in table.values()] for noun, table in self.tables.items()}

    @property
    def current_run(self) -> Run | None:
        """Return the run that this world shows, if there is any."""
        found: Run | None = self.tables["run"].get(str(self.run))
        return found

    @property
    def agents(self) -> dict[str, Agent]:
        """Return the agents by name."""
        return self.tables["agent"]

    @property
    def pools(self) -> dict[str, Pool]:
        """Return what each scaled pool is set to, by name."""
        return self.tables["pool"]

    @property
    def tasks(self) -> dict[str, Task]:
        """Return the tasks by id, those of earlier runs included."""
        return self.tables["task"]

    @property
    def milestones(self) -> dict[str, Milestone]:
        """Return the milestones by id, those of earlier runs included."""
        return self.tables["milestone"]

    @property
    def messages(self) -> dict[str, Message]:
        """Return the messages by id."""
        return self.tables["message"]

    @property
    def deliveries(self) -> dict[str, Delivery]:
        """Return the deliveries by `message/recipient`."""
        return self.tables["delivery"]

    @property
    def votes(self) -> dict[str, Vote]:
        """Return the votes by id."""
        return self.tables["vote"]

    @property
    def approvals(self) -> dict[str, Approval]:
        """Return the approvals by id."""
        return self.tables["approval"]

    @property
    def memory(self) -> dict[str, MemoryEntry]:
        """Return the memory entries by `scope/key`, deleted ones left out."""
        return {key: each for key, each in self.tables["memory"].items() if not each.deleted}

    @property
    def work_states(self) -> dict[str, WorkState]:
        """Return what agents know of their own work, by agent."""
        return self.tables["work_state"]

    @property
    def questions(self) -> dict[str, Question]:
        """Return the questions to a person by id."""
        return self.tables["question"]

    @property
    def turns(self) -> dict[str, Turn]:
        """Return the turns by id."""
        return self.tables["turn"]

    @property
    def budgets(self) -> dict[str, Allowance]:
        """Return how far budgets are spent, those of which anybody was told."""
        return self.tables["budget"]

    def evidence_of(self, task: Task) -> tuple[Evidence, ...]:
        """List what the checks said of the task's newest hand-in that was checked, in their order."""
        told = [each for each in self.tables["evidence"].values() if each.task == task.id]
        newest = max((each.token for each in told), default=0)
        return tuple(each for each in told if each.token == newest)

    @property
    def handoffs(self) -> list[Handoff]:
        """List the handoffs, oldest first."""
        return list(self.tables["handoff"].values())

    def run_tasks(self) -> list[Task]:
        """List the tasks of the current run that are not archived, oldest first."""
        return [task for task in self.tasks.values() if task.run == self.run and task.archived_at is None]

    def task_counts(self) -> dict[TaskState, int]:
        """Count the current run's tasks by state, every state present."""
        counts = dict.fromkeys(TaskState, 0)
        for task in self.run_tasks():
            counts[task.state] += 1
        return counts

    def ballots_of(self, vote: str) -> tuple[Ballot, ...]:
        """List the ballots of one vote, in the order of casting."""
        return tuple(ballot for ballot in self.tables["ballot"].values() if ballot.vote == vote)

    def notes_of(self, task: str) -> tuple[Note, ...]:
        """List the notes of one task, oldest first."""
        return tuple(note for note in self.tables["note"].values() if note.task == task)

    def pending_approvals(self) -> list[Approval]:
        """List what waits for a person: highest tier first, then oldest first."""
        waiting = [each for each in self.approvals.values() if each.state is ApprovalState.PENDING]
        return sorted(waiting, key=lambda each: (-each.tier, each.created_at))

    def open_questions(self) -> list[Question]:
        """List the questions that wait for a person, oldest first."""
        return [each for each in self.questions.values() if each.state is QuestionState.ASKED]


def key_of(noun: str, value: Any) -> str:
    """Return the id under which a value stands in its table, the same as its events' subject."""
    if noun in {"agent", "outside_key", "pool"}:
        return str(value.name)
    if noun in {"delivery", "ballot", "evidence"}:
        return str(value.key)
    if noun in {"checkpoint", "board"}:
        return str(value.task)
    return str(value.id)
