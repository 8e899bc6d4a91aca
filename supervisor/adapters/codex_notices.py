"""What Codex tells by itself about the thread we talk in, as events of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from supervisor.adapters.codex_errors import retry_of
from supervisor.adapters.codex_fields import raw_of, table_in, tables_in, text_in
from supervisor.adapters.codex_items import thoughts_of, tool_end, tool_start
from supervisor.adapters.codex_usage import TokenMeter
from supervisor.adapters.events import (
    AgentEvent,
    Compacted,
    CoordinatorLink,
    Plan,
    Text,
    Thinking,
    Unknown,
)
from supervisor.adapters.json_lines import SHOWN_MAX
from supervisor.adapters.kit import SERVER_NAME
from supervisor.adapters.open_matters import CALLS_MAX, OpenMatters

_STATES: Final = {"inProgress": "in_progress"}
_OF_NO_INTEREST: Final = frozenset(
    {
        "account/updated",
        "autoApprovalReview/strictReviewRequired",
        "hook/completed",
        "hook/started",
        "item/commandExecution/terminalInteraction",
        "mcpServer/event/stream/notification",
        "remoteControl/status/changed",
        "skills/changed",
        "thread/closed",
        "thread/goal/cleared",
        "thread/name/updated",
        "thread/queue/changed",
        "thread/readState/changed",
        "thread/settings/updated",
        "thread/started",
        "thread/status/changed",
        "turn/diff/updated",
    }
)
_WARNINGS: Final = frozenset({"warning", "configWarning", "deprecationNotice", "guardianWarning"})
_WARNINGS_MAX: Final = 100


class CodexNotices:
    """Knows which thread and turn are ours; what others do (sub-agents have threads too) is use only."""

    def __init__(self, tell: Callable[[AgentEvent], None], matters: OpenMatters) -> None:
        """Begin with no thread."""
        self._tell: Final = tell
        self._matters: Final = matters
        self._meter: Final = TokenMeter()
        self._model = ""
        self._calls: Final[set[str]] = set()
        self._changes: Final[dict[tuple[str, str], list[dict[str, Any]]]] = {}
        self._warnings: Final[set[str]] = set()
        self._is_compacted = False
        self.thread = ""
        self.turn = ""
        self.final_text = ""
        self.limits: dict[str, Any] = {}

    def expect_thread(self, name: str) -> None:
        """Await a thread that had another life: what it tells of its use comes before it is ours."""
        self._meter.resume(name)

    def enter_thread(self, name: str, *, model: str) -> None:
        """Take a thread as ours."""
        self.thread, self._model = name, model

    def leave_thread(self) -> str:
        """Have no thread any more; return the one there was."""
        left, self.thread = self.thread, ""
        return left

    def turn_ends(self) -> None:
        """Forget what belongs to a turn."""
        self.turn, self.final_text, self._is_compacted = "", "", False
        self._calls.clear()
        self._changes.clear()

    def changes_of(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the changes of files that a request is about; Codex tells them with the item alone."""
        return self._changes.get((text_in(params, "threadId"), text_in(params, "itemId")), [])

    def take(self, method: str, params: dict[str, Any]) -> None:
        """Take a notification."""
        if method in _OF_NO_INTEREST:
            return
        if method in _WARNINGS:
            self._warn(text_in(params, "message") or text_in(params, "summary"))
        elif method in self._takers:
            self._takers[method](self, params)
        else:
            self._tell(Unknown(what=method[:200], raw=raw_of(params, SHOWN_MAX)))

    def _warn(self, words: str) -> None:
        """Tell a warning once: some come with each turn."""
        told = words[:SHOWN_MAX]
        if told not in self._warnings and len(self._warnings) < _WARNINGS_MAX:
            self._warnings.add(told)
            self._tell(Unknown(what=f"Codex warns: {told}"))

    # ------------------------------------------------------------ one taker for each kind

    def _item_started(self, params: dict[str, Any]) -> None:
        item = table_in(params, "item")
        if text_in(item, "type") == "fileChange" and len(self._changes) < CALLS_MAX:
            place = (text_in(params, "threadId"), text_in(item, "id"))
            self._changes[place] = tables_in(item, "changes")
        if self._is_ours(params):
            self._begin_call(item)

    def _begin_call(self, item: dict[str, Any]) -> None:
        start = tool_start(item)
        if start is not None and start.call not in self._calls and len(self._calls) < CALLS_MAX:
            self._calls.add(start.call)
            self._matters.start_call(start)

    def _item_completed(self, params: dict[str, Any]) -> None:
        if not self._is_ours(params):
            return
        item = table_in(params, "item")
        match text_in(item, "type"):
            case "agentMessage" | "plan":
                self._say(text_in(item, "text"))
            case "reasoning":
                if thoughts := thoughts_of(item):
                    self._tell(Thinking(text=thoughts))
            case "contextCompaction":
                self._compacted(params)
            case "commandExecution" if text_in(item, "id") not in self._calls and not self._matters.in_turn:
                pass  # a shell that was left over from a turn: its call has ended with that
            case _:
                self._begin_call(item)
                if text_in(item, "id") in self._calls:
                    self._calls.discard(text_in(item, "id"))
                    self._matters.end_call(tool_end(item))

    def _say(self, text: str) -> None:
        if text:
            self.final_text = text
            self._tell(Text(text=text))

    def _compacted(self, params: dict[str, Any]) -> None:
        """Tell it once a turn: older versions say it in a second way."""
        if self._is_ours(params) and not self._is_compacted:
            self._is_compacted = True
            self._tell(Compacted())

    def _planned(self, params: dict[str, Any]) -> None:
        if self._is_ours(params):
            steps = tables_in(params, "plan")
            told = ((text_in(step, "status"), text_in(step, "step")) for step in steps)
            self._tell(Plan(steps=tuple((_STATES.get(state, state), step) for state, step in told)))

    def _used(self, params: dict[str, Any]) -> None:
        thread, totals = text_in(params, "threadId"), table_in(params, "tokenUsage")
        usage = self._meter.take(thread, totals, model=self._model, in_turn=bool(self.turn))
        if usage is not None:
            self._tell(usage)

    def _failed(self, params: dict[str, Any]) -> None:
        """Tell only of what is tried again: what is not ends the turn, whose end says it too."""
        if self._is_ours(params) and params.get("willRetry") is True:
            self._tell(retry_of(table_in(params, "error")))

    def _limits(self, params: dict[str, Any]) -> None:
        told = table_in(params, "rateLimits")
        self.limits = {**self.limits, **{name: value for name, value in told.items() if value is not None}}

    def _linked(self, params: dict[str, Any]) -> None:
        state, thread = text_in(params, "status"), text_in(params, "threadId")
        if text_in(params, "name") != SERVER_NAME or (thread and self.thread and thread != self.thread):
            return
        if state == "ready":
            self._tell(CoordinatorLink(connected=True))
        elif state in {"failed", "cancelled"}:
            self._tell(CoordinatorLink(connected=False, detail=text_in(params, "error")[:SHOWN_MAX] or state))

    def _rerouted(self, params: dict[str, Any]) -> None:
        if self._is_ours(params):
            self._model = text_in(params, "toModel") or self._model
            self._tell(Unknown(what=f"Codex goes on with the model {self._model[:200]}"))

    def _is_ours(self, params: dict[str, Any]) -> bool:
        return bool(self.thread) and text_in(params, "threadId") == self.thread

    _takers: Final[dict[str, Callable[[CodexNotices, dict[str, Any]], None]]] = {
        "account/rateLimits/updated": _limits,
        "error": _failed,
        "item/completed": _item_completed,
        "item/started": _item_started,
        "mcpServer/startupStatus/updated": _linked,
        "model/rerouted": _rerouted,
        "thread/compacted": _compacted,
        "thread/tokenUsage/updated": _used,
        "turn/plan/updated": _planned,
    }
