"""What stands on a terminal's screen, from the bytes that a program wrote: text and cursor, no colours.

Made for programs that nobody trusts: every size is bounded, nothing raises, and no character that acts on
a terminal ever stands in a cell. What a terminal would answer to a question is kept in `replies`.

It is ours because what there is does not hold that: pyte raises on sequences that it has no words for and
keeps titles without bound, and pexpect matches a stream, in which a program that paints never ends a line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

from supervisor.adapters.canvas import Canvas

_SEQUENCE_MAX: Final = 256
_REPLIES_MAX: Final = 1_024
_PARAMETER_MAX: Final = 9_999

_TOKEN: Final = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?:\x1b\[|\x9b)(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|(?P<string>\x1b[\]P_^X]|[\x90\x98\x9d-\x9f])"
    r"|\x1b(?P<esc>[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9a\x9c]|\x1b)",
)
_UNFINISHED: Final = re.compile(r"(?:\x1b|\x1b[ -/]+|(?:\x1b\[|\x9b)[0-?]*[ -/]*)\Z")
_STRING_END: Final = re.compile(r"\x07|\x1b\\|\x9c|\x18|\x1a")
_PLAIN: Final = re.compile(r"[0-9;:]*[@-~]")


class Screen:
    """The screen of one terminal, and the words that a program has for it."""

    def __init__(self, rows: int, columns: int) -> None:
        """Begin with an empty screen."""
        self._canvas: Final = Canvas(rows, columns)
        self.version = 0
        self.shows_cursor = True
        self.takes_paste = False
        self._decoder: Final = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._in_string = False
        self._replies: Final = bytearray()

    # ------------------------------------------------------------ what others see

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return self._canvas.rows

    @property
    def columns(self) -> int:
        """Return how many columns there are."""
        return self._canvas.columns

    @property
    def cursor(self) -> tuple[int, int]:
        """Return row and column of the cursor, from zero."""
        return self._canvas.row, self._canvas.column

    @property
    def is_alternative(self) -> bool:
        """Tell whether the program paints on the screen that keeps no history."""
        return self._canvas.is_alternative

    @property
    def scrolled_count(self) -> int:
        """Return how many lines left the screen at the top, ever."""
        return self._canvas.scrolled_count

    def take_scrolled(self) -> list[str]:
        """Take the lines that left the screen since the last time, the newest of them if there are many."""
        taken = list(self._canvas.scrolled)
        self._canvas.scrolled.clear()
        return taken

    def lines(self) -> list[str]:
        """Return all lines from the top, each without the blanks at its end."""
        return [self._canvas.line(row) for row in range(self.rows)]

    def replies(self) -> bytes:
        """Take what the program is to be answered: where the cursor is, what kind of terminal this is."""
        taken = bytes(self._replies)
        self._replies.clear()
        return taken

    def resize(self, rows: int, columns: int) -> None:
        """Take another size; what does not fit is cut, at the top if the cursor is below."""
        if (rows, columns) != (self.rows, self.columns):
            self._canvas.resize(rows, columns)
            self.version += 1

    # ------------------------------------------------------------ what the program writes

    def feed(self, data: bytes) -> None:
        """Take in what the program wrote, cut anywhere."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at = 0
        while at < len(text):
            if self._in_string:
                at = self._skip_string(text, at)
                continue
            if len(text) - at < _SEQUENCE_MAX and _UNFINISHED.match(text, at):
                self._rest = text[at:]
                break
            found = _TOKEN.match(text, at)
            if found is None:  # an escape sequence that is none: its introducer is passed over
                at += 1
                continue
            at = found.end()
            self._token(str(found.lastgroup), found[str(found.lastgroup)])
        self.version += 1

    def _skip_string(self, text: str, at: int) -> int:
        """Pass over what is meant for the terminal's title, clipboard or printer."""
        end = _STRING_END.search(text, at)
        if end is None:
            self._rest = "\x1b" if text.endswith("\x1b") else ""
            return len(text)
        self._in_string = False
        return end.end()

    def _token(self, kind: str, value: str) -> None:
        match kind:
            case "text":
                self._canvas.write(value)
            case "csi":
                self._csi(value)
            case "esc":
                self._escape(value)
            case "string":
                self._in_string = True
            case _:
                control = _CONTROLS.get(value)
                if control is not None:
                    control(self._canvas)

    def _escape(self, value: str) -> None:
        if value in {"(0", "(B"}:
            self._canvas.draws_boxes = value == "(0"
        elif value == "c":
            self._canvas.start_anew()
            self.shows_cursor, self.takes_paste = True, False
        elif (known := _ESCAPES.get(value)) is not None:
            known(self._canvas)

    def _csi(self, value: str) -> None:
        final, private = value[-1], value[:1] if value[:1] in "<=>?" else ""
        numbers = [_number(each) for each in re.split("[;:]", value[len(private) : -1])[:16]]
        if final in "hl":
            for number in numbers:
                self._mode(private, number, is_on=final == "h")
        elif final in "JK":
            self._canvas.erase(final, numbers[0])
        elif not private and _PLAIN.fullmatch(value):
            self._function(final, numbers)

    def _function(self, final: str, numbers: list[int]) -> None:
        if (counted := _COUNTED.get(final)) is not None:
            counted(self._canvas, max(numbers[0], 1))
        elif (placed := _PLACED.get(final)) is not None:
            placed(self._canvas, numbers)
        elif final == "n" and numbers[0] == 5:
            self._reply(b"\x1b[0n")
        elif final == "n" and numbers[0] == 6:
            self._reply("\x1b[{};{}R".format(*(at + 1 for at in self.cursor)).encode())
        elif final == "c":
            self._reply(b"\x1b[?6c")

    def _mode(self, private: str, number: int, *, is_on: bool) -> None:
        match private, number:
            case "", 4:
                self._canvas.inserts = is_on
            case "?", 6:
                self._canvas.set_origin(is_on=is_on)
            case "?", 7:
                self._canvas.wraps = is_on
            case "?", 25:
                self.shows_cursor = is_on
            case "?", 47 | 1047 | 1049:
                self._canvas.change_screen(to_alternative=is_on)
            case "?", 2004:
                self.takes_paste = is_on
            case _:
                pass

    def _reply(self, data: bytes) -> None:
        if len(self._replies) + len(data) <= _REPLIES_MAX:
            self._replies.extend(data)


