"""Questions to the person: the card, and how an answer is read."""

from __future__ import annotations

from supervisor.model.question import OPTION_MAX, Question, QuestionState
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.words import left, when


def question_lines(scene: Scene, question: Question) -> tuple[Line, ...]:
    """Lay out one question with its options, whoever it is for and how long an answer is of use."""
    task = scene.world.tasks.get(question.task) if question.task else None
    is_open = question.state is QuestionState.ASKED
    return (
        line(Span(safe(question.agent), Tone.STRONG), say(" asks you")),
        BLANK,
        *paragraph(question.question),
        *((BLANK, heading("options")) if question.options else ()),
        *(_option(number, option) for number, option in enumerate(question.options, start=1)),
        BLANK,
        *((fact("for task", f"{task.id} {task.title}"),) if task else ()),
        fact("asked", when(question.asked_at, scene.now)),
        *((fact("expires", f"in {left(question.expires_at, scene.now)}"),) if is_open else ()),
        BLANK,
        line(say(_what_to_do(question), Tone.MUTED)),
    )


def _option(number: int, option: str) -> Line:
    return line(say(f"{number} ", Tone.LINK), Span(first_line(option, OPTION_MAX)))


def _what_to_do(question: Question) -> str:
    if question.state is not QuestionState.ASKED:
        return f"It is {question.state.value}."
    by_number = " or by an option's number" if question.options else ""
    return f"Press m to answer in words{by_number}."


def answer_to(question: Question, typed: str) -> dict[str, str]:
    """Read what was typed as an answer: the number of an option takes it, all else is words."""
    number = int(typed[:3]) if typed.isdecimal() else 0
    if 1 <= number <= len(question.options) and len(typed) <= len(str(number)):
        return {"question_id": question.id, "choice": question.options[number - 1]}
    return {"question_id": question.id, "answer": typed}
