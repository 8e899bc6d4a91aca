"""Cases of the drivers' examination: requests and their answers, words in between, interruptions."""

from __future__ import annotations

import os
import signal
from typing import Final

from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    OptionScope,
    Permission,
    RequestGone,
    Text,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
)
from supervisor.testing.conversation import Conversation
from supervisor.testing.driver_cases_turns import is_done
from supervisor.testing.driver_exam import Begun, Cases, Exam, require

case: Final = Cases()

_ALLOW: Final = Answer(allow=True)
_DENY: Final = Answer(allow=False, words="not here")


def made(talk: Conversation, name: str = "made.txt") -> bool:
    """Say whether a command has had its effect."""
    return (talk.project / name).exists()


@case("permissions")
async def what_is_allowed_is_done(exam: Exam) -> None:
    """Check that the request says what would be done, and nothing is done before the answer."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        require(asked.kind is ActKind.SHELL, talk, f"it is about {asked.kind}")
        require("touch made.txt" in str(asked.payload), talk, f"its payload is {asked.payload}")
        require(not made(talk), talk, "it was done before it was allowed")
        require(talk.answer(asked.request, _ALLOW), talk, "the answer was not taken")
        require(is_done(await talk.until(TurnEnd, after=before)), talk, "the turn did not go well")
        require(made(talk), talk, "it was not done")


@case("permissions")
async def what_is_denied_is_not_done(exam: Exam) -> None:
    """Check that the call ends as failed, and so the turn ends too."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        require(talk.answer(asked.request, _DENY), talk, "the answer was not taken")
        await talk.until(TurnEnd, after=before)
        require(not made(talk), talk, "it was done though it was denied")
        require(not any(end.ok for end in talk.all(ToolEnd)), talk, "the call cannot have gone well")


@case("permissions")
async def an_offered_answer_can_be_chosen(exam: Exam) -> None:
    """Check that an option goes by its name; one that was not offered is not sent."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        options = [one for one in asked.options if one.scope is not OptionScope.DENY]
        answer = Answer(allow=True, option=options[-1].id if options else None)
        require(talk.answer(asked.request, answer), talk, "the answer was not taken")
        require(is_done(await talk.until(TurnEnd, after=before)), talk, "the turn did not go well")
        require(made(talk), talk, "it was not done")


@case("permissions", "rewrite")
async def what_is_rewritten_is_done_instead(exam: Exam) -> None:
    """Check that where a request says that it may be rewritten, its new form is what is done."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        require(asked.rewritable, talk, "it must be rewritable")
        payload = {**asked.payload, "command": "touch other.txt"}
        talk.answer(asked.request, Answer(allow=True, payload=payload))
        await talk.until(TurnEnd, after=before)
        require(made(talk, "other.txt"), talk, "the new form was not done")
        require(not made(talk), talk, "the old form was done")


@case("permissions", only_fakes=True)
async def two_requests_are_open_at_once(exam: Exam) -> None:
    """Check that each gets its own answer, whichever comes first."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: par sh touch one.txt && sh touch two.txt ;; say done")
        first = await talk.until(Permission)
        second = await talk.until(Permission, fits=lambda one: one.request != first.request)
        talk.answer(second.request, _DENY if "two" in str(second.payload) else _ALLOW)
        talk.answer(first.request, _ALLOW if "one" in str(first.payload) else _DENY)
        await talk.until(TurnEnd, after=before)
        require(
            (made(talk, "one.txt"), made(talk, "two.txt")) == (True, False), talk, "answers were mixed up"
        )


@case("permissions")
async def an_answer_to_nothing_open_is_refused(exam: Exam) -> None:
    """Check that a second answer, and one to a request that never was, send nothing."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        require(not talk.driver.answer("no-such-request", _ALLOW), talk, "an answer to nothing was taken")
        talk.answer(asked.request, _DENY)
        sent = len(talk.sent)
        require(not talk.driver.answer(asked.request, _ALLOW), talk, "a second answer was taken")
        require(len(talk.sent) == sent, talk, "a second answer was sent")
        await talk.until(TurnEnd, after=before)
        require(not talk.driver.answer(asked.request, _ALLOW), talk, "a late answer was taken")
        require(not made(talk), talk, "the second answer won")


