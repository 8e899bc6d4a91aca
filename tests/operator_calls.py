"""For each verb of the control socket that writes, a call that succeeds in the scene of `set_scene`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Call = list[Any]


@dataclass(frozen=True, kw_only=True)
class VerbCall:
    """The arguments of a verb, and what is done before so that it can succeed.

    A digest `as shown` stands for that of the approval.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    before: tuple[Call, ...] = ()


def tool(agent: str, name: str, /, **arguments: Any) -> Call:
    return ["call", agent, name, arguments]


def verb(name: str, /, **arguments: Any) -> Call:
    return ["verb", name, arguments]


def made(*before: Call, **arguments: Any) -> VerbCall:
    return VerbCall(arguments=arguments, before=before)


TIED: Final = (
    tool("voter-1", "vote_cast", vote_id="V1", choice="yes"),
    tool("voter-2", "vote_cast", vote_id="V1", choice="no"),
    tool("voter-3", "vote_cast", vote_id="V1", choice="abstain"),
)
PLAN: Final[dict[str, Any]] = {
    "name": "release",
    "key": "r",
    "tasks": [{"title": "build", "key": "b"}, {"title": "test", "key": "t", "depends_on": ["b"]}],
}

OPERATOR_CALLS: Final[dict[str, VerbCall]] = {
    "task_add": made(title="from the terminal", priority="high"),
    "task_cancel": made(task_id="T1", reason="not needed"),
    "task_update": made(task_id="T1", edit={"title": "another title"}),
    "task_assign": made(task_id="T1", assignment={"assignee": "worker-2"}),
    "task_link": made(task_id="T1", depends_on=["T2"]),
    "task_hold": made(task_id="T1", reason="wait"),
    "task_unhold": made(task_id="T5"),
    "task_skip": made(task_id="T1", reason="not needed"),
    "task_reopen": made(task_id="T6", reason="needed after all"),
    "task_unblock": made(task_id="T4", force=True),
    "task_note": made(task_id="T1", body="look here"),
    "task_judge": made(task_id="T3", decision="reject", feedback="tests are missing"),
    "plan_create": made(**PLAN),
    "plan_push": made(**PLAN),
    "milestone_close": made(milestone_id="P1", reason="not now"),
    "quarantine": made(agent="worker-1", reason="it only breaks things"),
    "release": made(verb("quarantine", agent="worker-1", reason="r"), agent="worker-1"),
    "send": made(to="all", body="hello", urgent=True),
    "ack": made(tool("worker-1", "message_send", to="human", body="done"), ids=["M2"]),
    "answer": made(approval_id="A2", digest="as shown", decision="approve"),
    "vote_open": made(question="ship?", options=["yes", "no"], electorate=["group:council"]),
    "vote_close": made(vote_id="V1", reason="enough"),
    "vote_decide": made(*TIED, vote_id="V1", option="yes"),
    "memory_delete": made(key="language"),
    "memory_purge": made(author="planner"),
    "question_answer": made(tool("worker-1", "ask_human", question="which?"), question_id="Q2", answer="it"),
    "rule_revoke": made(["step", "standing rule"], rule_id="R1"),
    "key_create": made(name="guest", role="worker"),
    "key_rotate": made(verb("key_create", name="guest", role="worker"), name="guest"),
    "key_revoke": made(verb("key_create", name="guest", role="worker"), name="guest"),
    "dead_requeue": made(["step", "dead letter"], ids=["M1"]),
    "dead_drop": made(["step", "dead letter"], ids=["M1"]),
}
"""The verbs that write to the database, each in one transaction."""

WRITES_NOTHING: Final = frozenset(
    "hello snapshot subscribe events wait endpoint task_show task_why vote_show plan_preview milestone_list"
    " milestone_show memory_list memory_show question_list dead_list notify_list key_list restart stop_agent"
    " rule_list terminal_show terminal_type terminal_resize kill pause resume drain agent_why usage metrics"
    " down".split()
)
"""The verbs that only look, or that act on processes; what becomes of those is written by the engine."""

KILLED_ELSEWHERE: Final = frozenset({"archive", "budget_raise", "notify_test", "reload", "scale"})
"""No budget of the scene is near its end; raising one is a row and its event in one transaction.

Archiving is killed in `test_archive_crashes.py`; a test notice goes to the sinks, not to the database.

What a reload writes is one transaction, as at the start of an engine, and all else of it is processes.
The team of the scene has no scaled pool; setting one is a row and its event, killed as an engine in
`test_scaled_pools.py`."""
