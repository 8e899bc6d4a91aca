"""Verbs that answer agents' questions: list and answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, indented, now, print_json, say
from supervisor.errors import NotFound, UsageInvalid

if TYPE_CHECKING:
    from supervisor.model.question import Question


@click.group()
def question() -> None:
    """List and answer what agents ask you."""


@question.command(
    name="list", cls=Verb, examples=("supervisor question list", "supervisor question list --all --json")
)
@project_option
@click.option("--all", "everything", is_flag=True, help="Also those that were answered or ended.")
@json_option
def list_questions(*, project: Path, everything: bool, as_json: bool) -> None:
    """List what agents ask you, the oldest first, each with its options by number."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    asked = list(seen.world.questions.values()) if everything else seen.world.open_questions()
    if as_json:
        print_json("question_list", live=seen.live, questions=[to_wire(each) for each in asked])
        return
    for each in asked:
        for line in question_lines(each, now()):
            say(line)
    if not asked:
        say("no questions" if everything else "no open questions")


def question_lines(asked: Question, at: float) -> list[str]:
    """Spell a question with its options and what became of it; the agent's words are set in."""
    task = f" for {asked.task}" if asked.task else ""
    if asked.state.value == "asked":
        stands = f"open for {duration(asked.expires_at - at)}"
    else:
        stands = asked.state.value
    lines = [f"{asked.id} from {asked.agent}{task}, {stands}", *indented(asked.question)]
    lines += [f"    {number}) {option}" for number, option in enumerate(asked.options, start=1)]
    answer = ": ".join(part for part in (asked.choice, asked.answer) if part)
    return lines + ([f"  = {line}" for line in answer.splitlines()] if answer else [])


@question.command(
    name="answer",
    cls=Verb,
    examples=(
        'supervisor question answer Q1 "use port 8080"',
        "supervisor question answer Q2 --choose 1",
        'supervisor question answer Q2 "but not on Fridays" --choose 2',
    ),
)
@click.argument("question_id", metavar="ID")
@click.argument("words", required=False, default="")
@click.option("--choose", type=click.IntRange(min=1), metavar="NUMBER", help="Take this one of its options.")
@project_option
@json_option
def answer_question(
    *, question_id: str, words: str, choose: int | None, project: Path, as_json: bool
) -> None:
    """Answer a question in WORDS, by one of its options, or both. Only the first answer counts."""
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "answer for a person")
    if choose is None and not words.strip():
        raise UsageInvalid("say the answer in words, or take an option with --choose; nothing was sent")
    args: dict[str, Any] = {"question_id": question_id, "answer": words}
    if choose is not None:
        args["choice"] = _option(project, question_id, choose)
    answer = ask(project, "question_answer", **args)
    if as_json:
        print_json("question_answer", **answer)
    else:
        say(f"{answer['question']['id']} answered")


def _option(project: Path, spelled: str, number: int) -> str:
    """Return the option of this number; raise NotFound for an unknown question."""
    from supervisor.cli.engine_door import view
    from supervisor.model.ids import number_of, question_id

    wanted = question_id(number_of(spelled, "Q"))
    found = view(project).world.questions.get(wanted)
    if found is None:
        raise NotFound(f"there is no question {wanted}. See `supervisor question list --all`")
    if number > len(found.options):
        raise UsageInvalid(f"{wanted} has {len(found.options)} options; nothing was sent")
    return found.options[number - 1]
