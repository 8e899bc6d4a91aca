"""Plans as people write them: markdown lists become tasks, headings become tracks and waves.

`docs/plans.md` explains the form and has an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from supervisor.config.check_text import repeated
from supervisor.config.item_text import ItemText, attribute_of, item_text
from supervisor.config.planned import Findings, Planned, PlannedTask, quoted
from supervisor.config.problems import nearest
from supervisor.model.evidence import CHECKS_MAX
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.milestone import GOAL_MAX, NAME_MAX, TASKS_AT_ONCE
from supervisor.model.task import BODY_MAX, CRITERIA_MAX, TAGS_MAX, TITLE_MAX

DEPTH_MAX: Final = 8
KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")

_HEADING: Final = re.compile(r"(#{1,6}) +(.*)\Z")
_ITEM: Final = re.compile(r"( *)(?:[-*+]|[0-9]{1,9}[.)])(?: +|\Z)(?:\[([ xX])\](?: +|\Z))?(.*)\Z")
_RULE: Final = re.compile(r" *([-*_])(?: *\1){2,} *\Z")
_FENCE: Final = re.compile(r" *(```|~~~)")
_WAVE: Final = re.compile(r"wave +([0-9]{1,5})\b", re.IGNORECASE)
_ANY_ORDER: Final = re.compile(r"\((?:in )?any order\)\Z", re.IGNORECASE)
_CRITERIA: Final = re.compile(
    r"(?:acceptance(?: criteria)?|criteria):\Z|acceptance criteria\Z", re.IGNORECASE
)
_CRITERION: Final = re.compile(r"(?:AC|acceptance)(?: ?[0-9]{1,3})?:\s+(.+)\Z", re.IGNORECASE)
_TASK_ID: Final = re.compile(r"[Tt][0-9]{1,18}\Z")


@dataclass(slots=True, eq=False)
class _Item:
    """One list item while its lines are read. A note is no task: it says something about its `parent`.

    `collects` tells that the items below it are criteria.
    """

    line: int
    indent: int
    said: ItemText
    is_note: bool = False
    is_met: bool = False
    parent: _Item | None = None
    track: str | None = None
    order: int = 0
    wave: int = 0
    collects: bool = False
    body: list[str] = field(default_factory=list)
    criteria: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def task(self) -> _Item:
        """Return the task that this is, or that this note is about."""
        return self.parent if self.is_note and self.parent is not None else self


@dataclass(slots=True)
class _Section:
    """The heading that the lines stand under."""

    title: str = ""
    track: str | None = None
    wave: int = 0
    is_told: bool = False


class _Reader:
    """Reads a plan line by line."""

    def __init__(self, shown_as: str) -> None:
        self.findings = Findings(shown_as)
        self.name = ""
        self.goal: list[str] = []
        self.items: list[_Item] = []
        self._stack: list[_Item] = []
        self._section = _Section()
        self._orders: dict[str, int] = {}
        self._fence: tuple[str, int] | None = None
        self._after_blank = False

    def take(self, number: int, raw: str) -> None:
        """Read one line."""
        line = raw.rstrip().expandtabs(4)
        fence = _FENCE.match(line)
        if self._fence is not None or fence:
            self._fenced(number, line, fence[1] if fence else "")
        elif not line:
            self._blank()
            return
        elif heading := _HEADING.match(line):
            self._heading(number, len(heading[1]), _unclosed(heading[2]))
        elif _RULE.match(line):
            self._stack.clear()
        elif item := _ITEM.match(line):
            self._item(number, len(item[1]), item[3].strip(), is_met=(item[2] or " ") in "xX")
        else:
            self._words(number, line)
        self._after_blank = False

    def end(self) -> None:
        """Note what was begun and not ended."""
        if self._fence is not None:
            self.findings.add(self._fence[1], "the code block that begins here does not end")

    def _fenced(self, number: int, line: str, mark: str) -> None:
        """Take lines of a code block as they are."""
        if self._fence is None:
            self._fence = (mark, number)
            self._leave(_indent(line))
        elif mark == self._fence[0]:
            self._fence = None
        self._text(line)

    def _blank(self) -> None:
        self._after_blank = True
        if not self._stack or not self._stack[-1].is_note:
            self._text("")

    def _heading(self, number: int, level: int, title: str) -> None:
        self._stack.clear()
        if level == 1:
            if self.name:
                self.findings.add(number, "a second `#` heading: a plan has one; write `##` for its parts")
            self.name = title
            self._sized(number, title, NAME_MAX, "the name")
        elif level == 2:
            self._section = self._section_of(number, title)
        else:
            self.goal.append(title)

    def _section_of(self, number: int, title: str) -> _Section:
        wave = _WAVE.match(title)
        if wave is not None:
            place = int(wave[1])
            if not 1 <= place <= 10_000:
                self.findings.add(number, f"wave {place} is not between 1 and 10000")
            return _Section(title=title, wave=place)
        if _ANY_ORDER.search(title):
            return _Section(title=title)
        return _Section(title=title, track=slug(title) or f"track-{len(self._orders) + 1}")

    def _item(self, number: int, indent: int, words: str, *, is_met: bool) -> None:
        while self._stack and self._stack[-1].indent + 2 > indent:
            self._stack.pop()
        above = self._stack[-1] if self._stack else None
        if not words:
            self.findings.add(number, "an item without words")
        elif len(self._stack) >= DEPTH_MAX:
            self.findings.add(number, f"lists are nested at most {DEPTH_MAX} deep")
        elif above is not None and self._belongs(above, number, words):
            self._note(number, indent, words, above)
        elif _CRITERION.match(words):
            self.findings.add(number, "a criterion with no task above it; set it in below its task")
        else:
            self._task(number, indent, words, above.task if above else None, is_met=is_met)

    def _belongs(self, above: _Item, number: int, words: str) -> bool:
        """Take an item that says something about the task above, and tell whether it does."""
        task = above.task
        criterion = _CRITERION.match(words)
        if criterion is not None:
            task.criteria.append(criterion[1])
        elif above.collects:
            task.criteria.append(words)
        elif not _CRITERIA.match(words):
            return self._attribute(task, number, words)
        return True

    def _note(self, number: int, indent: int, words: str, above: _Item) -> None:
        collects = above.collects or _CRITERIA.match(words) or _CRITERION.match(words)
        note = _Item(
            line=number,
            indent=indent,
            said=ItemText(title=words),
            is_note=True,
            parent=above.task,
            collects=bool(collects),
        )
        self._stack.append(note)

    def _task(self, number: int, indent: int, words: str, above: _Item | None, *, is_met: bool) -> None:
        said = item_text(words)
        for problem in said.problems:
            self.findings.add(number, problem)
        item = _Item(line=number, indent=indent, said=said, is_met=is_met, parent=above)
        if above is not None:
            item.track, item.order, item.wave = above.track, above.order, above.wave
        else:
            item.track, item.wave = self._section.track, self._section.wave
            if item.track is not None:
                item.order = self._orders[item.track] = self._orders.get(item.track, 0) + 1
        self._sized(number, said.title, TITLE_MAX, "the title")
        if len(self.items) == TASKS_AT_ONCE:
            self.findings.add(number, f"a plan has at most {TASKS_AT_ONCE} tasks; split it into several")
            self.findings.settle()
        self.items.append(item)
        self._stack.append(item)

    def _words(self, number: int, line: str) -> None:
        """Take a line that is no item: about the item above it if it is set in, else about the plan."""
        indent, words = _indent(line), line.strip()
        if indent or self._after_blank:
            self._leave(indent)
        above = self._stack[-1] if self._stack else None
        if above is None:
            self._text(line)
        elif above.is_note and above.collects and above.task.criteria:
            above.task.criteria[-1] += f" {words}"
        elif _CRITERIA.match(words):
            above.collects = True
        elif not self._attribute(above.task, number, words):
            above.collects = False
            self._text(line)

    def _leave(self, indent: int) -> None:
        while self._stack and self._stack[-1].indent >= indent:
            self._stack.pop()

    def _attribute(self, task: _Item, number: int, words: str) -> bool:
        """Take words such as `after: x` as said about a task; tell whether they were."""
        found = attribute_of(words)
        if found is None:
            return False
        task.said, problems = task.said.with_attribute(*found)
        for problem in problems:
            self.findings.add(number, problem)
        return True

    def _text(self, line: str) -> None:
        """Keep a line of prose where it belongs."""
        if self._stack:
            task = self._stack[-1].task
            task.body.append(line[min(_indent(line), task.indent + 2) :])
            return
        if line and self._section.title and not self._section.is_told:
            self._section.is_told = True
            self.goal.append(f"{self._section.title}:")
        self.goal.append(line)

    def _sized(self, number: int, text: str, limit: int, what: str) -> None:
        if len(text.encode()) > limit:
            self.findings.add(number, f"{what} has over {limit} bytes; put the rest on the lines below it")


def read_plan(text: str, shown_as: str) -> Planned:
    """Read a plan from markdown; raise PlanInvalid with every problem. One without lists has no tasks."""
    reader = _Reader(shown_as)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.take(number, line)
    reader.end()
    goal = _joined(reader.goal)
    if len(goal.encode()) > GOAL_MAX and reader.items:
        reader.findings.add(1, f"the text outside its tasks has over {GOAL_MAX} bytes; shorten it")
    _give_keys(reader.items, reader.findings)
    names = _names(reader.items)
    tasks = tuple(_task_of(item, names, reader.findings) for item in reader.items)
    reader.findings.settle()
    return Planned(shown_as=shown_as, name=reader.name or shown_as[-NAME_MAX:], goal=goal, tasks=tasks)


def slug(title: str) -> str:
    """Spell a title as a name: `Set up CI!` becomes `set-up-ci`; empty if nothing of it can be used."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:63].strip("-")
    return words if NAME_PATTERN.match(words) else ""


