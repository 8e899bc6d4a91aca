"""What is open in one conversation: the turn, tool calls and requests; each is ended once, come what may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from supervisor.errors import WrongState

CALLS_MAX: Final = 1_000
REQUESTS_MAX: Final = 100


class OpenMatters:
    """Tells events on so that begins and ends match, whatever an agent says."""

    def __init__(self, tell: Callable[[AgentEvent], None]) -> None:
        """Begin with nothing open."""
        self._tell: Final = tell
        self._in_turn = False
        self._calls: Final[dict[str, None]] = {}
        self._requests: Final[dict[str, Permission | Question]] = {}

    @property
    def in_turn(self) -> bool:
        """Tell whether a prompt is not answered yet."""
        return self._in_turn

    @property
    def request(self) -> Permission | Question | None:
        """Return the request that is open longest."""
        return next(iter(self._requests.values()), None)

    def begin_turn(self) -> None:
        """Begin a turn; raises WrongState while one runs."""
        if self._in_turn:
            raise WrongState("a turn is running already; wait for its end or interrupt it")
        self._in_turn = True

    def end_turn(self, end: TurnEnd) -> None:
        """End the turn, and with it what is open in it."""
        if not self._in_turn:
            self._tell(Broken(detail="it ended a turn that nobody began"))
            return
        self._let_go("the turn is over")
        self._in_turn = False
        self._tell(end)

    def lose_turn(self, detail: str) -> None:
        """End a turn, if one runs, of which nothing more will be heard."""
        if self._in_turn:
            self.end_turn(TurnEnd(ok=False, reason=TurnReason.LOST, detail=detail))

    def start_call(self, start: ToolStart) -> None:
        """Take the begin of a tool call."""
        if start.call in self._calls or len(self._calls) >= CALLS_MAX:
            self._tell(Broken(detail=f"tool call `{start.call[:100]}` begins twice, or too many are open"))
            return
        self._calls[start.call] = None
        self._tell(start)

    def end_call(self, end: ToolEnd) -> None:
        """Take the end of a tool call."""
        if end.call not in self._calls:
            self._tell(Broken(detail=f"tool call `{end.call[:100]}` ends without a begin"))
            return
        del self._calls[end.call]
        self._tell(end)

    def ask(self, request: Permission | Question) -> None:
        """Take a request that waits for an answer."""
        if request.request in self._requests or len(self._requests) >= REQUESTS_MAX:
            self._tell(Broken(detail=f"`{request.request[:100]}` is asked twice, or too much is asked"))
            return
        self._requests[request.request] = request
        self._tell(request)

    def is_open(self, request: str) -> bool:
        """Tell whether a request waits for an answer."""
        return request in self._requests

    def answered(self, request: str) -> None:
        """Take note that an answer was sent."""
        self._requests.pop(request, None)

    def gone(self, request: str, why: str) -> None:
        """Take note that an answer is no longer waited for."""
        if self._requests.pop(request, None) is not None:
            self._tell(RequestGone(request=request, why=why))

    def close(self, why: str) -> None:
        """End all that is open, after the last word was heard."""
        self.lose_turn(why)
        self._let_go(why)

    def _let_go(self, why: str) -> None:
        for request in tuple(self._requests):
            self.gone(request, why)
        for call in tuple(self._calls):
            self.end_call(ToolEnd(call=call, ok=False, summary=why))
