"""A survey team in the middle of its work, for screenshots, golden frames and demonstrations."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from supervisor.model.agent import Agent, AgentMetrics, AgentState, ExitClass, ExitInfo, Role
from supervisor.model.approval import Approval, ApprovalState, canonical, digest_of
from supervisor.model.health import Liveness
from supervisor.model.ids import ApprovalId, MessageId, TaskId, VoteId
from supervisor.model.message import Delivery, DeliveryState, Message, MessageKind
from supervisor.model.task import BlockReason, Checkpoint, Note, Priority, Task, TaskState
from supervisor.model.team import Run, RunState
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteState
from supervisor.testing.fake_feed import FakeEngine

_MIB: Final = 1 << 20


def fill(engine: FakeEngine) -> None:
    """Put the whole team and its work into an engine."""
    now = engine.clock.now()
    engine.put(Run(id=1, team="survey", profile="survey", digest="d" * 64, started_at=now - 95))
    engine.put(*agents(now))
    engine.put(*tasks(now))
    engine.put(
        Note(
            id=1,
            task=TaskId("T5"),
            author="worker-2",
            body="Two modules import each other through\na third one; both are reported once.",
            at=now - 12,
        )
    )
    engine.put(
        Checkpoint(
            task=TaskId("T5"),
            author="worker-2",
            token=1,
            percent=60,
            completed=("parsed 212 modules", "built the import graph"),
            remaining=("name each cycle", "write the figures"),
            at=now - 8,
        )
    )
    engine.put(*messages(now))
    engine.put(*votes(now))
    engine.put(*approvals(now))
    engine.measure(*metrics(now))


def agents(now: float) -> tuple[Agent, ...]:
    """Return nine agents in as many moods as fit."""
    up = Agent(name="", pool="", role=Role.WORKER, incarnation=1, since=now - 90, groups=("everyone",))
    worker = replace(up, pool="worker")
    reviewer = replace(up, pool="reviewer", role=Role.JUDGE)
    idle = replace(reviewer, state=AgentState.IDLE, reason="waits for a ballot")
    return (
        replace(
            up,
            name="planner",
            pool="planner",
            role=Role.PLANNER,
            state=AgentState.EXITED,
            since=now - 60,
            reason="finished its plan",
            last_exit=ExitInfo(kind=ExitClass.OK, code=0),
        ),
        replace(worker, name="worker-1", state=AgentState.WORKING, pid=5101, task="T4"),
        replace(worker, name="worker-2", state=AgentState.WORKING, pid=5102, task="T5"),
        replace(
            worker,
            name="worker-3",
            state=AgentState.BACKOFF,
            incarnation=3,
            restarts=2,
            since=now - 4,
            next_start_at=now + 9,
            reason="exit code 3",
            last_exit=ExitInfo(kind=ExitClass.FAIL, code=3, detail="could not read the history"),
        ),
        replace(worker, name="worker-4", state=AgentState.WAITING_HUMAN, pid=5104, task="T9"),
        replace(
            up, name="judge", pool="judge", role=Role.JUDGE, state=AgentState.WORKING, pid=5105, task="T3"
        ),
        replace(idle, name="reviewer-1", pid=5106),
        replace(idle, name="reviewer-2", pid=5107),
        replace(
            reviewer,
            name="reviewer-3",
            state=AgentState.PARKED,
            incarnation=5,
            restarts=5,
            since=now - 30,
            reason="5 restarts in 120 s",
            last_exit=ExitInfo(kind=ExitClass.SIGNAL, signal=11, detail="segmentation fault"),
        ),
    )


def find_fault(engine: FakeEngine) -> None:
    """Let the overseer have found something with three of the workers."""
    stalled, quiet, frozen = (engine.world.agents[f"worker-{number}"] for number in (1, 2, 4))
    engine.put(
        replace(
            stalled,
            liveness=Liveness.STALLED,
            liveness_why="no output for 12 min; no call for 11 min; in no tool; CPU 0.0 %; "
            "no child process at work; it has work in hand",
        ),
        replace(quiet, liveness=Liveness.QUIET, liveness_why="no output for 2 min; CPU 4.1 %"),
        replace(frozen, liveness=Liveness.FROZEN, liveness_why="stopped by a signal for 3 s (state T)"),
    )


def metrics(now: float) -> tuple[AgentMetrics, ...]:
    """Return what the running agents use."""
    used = {
        "worker-1": (87, 61, 1),
        "worker-2": (42, 143, 3),
        "worker-4": (0, 38, 41),
        "judge": (12, 55, 2),
        "reviewer-1": (0, 31, 18),
        "reviewer-2": (0, 31, 22),
    }
    return tuple(
        AgentMetrics(
            name=name, cpu_percent=float(cpu), rss_bytes=rss * _MIB, processes=1, last_output_at=now - quiet
        )
        for name, (cpu, rss, quiet) in used.items()
    )


def tasks(now: float) -> tuple[Task, ...]:
    """Return the survey's tasks at about half of the way."""
    base = Task(
        id=TaskId("T0"),
        run=1,
        title="",
        creator="planner",
        created_at=now - 80,
        updated_at=now - 20,
        review=True,
    )
    return (*_ended(base, now), *_at_work(base, now), *_left(base, now), *_reporting(base, now))


