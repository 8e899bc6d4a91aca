"""An ACP agent's requests to be allowed something, and what is answered to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from supervisor.adapters.acp_fields import one_line, parsed_table, rows, texts_of, words
from supervisor.adapters.acp_presets import ActInput
from supervisor.adapters.acp_updates import Asked, Updates
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import ActKind, Option, OptionScope, Permission
from supervisor.adapters.open_matters import OpenMatters

_SCOPES: Final = {
    "allow_once": OptionScope.ONCE,
    "allow_always": OptionScope.ALWAYS,
    "reject_once": OptionScope.DENY,
    "reject_always": OptionScope.DENY,
}
_BESIDE: Final = "acp"
"""The key of a payload under which stands what the protocol says of the act beside its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    number: Any
    call: str
    options: tuple[Option, ...]


class Requests:
    """The open requests of one conversation."""

    def __init__(
        self,
        matters: OpenMatters,
        updates: Updates,
        *,
        reply: Callable[[Any, Any], bool],
        directory: str,
        act_input: ActInput,
    ) -> None:
        """Begin with none."""
        self._matters: Final = matters
        self._updates: Final = updates
        self._reply: Final = reply
        self._directory: Final = directory
        self._act_input: Final = act_input
        self._asked: Final[dict[str, _Waiting]] = {}
        self._number = 0

    def take(self, number: Any, call: dict[str, Any], offered: Any) -> None:
        """Take a request; one too many is answered at once, as if nobody had been asked."""
        asked = self._updates.start(call)
        self._number += 1
        request = f"permission-{self._number}"
        options = _options(offered)
        payload = _payload(call, _input_of(call, asked, self._act_input))
        self._matters.ask(
            Permission(
                request=request,
                kind=asked.kind,
                tool=asked.tool,
                title=_title_of(call, asked.tool, payload),
                payload=payload,
                cwd=words(payload.get("cwd")) or self._directory,
                options=options,
                call=asked.name,
            )
        )
        if self._matters.is_open(request):
            self._asked[request] = _Waiting(number=number, call=asked.name, options=options)
        else:
            self.refuse(number)

    def refuse(self, number: Any) -> None:
        """Answer a request of which nobody is told."""
        self._reply(number, _outcome(None))

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer by the option named, else by the narrowest that means the same; False if it is not open."""
        asked = self._asked.get(request)
        if asked is None:
            return False
        option = _chosen(asked.options, answer)
        if not self._reply(asked.number, _outcome(option)):
            return False
        del self._asked[request]
        self._matters.answered(request)
        if option is None or option.scope is OptionScope.DENY:
            self._updates.deny(asked.call)
        return True

    def cancel(self, why: str) -> None:
        """Tell the agent of every open request that nobody will answer it."""
        for request, asked in tuple(self._asked.items()):
            self.refuse(asked.number)
            del self._asked[request]
            self._matters.gone(request, why)


def _title_of(call: dict[str, Any], tool: str, payload: dict[str, Any]) -> str:
    """Return one line for people; a bare tool's name says less than the command it would run."""
    title = one_line(words(call.get("title"))) or tool
    return one_line(words(payload.get("command"))) or title if title == tool else title


def _options(offered: Any) -> tuple[Option, ...]:
    """Read what is offered; what we cannot tell the reach of is not handed on."""
    options = []
    for row in rows(offered):
        scope, label = _SCOPES.get(words(row.get("kind"))), one_line(words(row.get("name")))
        if scope is OptionScope.ALWAYS and "session" in label.lower():
            scope = OptionScope.SESSION
        if scope is not None and words(row.get("optionId")):
            options.append(Option(id=words(row.get("optionId")), label=label, scope=scope))
    return tuple(options)


def _chosen(options: tuple[Option, ...], answer: Answer) -> Option | None:
    """Choose: never an answer that means the opposite, nor one that reaches further than was asked for."""
    fit = [option for option in options if (option.scope is not OptionScope.DENY) is answer.allow]
    named = next((option for option in fit if option.id == answer.option), None)
    if named is not None:
        return named
    narrow = (OptionScope.ONCE, OptionScope.SESSION, OptionScope.DENY)
    return next((option for scope in narrow for option in fit if option.scope is scope), None)


def _outcome(option: Option | None) -> dict[str, Any]:
    if option is None:
        return {"outcome": {"outcome": "cancelled"}}
    return {"outcome": {"outcome": "selected", "optionId": option.id}}


def _input_of(call: dict[str, Any], asked: Asked, where: ActInput) -> Any:
    """Find what would be done, where this program says it; None if it does not say."""
    given = call.get("rawInput") or asked.announced.get("rawInput")
    if given:
        return given
    if where is ActInput.TITLE and asked.kind is ActKind.SHELL:
        return {"command": words(call.get("title"))}
    if where is ActInput.CONTENT:
        return parsed_table(texts_of(asked.announced.get("content")))
    return call.get("rawInput")


def _payload(call: dict[str, Any], given: Any) -> dict[str, Any]:
    """Gather all that is said of the act: its input, and beside it what stands in its title and content."""
    beside = {key: call[key] for key in ("title", "kind", "content", "locations") if call.get(key)}
    if isinstance(given, dict) and _BESIDE not in given:
        payload = dict(given)
    else:
        payload = {} if given is None else {"input": given}
    return {**payload, _BESIDE: beside} if beside else payload
