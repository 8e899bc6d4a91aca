"""Questions to the person on the screen: in the queue, as a card, and how an answer is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.model.ids import QuestionId, VoteId
from supervisor.model.question import Question, QuestionState
from supervisor.model.vote import TieRule, VoteOutcome, VoteState
from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import text_of
from supervisor.ui.view_models import approvals, votes
from supervisor.ui.view_models.questions import answer_to

PORT = Question(
    id=QuestionId("Q1"),
    run=1,
    agent="worker-1",
    incarnation=1,
    question="Which port?",
    options=("8080", "9090"),
    task="T4",
)


def scene_with(*questions: Question) -> Scene:
    engine = FakeEngine(VirtualClock())
    sample_team.fill(engine)
    now = engine.clock.now()
    engine.put(*(replace(each, asked_at=now - 60, expires_at=now + 300) for each in questions))
    return Scene(world=engine.world, engine=engine.engine, link=Link.LIVE, now=now, heard_at=now)


def test_open_questions_wait_in_the_queue_after_the_approvals() -> None:
    ended = replace(PORT, id=QuestionId("Q2"), state=QuestionState.EXPIRED)
    before, scene = scene_with(), scene_with(PORT, ended)
    keys = [row.key for row in approvals.queue_rows(scene)]
    assert (keys.index("Q1"), "Q2" in keys) == (keys.index("A2") + 1, False)
    assert approvals.waiting_count(scene) == approvals.waiting_count(before) + 1


def test_a_card_shows_who_asks_what_with_numbered_options() -> None:
    card = approvals.card_of(scene_with(PORT), "Q1")
    assert card is not None
    lines = [text_of(each) for each in card.lines]
    assert lines[:8] == ["worker-1 asks you", "", "Which port?", "", "options", "1 8080", "2 9090", ""]
    assert any(each.startswith("for task") and "T4" in each for each in lines)
    assert any(each.startswith("expires") and "5m" in each for each in lines)
    assert lines[-1] == "Press m to answer in words or by an option's number."
    assert (card.approval, card.title) == (None, "Which port?")


def test_a_question_in_words_alone_offers_no_numbers_and_an_ended_one_no_key() -> None:
    plain = replace(PORT, options=(), task=None)
    ended = replace(PORT, id=QuestionId("Q2"), state=QuestionState.WITHDRAWN)
    scene = scene_with(plain, ended)
    last = {}
    for number in ("Q1", "Q2"):
        card = approvals.card_of(scene, number)
        assert card is not None
        last[number] = text_of(card.lines[-1])
    assert last == {"Q1": "Press m to answer in words.", "Q2": "It is withdrawn."}


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2", {"choice": "9090"}),
        ("1", {"choice": "8080"}),
        ("3", {"answer": "3"}),
        ("0", {"answer": "0"}),
        ("01", {"answer": "01"}),
        ("2 but not today", {"answer": "2 but not today"}),
        ("9090", {"answer": "9090"}),
        ("1" * 400, {"answer": "1" * 400}),
    ],
)
def test_the_number_of_an_option_takes_it_and_all_else_is_words(typed: str, sent: dict[str, str]) -> None:
    assert answer_to(PORT, typed) == {"question_id": "Q1"} | sent


def test_a_vote_shows_its_rules_and_how_a_tie_may_be_settled() -> None:
    scene = scene_with()
    tied = replace(scene.world.votes["V1"], outcome=VoteOutcome.TIE, winner=None, state=VoteState.CLOSED)
    shown = {}
    for tie in TieRule:
        scene.world.tables["vote"]["V1"] = replace(tied, tie=tie)
        shown[tie] = [text_of(each) for each in votes.vote_details(scene, VoteId("V1"))]
    assert any("supervisor vote decide V1 OPTION" in each for each in shown[TieRule.HUMAN])
    assert not any("vote decide" in each for each in shown[TieRule.NONE])
    assert "rule       plurality, tie to the opener's ballot" in shown[TieRule.OPENER]
    scene.world.tables["vote"]["V1"] = replace(
        tied, outcome=VoteOutcome.DECIDED, winner="yes", decided_by="human"
    )
    lines = [text_of(each) for each in votes.vote_details(scene, "V1")]
    assert any(each.startswith("state") and "decided by human: yes" in each for each in lines)