def _ended(base: Task, now: float) -> tuple[Task, ...]:
    done = replace(base, state=TaskState.DONE, percent=100, started_at=now - 70, reviewer="judge")
    return (
        replace(
            done,
            id=TaskId("T1"),
            title="Read the tree",
            author="worker-1",
            finished_at=now - 58,
            tags=("tree",),
            result="412 files, 61,204 lines",
        ),
        replace(
            done,
            id=TaskId("T2"),
            title="Size and language mix",
            author="worker-2",
            finished_at=now - 41,
            tags=("size",),
            depends_on=(TaskId("T1"),),
        ),
        replace(
            base,
            id=TaskId("T3"),
            title="Longest functions",
            state=TaskState.IN_REVIEW,
            author="worker-1",
            reviewer="judge",
            percent=100,
            started_at=now - 50,
            tags=("functions",),
            depends_on=(TaskId("T1"),),
        ),
    )


def _at_work(base: Task, now: float) -> tuple[Task, ...]:
    return (
        replace(
            base,
            id=TaskId("T4"),
            title="Churn and ownership from the history",
            state=TaskState.IN_PROGRESS,
            holder="worker-1",
            author="worker-1",
            token=1,
            percent=35,
            action="reading 1,204 commits",
            lease_until=now + 840,
            started_at=now - 30,
            priority=Priority.HIGH,
            tags=("history",),
        ),
        replace(
            base,
            id=TaskId("T5"),
            title="Import cycles",
            description="Find modules that import each other.\nName each cycle once, shortest first.",
            criteria=("each cycle names its modules", "figures can be checked with grep"),
            state=TaskState.IN_PROGRESS,
            holder="worker-2",
            author="worker-2",
            token=1,
            percent=60,
            action="naming the cycles",
            lease_until=now + 870,
            started_at=now - 25,
            tags=("imports",),
            depends_on=(TaskId("T1"),),
        ),
    )


def _left(base: Task, now: float) -> tuple[Task, ...]:
    return (
        replace(
            base,
            id=TaskId("T6"),
            title="Age of TODO and FIXME marks",
            state=TaskState.PENDING,
            tags=("marks",),
            depends_on=(TaskId("T1"),),
        ),
        replace(
            base,
            id=TaskId("T7"),
            title="Duplicated blocks",
            state=TaskState.PENDING,
            priority=Priority.LOW,
            tags=("duplicates",),
            review_round=1,
            feedback="Say how long a block must be.",
        ),
        replace(
            base,
            id=TaskId("T8"),
            title="Ratio of tests to source",
            state=TaskState.FAILED,
            author="worker-3",
            percent=20,
            failures=3,
            started_at=now - 44,
            finished_at=now - 15,
            tags=("tests",),
        ),
    )


def _reporting(base: Task, now: float) -> tuple[Task, ...]:
    return (
        replace(
            base,
            id=TaskId("T9"),
            title="Write the report",
            state=TaskState.IN_PROGRESS,
            holder="worker-4",
            author="worker-4",
            token=2,
            percent=5,
            action="asks for approval",
            lease_until=now + 880,
            started_at=now - 18,
            priority=Priority.CRITICAL,
            tags=("report",),
        ),
        replace(
            base,
            id=TaskId("T10"),
            title="The three biggest risks",
            state=TaskState.BLOCKED,
            blocked_by=(BlockReason.DEPENDENCY,),
            depends_on=(TaskId("T4"), TaskId("T5")),
            tags=("risks",),
        ),
        replace(
            base,
            id=TaskId("T11"),
            title="Publish the summary",
            state=TaskState.BLOCKED,
            blocked_by=(BlockReason.DEPENDENCY,),
            depends_on=(TaskId("T9"),),
            tags=("report",),
        ),
    )


