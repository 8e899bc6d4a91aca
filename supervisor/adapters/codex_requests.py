"""What Codex asks of a person: each request of its protocol as permissions and questions, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.adapters.codex_fields import one_line, raw_of, table_in, tables_in, text_in, texts_in
from supervisor.adapters.codex_forms import choices_of, content_of, words_for
from supervisor.adapters.codex_items import inner_command, paths_of
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import ActKind, Option, OptionScope, Permission, Question
from supervisor.adapters.json_rpc import JsonRpc
from supervisor.adapters.open_matters import REQUESTS_MAX, OpenMatters

DEPTH_MAX: Final = 64
"""A request that is nested deeper is refused: whoever looks at its payload would run out of stack."""

ACCEPT: Final = "accept"
FOR_SESSION: Final = "acceptForSession"
DECLINE: Final = "decline"
CANCEL: Final = "cancel"

_OPTIONS: Final = (
    Option(id=ACCEPT, label="Allow once", scope=OptionScope.ONCE),
    Option(id=FOR_SESSION, label="Allow in this conversation", scope=OptionScope.SESSION),
    Option(id=DECLINE, label="Deny", scope=OptionScope.DENY),
    Option(id=CANCEL, label="Deny and end the turn", scope=OptionScope.DENY),
)
_WITHOUT_SESSION: Final = tuple(option for option in _OPTIONS if option.id != FOR_SESSION)
_WITHOUT_CANCEL: Final = tuple(option for option in _OPTIONS if option.id != CANCEL)
_NOT_TO_BE_DONE: Final = frozenset(
    [
        "threadId",
        "turnId",
        "itemId",
        "approvalId",
        "startedAtMs",
        "reason",
        "command",
        "commandActions",
        "cwd",
        "environmentId",
        "availableDecisions",
        "proposedExecpolicyAmendment",
        "proposedNetworkPolicyAmendments",
    ]
)

Given = list[tuple[Answer, str]]
"""Each answer to the parts of a request, with the option that it comes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One request of the protocol: what is asked for it, and the result that the answers make."""

    parts: tuple[Permission | Question, ...]
    result: Callable[[Given], dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class _Open:
    """A request that was not answered in all its parts."""

    number: Any
    ask: _Ask
    given: dict[str, tuple[Answer, str]] = field(default_factory=dict)


class CodexRequests:
    """The requests that are open. Each of their parts gets a name of its own that never comes again."""

    def __init__(self, rpc: JsonRpc, matters: OpenMatters, explain: Callable[[str], object]) -> None:
        """Begin with none; `explain` says to the model why something is denied: an answer has no words."""
        self._explain: Final = explain
        self._rpc: Final = rpc
        self._matters: Final = matters
        self._open: Final[dict[str, _Open]] = {}
        self._named = 0

    def take(self, number: Any, method: str, params: dict[str, Any], changes: list[dict[str, Any]]) -> bool:
        """Ask for an answer; False if nobody could give one. `changes` are those of the item it is about."""
        if method not in _READERS or _is_deep(params):
            return False
        ask = _READERS[method](params, changes, self._new_name)
        if ask is None or not ask.parts:
            return False
        self.resolved(number, why="it asked for something else under the same number")
        opened = _Open(number=number, ask=ask)
        if len(self._open) + len(ask.parts) > REQUESTS_MAX:
            self._reply(opened, _refused(opened))  # whoever asks so much gets no person's time
            return True
        self._open.update((part.request, opened) for part in ask.parts)
        for part in ask.parts:
            self._matters.ask(part)
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer one part; what is sent is sent with the last of them."""
        opened = self._open.get(request)
        if opened is None or not self._matters.is_open(request):
            return False
        part = next(part for part in opened.ask.parts if part.request == request)
        option = _chosen(part, answer)
        if option is None:
            return False
        if answer.words and not answer.allow:
            self._explain(answer.words)  # first: with the answer the turn goes on, and may be over at once
        given = {**opened.given, request: (answer, option)}
        if len(given) == len(opened.ask.parts) and not self._reply(opened, given):
            return False
        opened.given = given
        del self._open[request]
        self._matters.answered(request)
        return True

    def resolved(self, number: Any, *, why: str = "the agent waits no longer for it") -> None:
        """Take note that a request needs no answer any more."""
        for request, opened in tuple(self._open.items()):
            if opened.number == number and type(opened.number) is type(number):
                del self._open[request]
                self._matters.gone(request, why)

    def decline_all(self) -> None:
        """Refuse what is still open: what asks by itself would wait for ever."""
        left = {id(opened): opened for opened in self._open.values()}
        self._open.clear()
        for opened in left.values():
            self._reply(opened, {**_refused(opened), **opened.given})

    def _reply(self, opened: _Open, given: dict[str, tuple[Answer, str]]) -> bool:
        result = opened.ask.result([given[part.request] for part in opened.ask.parts])
        return self._rpc.reply(opened.number, result)

    def _new_name(self) -> str:
        self._named += 1
        return f"r{self._named}"


def _refused(opened: _Open) -> dict[str, tuple[Answer, str]]:
    return {part.request: (Answer(allow=False), DECLINE) for part in opened.ask.parts}


NewName = Callable[[], str]


def _chosen(part: Permission | Question, answer: Answer) -> str | None:
    """Return the option that an answer comes to, the safer one if it says two things; None: not offered."""
    default = ACCEPT if answer.allow else DECLINE
    if answer.option is None or isinstance(part, Question):
        return default
    scopes = {option.id: option.scope for option in part.options}
    if answer.option not in scopes:
        return None
    return answer.option if answer.allow or scopes[answer.option] is OptionScope.DENY else DECLINE


