"""A screen's cells and its cursor, and what the control functions of a terminal do to them.

Every size is bounded, nothing raises, and no character that acts on a terminal ever stands in a cell.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from functools import lru_cache
from typing import Final

from supervisor.model.escape import is_hidden

SCROLLED_MAX: Final = 2_000
"""Lines kept that left the screen at the top and were not taken yet."""

_CELL_MAX: Final = 6
_WITHOUT_WIDTH: Final = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Zl", "Zp"})
_LINES_OF_BOXES: Final = dict(zip("jklmnqtuvwx`a", "┘┐┌└┼─├┤┴┬│◆▒", strict=True))


@lru_cache(maxsize=4096)
def shown_as(character: str) -> tuple[str, int]:
    """Return what stands in the cells for a character, and in how many: 0, 1 or 2."""
    category = unicodedata.category(character)
    if category in _WITHOUT_WIDTH:
        return character, 0
    if character.isspace() or is_hidden(ord(character)):
        return " " if category in {"Zs", "So"} else "\ufffd", 1
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Canvas:
    """Rows of cells. A cell holds a character with its marks; the right half of a wide one holds nothing."""

    def __init__(self, rows: int, columns: int) -> None:
        """Begin empty, with the cursor at the top left."""
        self.rows = rows
        self.columns = columns
        self.scrolled: Final[deque[str]] = deque(maxlen=SCROLLED_MAX)
        self.scrolled_count = 0
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all but the size."""
        self._cells = [self._blank() for _ in range(self.rows)]
        self._main: list[list[str]] | None = None
        self.row = self.column = 0
        self._is_full = False
        self._saved = (0, 0)
        self._top, self._bottom = 0, self.rows - 1
        self.wraps, self.inserts, self.draws_boxes, self._origin = True, False, False, False
        self._last = " "

    @property
    def is_alternative(self) -> bool:
        """Tell whether this is the screen that keeps no history."""
        return self._main is not None

    def line(self, row: int) -> str:
        """Return one line without the blanks at its end."""
        return "".join(self._cells[row]).rstrip()

    def resize(self, rows: int, columns: int) -> None:
        """Take another size; what does not fit is cut, at the top if the cursor is below."""
        drop = max(self.row - rows + 1, 0)
        self._main = None if self._main is None else _fitted(self._main, rows, columns)
        self._cells = _fitted(self._cells[drop:], rows, columns)
        self.rows, self.columns = rows, columns
        self._top, self._bottom = 0, rows - 1
        self.go(self.row - drop, self.column)

    def set_origin(self, *, is_on: bool) -> None:
        """Count rows from the upper margin, or from the top."""
        self._origin = is_on
        self.go(self._top if is_on else 0, 0)

    def write(self, text: str) -> None:
        """Write text where the cursor is."""
        if text.isascii() and self.wraps and not (self.inserts or self.draws_boxes):
            self._write_plainly(text)
            return
        for character in text:
            drawn = _LINES_OF_BOXES.get(character, character) if self.draws_boxes else character
            shown, width = (drawn, 1) if " " <= drawn <= "~" else shown_as(drawn)
            if width:
                self._put(shown, width)
            else:
                self._mark(shown)

    def _write_plainly(self, text: str) -> None:
        """Write as most text is written: a line of cells at a time."""
        at = 0
        while at < len(text):
            if self._is_full:
                self.column = 0
                self.line_feed()
            first = self.column
            part = text[at : at + self.columns - first]
            cells = self._cells[self.row]
            end = first + len(part)
            self._unpair(cells, first)
            self._unpair(cells, end - 1)
            cells[first:end] = part
            self._is_full = end >= self.columns
            self.column = min(end, self.columns - 1)
            self._last = part[-1]
            at += len(part)

    def _put(self, character: str, width: int) -> None:
        if width > self.columns:
            return
        if self.wraps and (self._is_full or self.column + width > self.columns):
            self.column = 0
            self.line_feed()
        self.column = min(self.column, self.columns - width)
        cells = self._cells[self.row]
        if self.inserts:
            self._insert_cells(width)
            cells = self._cells[self.row]
        self._unpair(cells, self.column)
        self._unpair(cells, self.column + width - 1)
        cells[self.column] = character
        if width == 2:
            cells[self.column + 1] = ""
        self._last = character
        self._is_full = self.column + width >= self.columns
        self.column = min(self.column + width, self.columns - 1)

    def _unpair(self, cells: list[str], column: int) -> None:
        """Blank the other half of a wide character of which one half is written over."""
        if cells[column] == "" and column:
            cells[column - 1] = cells[column] = " "
        if column + 1 < self.columns and cells[column + 1] == "":
            cells[column + 1] = " "

    def _mark(self, mark: str) -> None:
        """Put a combining mark onto the character before the cursor; other hidden ones are dropped."""
        if is_hidden(ord(mark)):
            return
        cells = self._cells[self.row]
        column = self.column if self._is_full else self.column - 1
        if column > 0 and cells[column] == "":
            column -= 1
        if column >= 0 and len(cells[column]) < _CELL_MAX:
            cells[column] += mark

    def backspace(self) -> None:
        """Go one back."""
        self.go(self.row, self.column - 1)

    def tab(self) -> None:
        """Go to the next column that is a multiple of eight."""
        self.go(self.row, (self.column // 8 + 1) * 8)

    def carriage_return(self) -> None:
        """Go to the begin of the line."""
        self.go(self.row, 0)

    def line_feed(self) -> None:
        """Go one down; at the lower margin the lines go one up."""
        self._is_full = False
        if self.row == self._bottom:
            self.scroll_up(1)
        else:
            self.row = min(self.row + 1, self.rows - 1)

    def reverse_feed(self) -> None:
        """Go one up; at the upper margin the lines go one down."""
        self._is_full = False
        if self.row == self._top:
            self.scroll_down(1)
        else:
            self.row = max(self.row - 1, 0)

    def next_line(self) -> None:
        """Go to the begin of the next line."""
        self.carriage_return()
        self.line_feed()

    def save(self) -> None:
        """Keep in mind where the cursor is."""
        self._saved = (self.row, self.column)

    def restore(self) -> None:
        """Go back to where it was kept in mind."""
        self.go(*self._saved)

    def change_screen(self, *, to_alternative: bool) -> None:
        """Change to the screen that keeps no history, or back."""
        if to_alternative and self._main is None:
            self.save()
            self._main = self._cells
            self._cells = [self._blank() for _ in range(self.rows)]
        elif not to_alternative and self._main is not None:
            self._cells, self._main = self._main, None
            self.restore()

    def place(self, numbers: list[int]) -> None:
        """Go to a row and a column, counted from one."""
        row, column = max(numbers[0], 1) - 1, max((numbers[1:] or [1])[0], 1) - 1
        if self._origin:
            self.go(min(self._top + row, self._bottom), column)
        else:
            self.go(row, column)

    def move(self, rows: int, columns: int) -> None:
        """Move, and stop at the margins if within them."""
        row = self.row + rows
        if rows < 0 and self.row >= self._top:
            row = max(row, self._top)
        if rows > 0 and self.row <= self._bottom:
            row = min(row, self._bottom)
        self.go(row, self.column + columns)

    def go(self, row: int, column: int) -> None:
        """Go to a row and a column, as far as they are there."""
        self.row = min(max(row, 0), self.rows - 1)
        self.column = min(max(column, 0), self.columns - 1)
        self._is_full = False

    def margins(self, numbers: list[int]) -> None:
        """Set the rows between which lines are moved."""
        top = max(numbers[0], 1) - 1
        bottom = min((numbers[1:] or [0])[0] or self.rows, self.rows) - 1
        if top < bottom:
            self._top, self._bottom = top, bottom
            self.go(top if self._origin else 0, 0)

    def erase(self, final: str, how: int) -> None:
        """Erase to the end, to the begin, or all; of the line (K) or of the screen (J)."""
        if how > 3 or (how == 3 and final == "K"):
            return
        first = self.column if how == 0 else 0
        last = self.column + 1 if how == 1 else self.columns
        self._blank_cells(first, last)
        if final == "J":
            self._is_full = False
            above = range(self.row) if how in {1, 2} else range(0)
            below = range(self.row + 1, self.rows) if how in {0, 2} else range(0)
            for row in (*above, *below):
                self._cells[row] = self._blank()

    def erase_cells(self, count: int) -> None:
        """Blank so many cells from the cursor on."""
        self._blank_cells(self.column, min(self.column + count, self.columns))

    def _blank_cells(self, first: int, last: int) -> None:
        cells = self._cells[self.row]
        self._unpair(cells, first)
        self._unpair(cells, last - 1)
        cells[first:last] = [" "] * (last - first)

    def insert(self, count: int) -> None:
        """Push in so many blanks at the cursor."""
        self._insert_cells(count)

    def _insert_cells(self, count: int) -> None:
        cells = self._cells[self.row]
        self._unpair(cells, self.column)
        count = min(count, self.columns - self.column)
        cells[self.column : self.column] = [" "] * count
        del cells[self.columns :]
        self._mend_edge(cells)

    def delete(self, count: int) -> None:
        """Take out so many cells at the cursor."""
        cells = self._cells[self.row]
        count = min(count, self.columns - self.column)
        self._unpair(cells, self.column)
        self._unpair(cells, self.column + count - 1)
        del cells[self.column : self.column + count]
        cells += [" "] * count

    def _mend_edge(self, cells: list[str]) -> None:
        """Blank a wide character whose right half was pushed out."""
        if len(cells[-1]) > 0 and shown_as(cells[-1][0])[1] == 2:
            cells[-1] = " "

    def insert_lines(self, count: int) -> None:
        """Push in so many lines at the cursor."""
        if self._top <= self.row <= self._bottom:
            self._shift(self.row, min(count, self._bottom - self.row + 1), down=True)
            self.go(self.row, 0)

    def delete_lines(self, count: int) -> None:
        """Take out so many lines at the cursor."""
        if self._top <= self.row <= self._bottom:
            self._shift(self.row, min(count, self._bottom - self.row + 1), down=False)
            self.go(self.row, 0)

    def scroll_up(self, count: int) -> None:
        """Move the lines between the margins up; what leaves the top is kept for a while."""
        count = min(count, self._bottom - self._top + 1)
        if self._main is None and self._top == 0:
            self.scrolled_count += count
            self.scrolled.extend(self.line(row) for row in range(count))
        self._shift(self._top, count, down=False)

    def scroll_down(self, count: int) -> None:
        """Move the lines between the margins down."""
        self._shift(self._top, min(count, self._bottom - self._top + 1), down=True)

    def _shift(self, top: int, count: int, *, down: bool) -> None:
        """Move the lines from `top` to the lower margin, and fill with blank ones."""
        blank = [self._blank() for _ in range(count)]
        if down:
            del self._cells[self._bottom + 1 - count : self._bottom + 1]
            self._cells[top:top] = blank
        else:
            del self._cells[top : top + count]
            self._cells[self._bottom + 1 - count : self._bottom + 1 - count] = blank

    def repeat(self, count: int) -> None:
        """Write the last character again, so often."""
        self.write(self._last * min(count, self.columns))

    def _blank(self) -> list[str]:
        return [" "] * self.columns


def _fitted(cells: list[list[str]], rows: int, columns: int) -> list[list[str]]:
    """Cut lines to a size, and fill up."""
    fitted = [[*line[:columns], *([" "] * (columns - len(line)))] for line in cells[:rows]]
    for line in fitted:
        if line[-1] and shown_as(line[-1][0])[1] == 2:
            line[-1] = " "
    return fitted + [[" "] * columns for _ in range(rows - len(fitted))]
