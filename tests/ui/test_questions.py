"""Questions of agents answered by keyboard, in the queue of what needs a person."""

from __future__ import annotations

from dataclasses import replace

from supervisor.errors import AlreadyAnswered
from supervisor.model.ids import MessageId, QuestionId
from supervisor.model.message import Delivery, Message, MessageKind
from supervisor.model.question import Question, QuestionState
from supervisor.testing.ui_stage import Stage, stage

PORT = Question(
    id=QuestionId("Q1"),
    run=1,
    agent="worker-1",
    incarnation=1,
    question="Which [b]port[/b]?",
    options=("8080", "9090"),
)


async def with_question(played: Stage) -> None:
    """Put one question in, go to it and look at it for a second."""
    now = played.clock.now()
    played.engine.put(replace(PORT, asked_at=now, expires_at=now + 300))
    await played.settle()
    await played.go("6")


async def test_m_answers_in_words() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        assert "Which [b]port[/b]?" in played.frame
        await played.press("m")
        assert "Answer Q1" in played.frame
        await played.press(*"7070 is free", "enter")
        assert played.engine.calls == [("question_answer", {"question_id": "Q1", "answer": "7070 is free"})]
        assert "Answered Q1" in played.frame


async def test_a_number_takes_an_option() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        await played.press("m", "2", "enter")
        assert played.engine.calls == [("question_answer", {"question_id": "Q1", "choice": "9090"})]


async def test_leaving_the_dialog_answers_nothing() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        await played.press("m", "1", "escape")
        assert played.engine.calls == []


async def test_a_question_without_options_takes_any_words() -> None:
    async with stage(fill=False) as played:
        played.engine.put(replace(PORT, options=()))
        await played.settle()
        await played.go("6")
        await played.press("m", "1", "enter")
        assert played.engine.calls == [("question_answer", {"question_id": "Q1", "answer": "1"})]


async def test_no_other_key_acts_on_a_question() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        for key in ("a", "r", "x", "enter", "space"):
            await played.press(key)
            await played.wait(1)
        assert played.engine.calls == []


async def test_a_refused_answer_says_why() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        played.engine.refusal = AlreadyAnswered("question Q1 is answered already by human")
        await played.press("m", "1", "enter")
        assert "answered already" in played.frame


async def test_an_answered_question_leaves_the_queue() -> None:
    async with stage(fill=False) as played:
        await with_question(played)
        played.engine.put(replace(PORT, state=QuestionState.ANSWERED))
        await played.settle()
        assert "Nothing waits for you" in played.frame


async def test_the_footer_offers_mark_read_for_a_call_for_help_but_not_for_a_question() -> None:
    async with stage(fill=False, size=(120, 24)) as played:
        await with_question(played)
        assert ("Answer" in played.frame, "Mark read" in played.frame) == (True, False)
        message = MessageId("M1")
        played.engine.put(
            Message(id=message, run=1, sender="worker-2", to="human", body="help", kind=MessageKind.HELP),
            Delivery(message=message, recipient="human"),
        )
        await played.settle()
        await played.press("j")
        assert ("Answer" in played.frame, "Mark read" in played.frame) == (True, True)
