"""Questions to a person: asked, answered once, expired, withdrawn, and what the asker's state says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import questions, upkeep
from supervisor.errors import (
    AlreadyAnswered,
    Forbidden,
    InvalidArgument,
    NotFound,
    SupervisorError,
    TooLarge,
    TooMany,
)
from supervisor.model.agent import AgentState
from supervisor.model.approval import Mode
from supervisor.model.question import OPEN_MAX, QUESTION_MOVES, Question, QuestionState
from supervisor.testing.small_team import SmallTeam, small_team

S = QuestionState


async def ask(team: SmallTeam, by: str = "worker-1", **more: Any) -> Question:
    asked: dict[str, Any] = {"question": "which port?"} | more
    question: Question = await team.do(lambda scope: questions.ask(scope, team[by], **asked))
    return question


async def answer(team: SmallTeam, number: str = "Q1", **more: Any) -> Question:
    question: Question = await team.do(lambda scope: questions.answer(scope, number, **more))
    return question


async def state_of(team: SmallTeam, name: str) -> AgentState:
    agent = await team.coordinator.read(lambda scope: scope.agent(name))
    return agent.state


async def test_who_asks_waits_for_the_person_until_the_answer(team: SmallTeam) -> None:
    await team.add_task()
    asked = await ask(team, options=("8080", "9090"), task="1")
    assert (asked.id, asked.state, asked.task, asked.incarnation) == ("Q1", S.ASKED, "T1", 1)
    assert await state_of(team, "worker-1") is AgentState.WAITING_HUMAN
    answered = await answer(team, choice="9090", answer="8080 is taken")
    assert (answered.state, answered.choice, answered.answer, answered.answered_by) == (
        S.ANSWERED,
        "9090",
        "8080 is taken",
        "human",
    )
    assert await state_of(team, "worker-1") is AgentState.IDLE


async def test_only_the_first_of_many_answers_counts(team: SmallTeam) -> None:
    await ask(team)
    tries = await asyncio.gather(
        *(answer(team, answer=str(number)) for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(each, Question) for each in tries) == 1
    late = [each for each in tries if isinstance(each, AlreadyAnswered)]
    assert len(late) == 9
    assert late[0].message == "question Q1 is answered already by human"


async def test_words_answer_a_question_that_offers_options(team: SmallTeam) -> None:
    await ask(team, options=("8080",))
    assert (await answer(team, answer="neither")).choice is None


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"choice": "7070"}, InvalidArgument, "no option of question Q1; there are: 8080, 9090"),
        ({"answer": " "}, InvalidArgument, "needs words"),
        ({}, InvalidArgument, "needs words"),
        ({"answer": "x" * 8193}, TooLarge, "answer"),
    ],
)
async def test_what_is_no_answer_is_refused(
    team: SmallTeam, given: dict[str, str], error: type[SupervisorError], says: str
) -> None:
    await ask(team, options=("8080", "9090"))
    with pytest.raises(error, match=says):
        await answer(team, **given)


async def test_a_question_without_options_has_none_to_choose(team: SmallTeam) -> None:
    await ask(team)
    with pytest.raises(InvalidArgument, match="there are: none"):
        await answer(team, choice="x")
    with pytest.raises(NotFound, match="Q7"):
        await answer(team, "Q7", answer="x")


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"question": " "}, InvalidArgument, "needs words"),
        ({"question": "?" * 4001}, TooLarge, "question"),
        ({"options": ("a",) * 2}, InvalidArgument, "each different"),
        ({"options": tuple("abcdef")}, InvalidArgument, "at most 5"),
        ({"options": (" ",)}, InvalidArgument, "option needs words"),
        ({"options": ("x" * 201,)}, TooLarge, "option"),
        ({"timeout_s": 0.5}, InvalidArgument, "timeout_s"),
        ({"timeout_s": 86_401.0}, InvalidArgument, "timeout_s"),
        ({"task": "T9"}, NotFound, "T9"),
    ],
)
async def test_what_makes_no_question_is_refused(
    team: SmallTeam, more: dict[str, Any], error: type[SupervisorError], says: str
) -> None:
    with pytest.raises(error, match=says):
        await ask(team, **more)


async def test_a_monitor_asks_nobody(team: SmallTeam) -> None:
    with pytest.raises(Forbidden, match=r"question\.ask"):
        await ask(team, "watcher")


async def test_nobody_floods_the_person_with_questions(team: SmallTeam) -> None:
    for _ in range(OPEN_MAX):
        await ask(team)
    with pytest.raises(TooMany, match="10 open questions") as caught:
        await ask(team)
    assert caught.value.details == {"retry_after_s": 60}
    await ask(team, "worker-2")
    await answer(team, answer="x")
    await ask(team)


async def test_what_nobody_answers_in_time_expires_and_frees_the_asker(team: SmallTeam) -> None:
    await ask(team, timeout_s=60)
    await team.clock.advance(60.5)
    with pytest.raises(AlreadyAnswered, match="has expired"):
        await answer(team, answer="late")
    await team.do(lambda scope: upkeep.tick(scope, {}))
    expired = await team.do(lambda scope: questions.own_question(scope, team["worker-1"], "Q1"))
    assert (expired.state, expired.answer) == (S.EXPIRED, questions.NOBODY_ANSWERED)
    assert await state_of(team, "worker-1") is AgentState.IDLE
    with pytest.raises(AlreadyAnswered, match="expired already by supervisor"):
        await answer(team, answer="late")


async def test_the_questions_of_an_ended_incarnation_are_withdrawn(team: SmallTeam) -> None:
    await ask(team)
    await ask(team, "worker-2")
    await team.do(lambda scope: questions.withdraw(scope, "worker-1", "killed by signal 9"))
    withdrawn = await team.do(lambda scope: questions.own_question(scope, team["worker-1"], "Q1"))
    assert (withdrawn.state, withdrawn.answer) == (S.WITHDRAWN, "killed by signal 9")
    other = await team.do(lambda scope: questions.the_question(scope, "Q2"))
    assert other.state is S.ASKED
    await team.do(lambda scope: questions.withdraw(scope, "worker-2", ""))
    other = await team.do(lambda scope: questions.the_question(scope, "Q2"))
    assert other.answer == "worker-2 ended"


async def test_a_crash_withdraws_what_was_asked_and_the_next_life_can_read_it(team: SmallTeam) -> None:
    await ask(team)
    await team.crash("worker-1")
    await team.start("worker-1")
    known = await team.do(lambda scope: questions.own_question(scope, team["worker-1"], "Q1"))
    assert known.state is S.WITHDRAWN


async def test_the_question_of_another_looks_unknown(team: SmallTeam) -> None:
    await ask(team)
    with pytest.raises(NotFound, match="there is no question `Q1`"):
        await team.do(lambda scope: questions.own_question(scope, team["worker-2"], "Q1"))


async def test_a_wait_for_a_question_ends_with_its_answer(team: SmallTeam) -> None:
    await ask(team)
    waiting = asyncio.ensure_future(team.coordinator.wait(team["worker-1"], ("question:Q1",), 45))
    await asyncio.sleep(0)
    await answer(team, answer="8080")
    assert await waiting == ("question:Q1",)
    with pytest.raises(NotFound):
        await team.coordinator.wait(team["worker-2"], ("question:Q1",), 45)


async def test_without_a_person_a_question_ends_at_once_and_says_so(tmp_path: Path) -> None:
    async with small_team(tmp_path, mode=Mode.HEADLESS) as team:
        ended = await ask(team)
        assert (ended.state, ended.answer) == (S.EXPIRED, questions.NOBODY_HERE)
        assert await state_of(team, "worker-1") is AgentState.IDLE


async def test_a_run_that_goes_on_without_a_person_ends_what_waits_for_one(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await ask(team)
        await team.do(questions.expire_unattended)
        kept = await team.do(lambda scope: questions.the_question(scope, "Q1"))
        assert kept.state is S.ASKED
        clock = team.clock
    async with small_team(tmp_path, mode=Mode.HEADLESS, clock=clock) as team:
        await team.do(questions.expire_unattended)
        ended = await team.do(lambda scope: questions.the_question(scope, "Q1"))
        assert (ended.state, ended.answer) == (S.EXPIRED, questions.NOBODY_HERE)


async def test_canary_a_second_answer_that_replaces_the_first_is_noticed(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(team)
    await answer(team, answer="first")
    monkeypatch.setitem(QUESTION_MOVES, S.ANSWERED, frozenset({S.ANSWERED}))
    assert (await answer(team, answer="second")).answer == "second"
