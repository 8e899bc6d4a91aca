"""The conversation with a plain command that writes and reads JSON lines; the schema is in docs/agents.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from supervisor.adapters.command_events import event_of
from supervisor.adapters.driver import Answer, Line
from supervisor.adapters.events import (
    AgentEvent,
    Broken,
    Permission,
    Question,
    RequestGone,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
)
from supervisor.adapters.json_lines import LINE_BYTES_MAX, JsonLines, spelled
from supervisor.adapters.open_matters import OpenMatters


class CommandDriver:
    """Reads events as lines of JSON, and writes prompts and answers as such."""

    def __init__(self, line: Line, *, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        """Begin with nothing said."""
        self._line: Final = line
        self._open: Final = OpenMatters(line.tell)
        self._lines: Final = JsonLines(self._take, self._broken, line_bytes_max=line_bytes_max)
        self._turns = 0
        self._is_interrupted = False
        self._is_closed = False

    def open(self) -> None:
        """Say nothing: the first prompt is the first line."""

    def hear(self, data: bytes) -> None:
        """Take in what it wrote."""
        self._lines.feed(data)

    def close(self) -> None:
        """Take in that it has ended."""
        self._lines.finish()
        self._is_closed = True
        self._open.close("the process has ended")

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn; raises WrongState while one runs."""
        self._open.begin_turn()
        self._turns += 1
        self._is_interrupted = False
        if not self._say(type="prompt", turn=self._turns, text=text, fresh=fresh):
            self._open.lose_turn("it does not read its stdin")

    def inject(self, text: str) -> bool:
        """Say something during a turn."""
        return self._open.in_turn and self._say(type="inject", text=text)

    def interrupt(self) -> bool:
        """Ask it to end the turn."""
        if not self._open.in_turn or not self._say(type="interrupt"):
            return False
        self._is_interrupted = True
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request."""
        if not self._open.is_open(request):
            return False
        told: dict[str, Any] = {"request": request, "allow": answer.allow, "words": answer.words}
        if answer.option is not None:
            told["option"] = answer.option
        if answer.payload is not None:
            told["payload"] = answer.payload
        if not self._say(type="answer", **told):
            return False
        self._open.answered(request)
        return True

    def _say(self, **message: Any) -> bool:
        return not self._is_closed and self._line.send(spelled(message))

    def _broken(self, detail: str) -> None:
        self._line.tell(Broken(detail=detail))

    def _take(self, message: dict[str, Any]) -> None:
        self._hand_on(event_of(message))

    def _hand_on(self, event: AgentEvent) -> None:
        match event:
            case ToolStart():
                self._open.start_call(event)
            case ToolEnd():
                self._open.end_call(event)
            case Permission() | Question():
                self._open.ask(event)
            case RequestGone():
                self._open.gone(event.request, event.why)
            case TurnEnd():
                self._open.end_turn(self._as_asked(event))
            case _:
                self._line.tell(event)

    def _as_asked(self, end: TurnEnd) -> TurnEnd:
        """Call a turn interrupted that failed after it was."""
        if self._is_interrupted and not end.ok and end.reason is TurnReason.ERROR:
            return replace(end, reason=TurnReason.INTERRUPTED)
        return end
