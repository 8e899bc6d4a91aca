"""A person at an agent's terminal: the screen is painted as the engine tells it, keys go the other way.

What is painted is text that was made safe, and our own few sequences: nothing that an agent writes can
act on the person's terminal.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.adapters.canvas import shown_as
from supervisor.cli.engine_door import connected
from supervisor.errors import EngineNotRunning, NotFound, TooMany, WrongState
from supervisor.model.escape import visible

if TYPE_CHECKING:
    from supervisor.transports.control.client import ControlClient

WAIT_S: Final = 15.0
FRAME_S: Final = 0.03
"""Between two pictures: more than thirty a second nobody sees."""

_READ_BYTES: Final = 4_096
_SIDE_MIN: Final = 1
_SIDE_MAX: Final = 500

_ENTER: Final = "\x1b[?1049h\x1b[2J"
_LEAVE: Final = "\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l"


def has_terminal() -> bool:
    """Tell whether there is a terminal to sit at."""
    return sys.stdin.isatty() and sys.stdout.isatty()


async def sit_down(project: Path, agent: str, *, detach: bytes, watches: bool) -> str:
    """Stay until the person leaves or the agent has none any more; return why it ended, in words."""
    async with connected(project) as looking, connected(project) as typing:
        frame = await looking.call("terminal_show", agent=agent)
        seat = Seat(agent, looking, typing, detach=detach, watches=watches)
        with _raw():
            return await seat.stay(frame)


class Seat:
    """One person's stay."""

    def __init__(
        self, agent: str, looking: ControlClient, typing: ControlClient, *, detach: bytes, watches: bool
    ) -> None:
        """Use one connection to look and one to type: who waits for a picture can type meanwhile."""
        self._agent: Final = agent
        self._looking: Final = looking
        self._typing: Final = typing
        self._detach: Final = detach
        self._watches: Final = watches
        self._painter: Final = Painter()
        self._resized: Final = asyncio.Event()
        self._why = f"you left {agent}; it goes on"

    async def stay(self, frame: dict[str, Any]) -> str:
        """Paint and type until one of both ends."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._resized.set)
        self._resized.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [tasks.create_task(self._look(frame)), tasks.create_task(self._fit())]
                await self._type()
                for other in others:
                    other.cancel()
        except* (WrongState, NotFound, EngineNotRunning) as problems:
            self._why = str(problems.exceptions[0])
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
        return self._why

    async def _look(self, frame: dict[str, Any]) -> None:
        while True:
            os.write(1, self._painter.paint(frame).encode("utf-8", "replace"))
            await asyncio.sleep(FRAME_S)
            frame = await self._looking.call(
                "terminal_show",
                agent=self._agent,
                incarnation=frame["incarnation"],
                version=frame["version"],
                wait_s=WAIT_S,
            )

    async def _type(self) -> None:
        while data := await _keys():
            mine, is_detached, _ = data.partition(self._detach)
            if mine and not self._watches:
                await self._send(mine)
            if is_detached:
                return
        self._why = "your terminal is gone"

    async def _send(self, data: bytes) -> None:
        """Type; an agent that does not read its terminal loses the keys, as at a real one, with a bell."""
        try:
            await self._typing.call(
                "terminal_type", agent=self._agent, data=base64.b64encode(data).decode("ascii")
            )
        except TooMany:
            os.write(1, b"\a")

    async def _fit(self) -> None:
        """Give the agent's terminal the size of ours, now and whenever that changes."""
        while True:
            await self._resized.wait()
            self._resized.clear()
            size = os.get_terminal_size(1)  # not what LINES and COLUMNS say: those do not change
            self._painter.resize(size.lines, size.columns)
            if not self._watches:
                await self._typing.call(
                    "terminal_resize", agent=self._agent, rows=_side(size.lines), columns=_side(size.columns)
                )


class Painter:
    """Turns pictures into what our own terminal has to be told: the lines that changed."""

    def __init__(self) -> None:
        """Begin with an empty screen."""
        self._lines: dict[int, str] = {}
        self._rows, self._columns = 24, 80

    def resize(self, rows: int, columns: int) -> None:
        """Paint anew in another size."""
        self._rows, self._columns = rows, columns
        self._lines.clear()

    def paint(self, frame: dict[str, Any]) -> str:
        """Return the text and sequences that make our screen look like the picture."""
        parts = ["\x1b[?25l", "\x1b[?2004h" if frame["takes_paste"] else "\x1b[?2004l"]
        lines = [cut(visible(str(line)), self._columns) for line in frame["lines"][: self._rows]]
        lines += [""] * (self._rows - len(lines))
        for row, line in enumerate(lines):
            if self._lines.get(row) != line:
                parts.append(f"\x1b[{row + 1};1H{line}\x1b[K")
                self._lines[row] = line
        cursor = frame["cursor"]
        if cursor is not None and int(cursor[0]) < self._rows:
            parts.append(f"\x1b[{int(cursor[0]) + 1};{min(int(cursor[1]), self._columns - 1) + 1}H\x1b[?25h")
        return "".join(parts)


def cut(text: str, columns: int) -> str:
    """Cut a line to so many cells."""
    if len(text) <= columns and text.isascii():
        return text
    taken = 0
    for at, character in enumerate(text):
        taken += shown_as(character)[1]
        if taken > columns:
            return text[:at]
    return text


def _side(length: int) -> int:
    return min(max(length, _SIDE_MIN), _SIDE_MAX)


async def _keys() -> bytes:
    """Wait for keys; empty when the terminal is gone."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(0, _once, ready)
    try:
        await ready
        return os.read(0, _READ_BYTES)
    except OSError:
        return b""
    finally:
        loop.remove_reader(0)


def _once(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@contextmanager
def _raw() -> Iterator[None]:
    """Take our terminal for ourselves, and give it back as it was, whatever happens."""
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        os.write(1, _ENTER.encode())
        yield
    finally:
        os.write(1, _LEAVE.encode())
        termios.tcsetattr(0, termios.TCSADRAIN, before)