@case("permissions")
async def a_request_goes_with_its_agent(exam: Exam) -> None:
    """Check that an agent that asks and dies is not answered any more, and what was open is ended."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        asked = await talk.until(Permission)
        os.kill(talk.process.pid, signal.SIGKILL)
        await talk.ended()
        gone = talk.all(RequestGone)
        require([one.request for one in gone] == [asked.request], talk, "the request must be gone")
        require(talk.all(TurnEnd, after=before)[0].reason is TurnReason.LOST, talk, "the turn must be lost")
        require(not talk.driver.answer(asked.request, _ALLOW), talk, "an answer to the dead was taken")
        require(not made(talk), talk, "it was done")


@case("interrupt")
async def a_tool_is_interrupted(exam: Exam) -> None:
    """Check that the turn ends as interrupted, and the next one is as any other."""
    async with exam.talking(asks=False) as talk:
        begun = Begun(talk)
        before = talk.prompt(f"SCRIPT: sh {begun.forever} ;; say never")
        await begun.heard()
        require(talk.driver.interrupt(), talk, "it cannot be interrupted")
        end = await talk.until(TurnEnd, after=before, timeout_s=30)
        require(end.reason is TurnReason.INTERRUPTED, talk, f"it ended as {end.reason}")
        require(is_done(await talk.turn("SCRIPT: say next")), talk, "the next turn did not go well")


@case("interrupt")
async def a_text_is_interrupted(exam: Exam) -> None:
    """Check that it does not wait for the model to be done."""
    await _interrupted(exam, "drip 600 0.1 word", "say never")


@case("interrupt")
async def an_agent_that_hangs_is_interrupted(exam: Exam) -> None:
    """Check that a model that never answers is no reason to lose the agent."""
    await _interrupted(exam, "hang", "hang")


async def _interrupted(exam: Exam, step: str, played: str) -> None:
    calls = exam.subject.calls
    async with exam.talking(asks=False) as talk:
        asked = 0 if calls is None else len(calls)
        before = talk.prompt(f"SCRIPT: sh true ;; {step} ;; say never")
        await talk.until(ToolEnd)
        if calls is not None:
            await calls.until(lambda call: call.step == played, after=asked)
        require(talk.driver.interrupt(), talk, "it cannot be interrupted")
        end = await talk.until(TurnEnd, after=before, timeout_s=30)
        require(end.reason is TurnReason.INTERRUPTED, talk, f"it ended as {end.reason}")
        require(is_done(await talk.turn("SCRIPT: say next")), talk, "the next turn did not go well")


@case("interrupt", "permissions")
async def an_interruption_takes_its_requests_away(exam: Exam) -> None:
    """Check that what was asked for in the turn is neither done nor waited for."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say never")
        asked = await talk.until(Permission)
        require(talk.driver.interrupt(), talk, "it cannot be interrupted")
        end = await talk.until(TurnEnd, after=before, timeout_s=30)
        require(end.reason is TurnReason.INTERRUPTED, talk, f"it ended as {end.reason}")
        require([one.request for one in talk.all(RequestGone)] == [asked.request], talk, "it must be gone")
        require(not talk.driver.answer(asked.request, _ALLOW), talk, "a late answer was taken")
        require(not made(talk), talk, "it was done")


@case("interrupt")
async def without_a_turn_there_is_nothing_to_interrupt(exam: Exam) -> None:
    """Check that this is so before the first prompt and after a turn's end."""
    async with exam.talking() as talk:
        require(not talk.driver.interrupt(), talk, "nothing ran yet")
        await talk.turn("SCRIPT: say done")
        require(not talk.driver.interrupt(), talk, "nothing runs any more")
        require(is_done(await talk.turn("SCRIPT: say again")), talk, "the next turn did not go well")


@case("inject")
async def words_are_taken_during_a_turn(exam: Exam) -> None:
    """Check that they reach the agent in the turn that runs, which still ends once."""
    async with exam.talking(asks=False) as talk:
        require(not talk.driver.inject("too early"), talk, "words without a turn were taken")
        begun = Begun(talk)
        before = talk.prompt("SCRIPT: sh echo x > begun; sleep 0.4; true ;; sh true ;; say done")
        await begun.heard()
        require(talk.driver.inject("remember the milk"), talk, "its words were not taken")
        require(is_done(await talk.until(TurnEnd, after=before)), talk, "the turn did not go well")
        require(not talk.driver.inject("too late"), talk, "words after the turn were taken")
        require(_was_told(exam, talk, "remember the milk"), talk, "the words did not reach the agent")


@case()
async def a_tool_is_told_before_it_is_asked_for(exam: Exam) -> None:
    """Check that whoever sees a request can see the call that it belongs to, where the agent says which."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: sh touch made.txt ;; say done")
        await talk.allow_all(before)
        begun = {start.call for start in talk.all(ToolStart)}
        asked = {one.call for one in talk.all(Permission)} - {""}
        require(asked <= begun, talk, f"asked for {asked}, begun were {begun}")


def _was_told(exam: Exam, talk: Conversation, words: str) -> bool:
    if exam.subject.calls is None:
        return words.encode() in talk.sent
    return any(words in str(body) for body in exam.subject.calls.bodies()) or any(
        words in text.text for text in talk.all(Text)
    )
