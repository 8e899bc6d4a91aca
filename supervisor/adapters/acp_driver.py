"""A conversation with an agent that speaks the Agent Client Protocol, version 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from supervisor.adapters.acp_fields import is_login, is_rate_limit, one_line, table, told, wait_of, words
from supervisor.adapters.acp_opening import Opening, Refusal, Session, Terms
from supervisor.adapters.acp_presets import Injection
from supervisor.adapters.acp_requests import Requests
from supervisor.adapters.acp_updates import Updates
from supervisor.adapters.acp_usage import UsageBook
from supervisor.adapters.driver import Answer, Line
from supervisor.adapters.events import (
    Broken,
    LoginNeeded,
    RateLimited,
    Started,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.adapters.json_rpc import JsonRpc, RpcError
from supervisor.adapters.open_matters import OpenMatters

FETCH: Final = "craft/drainMidTurnQueue"
"""How Qwen Code asks between its tool calls for what people said meanwhile."""
WORDS_MAX: Final = 100

_REASONS: Final = {
    "end_turn": TurnReason.DONE,
    "max_tokens": TurnReason.LIMIT,
    "max_turn_requests": TurnReason.LIMIT,
    "refusal": TurnReason.REFUSED,
    "cancelled": TurnReason.INTERRUPTED,
}


class AcpDriver:
    """Speaks for one incarnation; whatever the agent does, each prompt ends in one TurnEnd."""

    def __init__(self, terms: Terms, line: Line, *, now: Callable[[], float]) -> None:
        """Begin with nothing said; `now` is asked for the epoch seconds when a wait has to have an end."""
        self._now: Final = now
        self._terms: Final = terms
        self._line: Final = line
        self._rpc: Final = JsonRpc(self._send, self)
        self._matters: Final = OpenMatters(line.tell)
        self._usage: Final = UsageBook(terms.habits.tokens)
        self._updates: Final = Updates(self._matters, line.tell, self._usage)
        self._requests: Final = Requests(
            self._matters,
            self._updates,
            reply=self._rpc.reply,
            directory=terms.directory,
            act_input=terms.habits.act_input,
        )
        self._opening: Final = Opening(self._rpc, terms, on_open=self._opened, on_refused=self._refused)
        self._session = ""
        self._is_fresh = True
        self._wants_fresh = False
        self._unsent: str | None = None
        self._asked = 0
        self._outcome: tuple[Any, RpcError | None] = (None, None)
        self._words: list[str] = []
        self._is_interrupted = False
        self._is_gone = False
        self._is_closed = False

    # ------------------------------------------------------------ as its owner sees it

    def open(self) -> None:
        """Introduce ourselves, and open a session."""
        self._opening.begin()

    def hear(self, data: bytes) -> None:
        """Take in what the agent wrote; after its end nothing, though a child of it may go on writing."""
        if not self._is_closed:
            self._rpc.feed(data)

    def close(self) -> None:
        """End what is open."""
        self._is_gone = True
        self._rpc.close()
        self._updates.flush()
        self._matters.close("the agent has ended")
        self._is_closed = True

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn, in a new session if `fresh` and this one was used."""
        self._matters.begin_turn()
        self._updates.begin_turn()
        self._is_interrupted = False
        if self._is_gone:
            self._matters.lose_turn("the agent has ended")
            return
        self._unsent, self._wants_fresh = text, fresh
        if self._session and fresh and not self._is_fresh:
            self._session = ""
            self._opening.renew()
        elif self._session:
            self._send_prompt()
        elif not self._opening.is_busy:
            self._opening.begin()

    def inject(self, text: str) -> bool:
        """Hand words into the turn in the way this program takes them."""
        if not self._asked or self._is_interrupted or self._is_gone:
            return False
        match self._terms.habits.injection:
            case Injection.PROMPT:
                self._ask(text)
                return not self._is_gone
            case Injection.FETCHED if len(self._words) < WORDS_MAX:
                self._words.append(text)
                return True
            case _:
                return False

    def interrupt(self) -> bool:
        """Cancel the turn; one whose prompt was not sent yet ends at once."""
        if not self._matters.in_turn or self._is_gone:
            return False
        if self._unsent is not None:
            self._unsent = None
            self._matters.end_turn(_interrupted(""))
            return True
        self._is_interrupted = True
        is_told = self._rpc.notify("session/cancel", {"sessionId": self._session})
        self._requests.cancel("the turn was interrupted")
        return is_told

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer a request that is open."""
        return not self._is_gone and self._requests.answer(request, answer)

    # ------------------------------------------------------------ as the agent sees it

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        """Take an update of our session; those of a session that is being loaded tell of the past."""
        if method != "session/update":
            self._line.tell(Unknown(what=one_line(method, 100), raw=f"{params!r:.2000}"))
        elif self._session and params.get("sessionId") == self._session:
            self._updates.take(table(params.get("update")))
        elif not self._session and table(params.get("update")).get("sessionUpdate") == "usage_update":
            self._usage.by_update(table(params.get("update")))  # what a loaded session had cost before

    def on_request(self, number: Any, method: str, params: dict[str, Any]) -> bool:
        """Take a request: to be allowed something, or for words; all else is refused."""
        if method == FETCH and self._terms.habits.injection is Injection.FETCHED:
            fetched, self._words = self._words, []
            return self._rpc.reply(number, {"messages": fetched, "hasQueuedPrompt": False}) or True
        if method != "session/request_permission":
            return False
        if self._is_interrupted or params.get("sessionId") != self._session:
            self._requests.refuse(number)
        else:
            self._requests.take(number, table(params.get("toolCall")), params.get("options"))
        return True

    def on_broken(self, detail: str) -> None:
        """Take note of what is no message."""
        self._line.tell(Broken(detail=detail))

    # ------------------------------------------------------------ sessions

    def _opened(self, session: Session) -> None:
        if self._wants_fresh and session.resumed:
            self._opening.renew()
            return
        self._session, self._is_fresh = session.id, not session.resumed
        if not session.resumed:
            self._usage.begin(session.model)
        self._usage.model = session.model
        self._line.tell(Started(session_id=session.id, model=session.model, version=session.version))
        if self._unsent is not None:
            self._send_prompt()

    def _refused(self, refusal: Refusal) -> None:
        if self._is_gone:
            return
        said = LoginNeeded(detail=refusal.detail) if refusal.login else Broken(detail=refusal.detail)
        self._line.tell(said)
        if self._unsent is not None:
            self._unsent = None
            self._matters.end_turn(TurnEnd(ok=False, reason=TurnReason.ERROR, detail=refusal.detail))

    # ------------------------------------------------------------ turns

    def _send_prompt(self) -> None:
        text, self._unsent = self._unsent or "", None
        before = [self._terms.role] if self._terms.role and self._is_fresh else []
        late, self._words = self._words, []
        self._is_fresh = False
        self._ask("\n\n".join([*before, *late, text]))

    def _ask(self, text: str) -> None:
        """Send a prompt; the turn is over when all that were sent are answered."""
        self._asked += 1
        prompt = [{"type": "text", "text": text}]
        self._rpc.call("session/prompt", {"sessionId": self._session, "prompt": prompt}, self._answered)

    def _answered(self, result: Any, error: RpcError | None) -> None:
        self._asked -= 1
        if error is None or self._outcome == (None, None):
            self._outcome = (result, error)
        if self._asked:
            return
        (result, error), self._outcome = self._outcome, (None, None)
        if (
            self._words and error is None and not (self._is_interrupted or self._is_gone)
        ):  # nobody came for them
            late, self._words = self._words, []
            self._tell_usage(table(result))
            self._ask("\n\n".join(late))
            return
        self._end_turn(table(result), error)

    def _end_turn(self, answer: dict[str, Any], error: RpcError | None) -> None:
        text = self._updates.end_turn()
        self._requests.cancel("the turn is over")
        self._tell_usage(answer)
        if self._is_gone and error is not None:
            self._matters.lose_turn("the agent has ended")
        elif self._is_interrupted:
            self._matters.end_turn(_interrupted(text))
        elif error is not None:
            self._matters.end_turn(self._failed(error, text))
        else:
            stop = words(answer.get("stopReason"))
            reason = _REASONS.get(stop, TurnReason.ERROR)
            detail = "" if stop == "end_turn" else f"it stopped: {one_line(stop, 100) or 'no reason given'}"
            is_done = reason is TurnReason.DONE
            self._matters.end_turn(TurnEnd(ok=is_done, reason=reason, final_text=text, detail=detail))

    def _failed(self, error: RpcError, text: str) -> TurnEnd:
        detail, reason = told(error), TurnReason.ERROR
        if is_rate_limit(error):
            reason = TurnReason.LIMIT
            wait_s = wait_of(error)
            self._line.tell(
                RateLimited(until=None if wait_s is None else self._now() + wait_s, detail=detail)
            )
        elif is_login(error):
            self._line.tell(LoginNeeded(detail=detail))
        return TurnEnd(ok=False, reason=reason, final_text=text, detail=detail)

    def _tell_usage(self, answer: dict[str, Any]) -> None:
        for usage in self._usage.by_answer(answer, had_calls=self._updates.had_calls):
            self._line.tell(usage)

    def _send(self, data: bytes) -> bool:
        is_taken = not self._is_gone and self._line.send(data)
        self._is_gone = not is_taken
        return is_taken


def _interrupted(text: str) -> TurnEnd:
    return TurnEnd(ok=False, reason=TurnReason.INTERRUPTED, final_text=text)