def messages(now: float) -> tuple[Message | Delivery, ...]:
    """Return some talk among the agents and with the person."""
    said = (
        (
            "M1",
            "planner",
            "all",
            "The plan is made: 11 tasks, the report comes last.",
            MessageKind.INFO,
            False,
            now - 78,
            ("worker-1", "worker-2", "judge"),
        ),
        (
            "M2",
            "worker-1",
            "judge",
            "T3 is ready for review.\nThe longest function has 212 lines.",
            MessageKind.REVIEW,
            False,
            now - 21,
            ("judge",),
        ),
        (
            "M3",
            "worker-3",
            "human",
            "The history cannot be read: git says the object is missing.\nShall I go on without it?",
            MessageKind.HELP,
            True,
            now - 16,
            ("human",),
        ),
        (
            "M4",
            "judge",
            "role:worker",
            "Name the command that produced each figure.",
            MessageKind.INFO,
            False,
            now - 9,
            ("worker-1", "worker-2"),
        ),
    )
    rows: list[Message | Delivery] = []
    for number, sender, to, body, kind, urgent, at, recipients in said:
        rows.append(
            Message(
                id=MessageId(number), run=1, sender=sender, to=to, body=body, kind=kind, urgent=urgent, at=at
            )
        )
        state = DeliveryState.ACKED if number == "M1" else DeliveryState.DELIVERED
        acked = at + 2 if number == "M1" else None
        rows += [
            Delivery(message=MessageId(number), recipient=name, state=state, acked_at=acked)
            for name in recipients
        ]
    return tuple(rows)


def votes(now: float) -> tuple[Vote | Ballot, ...]:
    """Return one vote under way and one decided."""
    who = ("reviewer-1", "reviewer-2", "reviewer-3")
    risks = ("no tests for the parser", "one owner for 80 % of the code", "cyclic imports")
    first = Vote(
        id=VoteId("V1"),
        run=1,
        question="Is the plan complete?",
        options=("yes", "no"),
        electorate=who,
        quorum=2,
        opened_by="planner",
        opened_at=now - 76,
        deadline=now + 224,
        state=VoteState.CLOSED,
        outcome=VoteOutcome.DECIDED,
        winner="yes",
        closed_at=now - 70,
        closed_because="all ballots are cast",
    )
    second = Vote(
        id=VoteId("V2"),
        run=1,
        question="Which risk is the biggest?",
        options=risks,
        electorate=who,
        quorum=2,
        opened_by="worker-2",
        opened_at=now - 20,
        deadline=now + 280,
    )
    return (
        first,
        *(
            Ballot(vote=first.id, voter=name, choice="yes", rationale="Nothing is missing.", at=now - 72)
            for name in who
        ),
        second,
        Ballot(
            vote=second.id,
            voter="reviewer-1",
            choice=risks[1],
            rationale="If that person leaves, nobody knows\nhow the scheduler works.",
            at=now - 11,
        ),
    )


def approvals(now: float) -> tuple[Approval, ...]:
    """Return one request that waits and one that was answered."""
    return (
        an_approval(
            now,
            "A1",
            agent="planner",
            kind="file.read",
            tier=0,
            title="Read the git configuration",
            payload={"path": ".git/config"},
            state=ApprovalState.APPROVED,
        ),
        an_approval(
            now,
            "A2",
            agent="worker-4",
            kind="file.write",
            tier=1,
            title="Write report.md",
            payload={
                "path": "report.md",
                "bytes": 18204,
                "sha256": "9f2c" * 16,
                "content": "# Survey\n\n412 files, 61,204 lines.\n\n## Risks\n\n1. one owner for the code",
            },
            reason="The report is complete and every figure was checked.",
            task="T9",
        ),
    )


def an_approval(
    now: float,
    number: str,
    *,
    agent: str = "worker-1",
    kind: str = "command.run",
    tier: int = 1,
    title: str = "Run the tests",
    payload: dict[str, object] | None = None,
    state: ApprovalState = ApprovalState.PENDING,
    reason: str = "",
    task: str | None = None,
) -> Approval:
    """Make one request, rightly digested."""
    text = canonical({"argv": ["pytest", "-q"]} if payload is None else payload)
    return Approval(
        id=ApprovalId(number),
        run=1,
        agent=agent,
        incarnation=1,
        kind=kind,
        tier=tier,
        title=title,
        payload=text,
        digest=digest_of(agent=agent, incarnation=1, kind=kind, tier=tier, title=title, payload=text),
        reason=reason,
        task=task,
        state=state,
        created_at=now - 14,
        expires_at=now + 886,
        answered_by="human" if state is not ApprovalState.PENDING else None,
        answered_at=now - 5 if state is not ApprovalState.PENDING else None,
    )


def finish(engine: FakeEngine, *, outcome: str = "11 tasks done") -> None:
    """Let the run end well."""
    now = engine.clock.now()
    run = engine.world.current_run
    if run is not None:
        engine.put(replace(run, state=RunState.FINISHED, finished_at=now, outcome=outcome), verb="finished")
