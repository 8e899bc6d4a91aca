"""A team's story without a team: numbered events that fold into a world, in any order a test wants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.approval import Approval, Mode, canonical, digest_of
from supervisor.model.event import GENESIS, Event, sealed_hash
from supervisor.model.ids import ApprovalId, MessageId, TaskId
from supervisor.model.message import Delivery, Message
from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.model.team import Run, RunState
from supervisor.model.wire import to_wire
from supervisor.model.world import EngineInfo, PoolInfo, Snapshot, World, key_of

BEGIN = 1_700_000_000.0
"""When the scripted engine started; every event comes a second later than the one before."""


class ScriptedTeam:
    """Makes events in the order of the calls, sealed as the real log is, and keeps their fold."""

    def __init__(
        self, *, project: str = "/project", log_dir: str = "/logs", report_dir: str = "/report"
    ) -> None:
        """Begin with an empty world and no events."""
        self.world = World()
        self.events: list[Event] = []
        self.engine = EngineInfo(
            team="survey",
            description="measures a code base",
            project=project,
            mode=Mode.HEADLESS,
            pid=4711,
            started_at=BEGIN,
            pools=(PoolInfo(name="worker", role="worker", size=2),),
            log_dir=log_dir,
            report_dir=report_dir,
        )

    def record(self, kind: str, value: Any, *, actor: str = "supervisor", reason: str = "") -> Event:
        """Let the entity `kind` speaks of become `value`."""
        noun = kind.partition(".")[0]
        return self._append(kind, key_of(noun, value), actor=actor, reason=reason, after=to_wire(value))

    def tell(self, kind: str, subject: str, *, actor: str = "supervisor", reason: str = "") -> Event:
        """Note something that changes no entity."""
        return self._append(kind, subject, actor=actor, reason=reason, after={})

    def _append(self, kind: str, subject: str, *, actor: str, reason: str, after: dict[str, Any]) -> Event:
        seq = len(self.events) + 1
        bare = Event(
            seq=seq,
            at=BEGIN + seq,
            run=1,
            kind=kind,
            subject=subject,
            actor=actor,
            after=after,
            reason=reason,
        )
        previous = self.events[-1].hash if self.events else GENESIS
        event = replace(bare, hash=sealed_hash(previous, bare))
        self.events.append(event)
        self.world.apply(event)
        return event

    def snapshot(self) -> Snapshot:
        """Return everything up to the last event."""
        return Snapshot(
            version=self.world.seq,
            at=BEGIN + self.world.seq,
            run=self.world.run,
            engine=self.engine,
            tables=self.world.wire_tables(),
        )

    def start_run(self) -> Run:
        """Begin run 1."""
        run = Run(id=1, team="survey", profile="/profiles/survey.toml", digest="0" * 64, started_at=BEGIN)
        self.record("run.started", run)
        return run

    def finish_run(self, outcome: str) -> None:
        """End run 1 with these words."""
        run = self.world.current_run
        assert run is not None, "begin a run first"  # noqa: S101 - a test's mistake, told to its author
        ended = replace(
            run, state=RunState.FINISHED, finished_at=BEGIN + len(self.events) + 1, outcome=outcome
        )
        self.record("run.finished", ended)

    def agent(self, name: str, role: Role = Role.WORKER, **fields: Any) -> Agent:
        """Add or change an agent."""
        old = self.world.agents.get(name)
        new = (
            replace(old, **fields)
            if old is not None
            else Agent(name=name, pool=role.value, role=role, **fields)
        )
        self.record(
            f"agent.{new.state.value if old is None or old.state is not new.state else 'changed'}", new
        )
        return new

    def task(self, title: str, *, actor: str = "planner", **fields: Any) -> Task:
        """Create the next task."""
        number = len(self.world.tasks) + 1
        task = Task(id=TaskId(f"T{number}"), run=1, title=title, creator=actor, **fields)
        self.record("task.created", task, actor=actor)
        return task

    def change_task(self, task_id: str, kind: str, *, actor: str, reason: str = "", **fields: Any) -> Task:
        """Change a task by an event of this kind."""
        changed: Task = replace(self.world.tasks[task_id], **fields)
        self.record(kind, changed, actor=actor, reason=reason)
        return changed

    def message(self, sender: str, to: str, body: str, **fields: Any) -> Message:
        """Send a message to one recipient, who has it in the mailbox."""
        number = len(self.world.messages) + 1
        message = Message(id=MessageId(f"M{number}"), run=1, sender=sender, to=to, body=body, **fields)
        self.record("message.sent", message, actor=sender)
        self.record("delivery.queued", Delivery(message=message.id, recipient=to), actor=sender)
        return message

    def approval(
        self, agent: str, title: str, payload: dict[str, object], *, tier: int = 1, **fields: Any
    ) -> Approval:
        """Ask for something, with the digest that belongs to it."""
        bound = {"agent": agent, "incarnation": 1, "kind": "write_file", "tier": tier, "title": title}
        text = canonical(payload)
        approval = Approval(
            id=ApprovalId(f"A{len(self.world.approvals) + 1}"),
            run=1,
            payload=text,
            digest=digest_of(**bound, payload=text),  # type: ignore[arg-type]  # the keys are its arguments
            created_at=BEGIN,
            expires_at=BEGIN + 900,
            **bound,  # type: ignore[arg-type]
            **fields,
        )
        self.record("approval.requested", approval, actor=agent)
        return approval


def survey_in_progress(**places: str) -> ScriptedTeam:
    """Tell a small team's story up to its middle: agents at work, a task done, one asks."""
    team = ScriptedTeam(**places)
    team.start_run()
    team.agent("planner", Role.PLANNER, state=AgentState.STARTING, incarnation=1, pid=100)
    for name in ("worker-1", "worker-2"):
        team.agent(name, state=AgentState.STARTING, incarnation=1, pid=101)
    team.task("count files", tags=("size",))
    team.task("longest functions")
    team.task(
        "write report", depends_on=("T1", "T2"), state=TaskState.BLOCKED, blocked_by=(BlockReason.DEPENDENCY,)
    )
    team.change_task(
        "T1", "task.claimed", actor="worker-1", state=TaskState.IN_PROGRESS, holder="worker-1", token=1
    )
    team.change_task(
        "T1", "task.done", actor="worker-1", state=TaskState.DONE, holder=None, result="42 files"
    )
    team.change_task(
        "T2", "task.claimed", actor="worker-2", state=TaskState.IN_PROGRESS, holder="worker-2", token=1
    )
    team.approval("worker-2", "Write the report", {"path": "report.md"}, reason="it is ready")
    team.message("worker-2", "human", "may I?")
    return team
