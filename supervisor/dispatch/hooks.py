"""Requests of programs that a person started by hand, or whose hooks ask us: held until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from supervisor.coordinator import approvals
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.wishes import Wish, as_incarnation, ask, cut, is_own_tool, shown_payload
from supervisor.errors import SupervisorError
from supervisor.model.approval import BY_HOOK, Approval, ApprovalState
from supervisor.model.event import Event
from supervisor.model.wire import from_wire

HOLD_S: Final = 590.0
"""How long a request is held: a little less than the programs wait by themselves."""
NOT_IN_TIME: Final = "nobody answered while its program waited; the program itself asks now"
PATH_MAX: Final = 4096

_KINDS: Final = {
    "Bash": "shell",
    "shell": "shell",
    "local_shell": "shell",
    "exec_command": "shell",
    "Read": "read",
    "Glob": "read",
    "Grep": "read",
    "LS": "read",
    "Edit": "edit",
    "Write": "edit",
    "MultiEdit": "edit",
    "NotebookEdit": "edit",
    "apply_patch": "edit",
    "WebFetch": "network",
    "WebSearch": "network",
    "ExitPlanMode": "plan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """What a program's hook asks to be allowed; its texts are foreign."""

    tool: str
    payload: dict[str, Any]
    cwd: str = ""

    @property
    def kind(self) -> str:
        """Return what kind of act its tool does."""
        return "mcp" if self.tool.startswith("mcp__") else _KINDS.get(self.tool, "other")

    @property
    def title(self) -> str:
        """Return one line for people: the tool, and of its arguments the one that says most."""
        for name in ("command", "file_path", "path", "url", "query", "pattern"):
            if isinstance(said := self.payload.get(name), str) and said.strip():
                return f"{self.tool}: {' '.join(said.split())}"
        return self.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the program is told; `why` is for its model."""

    allow: bool
    why: str = ""


class Hooks:
    """Puts hooks' requests into the queue, and holds each until it is answered or its program goes away."""

    def __init__(
        self,
        coordinator: Coordinator,
        *,
        workspace: str,
        own_tools: Callable[[], frozenset[str]],
        on_call: Callable[[Actor], None],
        hold_s: float = HOLD_S,
    ) -> None:
        """Listen to the coordinator's commits from now on; `on_call` hears of each event of a hook."""
        self._coordinator: Final = coordinator
        self._workspace: Final = workspace
        self._own_tools: Final = own_tools
        self._on_call: Final = on_call
        self._hold_s: Final = hold_s
        self._waiting: Final[dict[str, asyncio.Future[Approval]]] = {}
        coordinator.store.listen(self._committed)

    async def note(self, actor: Actor) -> None:
        """Take a hook's event as a sign of life."""
        self._on_call(await self._coordinator.arrive(actor))

    async def decide(self, actor: Actor, asked: HookRequest) -> Ruling | None:
        """Return the answer to a request; None if none came while it was held.

        Cancelled when the program goes away: the request is withdrawn then. Raises SupervisorError if the
        request cannot be put.
        """
        actor = await self._coordinator.arrive(actor)
        self._on_call(actor)
        if is_own_tool(asked.kind, asked.tool, self._own_tools()):
            return Ruling(allow=True)
        approval = await ask(self._coordinator, actor, self._wish(asked))
        if approval.state is ApprovalState.PENDING:
            answered = await self._held(approval)
            if answered is None:
                return None
            approval = answered
        return await self._ruling(actor, approval, asked)

    def _wish(self, asked: HookRequest) -> Wish:
        return Wish(
            source=BY_HOOK,
            kind=asked.kind,
            tool=asked.tool,
            title=asked.title,
            payload=asked.payload,
            cwd=cut(asked.cwd, PATH_MAX),
            workspace=self._workspace,
        )

    async def _held(self, approval: Approval) -> Approval | None:
        answer: asyncio.Future[Approval] = asyncio.get_running_loop().create_future()
        self._waiting[approval.id] = answer
        try:
            async with asyncio.timeout(self._hold_s):
                return await answer
        except TimeoutError:
            await self._withdraw(approval, NOT_IN_TIME)
            return None
        except asyncio.CancelledError:
            await self._withdraw(approval, "its program does not wait for it any more")
            raise
        finally:
            del self._waiting[approval.id]

    async def _withdraw(self, approval: Approval, why: str) -> None:
        with suppress(SupervisorError):  # else it ends at its deadline
            await self._coordinator.write(
                lambda scope: approvals.withdraw_one(scope, approval.id, reason=why)
            )

    async def _ruling(self, actor: Actor, approval: Approval, asked: HookRequest) -> Ruling | None:
        if approval.state is ApprovalState.APPROVED:
            approval = await as_incarnation(
                self._coordinator,
                actor,
                "permission",
                lambda scope: approvals.use(scope, actor, approval.id, shown_payload(asked.payload)),
            )
        if approval.state is ApprovalState.WITHDRAWN:
            return None
        allow = approval.state is ApprovalState.USED
        return Ruling(allow=allow, why="" if allow else approval.answer or "denied by a person")

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            if event.noun != "approval" or event.after["state"] == ApprovalState.PENDING:
                continue
            waiting = self._waiting.get(event.subject)
            if waiting is not None and not waiting.done():
                waiting.set_result(from_wire(Approval, event.after))
