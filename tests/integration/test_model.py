"""Random histories of a team against plain dicts that promise the same, and seeded bugs that must show."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from supervisor.coordinator import (
    approvals,
    dependencies,
    mailboxes,
    messages,
    planning,
    reviews,
    upkeep,
    votes,
    work,
)
from supervisor.errors import SupervisorError
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState
from supervisor.model.message import DeliveryState
from supervisor.store import database
from supervisor.store.transaction import Transaction
from tests.integration.team_machine import TeamMachine

HISTORIES, STEPS = 40, 40


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process wrote is in the files; only a power cut could tell these pragmas apart."""
    fast = tuple(each.replace("synchronous = FULL", "synchronous = OFF") for each in database._PRAGMAS)
    monkeypatch.setattr(database, "_PRAGMAS", fast)


def campaign(histories: int, **more: Any) -> settings:
    return settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_random_histories_end_as_the_plain_team_says(long: int) -> None:
    run_state_machine_as_test(TeamMachine, settings=campaign(HISTORIES * long))


def without(name: str) -> Callable[..., Any]:
    """Answer a named query as if nothing were there."""
    found = Transaction.one

    def one(self: Transaction, query: str, **params: Any) -> Any:
        return None if query == name else found(self, query, **params)

    return one


def keeping(*names: str) -> Callable[..., Any]:
    """Stand in for `replace` but leave some fields as they were."""
    return lambda value, **changes: dataclasses.replace(
        value, **{name: each for name, each in changes.items() if name not in names}
    )


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


def unfenced(scope: Any, _actor: Any, spelled: str, _token: int) -> Any:
    return scope.task(spelled)


def any_answer() -> dict[ApprovalState, frozenset[ApprovalState]]:
    answers = frozenset({ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED})
    return {**APPROVAL_MOVES, ApprovalState.APPROVED: answers, ApprovalState.DENIED: answers}


def all_but_the_last(resolve: Any) -> Any:
    return lambda scope, to, *, sender: resolve(scope, to, sender=sender)[:-1] or (sender,)


agreeing: Final = SimpleNamespace(compare_digest=lambda _a, _b: True)
consuming: Final = SimpleNamespace(**(vars(DeliveryState) | {"DELIVERED": DeliveryState.ACKED}))

BUGS: Final[dict[str, tuple[Any, str, Any]]] = {
    "writes are not fenced": (work, "held_task", unfenced),
    "claims do not look at the state": (work, "_check_claimable", nothing),
    "a claim does not raise the token": (work, "replace", keeping("token")),
    "progress and release keep the old lease": (work, "replace", keeping("lease_until")),
    "dependents are not promoted": (work, "task_ended", nothing),
    "cancelling does not tell dependents": (planning, "task_ended", nothing),
    "the dead keep what they held": (work, "holder_gone", nothing),
    "leases are not kept": (upkeep, "_keep_leases", nothing),
    "authors judge themselves": (reviews, "_check_may_judge", nothing),
    "a ballot can be cast twice": (Transaction, "one", without("ballot.get")),
    "votes outlive their deadline": (votes, "close_overdue", nothing),
    "reading consumes": (mailboxes, "DeliveryState", consuming),
    "fetched mail is not hidden": (mailboxes, "VISIBILITY_S", 0.0),
    "the mail of the dead stays hidden": (mailboxes, "incarnation_over", nothing),
    "senders are not told": (mailboxes, "_tell_sender", nothing),
    "one recipient is forgotten": (messages, "resolve", all_but_the_last(messages.resolve)),
    "mail never expires": (mailboxes, "keep_mail", nothing),
    "any content may be used": (approvals, "hmac", agreeing),
    "answers can be changed": (approvals, "APPROVAL_MOVES", any_answer()),
    "leave outlives who asked": (approvals, "withdraw", nothing),
    "requests never expire": (approvals, "expire_overdue", nothing),
    "repeated calls are done again": (Transaction, "one", without("answered_call.get")),
    "links are not checked for cycles": (dependencies, "check_no_cycle", nothing),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_seeded_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, broken = BUGS[bug]
    monkeypatch.setattr(place, name, broken)
    with pytest.raises((AssertionError, SupervisorError, sqlite3.Error, TypeError)):
        run_state_machine_as_test(
            TeamMachine, settings=campaign(300, phases=[Phase.generate], report_multiple_bugs=False)
        )
