"""The tools about approvals: ask, look, use."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from supervisor.coordinator import approvals
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool


class Ask(Mutation):
    """Arguments of approval_request."""

    kind: str = Field(description="What kind of act, e.g. write_file.")
    title: str
    payload: dict[str, Any] = Field(description="Everything that the act consists of.")
    tier: int = Field(
        default=1, ge=0, le=3, description="0 read, 1 reversible, 2 outside the project, 3 final."
    )
    reason: str = ""
    task_id: str | None = None


class OneApproval(Arguments):
    """Arguments of approval_get."""

    approval_id: str


class Use(Mutation):
    """Arguments of approval_use."""

    approval_id: str
    payload: dict[str, Any] = Field(description="The same content again; it must be what was allowed.")


def request_approval(scope: Scope, actor: Actor, asked: Ask) -> Answer:
    """Ask a person, or the profile's rule, to allow something."""
    approval = approvals.request(
        scope,
        actor,
        kind=asked.kind,
        title=asked.title,
        payload=asked.payload,
        tier=asked.tier,
        reason=asked.reason,
        task=asked.task_id,
    )
    return {"approval": to_wire(approval)}


def get_approval(scope: Scope, actor: Actor, asked: OneApproval) -> Answer:
    """Answer one of the actor's own requests."""
    return {"approval": to_wire(approvals.own_approval(scope, actor, asked.approval_id))}


def use_approval(scope: Scope, actor: Actor, asked: Use) -> Answer:
    """Begin what was allowed."""
    return {"approval": to_wire(approvals.use(scope, actor, asked.approval_id, asked.payload))}


APPROVAL_TOOLS: Final = (
    simple_tool(
        "approval_request",
        "Ask for leave to do something; `wait` for approval:ID, then approval_use.",
        Operation.APPROVAL_REQUEST,
        Ask,
        request_approval,
    ),
    simple_tool(
        "approval_get",
        "Show one of your own requests.",
        Operation.APPROVAL_REQUEST,
        OneApproval,
        get_approval,
    ),
    simple_tool(
        "approval_use",
        "Begin what was allowed, once; the content must be unchanged.",
        Operation.APPROVAL_REQUEST,
        Use,
        use_approval,
    ),
)
