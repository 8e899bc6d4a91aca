"""What a file says is to be done, before any team has seen it: the form that all kinds of files become."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from supervisor.config.problems import shown
from supervisor.errors import PlanInvalid
from supervisor.model.evidence import Check

FILE_MAX: Final = 1 << 20
"""How many bytes a file of tasks may have."""

PROBLEMS_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One task of a file. `whom` is a word of the file's: an agent, pool, role, group or tag.

    `depends_on` and `parent` are keys of the same file, or ids of tasks such as T4. `is_met` tells
    that the file calls it finished.
    """

    key: str
    title: str
    line: int
    description: str = ""
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    track: str | None = None
    order: int = 0
    wave: int = 0
    whom: str | None = None
    required_tags: tuple[str, ...] = ()
    complexity: int | None = None
    review: bool | None = None
    checks: tuple[Check, ...] = ()
    is_met: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A whole file: the milestone's name and goal, and its tasks in the file's order."""

    shown_as: str
    name: str
    goal: str = ""
    tasks: tuple[PlannedTask, ...] = ()

    def without_met(self, *, keep: Collection[str] = ()) -> tuple[PlannedTask, ...]:
        """Return the tasks that are to be done, and those in `keep`; what is met is waited for no more."""
        gone = {task.key for task in self.tasks if task.is_met and task.key not in keep}
        return tuple(
            replace(
                task,
                depends_on=tuple(name for name in task.depends_on if name not in gone),
                parent=None if task.parent in gone else task.parent,
            )
            for task in self.tasks
            if task.key not in gone
        )


class Findings:
    """The problems of one file, each as `path:line: what is wrong`."""

    def __init__(self, shown_as: str) -> None:
        """Begin without any."""
        self._shown_as = shown_as
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, what: str) -> None:
        """Note what is wrong on a line; raise PlanInvalid when it is one too many."""
        if len(self._found) == PROBLEMS_MAX:
            self.settle()
        self._found.append((line, what))

    def settle(self) -> None:
        """Raise PlanInvalid with all of them, if there are any."""
        if self._found:
            told = sorted(self._found, key=lambda found: found[0])
            problems = tuple(f"{self._shown_as}:{line}: {what}" for line, what in told)
            raise PlanInvalid(problems=problems)


def read_text(path: Path) -> str:
    """Read a file of tasks; raise PlanInvalid if it cannot be read as text of a bearable size."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PlanInvalid(f"{path} is no regular file. Give one that holds tasks")
        with path.open("rb") as file:
            data = file.read(FILE_MAX + 1)
    except OSError as error:
        raise PlanInvalid(f"cannot read {path}: {error.strerror}. Give a file that holds tasks") from error
    return decoded(data, str(path))


def decoded(data: bytes, shown_as: str) -> str:
    """Return the text of a file; raise PlanInvalid for other encodings and for control characters."""
    if len(data) > FILE_MAX:
        raise PlanInvalid(f"{shown_as} has over {FILE_MAX} bytes; split it into several files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data[: error.start].count(b"\n") + 1
        raise PlanInvalid(problems=(f"{shown_as}:{place}: this is no UTF-8",)) from error
    findings = Findings(shown_as)
    for number, line in enumerate(text.split("\n"), start=1):
        strange = next((char for char in line.removesuffix("\r") if _is_control(char)), None)
        if strange is not None:
            findings.add(number, f"the control character U+{ord(strange):04X}; take it out")
    findings.settle()
    return text


def _is_control(char: str) -> bool:
    return char != "\t" and (ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0)


def quoted(words: str) -> str:
    """Spell foreign words for a message."""
    return f"`{shown(words)}`"


def write_text(path: Path, text: str, *, instead_of: str) -> None:
    """Put a file's new text in place whole; raise PlanInvalid if it has changed since it was read."""
    place = path.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if read_text(place) != instead_of:
            raise PlanInvalid(f"{path} was changed meanwhile; nothing was written. Try again")
        temporary.replace(place)
    except OSError as error:
        raise PlanInvalid(f"cannot write {path}: {error.strerror}. It is as it was") from error
    finally:
        temporary.unlink(missing_ok=True)
