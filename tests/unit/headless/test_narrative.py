"""One event, one sentence; noise makes none; nothing foreign reaches the line raw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.headless.narrative import quoted, sentence
from supervisor.headless.printer import StoryPrinter, clock_text
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.allowance import Allowance, AllowanceState
from supervisor.model.approval import ApprovalState
from supervisor.model.driving import BudgetScope
from supervisor.model.event import Event
from supervisor.model.evidence import Check
from supervisor.model.handoff import Handoff
from supervisor.model.health import Liveness
from supervisor.model.ids import QuestionId
from supervisor.model.message import Delivery, DeliveryState
from supervisor.model.question import Question, QuestionState
from supervisor.model.task import BlockReason, Priority, TaskState
from supervisor.model.team import Run, RunState
from supervisor.model.turn import Turn, TurnKind, TurnState, turn_id
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteRule, VoteState
from supervisor.model.wire import to_wire
from supervisor.model.world import World
from supervisor.testing.scripted_team import ScriptedTeam


def told(team: ScriptedTeam) -> list[str | None]:
    """Tell the whole story anew, event by event."""
    world, lines = World(), []
    for event in team.events:
        lines.append(sentence(event, world))
        world.apply(event)
    return lines


@pytest.fixture
def team() -> ScriptedTeam:
    scripted = ScriptedTeam()
    scripted.start_run()
    scripted.task("longest functions")
    scripted.task("report", depends_on=("T1",))
    return scripted


def change(team: ScriptedTeam, state: TaskState, actor: str, **fields: Any) -> str | None:
    team.change_task("T1", f"task.{state.value}", actor=actor, state=state, **fields)
    return told(team)[-1]


def test_a_created_task_names_what_it_waits_for(team: ScriptedTeam) -> None:
    assert told(team) == [
        "run 1 of survey started",
        "planner created T1 longest functions",
        "planner created T2 report (after T1)",
    ]


def test_the_way_of_a_task_through_its_checks_is_told(team: ScriptedTeam) -> None:
    checks = (Check(name="tests", argv=("make",)),)
    change(team, TaskState.IN_PROGRESS, "worker-2", holder="worker-2", token=1, checks=checks)
    submitted = change(team, TaskState.IN_REVIEW, "worker-2", author="worker-2", holder=None)
    team.change_task(
        "T1",
        "task.checks_failed",
        actor="supervisor",
        reason="check `tests` failed: exit code 2",
        state=TaskState.PENDING,
        check_failures=1,
    )
    back = told(team)[-1]
    change(team, TaskState.IN_PROGRESS, "worker-2", holder="worker-2", token=2)
    change(team, TaskState.IN_REVIEW, "worker-2", holder=None)
    team.change_task("T1", "task.verified", actor="supervisor", state=TaskState.DONE, verified=2)

    assert submitted == "worker-2 finished T1 longest functions; it awaits its checks"
    assert back == "T1 longest functions goes back: check `tests` failed: exit code 2"
    assert told(team)[-1] == "T1 longest functions passed its checks and is done"


def test_the_way_of_a_task_through_review_is_told(team: ScriptedTeam) -> None:
    claimed = change(team, TaskState.IN_PROGRESS, "worker-2", holder="worker-2")
    submitted = change(team, TaskState.IN_REVIEW, "worker-2", author="worker-2", holder=None)
    sent_back = change(team, TaskState.PENDING, "judge", feedback="no figures")
    change(team, TaskState.IN_PROGRESS, "worker-1", holder="worker-1")
    change(team, TaskState.IN_REVIEW, "worker-1", author="worker-1", holder=None)
    approved = change(team, TaskState.DONE, "judge")

    assert claimed == "worker-2 claimed T1 longest functions"
    assert submitted == "worker-2 finished T1 longest functions; it awaits review"
    assert sent_back == "judge sent T1 longest functions back: no figures"
    assert approved == "judge approved T1 longest functions"


def test_messages_tell_what_makes_them_pressing(team: ScriptedTeam) -> None:
    team.message("planner", "worker-1", "hello")
    assert told(team)[-2:] == ["planner to worker-1: hello", None]
    team.message("planner", "worker-1", "stop", urgent=True, priority=Priority.CRITICAL)
    assert told(team)[-2] == "planner to worker-1 (urgent, critical): stop"
    team.message("planner", "worker-1", "later", priority=Priority.LOW)
    assert told(team)[-2] == "planner to worker-1: later"


def test_the_fate_of_a_dead_letter_is_told(team: ScriptedTeam) -> None:
    message = team.message("planner", "worker-1", "poison")
    queued = Delivery(message=message.id, recipient="worker-1")
    stories = []
    for state, actor, reason in (
        (DeliveryState.DELIVERED, "worker-1", ""),
        (DeliveryState.DEAD, "supervisor", "fetched 3 times, never acked"),
        (DeliveryState.QUEUED, "human", "mended"),
        (DeliveryState.DEAD, "supervisor", ""),
        (DeliveryState.ACKED, "human", ""),
    ):
        team.record("delivery.changed", replace(queued, state=state), actor=actor, reason=reason)
        stories.append(told(team)[-1])

    assert stories == [
        None,
        "M1/worker-1 is a dead letter: fetched 3 times, never acked; see: supervisor dead list",
        "human put M1/worker-1 back into the mailbox: mended",
        "M1/worker-1 is a dead letter; see: supervisor dead list",
        "human took the dead letter M1/worker-1 as dealt with",
    ]


def test_what_goes_wrong_with_a_task_is_told_with_the_reason(team: ScriptedTeam) -> None:
    change(team, TaskState.IN_PROGRESS, "worker-2", holder="worker-2")
    given_back = change(team, TaskState.PENDING, "supervisor", holder=None, reason="worker-2 ended")
    blocked = change(team, TaskState.BLOCKED, "supervisor", blocked_by=(BlockReason.NEEDS_HUMAN,))
    unblocked = change(team, TaskState.PENDING, "supervisor", blocked_by=())
    change(team, TaskState.IN_PROGRESS, "worker-2", holder="worker-2")
    failed = change(team, TaskState.FAILED, "worker-2", holder=None, reason="disk full")
    reopened = change(team, TaskState.PENDING, "human")
    cancelled = change(team, TaskState.CANCELLED, "human", reason="not needed")

    assert given_back == "worker-2 gave T1 longest functions back: worker-2 ended"
    assert blocked == "T1 longest functions is blocked: needs human"
    assert unblocked is None
    assert failed == "T1 longest functions failed: disk full"
    assert reopened == "human reopened T1 longest functions"
    assert cancelled == "human cancelled T1 longest functions: not needed"


def test_progress_and_memory_and_deliveries_make_no_noise(team: ScriptedTeam) -> None:
    before = len(team.events)
    team.change_task("T1", "task.progress", actor="worker-1", percent=50, action="reading")
    team.message("worker-1", "judge", "look at T1")

    assert told(team)[before:] == [None, "worker-1 to judge: look at T1", None]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ExitInfo(kind=ExitClass.OK, code=0), "worker-1 finished"),
        (ExitInfo(kind=ExitClass.FAIL, code=3), "worker-1 crashed with exit code 3"),
        (ExitInfo(kind=ExitClass.SIGNAL, signal=9), "worker-1 was killed by signal 9"),
        (ExitInfo(kind=ExitClass.STOP_REQUESTED), "worker-1 was stopped"),
        (ExitInfo(kind=ExitClass.SPAWN_ERROR, detail="ENOENT"), "worker-1 could not be started: ENOENT"),
        (ExitInfo(kind=ExitClass.START_TIMEOUT), "worker-1 did not become ready in time"),
        (ExitInfo(kind=ExitClass.RUNTIME_CAP), "worker-1 ran longer than allowed"),
        (ExitInfo(kind=ExitClass.ENGINE_LOST), "worker-1 died with an earlier engine"),
        (None, "worker-1 ended"),
    ],
)
def test_the_end_of_an_agent_says_why(end: ExitInfo | None, words: str) -> None:
    team = ScriptedTeam()
    team.agent("worker-1", state=AgentState.STARTING, incarnation=1)
    team.agent("worker-1", state=AgentState.EXITED, last_exit=end)

    assert told(team) == ["worker-1 started", words]


def test_a_restart_and_a_parked_agent_say_what_comes_next() -> None:
    team = ScriptedTeam()
    team.agent("worker-1", state=AgentState.STARTING, incarnation=1)
    crash = ExitInfo(kind=ExitClass.FAIL, code=1)
    team.agent("worker-1", state=AgentState.BACKOFF, last_exit=crash)
    team.agent("worker-1", state=AgentState.STARTING, incarnation=2, restarts=1)
    team.agent("worker-1", state=AgentState.IDLE)
    team.agent("worker-1", state=AgentState.PARKED, reason="crashed 5 times in 120 s")
    team.agent("worker-2", state=AgentState.STUCK, reason="pid 7 does not die")

    assert told(team)[1:] == [
        "worker-1 crashed with exit code 1; it will be started again",
        "worker-1 started again (incarnation 2)",
        None,
        "worker-1 is parked: crashed 5 times in 120 s; start it: supervisor restart worker-1",
        "worker-2 is stuck: pid 7 does not die",
    ]


def vote(**fields: Any) -> Vote:
    return Vote(
        id="V1",  # type: ignore[arg-type]
        run=1,
        question="biggest risk?",
        options=("size", "tests"),
        electorate=("a", "b"),
        quorum=2,
        opened_by="judge",
        opened_at=1.0,
        deadline=9.0,
        **fields,
    )


@pytest.mark.parametrize(
    ("outcome", "winner", "words"),
    [
        (VoteOutcome.DECIDED, "tests", "V1 decided: tests"),
        (VoteOutcome.TIE, None, "V1 closed with a tie"),
        (VoteOutcome.NO_QUORUM, None, "V1 closed without a quorum"),
    ],
)
def test_a_vote_is_told_from_its_opening_to_its_outcome(
    outcome: VoteOutcome, winner: str | None, words: str
) -> None:
    team = ScriptedTeam()
    team.record("vote.opened", vote(), actor="judge")
    team.record("ballot.cast", Ballot(vote=vote().id, voter="a", choice="tests"), actor="a")
    team.record("vote.closed", vote(state=VoteState.CLOSED, outcome=outcome, winner=winner))

    assert told(team) == [
        "judge opened V1: biggest risk? [size, tests]",
        "a voted tests in V1",
        words,
    ]


def test_a_tie_that_a_person_settles_and_a_rule_that_was_not_met_are_told(team: ScriptedTeam) -> None:
    closed = vote(state=VoteState.CLOSED, outcome=VoteOutcome.RULE_NOT_MET, rule=VoteRule.TWO_THIRDS)
    team.record("vote.opened", vote())
    team.record("vote.closed", closed)
    settled = replace(closed, outcome=VoteOutcome.DECIDED, winner="size", decided_by="human")
    team.record("vote.decided", settled)
    assert told(team)[-2:] == ["V1 closed; its rule (two thirds) was not met", "human settled V1: size"]


def test_a_question_and_what_became_of_it_are_told(team: ScriptedTeam) -> None:
    asked = Question(
        id=QuestionId("Q1"), run=1, agent="worker-1", incarnation=1, question="which\nport?", options=("a",)
    )
    team.record("question.asked", asked)
    answered = replace(asked, state=QuestionState.ANSWERED, choice="a", answer="for now")
    team.record("question.answered", answered, actor="human")
    plain = replace(asked, id=QuestionId("Q2"), options=())
    team.record("question.asked", plain)
    team.record("question.expired", replace(plain, state=QuestionState.EXPIRED, answer="nobody is here"))
    assert told(team)[-4:] == [
        "worker-1 asks you Q1: which port? [a]",
        "human answered Q1: a: for now",
        "worker-1 asks you Q2: which port?",
        "Q2 expired: nobody is here",
    ]


def test_a_handoff_is_told_with_its_notes(team: ScriptedTeam) -> None:
    handoff = Handoff(id=1, run=1, task="T1", sender="planner", to="role:worker", notes="begin", at=1.0)
    team.record("handoff.asked", handoff)
    team.record("handoff.asked", replace(handoff, id=2, task=None))
    assert told(team)[-2:] == [
        "planner hands T1 off to role:worker: begin",
        "planner hands off to role:worker: begin",
    ]


def test_a_request_and_its_answer_are_told_but_its_use_is_not() -> None:
    team = ScriptedTeam()
    asked = team.approval("aggregator", "Write the report", {"path": "report.md"})
    for state, by in ((ApprovalState.APPROVED, "human"), (ApprovalState.USED, "human")):
        team.record(f"approval.{state.value}", _answered(asked, state, by))

    assert told(team) == [
        "aggregator asks A1 (tier 1): Write the report",
        "human approved A1: fine",
        None,
    ]


def test_a_request_that_nobody_answers_is_told() -> None:
    team = ScriptedTeam()
    asked = team.approval("aggregator", "Write the report", {"path": "report.md"})
    team.record("approval.expired", _answered(asked, ApprovalState.EXPIRED, None))

    assert told(team)[-1] == "A1 expired: Write the report"


def test_a_request_that_a_rule_answers_at_once_is_told_in_one_line() -> None:
    answered = _answered(
        ScriptedTeam().approval("aggregator", "Write the report", {"path": "report.md"}),
        ApprovalState.APPROVED,
        "profile",
    )
    team = ScriptedTeam()
    team.record("approval.requested", answered)

    assert told(team) == ["aggregator asks A1 (tier 1): Write the report; profile approved A1: fine"]


def _answered(approval: Any, state: ApprovalState, by: str | None) -> Any:
    from dataclasses import replace

    return replace(approval, state=state, answered_by=by, answer="fine")


def test_the_end_of_a_run_is_told_in_its_own_words() -> None:
    team = ScriptedTeam()
    run = Run(id=1, team="survey", profile="p", digest="d")
    team.record("run.started", run)
    team.record("run.active", run)
    team.record(
        "run.finished",
        Run(id=1, team="survey", profile="p", digest="d", state=RunState.FINISHED, outcome="14 of 14"),
    )

    assert told(team) == ["run 1 of survey started", None, "run 1 finished: 14 of 14"]


def test_what_changes_no_value_is_told_by_its_own_name() -> None:
    team = ScriptedTeam()
    team.tell("guardian.restarted", "77", reason="it had died")

    assert told(team) == ["guardian restarted: it had died"]


@given(st.text())
def test_no_control_character_comes_through_a_quote(text: str) -> None:
    assert all(character.isprintable() for character in quoted(text))
    assert len(quoted(text, 20)) <= 20


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u200b\r\nforged line\x7f"


def test_a_hostile_team_cannot_forge_a_line_or_reach_the_terminal() -> None:
    team = ScriptedTeam()
    team.task(HOSTILE, actor=HOSTILE)
    team.change_task("T1", "task.failed", actor=HOSTILE, state=TaskState.FAILED, reason=HOSTILE)
    team.message(HOSTILE, "human", HOSTILE)
    team.approval(HOSTILE, HOSTILE, {"x": HOSTILE})
    team.record("vote.opened", Vote(**{**_fields(vote()), "question": HOSTILE, "options": (HOSTILE,)}))
    team.record("ballot.cast", Ballot(vote=vote().id, voter=HOSTILE, choice=HOSTILE))
    team.tell("engine.odd", HOSTILE, reason=HOSTILE)

    for line in told(team):
        assert line is None or all(character.isprintable() for character in line)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_every_line_has_the_time_since_the_engine_began_and_ends_have_the_count() -> None:
    team = ScriptedTeam()
    team.task("one")
    team.task("two")
    printer, world = StoryPrinter(), World()
    printer.opened(team.snapshot(), team.world)
    done = team.change_task("T1", "task.done", actor="worker-1", state=TaskState.DONE)
    for event in team.events[:-1]:
        world.apply(event)

    assert printer.happened(team.events[-1], world) == [f"00:03 worker-1 completed {done.id} one [1/2]"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "00:00"), (0, "00:00"), (61.9, "01:01"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_durations_are_spelled_as_a_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_a_reader_that_does_not_know_a_field_fails_loudly() -> None:
    from supervisor.errors import InvalidArgument

    bad = Event(seq=1, at=0.0, run=1, kind="run.started", subject="1", actor="x", after={"nonsense": 1})
    with pytest.raises(InvalidArgument, match="nonsense"):
        sentence(bad, World())
    assert to_wire(bad)["after"] == {"nonsense": 1}


def test_an_agent_that_lost_its_readiness_and_found_it_again_is_told_of(team: ScriptedTeam) -> None:
    idle = team.agent("worker-1", state=AgentState.IDLE)
    team.record("agent.held_back", replace(idle, reason="its readiness probe fails: \x1b[2J"))
    assert told(team)[-1] == "worker-1 gets no new work: its readiness probe fails: \\x1b[2J"
    team.record("agent.available", replace(idle, reason=""))
    assert told(team)[-1] == "worker-1 can take work again"


def test_of_turns_only_those_are_told_that_went_wrong(team: ScriptedTeam) -> None:
    begun = Turn(id=turn_id(1), run=1, agent="ada", incarnation=1, pool="ada", kind=TurnKind.MAIL)
    team.record("turn.started", begun)
    assert told(team)[-1] is None
    over = replace(begun, state=TurnState.ENDED, ok=True)
    team.record("turn.ended", over)
    assert told(team)[-1] is None
    team.record("turn.ended", replace(over, ok=False, task="T1", detail="500 \x1b[2J"))
    assert told(team)[-1] == "a turn of ada about T1 was cut short: 500 \\x1b[2J"
    team.record("turn.ended", replace(over, ok=False, reason="lost"))
    assert told(team)[-1] == "a turn of ada was cut short: lost"


def test_how_far_budgets_are_spent_is_told_with_what_to_do(team: ScriptedTeam) -> None:
    spent = Allowance(
        id="team:1:*",
        scope=BudgetScope.TEAM,
        pools="*",
        subject="1",
        run=1,
        tokens=10,
        used_tokens=12,
        state=AllowanceState.SPENT,
    )
    team.record("budget.spent", spent)
    assert told(team)[-1] == (
        "spent: the budget of the team: 12 of 10 tokens used; "
        "see: supervisor usage; raise it: supervisor budget raise team:1:*"
    )
    raised = replace(spent, extra_tokens=5, state=AllowanceState.OPEN)
    team.record("budget.raised", raised, actor="human")
    assert told(team)[-1] == "human raised the budget of the team: 12 of 15 tokens used"


def test_what_the_overseer_found_is_told_but_not_that_an_agent_is_quiet(team: ScriptedTeam) -> None:
    def judged(kind: str, liveness: Liveness, why: str, reason: str = "") -> str | None:
        team.record(kind, replace(working, liveness=liveness, liveness_why=why), reason=reason)
        return told(team)[-1]

    working = team.agent("worker-1", state=AgentState.WORKING)
    assert judged("agent.judged", Liveness.QUIET, "no output for 2 min") is None
    assert judged("agent.judged", Liveness.OK, "") is None
    assert judged("agent.judged", Liveness.STALLED, "no output for 10 min\x1b[2J") == (
        "worker-1 is stalled: no output for 10 min\\x1b[2J; see: supervisor why worker-1"
    )
    assert judged("agent.urged", Liveness.STALLED, "the same", "reminded of its work") == (
        "worker-1, stalled: reminded of its work"
    )
    assert judged("agent.judged", Liveness.STALLED, "the same") is None
    assert judged("agent.judged", Liveness.OK, "") == "worker-1 is not stalled any more"
