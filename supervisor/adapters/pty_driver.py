"""The conversation with a program at a terminal: prompts are typed, and its screen says how it stands.

A screen is guesswork, and the profile's expressions say what to make of it. What matched is believed when
it stood there at two looks in a row; an answer is typed only if the question still stands as it was shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from supervisor.adapters.driver import Answer, Line, TimedLine
from supervisor.adapters.events import (
    ActKind,
    LoginNeeded,
    Permission,
    RateLimited,
    Started,
    Text,
    TurnEnd,
    TurnReason,
)
from supervisor.adapters.open_matters import OpenMatters
from supervisor.adapters.pty_looks import Look, News, look_at
from supervisor.adapters.screen import Screen
from supervisor.errors import WrongState
from supervisor.model.escape import is_hidden
from supervisor.model.screen import ScreenPatterns, TerminalSpec, typed

LOOK_S: Final = 0.1
"""Between two looks at the screen, and between a prompt and the key that sends it."""

STILL_S: Final = 2.0
"""How long a screen stands still that looks done as it did before, until the work was too quick to see."""

START_S: Final = 0.5
STARTS_MAX: Final = 20
INTERRUPT_S: Final = 5.0
FINAL_MAX: Final = 20_000

_TURN_LINES_MAX: Final = 500
_PASTE: Final = (b"\x1b[200~", b"\x1b[201~")


class PtyDriver:
    """Types for people, and reads the screen as they would."""

    def __init__(self, line: Line, spec: TerminalSpec, patterns: ScreenPatterns, *, name: str) -> None:
        """Begin with an empty screen; on a line without a clock nothing ever happens by itself."""
        self.screen: Final = Screen(spec.rows, spec.columns)
        self._name: Final = name
        self._line: Final = line
        self._timed: Final = line if isinstance(line, TimedLine) else None
        self._spec: Final = spec
        self._patterns: Final = patterns.given()
        self._open: Final = OpenMatters(line.tell)
        self._news: Final = News()
        self._turn_lines: Final[deque[str]] = deque(maxlen=_TURN_LINES_MAX)
        self._is_started = False
        self._waiting: str | None = None
        self._heard = 0
        self._turn = 0
        self._starts = 0
        self._asks = 0
        self._look_is_due = self._is_watching_quiet = False
        self._is_busy = self._was_busy = self._is_interrupted = False
        self._last = Look(lines=(), first=0, hits={})
        self._asked: tuple[str, ...] = ()
        self._answered: tuple[str, ...] = ()
        self._warned: dict[str, frozenset[str]] = {}
        self._told_to = 0
        self._turn_from = 0

    # ------------------------------------------------------------ what the engine says

    def open(self) -> None:
        """Wait for its first words; without a pattern for it, it is ready when it falls silent."""
        if not self._patterns.get("ready"):
            self._later(START_S, partial(self._try_to_start, 0))

    def hear(self, data: bytes) -> None:
        """Take in what it wrote."""
        self._heard += 1
        self.screen.feed(data)
        self._keep_scrolled()
        replies = self.screen.replies()
        if replies:
            self._line.send(replies)
        self._look_later()

    def close(self) -> None:
        """Take in that it has ended."""
        self._tell_lines(self.screen.rows)
        self._open.close("the process has ended")

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Type a prompt, as soon as it takes one."""
        if fresh:
            raise WrongState("an agent at a terminal cannot begin a new conversation; start it anew")
        self._open.begin_turn()
        if self._is_started:
            self._type(text)
        else:
            self._waiting = text

    def inject(self, text: str) -> bool:
        """Say no: who knows what a program does with keys while it works."""
        return False

    def interrupt(self) -> bool:
        """Press the keys that end a turn."""
        keys = typed(self._spec.interrupt_keys)
        if not self._open.in_turn or self._waiting is not None or not keys or not self._line.send(keys):
            return False
        self._is_interrupted = True
        self._later(INTERRUPT_S, partial(self._end_of, self._turn, "it was interrupted"))
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        """Press the keys for yes or no, if the question still stands as it was shown."""
        if not self._open.is_open(request):
            return False
        if not self._stands(self._asked):
            self._open.gone(request, "the screen shows something else by now")
            return False
        if not self._line.send(typed(self._spec.allow_keys if answer.allow else self._spec.deny_keys)):
            return False
        self._open.answered(request)
        self._answered, self._asked = self._asked, ()
        return True

    # ------------------------------------------------------------ typing

    def _type(self, text: str) -> None:
        self._turn += 1
        self._was_busy = self._is_interrupted = False
        self._news.begin(text, self._last.of("done"))
        self._turn_lines.clear()
        self._turn_from = self.screen.scrolled_count + self.screen.cursor[0]
        clean = "".join(each for each in text if each in "\n\t" or each == " " or not is_hidden(ord(each)))
        if self._spec.paste and self.screen.takes_paste:
            data = clean.encode("utf-8", "replace").join(_PASTE)
        else:
            data = " ".join(clean.split()).encode("utf-8", "replace")
        if not self._line.send(data):
            self._open.lose_turn("it does not read its terminal")
            return
        self._later(LOOK_S, partial(self._submit, self._turn))

    def _submit(self, turn: int) -> None:
        if turn == self._turn and self._open.in_turn:
            self._line.send(typed(self._spec.submit_keys))
            self._watch_quiet()

    # ------------------------------------------------------------ looking

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timed is not None:
            self._timed.later(seconds, call)

    def _look_later(self) -> None:
        if not self._look_is_due:
            self._look_is_due = True
            self._later(LOOK_S, self._look)

    def _look(self) -> None:
        self._look_is_due = False
        if self._timed is not None and self._patterns:
            lines, first = self.screen.lines(), self.screen.scrolled_count
            self._timed.look_for(
                self._patterns, lines, lambda found: self._seen(look_at(lines, first, found))
            )

    def _seen(self, look: Look) -> None:
        is_steady = look.hits == self._last.hits
        self._last = look
        self._is_busy = bool(look.of("busy"))
        if self._is_busy and not self._was_busy:
            self._was_busy = True
            self._news.forget_old()
        if not is_steady:
            self._look_later()
            return
        if not self._is_started and look.of("ready"):
            self._start()
        self._warn(look)
        self._judge_ask(look)
        if self._open.in_turn and self._waiting is None and self._is_done(look):
            self._end("")
        elif self._open.in_turn and "busy" in self._patterns and self._looks_done():
            self._later(STILL_S, partial(self._if_still, self._heard, self._turn))

    def _looks_done(self) -> bool:
        return bool(self._last.of("done")) and not self._is_busy and not self._last.of("ask")

    def _if_still(self, heard: int, turn: int) -> None:
        if (heard, turn) == (self._heard, self._turn) and self._open.in_turn and self._looks_done():
            self._end("it was not seen working")

    def _is_done(self, look: Look) -> bool:
        if self._is_busy or look.of("ask"):
            return False
        if "done" in self._patterns:
            return bool(self._news.of(look.of("done")))
        return self._was_busy

    def _warn(self, look: Look) -> None:
        """Tell once of each line that says that the service refuses, until it has left the screen."""
        for name in ("rate_limit", "login"):
            lines = frozenset(hit.text.strip() for hit in look.of(name))
            for text in sorted(lines - self._warned.get(name, frozenset())):
                is_limit = name == "rate_limit"
                self._line.tell(
                    RateLimited(until=None, detail=text) if is_limit else LoginNeeded(detail=text)
                )
            self._warned[name] = lines

    def _judge_ask(self, look: Look) -> None:
        hit = next(iter(look.of("ask")), None)
        block = () if hit is None else look.around(hit)
        is_open = self._open.request is not None
        if is_open and block != self._asked:
            self._open.gone(self._request, "the screen shows something else by now")
            self._asked = ()
        if not block:
            self._answered = ()
        if hit is None or block in {self._asked, self._answered}:
            return
        self._asks += 1
        self._asked, self._answered = block, ()
        self._open.ask(
            Permission(
                request=self._request,
                kind=ActKind.OTHER,
                tool="terminal",
                title=look.title(hit),
                payload={"screen": list(block)},
            )
        )

    @property
    def _request(self) -> str:
        return f"ask-{self._asks}"

    def _stands(self, block: tuple[str, ...]) -> bool:
        lines = tuple(self.screen.lines())
        return any(lines[at : at + len(block)] == block for at in range(len(lines) - len(block) + 1))

    # ------------------------------------------------------------ begins and ends

    def _try_to_start(self, heard: int) -> None:
        """Take it for ready when it has fallen silent, or has not in a long time."""
        self._starts += 1
        if heard == self._heard or self._starts >= STARTS_MAX:
            self._start()
        else:
            self._later(START_S, partial(self._try_to_start, self._heard))

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._line.tell(Started(session_id=self._name))
        if self._waiting is not None:
            text, self._waiting = self._waiting, None
            self._type(text)

    def _watch_quiet(self) -> None:
        if self._spec.quiet_s and not self._is_watching_quiet:
            self._is_watching_quiet = True
            self._later(self._spec.quiet_s, partial(self._if_quiet, self._heard, self._turn))

    def _if_quiet(self, heard: int, turn: int) -> None:
        self._is_watching_quiet = False
        is_quiet = heard == self._heard and turn == self._turn and not self._is_busy and not self._asked
        if is_quiet and self._open.in_turn:
            self._end(f"it was quiet for {self._spec.quiet_s:g} s")
        elif self._open.in_turn:
            self._watch_quiet()

    def _end_of(self, turn: int, detail: str) -> None:
        if turn == self._turn and self._open.in_turn:
            self._end(detail)

    def _end(self, detail: str) -> None:
        final = self._final_text()
        self._tell_lines(self.screen.cursor[0] + 1)
        reason = TurnReason.INTERRUPTED if self._is_interrupted else TurnReason.DONE
        ok = not self._is_interrupted
        self._open.end_turn(TurnEnd(ok=ok, reason=reason, final_text=final, detail=detail))
        self._asked = ()

    # ------------------------------------------------------------ what is kept of the screen

    def _keep_scrolled(self) -> None:
        """Tell what left the screen at the top, as far as it was not told."""
        lines = self.screen.take_scrolled()
        first = self.screen.scrolled_count - len(lines)
        self._turn_lines.extend(lines[max(self._turn_from - first, 0) :])
        news = [line for line in lines[max(self._told_to - first, 0) :] if line]
        if news:
            self._line.tell(Text(text="\n".join(news)))
        self._told_to = max(self._told_to, self.screen.scrolled_count)

    def _tell_lines(self, end: int) -> None:
        """Tell what stands on the screen, down to a row, as far as it was not told."""
        first = self.screen.scrolled_count
        start = 0 if self.screen.is_alternative else max(self._told_to - first, 0)
        news = [line for line in self.screen.lines()[start:end] if line]
        if news:
            self._line.tell(Text(text="\n".join(news)))
        if not self.screen.is_alternative:
            self._told_to = max(self._told_to, first + end)

    def _final_text(self) -> str:
        start = max(self._turn_from - self.screen.scrolled_count, 0)
        shown = self.screen.lines()[0 if self.screen.is_alternative else start :]
        lines = [*self._turn_lines, *shown]
        return "\n".join(line for line in lines if line)[-FINAL_MAX:]
