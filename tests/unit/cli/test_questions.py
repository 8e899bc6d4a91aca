"""What agents ask a person, and how it is answered from the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.ids import QuestionId
from supervisor.model.question import Question, QuestionState
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]

OPEN = Question(
    id=QuestionId("Q1"),
    run=1,
    agent="worker-1",
    incarnation=1,
    question="which port?\n\x1b[2JQ9 from human",
    options=("8080", "9090"),
    task="T2",
    expires_at=1.0,
)
ANSWERED = replace(
    OPEN, id=QuestionId("Q2"), task=None, state=QuestionState.ANSWERED, choice="9090", answer="today\nonly"
)


@pytest.fixture
def asked(engine: ScriptedEngine) -> ScriptedEngine:
    engine.team.record("question.asked", OPEN, actor="worker-1")
    engine.team.record("question.answered", ANSWERED, actor="human")
    engine.answers["question_answer"] = {"question": {"id": "Q1"}}
    return engine


def test_open_questions_are_listed_with_their_options_by_number(run: Run, asked: ScriptedEngine) -> None:
    assert run("question", "list").stdout.splitlines() == [
        "Q1 from worker-1 for T2, open for 0s",
        "    which port?",
        "    \\x1b[2JQ9 from human",
        "    1) 8080",
        "    2) 9090",
    ]


def test_all_questions_come_with_what_became_of_them(run: Run, ask: Any, asked: ScriptedEngine) -> None:
    told = run("question", "list", "--all").stdout.splitlines()
    assert told[5] == "Q2 from worker-1, answered"
    assert told[-2:] == ["  = 9090: today", "  = only"]
    assert [each["id"] for each in ask("question", "list", "--all")["questions"]] == ["Q1", "Q2"]
    assert [each["id"] for each in ask("question", "list")["questions"]] == ["Q1"]


def test_where_nobody_asks_that_is_said(run: Run, engine: ScriptedEngine) -> None:
    assert run("question", "list").stdout == "no open questions\n"
    assert run("question", "list", "--all").stdout == "no questions\n"


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("use 7070",), {"answer": "use 7070"}),
        (("--choose", "2"), {"answer": "", "choice": "9090"}),
        (("only today", "--choose", "1"), {"answer": "only today", "choice": "8080"}),
    ],
)
def test_an_answer_is_words_an_option_or_both(
    run: Run, asked: ScriptedEngine, words: tuple[str, ...], sent: dict[str, str]
) -> None:
    assert run("question", "answer", "Q1", *words).stdout == "Q1 answered\n"
    assert asked.asked[-1] == ("question_answer", {"question_id": "Q1"} | sent)


def test_an_answer_comes_as_json(ask: Any, asked: ScriptedEngine) -> None:
    assert ask("question", "answer", "Q1", "yes")["question"] == {"id": "Q1"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("Q1",), 2, "--choose"),
        (("Q1", " "), 2, "--choose"),
        (("Q1", "--choose", "3"), 2, "Q1 has 2 options"),
        (("Q7", "--choose", "1"), 1, "supervisor question list --all"),
    ],
)
def test_what_is_no_answer_is_not_sent(
    run: Run, asked: ScriptedEngine, words: tuple[str, ...], code: int, says: str
) -> None:
    ended = run("question", "answer", *words)
    assert (ended.exit_code, says in ended.stderr) == (code, True)
    assert asked.asked == []
