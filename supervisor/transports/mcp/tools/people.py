"""The tools about what agents leave behind and ask of people: state, questions, handoffs."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import handoffs, questions, work_state
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.question import OPTIONS_MAX, QUESTION_TIMEOUT_MAX_S, QUESTION_TIMEOUT_S
from supervisor.model.wire import to_wire
from supervisor.model.work_state import ITEM_MAX, ITEMS_MAX, LastTask
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool

ITEMS: Final = f"At most {ITEMS_MAX} of {ITEM_MAX} characters; replaces the list."


class LastTaskTold(Arguments):
    """The task that an agent did last, in its own words."""

    task_id: str
    title: str
    outcome: str
    notes: str = ""


class SaveState(Mutation):
    """Arguments of state_save; what is left out stays as it was."""

    summary: str | None = Field(default=None, description="Where you are, for your next incarnation.")
    work_items: list[str] | None = Field(default=None, description=f"What is left to do. {ITEMS}")
    open_questions: list[str] | None = Field(default=None, description=f"What you do not know. {ITEMS}")
    last_task: LastTaskTold | None = Field(
        default=None, description="Kept by itself when a task ends under you; set it to say more."
    )


class GetState(Arguments):
    """Arguments of state_get."""

    of: str | None = Field(default=None, description="Which agent's; your own if left out.")


class AskHuman(Mutation):
    """Arguments of ask_human."""

    question: str
    options: list[str] = Field(
        default_factory=list,
        description=f"At most {OPTIONS_MAX} answers to choose from; words are always taken.",
    )
    task_id: str | None = None
    timeout_s: float = Field(
        default=QUESTION_TIMEOUT_S,
        description=f"How long an answer is of use; at most {QUESTION_TIMEOUT_MAX_S:.0f}.",
    )


class OneQuestion(Arguments):
    """Arguments of question_get."""

    question_id: str


class ListHandoffs(Arguments):
    """Arguments of handoff_list."""

    task_id: str | None = Field(default=None, description="Only those of this task.")
    to: str | None = Field(default=None, description="Only those to this agent, or `role:R`.")
    before: int | None = Field(default=None, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=handoffs.LIST_MAX)


def save_state(scope: Scope, actor: Actor, asked: SaveState) -> Answer:
    """Keep the actor's state."""
    told = asked.last_task
    saved = work_state.save(
        scope,
        actor,
        summary=asked.summary,
        work_items=None if asked.work_items is None else tuple(asked.work_items),
        open_questions=None if asked.open_questions is None else tuple(asked.open_questions),
        last_task=None if told is None else LastTask(**told.model_dump()),
    )
    return {"state": to_wire(saved)}


def get_state(scope: Scope, actor: Actor, asked: GetState) -> Answer:
    """Answer an agent's state."""
    return {"state": to_wire(work_state.read(scope, actor, asked.of))}


def ask_human(scope: Scope, actor: Actor, asked: AskHuman) -> Answer:
    """Put a question to the person."""
    question = questions.ask(
        scope,
        actor,
        question=asked.question,
        options=tuple(asked.options),
        task=asked.task_id,
        timeout_s=asked.timeout_s,
    )
    return {"question": to_wire(question)}


def get_question(scope: Scope, actor: Actor, asked: OneQuestion) -> Answer:
    """Answer one of the actor's own questions."""
    return {"question": to_wire(questions.own_question(scope, actor, asked.question_id))}


def list_handoffs(scope: Scope, actor: Actor, asked: ListHandoffs) -> Answer:
    """Answer a page of handoffs, newest first."""
    before = handoffs.NEWEST if asked.before is None else asked.before
    page = handoffs.listed(scope, actor, task=asked.task_id, to=asked.to, before=before, limit=asked.limit)
    return {"handoffs": to_wire(page), "next": page[-1].id if len(page) == asked.limit else None}


PEOPLE_TOOLS: Final = (
    simple_tool(
        "state_save",
        "Keep where your work stands; whoami tells it to your next incarnation.",
        Operation.MEMORY_WRITE,
        SaveState,
        save_state,
    ),
    simple_tool(
        "state_get",
        "Show where your work stands, or another agent's.",
        Operation.MEMORY_READ,
        GetState,
        get_state,
    ),
    simple_tool(
        "ask_human",
        "Ask a person; `wait` for question:ID, then question_get.",
        Operation.QUESTION_ASK,
        AskHuman,
        ask_human,
    ),
    simple_tool(
        "question_get", "Show one of your own questions.", Operation.QUESTION_ASK, OneQuestion, get_question
    ),
    simple_tool(
        "handoff_list",
        "List what agents left to those after them, newest first.",
        Operation.TASK_READ,
        ListHandoffs,
        list_handoffs,
    ),
)
