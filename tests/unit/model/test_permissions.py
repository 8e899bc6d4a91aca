from __future__ import annotations

from itertools import product

import pytest

from supervisor.errors import Forbidden
from supervisor.model.agent import Role
from supervisor.model.permissions import PERMISSIONS, Operation, check, may

EXPECTED = {
    # operation:            orchestrator planner worker judge monitor solo
    "task.read": "OPWJMS",
    "task.create": "OP   S",
    "task.create_subtask": "  W  S",
    "task.link": "OP   S",
    "task.cancel": "OP   S",
    "task.claim": "  W  S",
    "task.work": "  W  S",
    "task.note": "OPWJ S",
    "task.review": "   J S",
    "task.update": "OP   S",
    "task.assign": "OP   S",
    "task.hold": "OP   S",
    "task.reopen": "OP   S",
    "task.handoff": "OPWJ S",
    "milestone.write": "OP   S",
    "help": "OPWJ S",
    "message.send": "OPWJMS",
    "message.read": "OPWJMS",
    "vote.open": "OPW  S",
    "vote.cast": "OPWJ S",
    "vote.read": "OPWJMS",
    "memory.read": "OPWJMS",
    "memory.write": "OPWJ S",
    "approval.request": "OPWJ S",
    "question.ask": "OPWJ S",
    "team.read": "OPWJMS",
    "team.report": "OPWJ S",
    "wait": "OPWJMS",
}
LETTERS = {role: role.value[0].upper() for role in Role}


@pytest.mark.parametrize(("role", "operation"), list(product(Role, Operation)))
def test_the_table_grants_exactly_this(role: Role, operation: Operation) -> None:
    assert may(role, operation) is (LETTERS[role] in EXPECTED[operation.value])


def test_every_role_has_a_row_and_every_operation_somebody_who_may() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert set().union(*PERMISSIONS.values()) == set(Operation)


def test_nobody_but_solo_both_works_and_judges() -> None:
    both = [role for role in Role if may(role, Operation.TASK_WORK) and may(role, Operation.TASK_REVIEW)]

    assert both == [Role.SOLO]


def test_a_monitor_changes_nothing_but_mailboxes() -> None:
    writes = {each for each in PERMISSIONS[Role.MONITOR] if not each.value.endswith(".read")}

    assert writes == {Operation.MESSAGE_SEND, Operation.WAIT}


def test_a_refusal_names_the_role_the_operation_and_who_may() -> None:
    with pytest.raises(Forbidden, match=r"a judge may not do task\.claim; it is for: worker, solo"):
        check(Role.JUDGE, Operation.TASK_CLAIM)


def test_a_granted_operation_passes() -> None:
    check(Role.WORKER, Operation.TASK_CLAIM)
