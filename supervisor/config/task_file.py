"""Tasks as a `tasks.toml` lists them: read strictly, and given new states without touching anything else.

`docs/plans.md` explains the form. `tomllib` reads; what is written are single `status = "…"` lines of the
text, so comments, order and spelling stay as they are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from supervisor.config.check_text import CheckUnreadable, check_of, repeated
from supervisor.config.locator import KeyPath, Locator, TooDeep, TooManyEntries
from supervisor.config.plan_text import KEY_PATTERN
from supervisor.config.planned import Findings, Planned, PlannedTask, quoted
from supervisor.config.problems import described, did_you_mean
from supervisor.errors import PlanInvalid
from supervisor.model.evidence import CHECKS_MAX, Check
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.milestone import GOAL_MAX, NAME_MAX, TASKS_AT_ONCE
from supervisor.model.task import BODY_MAX, PRIORITY_WORDS, TAGS_MAX, TITLE_MAX, TaskState

_WAITING: Final = frozenset({TaskState.PENDING, TaskState.BLOCKED})

STATUS_WORDS: Final[dict[str, frozenset[TaskState]]] = {
    **dict.fromkeys(("pending", "blocked", "todo", "backlog", "assigned", "created"), _WAITING),
    **dict.fromkeys(("in_progress", "in-progress", "running", "active"), frozenset({TaskState.IN_PROGRESS})),
    **dict.fromkeys(("in_review", "in-review", "pending_review"), frozenset({TaskState.IN_REVIEW})),
    **dict.fromkeys(("completed", "done"), frozenset({TaskState.DONE})),
    "failed": frozenset({TaskState.FAILED}),
    **dict.fromkeys(("cancelled", "canceled"), frozenset({TaskState.CANCELLED})),
    "skipped": frozenset({TaskState.SKIPPED}),
}
"""What a file may call the states; several words may mean the same."""

WRITTEN: Final[dict[TaskState, str]] = {state: state.value for state in TaskState} | {
    TaskState.BLOCKED: "pending",
    TaskState.DONE: "completed",
}
"""What a state is called when it is written into a file."""

MET: Final = frozenset({TaskState.DONE, TaskState.CANCELLED, TaskState.SKIPPED})

_TEXTS: Final = {
    "id": 63,
    "title": TITLE_MAX,
    "description": BODY_MAX,
    "agent": 63,
    "status": 63,
    "parent": 63,
}
_KNOWN: Final = (*_TEXTS, "depends_on", "tags", "priority", "wave", "track", "checks")
_META: Final = {"description": GOAL_MAX, "name": NAME_MAX, "default_agent": 63}
_STATUS_LINE: Final = re.compile(
    r"""(\s*(?:status|"status"|'status')\s*=\s*)(?:"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*')(\s*(?:#.*)?)\Z"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFile:
    """A file of tasks: what it plans, and the word for the status of each task by its id."""

    text: str
    planned: Planned
    statuses: dict[str, str]

    def differing(self, states: Mapping[str, TaskState]) -> dict[str, TaskState]:
        """Return those states, by task id, that the file's words do not mean."""
        return {
            key: states[key]
            for key, word in self.statuses.items()
            if key in states and states[key] not in STATUS_WORDS[word]
        }


class _Reader:
    """Reads the tables of one file and notes what is wrong with them."""

    def __init__(self, data: dict[str, Any], locator: Locator, shown_as: str) -> None:
        self._data = data
        self._locator = locator
        self._orders: dict[str, int] = {}
        self.findings = Findings(shown_as)
        self.default_agent: str | None = None

    def meta(self) -> tuple[str, str]:
        """Return the name and the goal that the file gives, empty if none."""
        self._unknown((), self._data, ("meta", "tasks"))
        meta = self._data.get("meta", {})
        if not isinstance(meta, dict):
            self._wrong(("meta",), f"`meta` is a table, not {described(meta)}")
            return "", ""
        self._unknown(("meta",), meta, tuple(_META))
        texts = {key: self._text(("meta", key), meta.get(key, ""), limit) for key, limit in _META.items()}
        self.default_agent = texts["default_agent"] or None
        return texts["name"] or texts["description"].strip().partition("\n")[0], texts["description"]

    def tasks(self) -> tuple[list[PlannedTask], dict[str, str]]:
        """Return the tasks, and each one's word for its status."""
        listed = self._data.get("tasks", [])
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            self._wrong(("tasks",), "tasks are written as [[tasks]] tables")
            return [], {}
        if len(listed) > TASKS_AT_ONCE:
            self._wrong(("tasks",), f"a file has at most {TASKS_AT_ONCE} tasks; this one has {len(listed)}")
            self.findings.settle()
        ids = [each.get("id") for each in listed]
        tasks, statuses = [], {}
        for number, table in enumerate(listed):
            task, status = self._task(("tasks", number), table, ids)
            tasks.append(task)
            statuses[task.key] = status
        return tasks, statuses

    def _task(self, path: KeyPath, table: dict[str, Any], ids: list[Any]) -> tuple[PlannedTask, str]:
        self._unknown(path, table, _KNOWN)
        texts = {key: self._text((*path, key), table.get(key, ""), limit) for key, limit in _TEXTS.items()}
        self._checked_id(path, texts["id"], ids)
        if not (texts["title"] or texts["description"]).strip():
            self._wrong(path, "the task says nothing: give it a `description` or a `title`")
        status = self._one_of((*path, "status"), texts["status"] or "pending", STATUS_WORDS, "pending")
        needed = self._references((*path, "depends_on"), table.get("depends_on", []), ids)
        above = self._references((*path, "parent"), [texts["parent"]] if texts["parent"] else [], ids)
        track = self._named((*path, "track"), table.get("track")) if "track" in table else None
        task = PlannedTask(
            key=texts["id"],
            title=texts["title"] or _first_line(texts["description"]),
            line=self._locator.line_of(path),
            description=texts["description"],
            priority=self._one_of(
                (*path, "priority"), table.get("priority", "normal"), PRIORITY_WORDS, "normal"
            ),
            tags=self._tags((*path, "tags"), table.get("tags", [])),
            depends_on=tuple(dict.fromkeys((*above, *needed))),
            track=track,
            order=self._next_in(track),
            wave=self._wave((*path, "wave"), table.get("wave", 0)),
            whom=texts["agent"] or self.default_agent,
            checks=self._checks((*path, "checks"), table.get("checks", [])),
            is_met=bool(STATUS_WORDS[status] & MET),
        )
        return task, status

    def _next_in(self, track: str | None) -> int:
        if track is None:
            return 0
        self._orders[track] = self._orders.get(track, 0) + 1
        return self._orders[track]

    def _checked_id(self, path: KeyPath, name: str, ids: list[Any]) -> None:
        if not KEY_PATTERN.match(name):
            told = (
                f"the id {quoted(name)}: write letters, digits and . _ -" if name else "the task has no `id`"
            )
            self._wrong((*path, "id") if name else path, told)
        elif ids.count(name) > 1 and ids.index(name) != path[1]:
            first = self._locator.line_of(("tasks", ids.index(name), "id"))
            self._wrong((*path, "id"), f"the id {quoted(name)} is that of line {first}")

    def _references(self, path: KeyPath, names: Any, ids: list[Any]) -> list[str]:
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            self._wrong(path, f"`{path[-1]}` is a list of ids, not {described(names)}")
            return []
        known = [each for each in ids if isinstance(each, str)]
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known[:20])
                self._wrong(path, f"`{path[-1]}` names {quoted(name)}, which is no task here{hint}")
        return names

    def _tags(self, path: KeyPath, tags: Any) -> tuple[str, ...]:
        if not isinstance(tags, list) or len(tags) > TAGS_MAX:
            self._wrong(path, f"`tags` is a list of at most {TAGS_MAX} names")
            return ()
        return tuple(dict.fromkeys(self._named(path, tag) for tag in tags))

    def _checks(self, path: KeyPath, listed: Any) -> tuple[Check, ...]:
        if not isinstance(listed, list) or len(listed) > CHECKS_MAX:
            self._wrong(path, f"`checks` is a list of at most {CHECKS_MAX} checks")
            return ()
        found: list[Check] = []
        for each in listed:
            try:
                found.append(check_of(each))
            except CheckUnreadable as error:
                self._wrong(path, str(error))
        if twice := repeated(found):
            self._wrong(path, f"two checks have the name {quoted(twice)}")
        return tuple(found)

    def _named(self, path: KeyPath, name: Any) -> str:
        if not isinstance(name, str) or not NAME_PATTERN.match(name):
            what = quoted(name) if isinstance(name, str) else described(name)
            self._wrong(path, f"{what} is no name; write small letters, digits, _ and -")
            return "unnamed"
        return name

    def _one_of(self, path: KeyPath, word: Any, words: Mapping[str, Any], instead: str) -> str:
        if isinstance(word, str) and word in words:
            return word
        said = quoted(word) if isinstance(word, str) else described(word)
        hint = did_you_mean(word, words) if isinstance(word, str) else ""
        self._wrong(path, f"`{path[-1]}` is {said}{hint}")
        return instead

    def _wave(self, path: KeyPath, wave: Any) -> int:
        if type(wave) is int and 0 <= wave <= 10_000:
            return wave
        self._wrong(path, f"`wave` is a number from 0 to 10000, not {described(wave)}")
        return 0

    def _text(self, path: KeyPath, value: Any, limit: int) -> str:
        if not isinstance(value, str):
            self._wrong(path, f"`{path[-1]}` is a text, not {described(value)}")
            return ""
        if len(value.encode()) > limit:
            self._wrong(path, f"`{path[-1]}` has over {limit} bytes")
            return ""
        return value

    def _unknown(self, path: KeyPath, table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self._wrong((*path, key), f"there is no key {quoted(key)} here{did_you_mean(key, known)}")

    def _wrong(self, path: KeyPath, what: str) -> None:
        self.findings.add(self._locator.line_of(path), what)


def read_tasks(text: str, shown_as: str) -> TaskFile:
    """Read a file of tasks; raise PlanInvalid with every problem."""
    data, locator = _parsed(text, shown_as)
    reader = _Reader(data, locator, shown_as)
    name, goal = reader.meta()
    tasks, statuses = reader.tasks()
    reader.findings.settle()
    planned = Planned(shown_as=shown_as, name=_cut(name, NAME_MAX) or shown_as, goal=goal, tasks=tuple(tasks))
    return TaskFile(text=text, planned=planned, statuses=statuses)


def with_states(file: TaskFile, states: Mapping[str, TaskState]) -> str:
    """Return the file's text with these states by task id; nothing else of it changes.

    Raises PlanInvalid where a status cannot be set by changing one line.
    """
    data, locator = _parsed(file.text, file.planned.shown_as)
    lines = file.text.split("\n")
    findings = Findings(file.planned.shown_as)
    fresh: list[tuple[int, str]] = []
    for number, table in enumerate(data.get("tasks", [])):
        if table["id"] not in states:
            continue
        word = WRITTEN[states[table["id"]]]
        at = locator.line_of(("tasks", number, "status"))
        if "status" not in table:
            fresh.append((at, f'status = "{word}"' + ("\r" if lines[at - 1].endswith("\r") else "")))
        elif found := _STATUS_LINE.match(lines[at - 1]):
            lines[at - 1] = f'{found[1]}"{word}"{found[2]}'
        else:
            findings.add(at, 'the status cannot be set here: write `status = "…"` on a line of its own')
        table["status"] = word
    findings.settle()
    for at, line in sorted(fresh, reverse=True):
        lines.insert(at, line)
    text = "\n".join(lines)
    if _parsed(text, file.planned.shown_as)[0] != data:
        raise PlanInvalid(f"the states cannot be written into {file.planned.shown_as}: use [[tasks]] tables")
    return text


def _parsed(text: str, shown_as: str) -> tuple[dict[str, Any], Locator]:
    try:
        locator = Locator(text)
        return tomllib.loads(text), locator
    except (TooDeep, TooManyEntries) as error:
        told = "is nested too deep" if isinstance(error, TooDeep) else "has too many entries"
        raise PlanInvalid(problems=(f"{shown_as}:{error.args[0]}: this {told}",)) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PlanInvalid(problems=(f"{shown_as}: this is no TOML: {error}",)) from error


def _first_line(description: str) -> str:
    return _cut(description.strip().partition("\n")[0].strip(), TITLE_MAX)


def _cut(text: str, limit: int) -> str:
    """Return as much of a text as has at most `limit` bytes, with an ellipsis if something is lost."""
    if len(text.encode()) <= limit:
        return text
    return text.encode()[: limit - 3].decode(errors="ignore").rstrip() + "…"
