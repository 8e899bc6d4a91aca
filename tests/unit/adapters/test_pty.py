"""The driver of a terminal, second by second: its clock is moved by hand, its screen is written by hand."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from supervisor.adapters import events as told
from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import AgentEvent, TurnReason
from supervisor.adapters.pty import PtyAdapter
from supervisor.adapters.pty_driver import INTERRUPT_S, START_S, STARTS_MAX, PtyDriver
from supervisor.errors import WrongState
from supervisor.model.escape import is_hidden
from supervisor.model.screen import ScreenPatterns, TerminalSpec

PATTERNS = ScreenPatterns(
    ready=r"^>$",
    busy=r"esc to interrupt",
    done=r"^>$",
    ask=r"\(y/n\)",
    rate_limit=r"429",
    login=r"log in",
)
PROMPT = "\x1b[?2004h> "


class Desk:
    """A driver, its terminal and its clock."""

    def __init__(self, patterns: ScreenPatterns = PATTERNS, **spec: Any) -> None:
        self.sent = b""
        self.events: list[AgentEvent] = []
        self.takes = True
        self.now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        chosen = {"rows": 12, "columns": 40, "allow_keys": ("y",), "deny_keys": ("n",), **spec}
        self.driver = PtyDriver(self, TerminalSpec(**chosen), patterns, name="tui#1")
        self.driver.open()

    def send(self, data: bytes) -> bool:
        self.sent += data if self.takes else b""
        return self.takes

    def tell(self, event: AgentEvent) -> None:
        self.events.append(event)

    def later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        heapq.heappush(self._timers, (self.now + seconds, next(self._order), call))
        return lambda: None

    def look_for(
        self,
        patterns: Mapping[str, str],
        lines: Sequence[str],
        found: Callable[[dict[str, tuple[int, ...]]], None],
    ) -> None:
        found(
            {
                name: tuple(at for at in reversed(range(len(lines))) if re.search(pattern, lines[at]))
                for name, pattern in patterns.items()
            }
        )

    def writes(self, text: str, seconds: float = 0.5) -> list[AgentEvent]:
        """Have the program write, and time pass; return what is told meanwhile."""
        before = len(self.events)
        self.driver.hear(text.encode())
        self.wait(seconds)
        return self.events[before:]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, call = heapq.heappop(self._timers)
            call()
        self.now = end

    def all(self, kind: type[AgentEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def began(self, prompt: str = "do it") -> Desk:
        """Bring it to where a prompt was sent."""
        self.writes(PROMPT)
        self.driver.prompt(prompt)
        self.wait(0.2)
        return self


def test_it_starts_when_its_screen_says_so_and_then_gets_the_prompt_that_waits() -> None:
    desk = Desk()
    desk.driver.prompt("two\nlines")
    desk.writes("loading", 3.0)
    assert desk.sent == b""
    desk.writes("\r\n" + PROMPT)
    assert desk.all(told.Started) == [told.Started(session_id="tui#1")]
    assert desk.sent == b"\x1b[200~two\nlines\x1b[201~\r"


def test_without_a_pattern_it_starts_when_it_falls_silent_or_never_does() -> None:
    quiet = Desk(ScreenPatterns())
    quiet.writes("hello", START_S)
    quiet.wait(START_S)
    assert quiet.all(told.Started)
    loud = Desk(ScreenPatterns())
    for _ in range(STARTS_MAX - 1):
        loud.writes("x", START_S)
    assert not loud.all(told.Started)
    loud.writes("x", START_S)
    assert loud.all(told.Started)


def test_a_turn_ends_when_the_prompt_comes_back_and_its_text_is_the_final_one() -> None:
    desk = Desk().began()
    desk.writes("do it\r\nesc to interrupt")
    assert desk.driver._open.in_turn
    desk.writes("\r\x1b[2KThe answer.\r\n> ")
    assert desk.all(told.TurnEnd) == [
        told.TurnEnd(ok=True, reason=TurnReason.DONE, final_text="> do it\nThe answer.\n>")
    ]
    with pytest.raises(WrongState):
        desk.driver.prompt("next", fresh=True)
    desk.driver.prompt("next")


def test_the_prompt_that_stood_there_before_ends_no_turn() -> None:
    desk = Desk(replace(PATTERNS, busy="")).began()
    desk.writes("\x1b[5;1Hthinking", 5.0)
    assert not desk.all(told.TurnEnd)
    desk.writes("\x1b[8;1H> ", 0.5)
    assert desk.all(told.TurnEnd)


def test_a_box_that_stands_all_the_time_ends_the_turn_once_it_was_busy() -> None:
    desk = Desk().began()
    desk.writes("\x1b7\x1b[5;1Hesc to interrupt\x1b8")
    assert not desk.all(told.TurnEnd)
    desk.writes("\x1b7\x1b[5;1H\x1b[2K\x1b8")
    assert desk.all(told.TurnEnd)


def test_work_too_quick_to_be_seen_ends_its_turn_when_the_screen_stands_still() -> None:
    desk = Desk().began()
    desk.writes("\x1b7\x1b[5;1Hesc to interrupt\x1b[5;1H\x1b[2Kthe answer\x1b8", 1.0)
    assert not desk.all(told.TurnEnd)
    desk.wait(3.0)
    assert len(desk.all(told.TurnEnd)) == 1


def test_the_echo_of_a_prompt_that_looks_like_an_end_is_none() -> None:
    desk = Desk(replace(PATTERNS, busy="", done="DONE")).began("write\n DONE  at the end")
    desk.writes("write\r\n DONE at the end\r\n", 5.0)
    assert not desk.all(told.TurnEnd)
    desk.writes("* DONE, 3 files\r\n")
    assert desk.all(told.TurnEnd)


def test_what_flickers_by_is_not_believed() -> None:
    desk = Desk(replace(PATTERNS, busy="")).began()
    desk.writes("\x1b[6;1H>", 0.1)
    desk.writes("\x1b[6;1H\x1b[2Kstill at it", 1.0)
    assert not desk.all(told.TurnEnd)


def test_without_a_pattern_for_it_the_end_of_work_or_silence_ends_a_turn() -> None:
    busy = Desk(ScreenPatterns(busy="esc to")).began()
    busy.wait(START_S)
    busy.writes("\r\nesc to interrupt", 5.0)
    assert not busy.all(told.TurnEnd)
    busy.writes("\r\x1b[2K")
    assert busy.all(told.TurnEnd)


def test_silence_ends_a_turn_only_as_long_as_given_and_not_while_it_works_or_asks() -> None:
    desk = Desk(ScreenPatterns(busy="esc to", ask=r"\(y/n\)", ready="^>$"), quiet_s=10.0).began()
    desk.writes("\r\nesc to interrupt", 60.0)
    assert not desk.all(told.TurnEnd)
    other = Desk(ScreenPatterns(ready="^>$", ask=r"\(y/n\)"), quiet_s=10.0).began()
    other.writes("a", 8.0)
    other.writes("b", 8.0)
    assert not other.all(told.TurnEnd)
    other.wait(20.0)
    (end,) = other.all(told.TurnEnd)
    assert end.detail == "it was quiet for 10 s"


def test_a_question_becomes_a_request_with_the_lines_around_and_keys_answer_it() -> None:
    desk = Desk().began()
    desk.writes("\r\n\r\nAllow this?\r\n  rm -r build\r\n(y/n)")
    (request,) = desk.all(told.Permission)
    assert request.title == "Allow this? · rm -r build · (y/n)"
    assert request.payload == {"screen": [">", "", "Allow this?", "  rm -r build", "(y/n)"]}
    assert not desk.driver.answer("ask-9", Answer(allow=True))
    assert desk.driver.answer(request.request, Answer(allow=True))
    assert desk.sent.endswith(b"\ry")
    assert not desk.driver.answer(request.request, Answer(allow=True))
    desk.wait(2.0)
    assert len(desk.all(told.Permission)) == 1, "the question that is answered is not asked again"


def test_a_blank_line_in_a_command_hides_nothing_and_what_is_above_it_cannot_be_changed_unseen() -> None:
    desk = Desk().began()
    desk.writes("\r\nrm -rf build\r\n\r\n\r\necho harmless\r\n(y/n)")
    (request,) = desk.all(told.Permission)
    assert "rm -rf build" in request.payload["screen"]
    desk.driver.hear(b"\x1b7\x1b[2;1Hrm -rf /home\x1b8")
    assert not desk.driver.answer(request.request, Answer(allow=True))


def test_a_no_presses_the_other_keys() -> None:
    desk = Desk().began()
    desk.writes("\r\n(y/n)")
    assert desk.driver.answer("ask-1", Answer(allow=False, words="never"))
    assert desk.sent.endswith(b"\rn")


def test_an_answer_to_what_no_longer_stands_there_presses_nothing() -> None:
    desk = Desk().began()
    desk.writes("\r\nrm a\r\n(y/n)")
    desk.driver.hear(b"\x1b[A\rrm b")
    sent = desk.sent
    assert not desk.driver.answer("ask-1", Answer(allow=True))
    assert desk.sent == sent
    assert desk.all(told.RequestGone)
    desk.wait(0.5)
    assert desk.all(told.Permission)[-1].payload == {"screen": [">", "rm b", "(y/n)"]}


def test_a_question_that_goes_away_is_gone() -> None:
    desk = Desk().began()
    desk.writes("\r\n(y/n)")
    desk.writes("\r\x1b[2K")
    assert [event.request for event in desk.all(told.RequestGone)] == ["ask-1"]
    desk.writes("\r\n(y/n)")
    assert [event.request for event in desk.all(told.Permission)] == ["ask-1", "ask-2"]


def test_an_answer_that_cannot_be_typed_leaves_the_question_open() -> None:
    desk = Desk().began()
    desk.writes("\r\n(y/n)")
    desk.takes = False
    assert not desk.driver.answer("ask-1", Answer(allow=True))
    desk.takes = True
    assert desk.driver.answer("ask-1", Answer(allow=True))


def test_limits_and_logins_are_told_once_while_they_stand_there() -> None:
    desk = Desk().began()
    desk.writes("\r\nerror 429\r\nplease log in")
    desk.writes(".")
    desk.writes("\x1b[2J\x1b[H")
    desk.writes("error 429 again")
    assert desk.all(told.RateLimited) == [
        told.RateLimited(until=None, detail="error 429"),
        told.RateLimited(until=None, detail="error 429 again"),
    ]
    assert [event.detail for event in desk.all(told.LoginNeeded)] == ["please log in", "please log in."]


def test_an_interrupt_presses_its_keys_and_the_turn_ends_whatever_the_program_does() -> None:
    desk = Desk()
    assert not desk.driver.interrupt()
    desk.began()
    assert desk.driver.interrupt()
    assert desk.sent.endswith(b"\r\x1b")
    desk.wait(INTERRUPT_S)
    (end,) = desk.all(told.TurnEnd)
    assert (end.ok, end.reason) == (False, TurnReason.INTERRUPTED)
    desk.driver.prompt("next")
    desk.wait(INTERRUPT_S)
    assert len(desk.all(told.TurnEnd)) == 1, "the old interrupt does not end the next turn"


def test_keys_can_be_named_and_a_pool_without_them_cannot_interrupt() -> None:
    desk = Desk(interrupt_keys=("ctrl+c", "up", "ok")).began()
    assert desk.driver.interrupt()
    assert desk.sent.endswith(b"\x03\x1b[Aok")
    assert not Desk(interrupt_keys=()).began().driver.interrupt()


def test_a_prompt_cannot_press_keys_by_itself() -> None:
    desk = Desk().began("a\x1b[201~\x03\x1b[A\r\nb\u202ec")
    assert desk.sent == b"\x1b[200~a[201~[A\nbc\x1b[201~\r"


def test_a_program_that_takes_no_pastes_gets_one_line() -> None:
    desk = Desk()
    desk.writes("> ")
    desk.driver.prompt("one\n two\tthree")
    desk.wait(0.2)
    assert desk.sent == b"one two three\r"


def test_a_terminal_that_takes_nothing_loses_the_turn_at_once() -> None:
    desk = Desk()
    desk.writes(PROMPT)
    desk.takes = False
    desk.driver.prompt("do it")
    (end,) = desk.all(told.TurnEnd)
    assert end.reason is TurnReason.LOST


def test_questions_of_the_terminal_are_answered_and_words_during_a_turn_are_not_pretended() -> None:
    desk = Desk()
    desk.writes("\x1b[6n")
    assert desk.sent == b"\x1b[1;1R"
    assert not desk.driver.inject("wait")


def test_the_end_of_the_process_ends_what_is_open_and_tells_what_stood_there() -> None:
    desk = Desk().began()
    desk.writes("\r\nlast words (y/n)")
    desk.driver.close()
    assert desk.all(told.Text)[-1].text == ">\nlast words (y/n)"
    assert desk.all(told.RequestGone)
    assert desk.all(told.TurnEnd)[-1].reason is TurnReason.LOST


def test_what_scrolls_by_is_told_once_and_never_with_what_acts_on_a_terminal() -> None:
    desk = Desk().began()
    desk.writes("\r\n" + "".join(f"\x1b[31mline {number}\x1b]0;t\x07\r\n" for number in range(40)) + "> ")
    assert desk.all(told.TurnEnd)
    desk.driver.close()
    text = "\n".join(event.text for event in desk.all(told.Text))
    assert [line for line in text.splitlines() if line.startswith("line")] == [
        f"line {number}" for number in range(40)
    ]
    assert not [each for each in text if is_hidden(ord(each)) and each != "\n"]
    assert desk.all(told.TurnEnd)[0].final_text.count("line") == 40


def test_a_painted_screen_is_told_whole_at_the_end_of_a_turn() -> None:
    desk = Desk()
    desk.writes("\x1b[?1049h")
    desk.began()
    desk.writes("\x1b[H\x1b[2Jpainted\r\nesc to interrupt")
    desk.writes("\r\x1b[2K> ")
    assert desk.all(told.TurnEnd)[0].final_text == "painted\n>"


def test_a_line_without_a_clock_does_nothing_by_itself() -> None:
    class Deaf:
        def send(self, data: bytes) -> bool:
            return True

        def tell(self, event: AgentEvent) -> None:
            raise AssertionError(event)

    driver = PtyDriver(Deaf(), TerminalSpec(), PATTERNS, name="tui#1")
    driver.open()
    driver.hear(b"> ")


@pytest.mark.parametrize(
    ("patterns", "spec", "turns", "permissions"),
    [
        (ScreenPatterns(), TerminalSpec(), False, False),
        (ScreenPatterns(done="x", ask="y"), TerminalSpec(), True, True),
        (ScreenPatterns(), TerminalSpec(quiet_s=5.0), True, False),
    ],
)
def test_it_can_be_asked_for_what_its_patterns_let_one_see(
    patterns: ScreenPatterns,
    spec: TerminalSpec,
    turns: bool,
    permissions: bool,
    make_context: Callable[..., LaunchContext],
) -> None:
    context = make_context()
    pool = replace(context.pool, patterns=patterns, terminal=spec)
    can = PtyAdapter().capabilities(pool)
    assert (can.turns, can.interrupt, can.permissions, can.inject) == (turns, turns, permissions, False)
    launch = PtyAdapter().launch(replace(context, pool=pool))
    assert launch.terminal is not None
    assert (launch.terminal.rows, launch.env["TERM"]) == (40, "xterm-256color")
