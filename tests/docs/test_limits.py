"""The limits that SECURITY.md states are the ones that hold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from supervisor.config import keys, parse
from supervisor.coordinator import approvals, floods, rates, rules, votes
from supervisor.dispatch import hooks
from supervisor.model import approval, memory, message, question, rule, task, vote, work_state
from supervisor.model.notify import NotifySpec
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.notifiers import courier, http, queue
from supervisor.transports.control import protocol, server
from supervisor.transports.mcp import connections, gate

TABLE: Final = (
    (Path(__file__).resolve().parents[2] / "SECURITY.md").read_text(encoding="utf-8").split("## Limits")[1]
)


def default(kind: type, field: str) -> float:
    value = kind.__dataclass_fields__[field].default  # type: ignore[attr-defined]  # dataclasses both
    assert isinstance(value, int | float)
    return value


LIMITS: Final = {
    "request body over MCP": f"{gate.BODY_MAX:,} bytes, sent within {gate.BODY_TIMEOUT_S:.0f} s",
    "connections over MCP": (
        f"{connections.CONNECTIONS_OF_ONE_MAX} of one key, {connections.STRANGERS_MAX} that showed none yet, "
        f"a request's head sent within {connections.HEAD_TIMEOUT_S:.0f} s, "
        f"an answer read within {gate.SEND_TIMEOUT_S:.0f} s"
    ),
    "calls of one key": (
        f"{gate.IN_FLIGHT_MAX} open at once, "
        f"{rates.BURST:.0f} in a burst, then {rates.PER_SECOND:.0f} a second"
    ),
    "control socket": (
        f"{protocol.REQUEST_MAX:,} bytes in, {protocol.LINE_MAX:,} out, {server.CONNECTIONS_MAX} connections"
    ),
    "profile": (
        f"{parse.PROFILE_MAX:,} bytes, {keys.POOL_SIZE_MAX} agents in a pool, {keys.AGENTS_MAX} in a team"
    ),
    "task title, description, result, note": (
        f"{task.TITLE_MAX}, {task.BODY_MAX:,}, {task.RESULT_MAX:,}, {task.NOTE_MAX:,} bytes"
    ),
    "message": (
        f"{message.MESSAGE_MAX:,} bytes, payload {message.MESSAGE_PAYLOAD_MAX:,}, expires after "
        f"{message.MESSAGE_TTL_S / 3600:.0f} h or what its sender says, at most "
        f"{message.MESSAGE_TTL_MAX_S / 86400:.0f} days"
    ),
    "fetched message": (
        f"hidden from its reader for {message.VISIBILITY_S / 60:.0f} min, "
        f"a dead letter when {message.ATTEMPTS_MAX} times ran out"
    ),
    "mailbox": f"{floods.INBOX_MAX:,} unread; {floods.PERSON_MAX} of each agent in the person's",
    "mail of one agent": (
        f"{floods.MESSAGES_MAX} messages to {floods.COPIES_MAX} mailboxes in {floods.WINDOW_S:.0f} s"
    ),
    "mail of two agents by turns": (
        f"{floods.LOOP_MESSAGES} in {floods.WINDOW_S:.0f} s, then a pause of {floods.LOOP_PAUSE_S:.0f} s"
    ),
    "memory entry": (
        f"key {memory.KEY_MAX}, value {memory.VALUE_MAX:,} bytes; {memory.SCOPE_ENTRIES_MAX:,} entries in a "
        f"scope, {memory.AUTHOR_BYTES_MAX:,} bytes of one author"
    ),
    "state of an agent": (
        f"{work_state.ITEMS_MAX} items of {work_state.ITEM_MAX} characters, "
        f"summary {work_state.SUMMARY_MAX:,} bytes"
    ),
    "question to a person": (
        f"{question.QUESTION_MAX:,} bytes, {question.OPTIONS_MAX} options, {question.OPEN_MAX} open of one "
        f"agent, {question.QUESTION_TIMEOUT_S / 60:.0f} min or what the agent says, "
        f"at most {question.QUESTION_TIMEOUT_MAX_S / 3600:.0f} h"
    ),
    "approval": (
        f"payload {approval.PAYLOAD_MAX:,} bytes, "
        f"{approval.APPROVAL_TIMEOUT_S / 60:.0f} min until it expires, "
        f"{approvals.OPEN_MAX} open"
    ),
    "answer that holds from now on": (
        f"{rule.RULE_LIFE_S / 3600:.0f} h, at most {rule.RULE_LIFE_MAX_S / 86_400:.0f} days, "
        f"{rules.ACTIVE_MAX} of them"
    ),
    "request of a hook": f"held {hooks.HOLD_S / 60:.0f} min",
    "review rounds, failures, releases of a task": f"{task.MAX_REVIEW_ROUNDS} each",
    "lease of a claim": f"{default(TeamSpec, 'lease_s') / 60:.0f} min",
    "vote": f"{votes.OPTIONS_MAX} options, {vote.VOTE_DEADLINE_S / 60:.0f} min",
    "restarts of an agent": (f"{default(PoolSpec, 'intensity')} in {default(PoolSpec, 'period_s'):.0f} s"),
    "life of one incarnation": f"{default(PoolSpec, 'max_runtime_s') / 3600:.0f} h",
    "notices of one sink": (
        f"{queue.QUEUE_MAX:,} waiting, {default(NotifySpec, 'burst')} at once, "
        f"then {default(NotifySpec, 'per_hour'):.0f} an hour; "
        f"{courier.TRIES_MAX} tries of {http.DEADLINE_S:.0f} s each"
    ),
}


@pytest.mark.parametrize("what", LIMITS)
def test_a_limit_is_stated_as_it_holds(what: str) -> None:
    assert f"| {what} | {LIMITS[what]}" in TABLE


def test_every_stated_limit_is_compared() -> None:
    stated = [line.split(" | ")[0].removeprefix("| ") for line in TABLE.splitlines() if line.startswith("| ")]

    assert stated[1:] == list(LIMITS)


MAIL_PAGE: Final = (Path(__file__).resolve().parents[2] / "docs/mail.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "stated",
    [
        f"{floods.MESSAGES_MAX} messages in {floods.WINDOW_S:.0f} seconds, and {floods.COPIES_MAX} copies",
        f"{floods.INBOX_MAX:,} copies that nobody acknowledged",
        f"| {floods.PERSON_MAX} of one agent |",
        (
            f"newest {floods.LOOP_MESSAGES} messages within {floods.WINDOW_S:.0f} seconds each wrote "
            f"{floods.LOOP_SHARE} or more"
        ),
        f"refused for {floods.LOOP_PAUSE_S:.0f} seconds",
        f"for {message.VISIBILITY_S / 60:.0f} minutes",
        (
            f"{message.MESSAGE_TTL_S / 3600:.0f} hours, or the sender's `ttl_s` of at most "
            f"{message.MESSAGE_TTL_MAX_S / 86400:.0f} days"
        ),
    ],
)
def test_the_mail_page_states_the_limits_as_they_hold(stated: str) -> None:
    assert stated in " ".join(MAIL_PAGE.split())


def test_three_of_each_is_what_a_task_bears() -> None:
    assert task.MAX_REVIEW_ROUNDS == task.MAX_FAILURES == task.MAX_RELEASES
