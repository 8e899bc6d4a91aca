"""The bridge between conversations and the queue: what an agent asks goes there, the answer comes back.

An answer goes to the conversation that asked and to no other: the bridge keeps the conversation itself with
each open request, never the agent's name.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.adapters.driver import Answer
from supervisor.adapters.events import AgentEvent, Permission, Question, RequestGone
from supervisor.coordinator import approvals, questions
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.dispatch.ports import Partner
from supervisor.dispatch.wishes import Wish, as_incarnation, ask, cut, is_own_tool, shown_payload
from supervisor.errors import SupervisorError
from supervisor.model import question as asked
from supervisor.model.approval import Approval, ApprovalState, OfferedAnswer
from supervisor.model.event import Event
from supervisor.model.question import QuestionState
from supervisor.model.wire import from_wire

WAITING_MAX: Final = 256
"""Events of one conversation that wait to be taken in; requests beyond are refused at once."""
PATH_MAX: Final = 4096
FAULT: Final = "denied: supervisor could not handle this request; its log says why"
TOO_MANY: Final = "denied: too many requests at once; go on without, or ask again later"
GAVE_UP: Final = "the agent does not wait for it any more"
CHANGED: Final = "the agent asks for something else under the same name"

_log = logging.getLogger(__name__)
_Settled = Approval | asked.Question


@dataclass(slots=True, kw_only=True)
class _Open:
    """A request that its conversation waits for, under its id in the queue."""

    request: str
    permission: Permission | None = None
    choices: dict[str, str] = field(default_factory=dict)


class _Desk:
    """What one conversation asks, in its order, and the answers to it."""

    def __init__(self, bridge: Permissions, partner: Partner) -> None:
        self.partner: Final = partner
        self._bridge: Final = bridge
        self._coordinator: Final = bridge.coordinator
        self._news: Final[deque[AgentEvent | _Settled]] = deque()
        self._wake: Final = asyncio.Event()
        self._open: Final[dict[str, _Open]] = {}
        self._over = False

    def put(self, news: AgentEvent | _Settled) -> None:
        """Take in what the agent asks, or how something was answered."""
        if isinstance(news, Permission | Question) and len(self._news) >= WAITING_MAX:
            self._say(news.request, Answer(allow=False, words=TOO_MANY))
            return
        self._news.append(news)
        self._wake.set()

    def end(self) -> None:
        """Take in that the conversation is over: nothing is answered any more."""
        self._over = True
        self._wake.set()

    async def serve(self) -> None:
        """Carry to and fro until the conversation is over."""
        while not self._over:
            await self._wake.wait()
            self._wake.clear()
            while self._news and not self._over:
                await self._take_safely(self._news.popleft())
        self._bridge.leave(self)
        for known, each in list(self._open.items()):
            await self._withdraw(known, each, "its conversation is over")

    async def _take_safely(self, news: AgentEvent | _Settled) -> None:
        """Let no request, however odd, end the bridge: what cannot be handled is denied."""
        try:
            await self._take(news)
        except Exception:  # noqa: BLE001 - one odd request is its agent's, not the team's
            _log.exception("a request of %s could not be handled", self.partner.agent)
            if isinstance(news, Permission | Question):
                self._say(news.request, Answer(allow=False, words=FAULT))

    async def _take(self, news: AgentEvent | _Settled) -> None:
        match news:
            case Permission():
                await self._asked(news)
            case Question():
                await self._questioned(news)
            case RequestGone():
                await self._gone(news.request, GAVE_UP)
            case Approval():
                await self._answered(news)
            case asked.Question():
                self._replied(news)

    # ------------------------------------------------------------ what the agent asks

    async def _asked(self, permission: Permission) -> None:
        partner = self.partner
        if is_own_tool(permission.kind, permission.tool, self._bridge.own_tools):
            self._say(permission.request, Answer(allow=True))
            return
        if any(each.permission == permission for each in self._open.values()):
            return  # told twice
        await self._gone(permission.request, CHANGED)
        actor = self._actor()
        if actor is None:
            return
        try:
            approval = await ask(self._coordinator, actor, _wish(partner, permission))
        except SupervisorError as error:
            self._say(permission.request, Answer(allow=False, words=f"denied: {error.message}"))
            return
        self._open[approval.id] = _Open(request=permission.request, permission=permission)
        if approval.state is not ApprovalState.PENDING:
            await self._answered(approval)

    async def _questioned(self, question: Question) -> None:
        await self._gone(question.request, CHANGED)
        actor = self._actor()
        if actor is None:
            return
        choices = {cut(each, asked.OPTION_MAX): each for each in question.choices if each.strip()}
        choices = dict(list(choices.items())[: asked.OPTIONS_MAX])

        def put(scope: Scope) -> dict[str, Any]:
            words = cut(question.text.strip() or "(no words)", asked.QUESTION_MAX)
            return {"question": questions.ask(scope, actor, question=words, options=tuple(choices))}

        try:
            self._coordinator.spend(actor)
            told: asked.Question = (await self._coordinator.call(actor, "question", put))["question"]
        except SupervisorError as error:
            self._say(question.request, Answer(allow=False, words=error.message))
            return
        self._open[told.id] = _Open(request=question.request, choices=choices)
        self._replied(told)

    def _actor(self) -> Actor | None:
        return self._coordinator.actor_of(self.partner.agent, self.partner.incarnation)

    async def _gone(self, request: str, why: str) -> None:
        for known, each in list(self._open.items()):
            if each.request == request:
                del self._open[known]
                await self._withdraw(known, each, why)

    async def _withdraw(self, known: str, each: _Open, why: str) -> None:
        try:
            if each.permission is None:
                await self._coordinator.write(lambda scope: questions.withdraw_one(scope, known, reason=why))
            else:
                await self._coordinator.write(lambda scope: approvals.withdraw_one(scope, known, reason=why))
        except SupervisorError as error:  # it ends with its incarnation, or at its deadline
            _log.warning("%s could not be withdrawn: %s", known, error.message)

    # ------------------------------------------------------------ what is answered

    async def _answered(self, approval: Approval) -> None:
        found = self._open.get(approval.id)
        if found is None or found.permission is None or approval.state is ApprovalState.PENDING:
            return
        del self._open[approval.id]
        match approval.state:
            case ApprovalState.APPROVED:
                await self._use(approval, found.permission)
            case ApprovalState.USED:
                self._say(found.request, Answer(allow=True))
            case ApprovalState.DENIED | ApprovalState.EXPIRED:
                self._say(found.request, Answer(allow=False, words=approval.answer or "denied by a person"))
            case _:  # withdrawn: its incarnation has ended, nobody waits
                pass

    async def _use(self, approval: Approval, permission: Permission) -> None:
        """Have it used, by what the conversation itself holds, before the agent is told to go on."""
        rewritten: dict[str, Any] | None = json.loads(approval.rewritten) if approval.rewritten else None
        content = shown_payload(permission.payload) if rewritten is None else rewritten
        actor = self._actor()
        if actor is None:
            return
        try:
            await as_incarnation(
                self._coordinator,
                actor,
                "permission",
                lambda scope: approvals.use(scope, actor, approval.id, content),
            )
        except SupervisorError as error:
            self._say(permission.request, Answer(allow=False, words=f"denied: {error.message}"))
            return
        self._say(permission.request, Answer(allow=True, payload=rewritten))

    def _replied(self, question: asked.Question) -> None:
        found = self._open.get(question.id)
        if found is None or question.state is QuestionState.ASKED:
            return
        del self._open[question.id]
        if question.state is QuestionState.ANSWERED:
            chosen = found.choices.get(question.choice or "", "")
            words = "\n".join(each for each in (chosen, question.answer) if each)
            self._say(found.request, Answer(allow=True, words=words))
        elif question.state is QuestionState.EXPIRED:
            self._say(found.request, Answer(allow=False, words=question.answer))

    def _say(self, request: str, answer: Answer) -> None:
        try:
            self.partner.answer(request, answer)
        except Exception:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
            _log.exception("%s could not be told the answer to its request", self.partner.agent)


class Permissions:
    """Hears of every conversation (`dispatch.ports.Listener`) and carries its requests to the queue."""

    def __init__(self, coordinator: Coordinator, *, own_tools: Callable[[], frozenset[str]]) -> None:
        """Listen to the coordinator's commits from now on; `own_tools` are always allowed."""
        self.coordinator: Final = coordinator
        self._own_tools: Final = own_tools
        self._known_tools: frozenset[str] | None = None
        self._desks: Final[dict[tuple[str, int], _Desk]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._early: Final[list[_Desk]] = []
        coordinator.store.listen(self._committed)

    @property
    def own_tools(self) -> frozenset[str]:
        """Return the names of the coordinator's own tools."""
        if self._known_tools is None:
            self._known_tools = self._own_tools()
        return self._known_tools

    def began(self, partner: Partner) -> None:
        """Open a desk for a new conversation."""
        desk = _Desk(self, partner)
        self._desks[partner.agent, partner.incarnation] = desk
        if self._tasks is None:
            self._early.append(desk)
        else:
            self._tasks.create_task(desk.serve(), name=f"requests of {partner.agent}")

    def heard(self, partner: Partner, event: AgentEvent) -> None:
        """Take in a request, or that one is not waited for any more."""
        if isinstance(event, Permission | Question | RequestGone):
            desk = self._desks.get((partner.agent, partner.incarnation))
            if desk is not None and desk.partner is partner:
                desk.put(event)

    def ended(self, partner: Partner) -> None:
        """Close the desk of a conversation."""
        desk = self._desks.get((partner.agent, partner.incarnation))
        if desk is not None and desk.partner is partner:
            desk.end()

    def leave(self, desk: _Desk) -> None:
        """Forget a desk that is closed."""
        self._desks.pop((desk.partner.agent, desk.partner.incarnation), None)

    async def keep(self) -> None:
        """Carry requests and answers until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for desk in self._early:
                tasks.create_task(desk.serve(), name=f"requests of {desk.partner.agent}")
            self._early.clear()
            await asyncio.Event().wait()

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            kind = _NOUNS.get(event.noun)
            if kind is None:
                continue
            desk = self._desks.get((event.after["agent"], event.after["incarnation"]))
            if desk is not None:
                desk.put(from_wire(kind, event.after))


_NOUNS: Final[dict[str, type[Any]]] = {"approval": Approval, "question": asked.Question}


def _wish(partner: Partner, permission: Permission) -> Wish:
    return Wish(
        source=partner.pool.adapter,
        kind=permission.kind.value,
        tool=permission.tool,
        title=permission.title,
        payload=permission.payload,
        request=permission.request,
        cwd=cut(permission.cwd, PATH_MAX),
        workspace=str(partner.directory),
        reason=permission.reason,
        options=tuple(
            OfferedAnswer(id=each.id, label=each.label, scope=each.scope.value) for each in permission.options
        ),
        rewritable=permission.rewritable and partner.capabilities.rewrite,
    )
