"""What an ACP agent reports while it works, as events: pieces of text joined, tool calls begun and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from supervisor.adapters.acp_fields import kind_of, one_line, rows, table, texts_of, tool_of, words
from supervisor.adapters.acp_usage import UsageBook
from supervisor.adapters.events import (
    ActKind,
    AgentEvent,
    Plan,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    Unknown,
)
from supervisor.adapters.open_matters import CALLS_MAX, OpenMatters

PIECE_MAX: Final = 8_192
"""A message that is longer is told in parts, each of whole lines, while it is still being written."""
FINAL_MAX: Final = 262_144
_ENDED_MAX: Final = 2_000
_INPUTS_MAX: Final = 16
_STEPS_MAX: Final = 200
_OVER: Final = frozenset({"completed", "failed"})
_CHUNKS: Final[dict[str, type[Text | Thinking]]] = {
    "agent_message_chunk": Text,
    "agent_thought_chunk": Thinking,
}
_SILENT: Final = frozenset(
    {
        "user_message_chunk",
        "available_commands_update",
        "current_mode_update",
        "config_option_update",
        "session_info_update",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that the agent asks to be allowed; `announced` is the input and content it had before."""

    name: str
    tool: str
    kind: ActKind
    announced: dict[str, Any]


class Updates:
    """One conversation's updates; whatever comes, in whatever order, begins and ends match."""

    def __init__(self, matters: OpenMatters, tell: Callable[[AgentEvent], None], usage: UsageBook) -> None:
        """Begin with nothing heard."""
        self._matters: Final = matters
        self._tell: Final = tell
        self._usage: Final = usage
        self._pieces = ""
        self._pieces_of: tuple[type[Text | Thinking], str] = (Text, "")
        self._message = ""
        self._is_new_message = True
        self._plan: tuple[tuple[str, str], ...] = ()
        self._held = ""
        self._calls: Final[dict[str, dict[str, Any]]] = {}
        self._inputs: Final[dict[str, dict[str, Any]]] = {}
        self._begun: Final[set[str]] = set()
        self._ended: Final[dict[str, None]] = {}
        self.had_calls = False

    def begin_turn(self) -> None:
        """Forget the last turn's words."""
        self._message, self._is_new_message, self.had_calls = "", True, False

    def end_turn(self) -> str:
        """Tell what is left, and return the last message of the turn."""
        self.flush()
        for call in tuple(self._calls):
            self._forget(call)  # whatever is still open ends with the turn
        return self._message

    def take(self, update: dict[str, Any]) -> None:
        """Take in one update."""
        kind = words(update.get("sessionUpdate"))
        if kind in _CHUNKS:
            self._take_chunk(_CHUNKS[kind], update)
            return
        if kind != "tool_call_update" or words(update.get("toolCallId")) != self._held:
            self.flush()
        if kind in ("tool_call", "tool_call_update"):
            self._take_call(update)
        elif kind == "plan":
            self._take_plan(update)
        elif kind == "usage_update":
            self._tell_if(self._usage.by_update(update))
        elif kind not in _SILENT:
            self._tell(Unknown(what=f"update {one_line(kind, 100)}", raw=f"{update!r:.2000}"))

    def flush(self) -> None:
        """Tell what was held back."""
        self._flush_words()
        if self._held:
            self._begin(self._held)

    # ------------------------------------------------------------ words

    def _take_chunk(self, made: type[Text | Thinking], update: dict[str, Any]) -> None:
        content = table(update.get("content"))
        text, message = words(content.get("text")), words(update.get("messageId"))
        if text and self._held:
            self.flush()
        if text:
            if self._pieces_of != (made, message):
                self._flush_words()
            self._pieces_of = (made, message)
            self._pieces += text
            if len(self._pieces) > PIECE_MAX:
                self._tell_whole_lines()
        elif content.get("type") not in (None, "text"):
            self._tell(Unknown(what=f"content {one_line(words(content.get('type')), 100)}"))
        used = table(table(update.get("_meta")).get("usage"))
        if used:
            self._flush_words()
            self._tell_if(self._usage.by_call(used))

    def _tell_whole_lines(self) -> None:
        cut = max(self._pieces.rfind("\n"), 0) or max(self._pieces.rfind(" "), 0) or len(self._pieces)
        whole, self._pieces = self._pieces[:cut], self._pieces[cut:].removeprefix("\n")
        self._tell_words(whole, is_last=False)

    def _flush_words(self) -> None:
        if self._pieces:
            whole, self._pieces = self._pieces, ""
            self._tell_words(whole, is_last=True)
        else:
            self._is_new_message = True

    def _tell_words(self, text: str, *, is_last: bool) -> None:
        made = self._pieces_of[0]
        if text.strip():
            if made is Text:
                before = "" if self._is_new_message else f"{self._message}\n"
                self._message = (before + text)[-FINAL_MAX:]
                self._is_new_message = is_last
            self._tell(made(text=text))

    # ------------------------------------------------------------ tool calls

    def start(self, call: dict[str, Any]) -> Asked:
        """Have a call begun, as a request to be allowed it says; return all that was said of it."""
        self.flush()
        name = words(call.get("toolCallId"))
        if name and name not in self._ended:
            self._merge(name, call)
            self._begin(name)
        known = {
            **self._calls.get(name, {}),
            **{key: value for key, value in call.items() if value is not None},
        }
        tool = words(known.get("tool")) or tool_of(known)
        return Asked(name=name, tool=tool, kind=kind_of(known, tool), announced=self._inputs.get(name, {}))

    def deny(self, call: str) -> None:
        """End a call that was not allowed: some agents say nothing more of it."""
        if call in self._begun:
            self._end(call, ok=False, summary="denied")

    def _take_call(self, update: dict[str, Any]) -> None:
        call = words(update.get("toolCallId"))
        if not call or call in self._ended:
            return
        self._merge(call, update)
        status = words(update.get("status"))
        if status in _OVER:
            self._begin(call)
            said = texts_of(update.get("content")) or words(update.get("rawOutput"))
            self._end(call, ok=status == "completed", summary=one_line(said))
        elif update.get("sessionUpdate") == "tool_call" and status == "pending" and call not in self._begun:
            self._held = call  # the next update often says what it really does
        else:
            self._begin(call)

    def _merge(self, call: str, said: dict[str, Any]) -> None:
        known = self._calls.get(call, {})
        if not known and len(self._calls) >= CALLS_MAX:
            return
        if said.get("sessionUpdate"):
            self._keep_input(call, said)
        self.had_calls = True
        merged = {**known, **{key: value for key, value in said.items() if value is not None}}
        merged.setdefault("tool", tool_of(merged))
        merged["title"] = one_line(words(merged.get("title")))
        self._calls[call] = {key: merged.get(key) for key in ("toolCallId", "tool", "title", "kind", "_meta")}

    def _keep_input(self, call: str, said: dict[str, Any]) -> None:
        """Remember what the newest calls would do: some requests do not repeat it."""
        kept = self._inputs.pop(call, {})
        self._inputs[call] = {**kept, **{key: said[key] for key in ("rawInput", "content") if said.get(key)}}
        if len(self._inputs) > _INPUTS_MAX:
            del self._inputs[next(iter(self._inputs))]

    def _begin(self, call: str) -> None:
        self._held = "" if call == self._held else self._held
        self._flush_words()
        known = self._calls.get(call)
        if known is None or call in self._begun:
            return
        self._begun.add(call)
        tool, title = words(known["tool"]), words(known["title"])
        self._matters.start_call(
            ToolStart(call=call, tool=tool, kind=kind_of(known, tool), title="" if title == tool else title)
        )

    def _end(self, call: str, *, ok: bool, summary: str) -> None:
        if call in self._begun:
            self._matters.end_call(ToolEnd(call=call, ok=ok, summary=summary))
        self._forget(call)

    def _forget(self, call: str) -> None:
        self._calls.pop(call, None)
        self._inputs.pop(call, None)
        self._begun.discard(call)
        self._ended[call] = None
        if len(self._ended) > _ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    # ------------------------------------------------------------ the rest

    def _take_plan(self, update: dict[str, Any]) -> None:
        entries = rows(update.get("entries"))[:_STEPS_MAX]
        steps = tuple(
            (one_line(words(each.get("status")), 40) or "pending", one_line(words(each.get("content"))))
            for each in entries
        )
        if steps != self._plan:
            self._plan = steps
            self._tell(Plan(steps=steps))

    def _tell_if(self, event: AgentEvent | None) -> None:
        if event is not None:
            self._tell(event)