def _number(text: str) -> int:
    return min(int(text[:6]), _PARAMETER_MAX) if text.isdecimal() else 0


_CONTROLS: Final[dict[str, Callable[[Canvas], None]]] = {
    "\b": Canvas.backspace,
    "\t": Canvas.tab,
    "\n": Canvas.line_feed,
    "\v": Canvas.line_feed,
    "\f": Canvas.line_feed,
    "\r": Canvas.carriage_return,
    "\x84": Canvas.line_feed,
    "\x85": Canvas.next_line,
    "\x8d": Canvas.reverse_feed,
}
_ESCAPES: Final[dict[str, Callable[[Canvas], None]]] = {
    "7": Canvas.save,
    "8": Canvas.restore,
    "D": Canvas.line_feed,
    "E": Canvas.next_line,
    "M": Canvas.reverse_feed,
}
_COUNTED: Final[dict[str, Callable[[Canvas, int], None]]] = {
    "@": Canvas.insert,
    "A": lambda canvas, count: canvas.move(-count, 0),
    "B": lambda canvas, count: canvas.move(count, 0),
    "C": lambda canvas, count: canvas.move(0, count),
    "D": lambda canvas, count: canvas.move(0, -count),
    "E": lambda canvas, count: canvas.move(count, -canvas.columns),
    "F": lambda canvas, count: canvas.move(-count, -canvas.columns),
    "G": lambda canvas, count: canvas.go(canvas.row, count - 1),
    "L": Canvas.insert_lines,
    "M": Canvas.delete_lines,
    "P": Canvas.delete,
    "S": Canvas.scroll_up,
    "T": Canvas.scroll_down,
    "X": Canvas.erase_cells,
    "`": lambda canvas, count: canvas.go(canvas.row, count - 1),
    "a": lambda canvas, count: canvas.move(0, count),
    "b": Canvas.repeat,
    "d": lambda canvas, count: canvas.go(count - 1, canvas.column),
    "e": lambda canvas, count: canvas.move(count, 0),
}
_PLACED: Final[dict[str, Callable[[Canvas, list[int]], None]]] = {
    "H": Canvas.place,
    "f": Canvas.place,
    "r": Canvas.margins,
    "s": lambda canvas, _numbers: canvas.save(),
    "u": lambda canvas, _numbers: canvas.restore(),
}
