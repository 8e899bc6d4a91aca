"""What an agent's program asks to be allowed, made ready for the queue: cut, judged, with its digest."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from supervisor.coordinator import approvals
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.approvals import REASON_MAX, TITLE_MAX
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.approval import PAYLOAD_MAX, Approval, OfferedAnswer, Origin, canonical
from supervisor.model.tiers import Act, paths_of, tier_of

LINKS_MAX: Final = 200
"""Paths of one request that are looked up; beyond them it counts as one that leads out."""
OPTIONS_MAX: Final = 20
LABEL_MAX: Final = 200
_LONG_TEXT: Final = 2000
_KIND: Final = re.compile(r"[^a-z0-9_-]+")
_OWN_TOOL: Final = re.compile(r"(?:mcp_{1,2})?supervisor(?:__|[./:_])([a-z][a-z_]{0,60})")
_MAYBE_OURS: Final = frozenset({"mcp", "other"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request as a program made it; its texts are foreign."""

    source: str
    kind: str
    tool: str
    title: str
    payload: dict[str, Any]
    request: str = ""
    cwd: str = ""
    workspace: str = ""
    reason: str = ""
    options: tuple[OfferedAnswer, ...] = ()
    rewritable: bool = False

    @property
    def act(self) -> Act:
        """Return what would be done."""
        return Act(
            kind=self.kind,
            tool=self.tool,
            payload=self.payload,
            cwd=self.cwd or self.workspace,
            workspace=self.workspace,
        )


def is_own_tool(kind: str, tool: str, known: frozenset[str]) -> bool:
    """Tell whether a tool is one of the coordinator's own, however the program spells its name."""
    spelled = _OWN_TOOL.fullmatch(tool)
    return kind in _MAYBE_OURS and spelled is not None and spelled[1] in known


async def ask(coordinator: Coordinator, actor: Actor, wish: Wish) -> Approval:
    """Put a wish into the queue in the name of this very incarnation; rules may answer it at once.

    Raises SupervisorError if it cannot be: too many of them, too large, or its incarnation has ended.
    """
    coordinator.spend(actor)
    shown, origin, tier = await asyncio.to_thread(_judged, wish)

    def request(scope: Scope) -> Approval:
        return approvals.request(
            scope,
            actor,
            kind=_KIND.sub("-", wish.kind.lower()).strip("-_")[:60] or "other",
            title=cut(wish.title or wish.tool or wish.kind, TITLE_MAX),
            payload=shown,
            tier=tier,
            reason=cut(wish.reason, REASON_MAX),
            origin=origin,
        )

    return await as_incarnation(coordinator, actor, "permission", request)


async def as_incarnation(
    coordinator: Coordinator, actor: Actor, what: str, use_case: Callable[[Scope], Approval]
) -> Approval:
    """Write in the name of an incarnation; raise Unauthenticated once it has ended."""
    answer = await coordinator.call(actor, what, lambda scope: {"approval": use_case(scope)})
    approval: Approval = answer["approval"]
    return approval


def shown_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what of a payload goes into the queue: all of it, or long texts by their digests."""
    return abridged(payload) if _size_of(payload) > PAYLOAD_MAX else payload


def abridged(value: Any) -> Any:
    """Put digest, size and begin in the place of each long text."""
    if isinstance(value, dict):
        return {name: abridged(each) for name, each in value.items()}
    if isinstance(value, list):
        return [abridged(each) for each in value]
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        raw = value.encode()
        return {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "begins": value[:200]}
    return value


def cut(text: str, limit: int) -> str:
    """Cut a text to so many bytes, at a whole character."""
    raw = text.encode(errors="replace")
    return raw.decode() if len(raw) <= limit else raw[: limit - 3].decode(errors="ignore") + "…"


def _size_of(payload: dict[str, Any]) -> int:
    """Return the size of a payload as it is kept; raise InvalidArgument for what cannot be."""
    try:
        json.dumps(payload, allow_nan=False)
        return len(canonical(payload).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(
            f"what it asks for cannot be written down exactly: {type(error).__name__}"
        ) from error


def _judged(wish: Wish) -> tuple[dict[str, Any], Origin, int]:
    """Find out where its paths lead and how much is at risk; runs in a thread: it looks at files."""
    act = wish.act
    size = _size_of(wish.payload)
    origin = Origin(
        source=wish.source,
        tool=cut(wish.tool, LABEL_MAX),
        cwd=act.cwd,
        workspace=wish.workspace,
        request=cut(wish.request, LABEL_MAX),
        options=tuple(
            OfferedAnswer(id=cut(each.id, LABEL_MAX), label=cut(each.label, LABEL_MAX), scope=each.scope)
            for each in wish.options[:OPTIONS_MAX]
        ),
        rewritable=wish.rewritable,
        abridged=size > PAYLOAD_MAX,
    )
    return shown_payload(wish.payload), origin, tier_of(act, outside=leads_out(act))


def leads_out(act: Act) -> bool:
    """Tell whether a path that seems to be in the workspace leads out of it by a link."""
    paths = [act.place(each) for each in paths_of(act) if act.inside(each) is not None]
    if len(paths) > LINKS_MAX:
        return True
    root = os.path.realpath(act.workspace)
    return any(not _is_below(os.path.realpath(each), root) for each in paths)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