def _give_keys(items: list[_Item], findings: Findings) -> None:
    """Give every item its own key: the one it says, else its title as a name."""
    taken: dict[str, int] = {}
    for item in items:
        if item.said.key is None:
            continue
        if not KEY_PATTERN.match(item.said.key) or _TASK_ID.match(item.said.key):
            findings.add(item.line, f"the key {quoted(item.said.key)}: write letters, digits and . _ -")
        elif item.said.key in taken:
            findings.add(item.line, f"the key {quoted(item.said.key)} is that of line {taken[item.said.key]}")
        item.key = item.said.key
        taken[item.key] = item.line
    for item in items:
        if item.said.key is None:
            item.key = _fresh(slug(item.said.title), taken)
            taken[item.key] = item.line


def _fresh(word: str, taken: Iterable[str]) -> str:
    stem = "item" if not word or _TASK_ID.match(word) else word[:56]
    number, key = 1, stem
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key


def _names(items: list[_Item]) -> dict[str, list[_Item]]:
    """Return by which words the items can be named: key, or title whatever its case."""
    names: dict[str, list[_Item]] = {}
    for item in items:
        names.setdefault(item.said.title.casefold(), []).append(item)
    for item in items:
        if (
            item.said.key is not None or item.key not in names
        ):  # a made-up key hides no title of several tasks
            names[item.key] = [item]
    return names


