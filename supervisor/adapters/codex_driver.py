"""The conversation with `codex app-server`: its threads, turns and items as events of ours."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from supervisor.adapters.codex_errors import detail_of, reason_of, trouble_of
from supervisor.adapters.codex_fields import table_in, text_in, whole_in
from supervisor.adapters.codex_notices import CodexNotices
from supervisor.adapters.codex_requests import CodexRequests
from supervisor.adapters.driver import Answer, Line
from supervisor.adapters.events import (
    Broken,
    CoordinatorLink,
    LoginNeeded,
    Started,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.adapters.json_rpc import JsonRpc, RpcError
from supervisor.adapters.kit import SERVER_NAME
from supervisor.adapters.open_matters import OpenMatters

_SILENT: Final = (
    "item/agentMessage/delta",
    "item/plan/delta",
    "item/reasoning/summaryTextDelta",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/textDelta",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "turn/diff/updated",
)
"""What Codex need not send: the same comes whole at the end, and streams would cost us their reading."""

_NO_SERVER: Final = "required MCP servers failed"

_ENDS: Final = {"completed": TurnReason.DONE, "interrupted": TurnReason.INTERRUPTED}


class CodexDriver:
    """One app-server process, one thread of it at a time; a fresh prompt begins another thread.

    What Codex leaves running when a turn is interrupted is ended by a request of its own protocol; what has
    torn itself away from it lives on, and is for the runtime to find.
    """

    def __init__(self, line: Line, *, version: str, settings: dict[str, Any], resume: str = "") -> None:
        """Begin with nothing said; `settings` are those of a thread, `resume` the one to go on with."""
        self._line: Final = line
        self._settings: Final = settings
        self._version: Final = version
        self._resume = resume
        self._rpc: Final = JsonRpc(line.send, self, with_version=False)
        self._matters: Final = OpenMatters(line.tell)
        self._requests: Final = CodexRequests(self._rpc, self._matters, self.inject)
        self._notices: Final = CodexNotices(line.tell, self._matters)
        self._is_greeted = False
        self._refusal = ""
        self._is_opening = False
        self._is_used = False
        self._waiting: tuple[str, bool] | None = None
        self._turn_number = 0
        self._turn = self._promised = ""
        self._is_interrupted = False
        self._unsaid: list[str] = []

    # ------------------------------------------------------------ what can be asked of it

    def open(self) -> None:
        """Greet it, and begin or go on with a thread."""
        asked = {
            "clientInfo": {"name": "supervisor", "title": "supervisor", "version": self._version},
            "capabilities": {"experimentalApi": True, "optOutNotificationMethods": list(_SILENT)},
        }
        self._rpc.call("initialize", asked, self._greeted)

    def hear(self, data: bytes) -> None:
        """Take in what it wrote."""
        self._rpc.feed(data)

    def close(self) -> None:
        """Take in that it has ended."""
        self._waiting = None
        self._turn_number += 1  # nothing that is answered now is of a turn that runs
        self._rpc.close()
        self._matters.close("Codex has ended")

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn, in a thread of its own if `fresh`."""
        self._matters.begin_turn()
        self._turn_number += 1
        self._turn, self._promised, self._is_interrupted = "", "", False
        self._waiting = (text, fresh)
        self._go_on()

    def inject(self, text: str) -> bool:
        """Say something during a turn; the model hears it with the next result of a tool.

        What Codex does not take any more stands before the next prompt.
        """
        if not self._matters.in_turn or self._is_interrupted:
            return False
        if self._turn:
            self._steer(text)
        else:
            self._unsaid.append(text)
        return True

    def interrupt(self) -> bool:
        """Have the turn end; one that was not sent yet ends at once."""
        if not self._matters.in_turn:
            return False
        if self._waiting is not None:
            self._end_turn(TurnEnd(ok=False, reason=TurnReason.INTERRUPTED))
            return True
        self._is_interrupted = True
        if self._turn:
            self._stop_turn()
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request; why not is said to the model as by `inject`."""
        return self._requests.answer(request, answer)

    # ------------------------------------------------------------ what it says by itself

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        """Take a notification."""
        match method:
            case "turn/started" if self._is_ours(params):
                self._turn_runs(text_in(table_in(params, "turn"), "id"))
            case "turn/completed" if self._is_ours(params):
                self._take_turn_end(table_in(params, "turn"))
            case "serverRequest/resolved":
                self._requests.resolved(params.get("requestId"))
            case "turn/started" | "turn/completed":
                pass  # a sub-agent's, or that of a thread which is over
            case _:
                self._notices.take(method, params)

    def on_request(self, number: Any, method: str, params: dict[str, Any]) -> bool:
        """Take a request."""
        return self._requests.take(number, method, params, self._notices.changes_of(params))

    def on_broken(self, detail: str) -> None:
        """Tell that something was no message."""
        self._line.tell(Broken(detail=detail))

    # ------------------------------------------------------------ its thread

    def _greeted(self, result: Any, error: RpcError | None) -> None:
        if error is not None:
            self._refusal = f"Codex does not take our greeting: {error.message[:500]}"
            if not error.is_end:
                self._line.tell(Broken(detail=self._refusal))
        else:
            self._is_greeted = True
            self._rpc.notify("initialized")
            self._rpc.call("account/read", {}, self._account_read)
            if not self._is_opening and not self._notices.thread:
                self._open_thread()
        self._go_on()

    def _account_read(self, result: Any, error: RpcError | None) -> None:
        account = result if isinstance(result, dict) else {}
        if account.get("requiresOpenaiAuth") is True and account.get("account") is None:
            self._line.tell(LoginNeeded(detail="Codex is not logged in; run `codex login`, or pass on a key"))

    def _open_thread(self) -> None:
        self._is_opening = True
        resume, self._resume = self._resume, ""
        if left := self._notices.leave_thread():
            self._rpc.call("thread/unsubscribe", {"threadId": left}, _pass)
        if resume:
            self._notices.expect_thread(resume)
            asked = {**self._settings, "threadId": resume, "excludeTurns": True}
            self._rpc.call("thread/resume", asked, partial(self._thread_opened, resume))
        else:
            self._rpc.call("thread/start", self._settings, partial(self._thread_opened, ""))

    def _thread_opened(self, resumed: str, result: Any, error: RpcError | None) -> None:
        self._is_opening = False
        opened = result if isinstance(result, dict) else {}
        thread = table_in(opened, "thread")
        if name := text_in(thread, "id"):
            self._is_used = bool(resumed)
            model = text_in(opened, "model")
            self._notices.enter_thread(name, model=model)
            self._line.tell(Started(session_id=name, model=model, version=text_in(thread, "cliVersion")))
            self._go_on()
            return
        self._not_opened(resumed, error, "it does not say which" if error is None else error.message[:2_000])

    def _not_opened(self, resumed: str, error: RpcError | None, why: str) -> None:
        is_unlinked = _NO_SERVER in why and SERVER_NAME in why
        if is_unlinked:
            self._resume = resumed  # the conversation is there, and the next prompt tries again
            self._line.tell(CoordinatorLink(connected=False, detail=why))
        if resumed and not is_unlinked and not _is_over(error):
            self._line.tell(Unknown(what=f"conversation {resumed[:100]} cannot be resumed", raw=why))
            self._open_thread()
        elif self._waiting is not None:
            self._fail_turn(f"Codex opens no conversation: {why}", is_lost=_is_over(error))
        elif not is_unlinked and not _is_over(error):
            self._line.tell(Broken(detail=f"Codex opens no conversation: {why}"))

    # ------------------------------------------------------------ its turns

    def _go_on(self) -> None:
        """Do what is next for the prompt that waits."""
        if self._waiting is None or self._is_opening:
            return
        text, is_fresh = self._waiting
        if self._refusal:
            self._fail_turn(self._refusal, is_lost=False)
        elif not self._is_greeted:
            return
        elif not self._notices.thread or (is_fresh and self._is_used):
            self._open_thread()
        else:
            self._begin_turn(text)

    def _begin_turn(self, text: str) -> None:
        self._waiting, self._is_used = None, True
        words, self._unsaid = [*self._unsaid, text], []
        asked = {"threadId": self._notices.thread, "input": [_as_input(part) for part in words]}
        self._rpc.call("turn/start", asked, partial(self._turn_started, self._turn_number))

    def _turn_started(self, number: int, result: Any, error: RpcError | None) -> None:
        if number != self._turn_number or not self._matters.in_turn:
            return
        if error is not None:
            self._fail_turn(f"Codex begins no turn: {error.message[:500]}", is_lost=_is_over(error))
        else:
            self._promised = text_in(table_in(result if isinstance(result, dict) else {}, "turn"), "id")

    def _turn_runs(self, name: str) -> None:
        """Say what had to wait: an interrupt or words before Codex says that the turn runs are refused."""
        is_sent = self._matters.in_turn and self._waiting is None
        if not name or self._turn or not is_sent or self._promised not in {"", name}:
            return
        self._turn = name
        self._notices.turn = name
        if self._is_interrupted:
            self._stop_turn()
            return
        words, self._unsaid = self._unsaid, []
        for text in words:
            self._steer(text)

    def _steer(self, text: str) -> None:
        asked = {"threadId": self._notices.thread, "expectedTurnId": self._turn, "input": [_as_input(text)]}
        self._rpc.call("turn/steer", asked, partial(self._steered, text))

    def _steered(self, text: str, result: Any, error: RpcError | None) -> None:
        if error is not None and not _is_over(error):
            self._unsaid.append(text)

    def _stop_turn(self) -> None:
        asked = {"threadId": self._notices.thread, "turnId": self._turn}
        self._rpc.call("turn/interrupt", asked, _pass)

    def _take_turn_end(self, turn: dict[str, Any]) -> None:
        name, ours = text_in(turn, "id"), self._turn or self._promised
        if not self._matters.in_turn or self._waiting is not None or (ours and name != ours):
            self._line.tell(Unknown(what="a turn ended that is none of ours", raw=name[:100]))
            return
        reason = _ENDS.get(text_in(turn, "status"))
        if reason is None:
            self._take_failure(table_in(turn, "error"), whole_in(turn, "completedAt"))
            return
        if reason is TurnReason.INTERRUPTED:
            self._rpc.call("thread/backgroundTerminals/clean", {"threadId": self._notices.thread}, _pass)
        final = self._notices.final_text if reason is TurnReason.DONE else ""
        self._end_turn(TurnEnd(ok=reason is TurnReason.DONE, reason=reason, final_text=final))

    def _take_failure(self, error: dict[str, Any], now: int | None) -> None:
        trouble = trouble_of(error, limits=self._notices.limits, now=now)
        if trouble is not None:
            self._line.tell(trouble)
        self._end_turn(TurnEnd(ok=False, reason=reason_of(error), detail=detail_of(error)))

    def _fail_turn(self, detail: str, *, is_lost: bool) -> None:
        reason = TurnReason.LOST if is_lost else TurnReason.ERROR
        self._end_turn(TurnEnd(ok=False, reason=reason, detail=detail))

    def _end_turn(self, end: TurnEnd) -> None:
        self._waiting = None
        self._turn_number += 1
        self._turn = self._promised = ""
        self._notices.turn_ends()
        self._requests.decline_all()
        self._matters.end_turn(end)

    def _is_ours(self, params: dict[str, Any]) -> bool:
        return bool(self._notices.thread) and text_in(params, "threadId") == self._notices.thread


def _as_input(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _is_over(error: RpcError | None) -> bool:
    return error is not None and error.is_end


def _pass(result: Any, error: RpcError | None) -> None:
    """Take an answer on which nothing depends."""
