"""The desktop's own notices, by the program that the system has for them; text only as arguments."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from supervisor.notifiers.aside import AllBusy, Aside
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notice import cut
from supervisor.notifiers.sink import NotSent

DEADLINE_S: Final = 10.0
SHOWN_MAX: Final = 500
PROGRAMS: Final = ("notify-send", "osascript")

_KEPT: Final = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
_APPLESCRIPT: Final = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def desktop_program(path: str | None = None) -> str | None:
    """Return the program that shows notices here, or None; `path` replaces PATH."""
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path)) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesktopSink:
    """Shows each letter on the desktop of whoever started the engine."""

    aside: Aside
    environ: Mapping[str, str] = field(repr=False)
    deadline_s: float = DEADLINE_S

    async def send(self, letter: Letter) -> str:
        """Show the letter; raise NotSent."""
        try:
            return await self.aside.run(lambda: self._show(letter))
        except AllBusy:
            raise NotSent("too many calls of the system hang", again=True) from None

    def _show(self, letter: Letter) -> str:
        program = desktop_program(self.environ.get("PATH", ""))
        if program is None:
            raise NotSent(f"none of {', '.join(PROGRAMS)} is installed", again=False)
        try:
            ended = subprocess.run(
                desktop_command(program, letter),
                env={name: self.environ[name] for name in _KEPT if name in self.environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.deadline_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotSent(f"{program} did not end within {self.deadline_s:g} s", again=True) from None
        except OSError as error:
            raise NotSent(f"{program} cannot be started: {error.strerror}", again=False) from None
        if ended.returncode:
            raise NotSent(f"{program} ended with {ended.returncode}; is there a desktop?", again=True)
        return f"shown by {program}"


def desktop_command(program: str, letter: Letter) -> tuple[str, ...]:
    """Build the argument list; what the program would read as markup or escapes is spelled out."""
    title, body = cut(letter.title, SHOWN_MAX), cut(letter.body, SHOWN_MAX)
    if program.endswith("osascript"):
        script = tuple(word for line in _APPLESCRIPT for word in ("-e", line))
        return (program, *script, "--", title, body)
    spelled = html.escape(body, quote=False).replace("\\", "\\\\")  # it reads markup, and C's escapes
    return (program, "--app-name=supervisor", "--", title, spelled)