def _decision(given: Given) -> dict[str, Any]:
    return {"decision": given[0][1]}


def _command(params: dict[str, Any], _changes: list[dict[str, Any]], new_name: NewName) -> _Ask:
    spelled, network = text_in(params, "command"), table_in(params, "networkApprovalContext")
    command = inner_command(spelled)
    payload = {
        name: value for name, value in params.items() if name not in _NOT_TO_BE_DONE and value is not None
    }
    if payload.get("kind") == "command":
        del payload["kind"]  # else it is about an answer to a running program, or a person's own command
    if command:
        payload["command"] = command
    if command != spelled:
        payload["spelled"] = spelled
    place = f"{text_in(network, 'protocol')}://{text_in(network, 'host')}"
    permission = Permission(
        request=new_name(),
        kind=ActKind.NETWORK if network else ActKind.SHELL,
        tool="network" if network else "shell",
        title=one_line(f"{place} for {command}" if network and command else place if network else command),
        payload=payload,
        cwd=text_in(params, "cwd"),
        reason=text_in(params, "reason"),
        options=_OPTIONS,
        call=text_in(params, "itemId"),
    )
    return _Ask(parts=(permission,), result=_decision)


def _file_change(params: dict[str, Any], changes: list[dict[str, Any]], new_name: NewName) -> _Ask:
    root = text_in(params, "grantRoot")
    permission = Permission(
        request=new_name(),
        kind=ActKind.EDIT,
        tool="apply_patch",
        title=paths_of(changes) or one_line(f"write under {root}" if root else "change files"),
        payload={"changes": changes, **({"grantRoot": root} if root else {})},
        reason=text_in(params, "reason"),
        options=_OPTIONS,
        call=text_in(params, "itemId"),
    )
    return _Ask(parts=(permission,), result=_decision)


def _more_permissions(params: dict[str, Any], _changes: list[dict[str, Any]], new_name: NewName) -> _Ask:
    wanted = {name: value for name, value in table_in(params, "permissions").items() if value is not None}
    permission = Permission(
        request=new_name(),
        kind=ActKind.NETWORK if set(wanted) == {"network"} else ActKind.OTHER,
        tool="request_permissions",
        title=one_line("wants more permissions: " + ", ".join(sorted(wanted))),
        payload={"permissions": wanted},
        cwd=text_in(params, "cwd"),
        reason=text_in(params, "reason"),
        options=_WITHOUT_CANCEL,
        call=text_in(params, "itemId"),
    )

    def result(given: Given) -> dict[str, Any]:
        option = given[0][1]
        scope = "session" if option == FOR_SESSION else "turn"
        return {"permissions": {} if option == DECLINE else wanted, "scope": scope}

    return _Ask(parts=(permission,), result=result)


def _user_input(params: dict[str, Any], _changes: list[dict[str, Any]], new_name: NewName) -> _Ask:
    questions = tables_in(params, "questions")
    parts = tuple(
        Question(
            request=new_name(),
            text=text_in(question, "question") or text_in(question, "header"),
            choices=tuple(text_in(option, "label") for option in tables_in(question, "options")),
        )
        for question in questions
    )

    def result(given: Given) -> dict[str, Any]:
        said = [[answer.words] if answer.allow and answer.words else [] for answer, _ in given]
        ids = [text_in(question, "id") for question in questions]
        return {"answers": {name: {"answers": words} for name, words in zip(ids, said, strict=True)}}

    return _Ask(parts=parts, result=result)


def _elicitation(params: dict[str, Any], _changes: list[dict[str, Any]], new_name: NewName) -> _Ask | None:
    meta, server = table_in(params, "_meta"), text_in(params, "serverName")
    if text_in(meta, "codex_approval_kind") == "mcp_tool_call":
        return _tool_call(server, meta, text_in(params, "message"), new_name)
    mode = text_in(params, "mode")
    if mode not in {"form", "url"}:
        return None
    form = table_in(params, "requestedSchema")
    message = f"{server}: {text_in(params, 'message')}"
    shown = f"{message}\n{text_in(params, 'url')}" if mode == "url" else words_for(message, form)
    question = Question(request=new_name(), text=shown, choices=choices_of(form))

    def result(given: Given) -> dict[str, Any]:
        answer, option = given[0]
        if option != ACCEPT or mode == "url":
            return {"action": option}
        return {"action": ACCEPT, "content": content_of(form, answer.words)}

    return _Ask(parts=(question,), result=result)


def _tool_call(server: str, meta: dict[str, Any], message: str, new_name: NewName) -> _Ask:
    name = text_in(meta, "tool_name")
    permission = Permission(
        request=new_name(),
        kind=ActKind.MCP,
        tool=f"{server}.{name}",
        title=one_line(f"{server}.{name} {raw_of(meta.get('tool_params'))}"),
        payload={"server": server, "tool": name, "arguments": meta.get("tool_params")},
        reason=message,
        options=_OPTIONS if "session" in texts_in(meta, "persist") else _WITHOUT_SESSION,
    )

    def result(given: Given) -> dict[str, Any]:
        option = given[0][1]
        if option == FOR_SESSION:
            return {"action": ACCEPT, "_meta": {"persist": "session"}}
        return {"action": option}

    return _Ask(parts=(permission,), result=result)


_READERS: Final[dict[str, Callable[[dict[str, Any], list[dict[str, Any]], NewName], _Ask | None]]] = {
    "item/commandExecution/requestApproval": _command,
    "item/fileChange/requestApproval": _file_change,
    "item/permissions/requestApproval": _more_permissions,
    "item/tool/requestUserInput": _user_input,
    "mcpServer/elicitation/request": _elicitation,
}


def _is_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
