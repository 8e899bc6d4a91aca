"""The conversation with Claude Code, and with Qwen Code, which speaks nearly the same.

Lines of JSON, on stdin and stdout of one long-lived process. Found by trying, and held by the tests with the
real programs (`tests/agents/`):

- `system/init` comes only with the first prompt, so it is no sign of readiness. Claude Code answers
  `initialize` once its MCP servers are there, or after 5 s without them, and `mcp_status` at any time
  before a prompt. Qwen Code knows no `mcp_status`, but a command such as `/about`, which costs no request
  to the model, makes it connect and say its `init`. So both tell CoordinatorLink before their first prompt.
- A message whose `uuid` was seen before is thrown away without a word, also after a resume.
- Words sent during a turn are taken up at the next tool call (`command_lifecycle` says `started`); if none
  comes, they become a turn of their own, with a `result` of its own. In Qwen Code they always do.
- `interrupt` leaves what is queued, which then runs, unless it says `cancel_queued` (Claude Code only).
- `/clear` begins a new conversation in the same process, with a new session id and usage from zero. Versions
  that keep the id (2.0.60) keep the conversation too, so it is the id that is believed.
- A failure can be a `result` of subtype `success`: `is_error` decides.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from supervisor.adapters.claude_dialect import Dialect
from supervisor.adapters.claude_events import Teller
from supervisor.adapters.claude_reading import (
    Ending,
    ending_of,
    is_coordinators,
    link_in,
    table_in,
    tables_in,
    text_in,
)
from supervisor.adapters.claude_requests import OpenRequest, reply_to, request_of
from supervisor.adapters.claude_turn import Phase, RunningTurn
from supervisor.adapters.claude_wire import END_NAMES, Beginning, asking, plain, refusing, replying, saying
from supervisor.adapters.driver import Answer, Line
from supervisor.adapters.events import (
    Broken,
    CoordinatorLink,
    LoginNeeded,
    Question,
    RateLimited,
    RequestGone,
    Started,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.adapters.json_lines import JsonLines, spelled
from supervisor.errors import WrongState

_REQUESTS_MAX: Final = 1_000
_SEED: Final = uuid.UUID("5f1c2c4e-6d0f-5a54-9a0e-0d6a6f2f8a11")


OnAnswer = Callable[[dict[str, Any] | None], None]
"""Hears what was answered to a request of ours; None if it was refused."""


class ClaudeDriver:
    """Speaks with one process. Fills `adapters.driver.Driver`."""

    def __init__(self, line: Line, dialect: Dialect, beginning: Beginning) -> None:
        """Begin before the process is there."""
        self._line: Final = line
        self._dialect: Final = dialect
        self._beginning: Final = beginning
        self._lines: Final = JsonLines(self._take, self._broken)
        self._teller: Final = Teller(
            line.tell, counts_totals=dialect.counts_totals, is_resumed=beginning.is_resumed
        )
        self._phase = Phase.GREETING
        self._waiting: tuple[str, bool] | None = None
        self._turn: RunningTurn | None = None
        self._open: Final[dict[str, OpenRequest]] = {}
        self._asked: Final[dict[str, OnAnswer]] = {}
        self._count = 0
        self._requests = 0
        self._session = ""
        self._cleared_from = ""
        self._link: CoordinatorLink | None = None
        self._has_talked = beginning.is_resumed
        self._says_what_is_queued = False
        self._complaint = ""
        self._takers: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
            "system": self._on_system,
            "assistant": self._on_assistant,
            "result": self._on_result,
            "control_request": self._on_request,
            "control_response": self._on_response,
            "control_cancel_request": self._on_cancel,
            "command_lifecycle": self._on_lifecycle,
        }

    # ------------------------------------------------------------ what one can ask of it

    def open(self) -> None:
        """Say what is said first."""
        self._asked.update(dict.fromkeys(END_NAMES, lambda _answer: None))
        self._ask("initialize", {}, self._greeted)

    def hear(self, data: bytes) -> None:
        """Take in what the agent wrote, cut anywhere."""
        self._lines.feed(data)

    def close(self) -> None:
        """End what is open: the process is gone."""
        if self._phase is Phase.GONE:
            return
        self._lines.finish()
        has_work = self._turn is not None or self._waiting is not None
        self._phase = Phase.GONE
        self._waiting = None
        detail = self._complaint or "the process ended before the turn did"
        if has_work:
            self._finish(Ending(reason=TurnReason.LOST, final_text=self._teller.last_text, detail=detail))
        else:
            self._end_open("the agent has ended")

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn, as soon as the agent has said that it is there."""
        if self._turn is not None or self._waiting is not None:
            raise WrongState("a turn runs already")
        self._waiting = (text, fresh)
        if self._phase is Phase.GONE:
            self._fail("the agent has ended", reason=TurnReason.LOST)
        elif self._phase is Phase.IDLE:
            self._go_on()

    def inject(self, text: str) -> bool:
        """Say something during a turn."""
        turn = self._turn
        if turn is None or turn.is_interrupted or self._phase is not Phase.TURN:
            return False
        if self._dialect.folds_in and not self._says_what_is_queued:
            return False  # what becomes of it could not be followed: older versions do not say
        name = self._new_name()
        if not self._say(saying(plain(text), name)):
            return False
        turn.queued[name] = None
        return True

    def interrupt(self) -> bool:
        """Have the turn end soon."""
        if self._phase is Phase.GONE:
            return False
        if self._waiting is not None:
            self._fail("", reason=TurnReason.INTERRUPTED)
            return True
        if self._turn is None or not self._stop():
            return False
        self._turn.is_interrupted = True
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request."""
        opened = self._open.get(request)
        if opened is None or self._phase is Phase.GONE:
            return False
        reply = reply_to(opened, answer, self._dialect)
        if reply is None or not self._say(replying(opened.wire_name, reply)):
            return False
        del self._open[request]
        return True

    # ------------------------------------------------------------ how a conversation goes on

    def _greeted(self, answer: dict[str, Any] | None) -> None:
        if answer is None:
            self._line.tell(Broken(detail="the agent refused to be greeted; going on without"))
        version = text_in(answer or {}, "claude_code_version")
        session = text_in(answer or {}, "session_id") or self._beginning.session
        if self._dialect.roll_call:
            self._phase, self._teller.is_silent = Phase.ROLL_CALL, True
            self._say(saying(self._dialect.roll_call, self._new_name()))
            return
        self._begins(session, self._beginning.model, version)
        self._ask("mcp_status", {}, self._servers_told)
        self._rest()

    def _servers_told(self, answer: dict[str, Any] | None) -> None:
        if answer is not None:
            self._linked(link_in(tables_in(answer, "mcpServers")))

    def _begins(self, session: str, model: str, version: str) -> None:
        if session and session != self._session:
            self._session = session
            self._line.tell(Started(session_id=session, model=model, version=version))

    def _linked(self, link: CoordinatorLink) -> None:
        if link != self._link:
            self._link = link
            self._line.tell(link)

    def _rest(self) -> None:
        self._phase = Phase.IDLE
        self._teller.is_silent = False
        self._go_on()

    def _go_on(self) -> None:
        """Begin the turn that waits, in a new conversation if it wants one."""
        if self._waiting is None:
            return
        text, fresh = self._waiting
        if fresh and self._has_talked:
            self._phase, self._teller.is_silent = Phase.CLEARING, True
            self._cleared_from = self._session
            if not self._say(saying("/clear", self._new_name())):
                self._phase = Phase.IDLE
                self._fail("the agent does not take what is sent to it", reason=TurnReason.LOST)
            return
        self._waiting = None
        self._turn = RunningTurn(self._new_name())
        self._phase = Phase.TURN
        self._has_talked = True
        self._teller.last_text = ""
        if not self._say(saying(plain(text), self._turn.prompt)):
            self._fail("the agent does not take what is sent to it", reason=TurnReason.LOST)

    def _fail(self, detail: str, *, reason: TurnReason) -> None:
        """End a turn that never began."""
        self._waiting = None
        self._finish(Ending(reason=reason, detail=detail))

    def _finish(self, ending: Ending) -> None:
        self._end_open("the turn has ended")
        self._turn = None
        if self._phase is Phase.TURN:
            self._phase = Phase.IDLE
        if ending.is_limited:
            self._line.tell(
                RateLimited(until=ending.until or self._teller.limited_until, detail=ending.detail)
            )
        elif ending.is_login:
            self._line.tell(LoginNeeded(detail=ending.detail))
        is_done = ending.reason is TurnReason.DONE
        self._line.tell(
            TurnEnd(ok=is_done, reason=ending.reason, final_text=ending.final_text, detail=ending.detail)
        )

    def _tell_trouble(self, ending: Ending) -> None:
        """Tell what keeps it from its model."""
        if ending.is_limited:
            until = ending.until or self._teller.limited_until
            self._line.tell(RateLimited(until=until, detail=ending.detail))
        elif ending.is_login:
            self._line.tell(LoginNeeded(detail=ending.detail))

    def _end_open(self, why: str) -> None:
        for request in tuple(self._open):
            del self._open[request]
            self._line.tell(RequestGone(request=request, why=why))
        self._teller.end_tools(why)

    # ------------------------------------------------------------ what it says

    def _take(self, message: dict[str, Any]) -> None:
        kind = text_in(message, "type")
        taker = self._takers.get(kind)
        if taker is not None:
            taker(message)
        else:
            self._teller.other(kind, message)

    def _broken(self, detail: str) -> None:
        self._line.tell(Broken(detail=detail))

    def _on_system(self, message: dict[str, Any]) -> None:
        if text_in(message, "subtype") != "init":
            self._teller.on_system(message)
            return
        version = text_in(message, "claude_code_version") or text_in(message, "qwen_code_version")
        self._begins(text_in(message, "session_id"), text_in(message, "model"), version)
        self._linked(link_in(tables_in(message, "mcp_servers")))
        if self._turn is not None and self._turn.held is not None:
            self._turn.held = None  # what was queued begins
            if self._turn.is_interrupted:
                self._stop()

    def _on_assistant(self, message: dict[str, Any]) -> None:
        self._teller.assistant(message)

    def _on_lifecycle(self, message: dict[str, Any]) -> None:
        self._says_what_is_queued = True
        turn, state = self._turn, text_in(message, "state")
        name = text_in(message, "command_uuid")
        if turn is None or state == "queued":
            return
        if name == turn.prompt:
            self._prompt_became(turn, state)
        elif name in turn.queued:
            del turn.queued[name]
            if state == "started":
                turn.held = None
            elif turn.held is not None and not turn.queued:
                self._finish(turn.held)

    def _prompt_became(self, turn: RunningTurn, state: str) -> None:
        """Know whether the turn has begun: one that is dropped before has no result."""
        if state in {"started", "completed"}:
            turn.has_begun = True
        elif not turn.has_begun:
            self._finish(
                Ending(reason=TurnReason.INTERRUPTED)
                if turn.is_interrupted
                else Ending(
                    reason=TurnReason.ERROR, detail=f"the agent did not take the prompt: {state}"[:200]
                )
            )

    def _on_result(self, message: dict[str, Any]) -> None:
        self._teller.result(message)
        match self._phase:
            case Phase.ROLL_CALL:
                self._begins(text_in(message, "session_id"), self._beginning.model, "")
                self._rest()
            case Phase.CLEARING:
                self._cleared(message)
            case Phase.TURN:
                self._turn_told(message)
            case _:  # a turn that nobody asked for, or why it cannot begin at all
                ending = ending_of(message, last_text="", was_interrupted=False)
                self._complaint = ending.detail
                self._tell_trouble(ending)
                if ending.detail:
                    self._line.tell(Unknown(what=ending.detail))

    def _cleared(self, message: dict[str, Any]) -> None:
        self._begins(text_in(message, "session_id"), self._beginning.model, "")
        if message.get("is_error") is True or self._session == self._cleared_from:
            self._phase, self._teller.is_silent = Phase.IDLE, False
            if self._waiting is not None:
                self._fail("it could not begin a new conversation", reason=TurnReason.ERROR)
            return
        self._has_talked = False
        self._teller.begin_anew()
        self._rest()

    def _turn_told(self, message: dict[str, Any]) -> None:
        turn = self._turn
        if turn is None:
            return
        ending = ending_of(message, last_text=self._teller.last_text, was_interrupted=turn.is_interrupted)
        if not turn.queued:
            self._ask_window()
            self._finish(ending)
            return
        turn.held = ending
        if not self._dialect.folds_in:
            del turn.queued[next(iter(turn.queued))]

    def _ask_window(self) -> None:
        if self._dialect.counts_totals and not self._teller.meter.knows_window:
            self._ask("get_context_usage", {}, lambda answer: self._teller.meter.know_window(answer or {}))

    # ------------------------------------------------------------ requests, both ways

    def _on_request(self, message: dict[str, Any]) -> None:
        wire_name, asked = text_in(message, "request_id"), table_in(message, "request")
        subtype, tool = text_in(asked, "subtype"), text_in(asked, "tool_name")
        request = f"r{self._requests + 1}"  # ours: an answer to one never reaches another of the same name
        opened = request_of(request, wire_name, asked, dialect=self._dialect, cwd=self._beginning.cwd)
        if not wire_name or self._request_of(wire_name) is not None:
            self._broken("a request without a name of its own")
        elif opened is None or len(self._open) >= _REQUESTS_MAX or self._phase is Phase.GONE:
            self._say(refusing(wire_name, f"unsupported: {subtype[:100]}"))
            if opened is None:
                self._teller.other(f"control_request/{subtype}", message)
        elif is_coordinators(tool) or (self._beginning.allows_all and not isinstance(opened.event, Question)):
            self._say(replying(wire_name, {"behavior": "allow", "updatedInput": opened.given}))
        else:
            self._requests += 1
            self._open[request] = opened
            self._line.tell(opened.event)

    def _request_of(self, wire_name: str) -> str | None:
        named = (request for request, opened in self._open.items() if opened.wire_name == wire_name)
        return next(named, None)

    def _on_cancel(self, message: dict[str, Any]) -> None:
        request = self._request_of(text_in(message, "request_id"))
        if request is not None:
            del self._open[request]
            self._line.tell(RequestGone(request=request, why="the agent gave it up"))

    def _on_response(self, message: dict[str, Any]) -> None:
        response = table_in(message, "response")
        on_answer = self._asked.pop(text_in(response, "request_id"), None)
        if on_answer is None:
            self._broken("an answer to nothing that was asked")
        else:
            is_refused = text_in(response, "subtype") != "success"
            on_answer(None if is_refused else table_in(response, "response"))

    def _stop(self) -> bool:
        return self._ask("interrupt", {"cancel_queued": True}, lambda _answer: None)

    def _ask(self, what: str, more: dict[str, Any], on_answer: OnAnswer) -> bool:
        self._count += 1
        name = f"{what}-{self._count}"
        self._asked[name] = on_answer
        return self._say(asking(name, what, more))

    def _new_name(self) -> str:
        self._count += 1
        return str(uuid.uuid5(_SEED, f"{self._beginning.seed}/{self._count}"))

    def _say(self, message: dict[str, Any]) -> bool:
        if self._phase is Phase.GONE:
            return False
        try:
            data = spelled(message)
        except (ValueError, RecursionError):  # nested as deep as can be read, but not as can be spelled
            return False
        return self._line.send(data)