def _task_of(item: _Item, names: dict[str, list[_Item]], findings: Findings) -> PlannedTask:
    said, description = item.said, _joined(item.body)
    for count, limit, what in (
        (len(description.encode()), BODY_MAX, "bytes of description"),
        (len(item.criteria), CRITERIA_MAX, "criteria"),
        (
            max((len(each.encode()) for each in item.criteria), default=0),
            TITLE_MAX * 5,
            "bytes in a criterion",
        ),
        (len(said.tags), TAGS_MAX, "tags"),
        (len(said.checks), CHECKS_MAX, "checks"),
    ):
        if count > limit:
            findings.add(item.line, f"the task has {count} {what}; at most {limit} are allowed")
    if twice := repeated(said.checks):
        findings.add(item.line, f"two checks have the name {quoted(twice)}")
    needed = [_resolved(item, name, names, findings) for name in said.after]
    return PlannedTask(
        key=item.key,
        title=said.title,
        line=item.line,
        description=description,
        priority=said.priority,
        tags=said.tags,
        criteria=tuple(item.criteria),
        depends_on=tuple(dict.fromkeys(each for each in needed if each)),
        parent=None if item.parent is None else item.parent.key,
        track=item.track,
        order=item.order,
        wave=item.wave,
        whom=said.whom,
        required_tags=said.needs,
        complexity=said.complexity,
        review=said.review,
        checks=said.checks,
        is_met=item.is_met,
    )


def _resolved(item: _Item, name: str, names: dict[str, list[_Item]], findings: Findings) -> str:
    """Return the key or task id that a word after `after:` means; empty if that is a problem."""
    found = names.get(name) or names.get(name.casefold()) or []
    if len(found) == 1:
        return found[0].key
    if found:
        lines = ", ".join(str(each.line) for each in found[:5])
        findings.add(
            item.line, f"after: {quoted(name)} is the title of several tasks (lines {lines}); use a key"
        )
    elif _TASK_ID.match(name):
        return name.upper()
    else:
        near = nearest(name, names)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        findings.add(item.line, f"after: there is no task {quoted(name)} in this plan{hint}")
    return ""


def _unclosed(title: str) -> str:
    """Return a heading's words without the hashes that may close it."""
    left = title.rstrip("#")
    return left.rstrip() if left.endswith(" ") else title.strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").rstrip()
