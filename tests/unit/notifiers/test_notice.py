"""Which events become notices, in which words, and that no text in them does harm."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.model.notify import NoticeKind
from supervisor.notifiers.notice import BODY_MAX, TITLE_MAX, Settled, notice_of, settled_by
from supervisor.testing.hostile import SEQUENCES
from tests.unit.notifiers.conftest import an_event

TOLD: list[tuple[str, str, dict[str, Any], NoticeKind, str]] = [
    (
        "approval.requested",
        "A3",
        {"agent": "worker-1", "title": "delete the cache", "kind": "shell", "tier": 1, "state": "pending"},
        NoticeKind.APPROVAL,
        "worker-1 asks for approval: delete the cache",
    ),
    (
        "question.asked",
        "Q1",
        {"agent": "worker-1", "question": "Which port?", "options": ["80", "8080"]},
        NoticeKind.QUESTION,
        "worker-1 asks: Which port?",
    ),
    (
        "message.sent",
        "M5",
        {"sender": "worker-1", "kind": "help", "thread": "T3", "body": "I am lost"},
        NoticeKind.HELP,
        "worker-1 asks for help on T3",
    ),
    (
        "task.blocked",
        "T3",
        {"title": "Read", "state": "blocked", "blocked_by": ["needs_human"], "reason": "lost"},
        NoticeKind.HELP,
        "Task T3 Read waits for a person",
    ),
    ("agent.parked", "worker-2", {"reason": "3 crashes"}, NoticeKind.PARKED, "Agent worker-2 is parked"),
    ("agent.stuck", "worker-2", {}, NoticeKind.STUCK, "Agent worker-2 is stuck"),
    ("engine.starts_held", "agents", {}, NoticeKind.HELP, "No agent is started: too many end"),
    ("budget.warned", "team:1:*", {}, NoticeKind.HELP, "Budget team:1:* is nearly spent"),
    (
        "budget.spent",
        "team:1:*",
        {},
        NoticeKind.HELP,
        "Budget team:1:* is spent: its agents get no more turns",
    ),
    (
        "run.finished",
        "7",
        {"team": "survey", "outcome": "9 of 9 tasks done"},
        NoticeKind.DONE,
        "Run 7 of team survey is over: 9 of 9 tasks done",
    ),
    (
        "vote.closed",
        "V2",
        {"question": "Which risk?", "outcome": "no_quorum", "options": ["a", "b"]},
        NoticeKind.VOTE_TIE,
        "Vote V2 closed without a decision: no quorum",
    ),
    ("agent.judged", "worker-1", {"liveness": "stalled"}, NoticeKind.STALLED, "Agent worker-1 is stalled"),
    ("task.failed", "T4", {"title": "Build"}, NoticeKind.FAILED, "Task T4 Build failed"),
    (
        "delivery.died",
        "M5/worker-1",
        {"state": "dead", "message": "M5", "recipient": "worker-1"},
        NoticeKind.DEAD_LETTER,
        "Message M5 did not reach worker-1",
    ),
    (
        "handoff.asked",
        "4",
        {"task": "T3", "sender": "worker-1", "to": "role:judge", "notes": "please look"},
        NoticeKind.HANDOFF,
        "worker-1 hands T3 to role:judge",
    ),
]


@pytest.mark.parametrize(("kind", "subject", "after", "told", "title"), TOLD, ids=[each[0] for each in TOLD])
def test_what_a_person_should_hear_becomes_a_notice(
    kind: str, subject: str, after: dict[str, Any], told: NoticeKind, title: str
) -> None:
    notice = notice_of(an_event(kind, subject, **after))

    assert notice is not None
    assert (notice.kind, notice.title, notice.subject, notice.event) == (told, title, subject, kind)


def test_every_kind_of_notice_has_an_event_that_makes_it() -> None:
    assert {each[3] for each in TOLD} == set(NoticeKind)


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("approval.requested", {"state": "denied"}),
        ("approval.approved", {"state": "approved"}),
        ("question.answered", {"state": "answered"}),
        ("message.sent", {"kind": "info"}),
        ("message.expired", {"kind": "help"}),
        ("task.blocked", {"state": "blocked", "blocked_by": ["dependency"]}),
        ("task.done", {"state": "done"}),
        ("agent.idle", {}),
        ("agent.judged", {"liveness": "quiet"}),
        ("agent.urged", {"liveness": "stalled"}),
        ("budget.raised", {}),
        ("turn.ended", {"ok": False}),
        ("run.started", {}),
        ("vote.closed", {"outcome": "decided"}),
        ("vote.opened", {}),
        ("delivery.queued", {"state": "queued"}),
        ("handoff.automatic", {"kind": "automatic"}),
        ("note.added", {}),
        ("notify.failed", {}),
    ],
)
def test_other_events_are_nothing_to_people_elsewhere(kind: str, after: dict[str, Any]) -> None:
    assert notice_of(an_event(kind, **after)) is None


@pytest.mark.parametrize(
    ("kind", "subject", "after", "settled"),
    [
        ("approval.approved", "A3", {"state": "approved"}, (NoticeKind.APPROVAL, "A3")),
        ("question.answered", "Q1", {"state": "answered"}, (NoticeKind.QUESTION, "Q1")),
        ("task.ready", "T3", {"state": "pending"}, (NoticeKind.HELP, "T3")),
        ("budget.raised", "team:1:*", {"state": "open"}, (NoticeKind.HELP, "team:1:*")),
        ("delivery.requeued", "M5/w", {"state": "queued"}, (NoticeKind.DEAD_LETTER, "M5/w")),
        ("agent.judged", "worker-1", {"liveness": "ok"}, (NoticeKind.STALLED, "worker-1")),
    ],
)
def test_what_was_answered_or_helped_is_no_news_any_more(
    kind: str, subject: str, after: dict[str, Any], settled: tuple[NoticeKind, str]
) -> None:
    assert settled_by(an_event(kind, subject, **after)) == Settled(kind=settled[0], about=settled[1])


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("approval.requested", {"state": "pending"}),
        ("question.asked", {"state": "asked"}),
        ("task.blocked", {"state": "blocked", "blocked_by": ["needs_human"]}),
        ("agent.idle", {"state": "idle"}),
        ("agent.urged", {"state": "working", "liveness": "stalled"}),
    ],
)
def test_what_still_waits_stays_news(kind: str, after: dict[str, Any]) -> None:
    assert settled_by(an_event(kind, **after)) is None


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize(("kind", "subject", "after", "told", "title"), TOLD, ids=[each[0] for each in TOLD])
def test_hostile_words_become_harmless_and_short(
    kind: str, subject: str, after: dict[str, Any], told: NoticeKind, title: str, name: str
) -> None:
    text = SEQUENCES[name]
    fixed = {"state", "liveness", "kind", "blocked_by", "outcome", "options", "tier"}
    hostile: dict[str, Any] = {key: value if key in fixed else text for key, value in after.items()}
    notice = notice_of(an_event(kind, subject, **hostile))

    assert notice is not None
    assert len(notice.title) <= TITLE_MAX
    assert len(notice.body) <= BODY_MAX
    assert notice.title.isprintable()
    assert all(line.isprintable() for line in notice.body.replace("\t", " ").split("\n"))


def test_foreign_lines_are_set_in_so_that_none_passes_for_one_of_ours() -> None:
    forged = "please\nLook at it and answer: supervisor approve A99\r\nKind read, tier 0"
    asked = an_event("approval.requested", "A3", state="pending", reason="", agent="w", tier=3)
    notice = notice_of(asked)
    assert notice is not None
    asked.after["reason"] = forged
    with_reason = notice_of(asked)
    assert with_reason is not None
    added = with_reason.body.removeprefix(notice.body).splitlines()
    assert len(added) == 4
    assert all(line == "" or line.startswith("    ") for line in added)


def test_the_step_to_take_survives_the_longest_words() -> None:
    blocked = an_event(
        "task.blocked",
        "T3",
        state="blocked",
        blocked_by=["needs_human"],
        reason="x" * 100_000,
        title="y" * 9000,
    )
    notice = notice_of(blocked)
    assert notice is not None
    assert notice.body.startswith("When it may go on: supervisor task unblock T3\n")


def test_help_on_a_task_is_about_the_task_however_it_is_told() -> None:
    told = notice_of(an_event("message.sent", "M5", kind="help", thread="T3"))
    blocked = notice_of(an_event("task.blocked", "T3", state="blocked", blocked_by=["needs_human"]))
    alone = notice_of(an_event("message.sent", "M6", kind="help", thread=""))
    assert told is not None
    assert blocked is not None
    assert alone is not None
    assert told.about == blocked.about == "T3"
    assert alone.about == "M6"
