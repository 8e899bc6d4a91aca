"""Arguments as an attacker writes them, for any tool, from its schema alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

from supervisor.testing.hostile import SEQUENCES

HOSTILE: Final = (
    "' OR 1=1 --",
    "T1; DROP TABLE task",
    "T1 UNION SELECT key_hash FROM incarnation",
    "n DESC",
    "rank; --",
    "%",
    "_",
    "T%",
    "*",
    'task" MATCH "x',
    "NEAR(a b)",
    "a AND NOT",
    '"',
    ":n",
    "?1",
    "@run",
    "$x",
    "T0",
    "T-1",
    "T1.0",
    "T٣",
    "T999999999999999999",
    "T9999999999999999999",
    "team/../../x",
    "agent:",
    "task:T1 OR 1",
    "role:' OR ''='",
    "all\u202e",
    "\u200b",
    "x" * 5000,
    "{}",
    "null",
    "[]",
    "",
    " ",
    "\n",
    "\x1b[2J",
    "nan",
    "1e999",
    "../../../etc/passwd",
    "file:///etc/passwd",
    "${HOME}",
    "$(id)",
    "`id`",
    *(text for text in SEQUENCES.values() if text.isprintable() or text.isascii()),
)
LIVING: Final = (
    *(f"{letter}{number}" for letter in "TMVAPQHR" for number in (1, 2, 3, 4)),
    *("worker-1", "worker-2", "planner", "judge", "voter-1", "solo", "chief", "human", "self", "all"),
    *(
        "role:worker",
        "role:judge",
        "group:council",
        "group:builders",
        "team",
        "project",
        "task:T1",
        "agent:judge",
    ),
    *("task:T2", "vote:V1", "approval:A1", "mail", "task", "review", "ballot", "idle", "milestone:P1"),
    *("high", "low", "normal", "critical", "done", "ended", "any", "hold", "yes", "no", "info", "pending"),
    *("language", "port", "python", "x", "plan", "sprint"),
)
"""What stands for something in the scene of the tests: what is hostile there is the combination."""

LETTER_OF: Final = {
    "task": "T",
    "milestone": "P",
    "message": "M",
    "vote": "V",
    "approval": "A",
    "question": "Q",
    "handoff": "H",
}
NUMBERS: Final = (
    -(2**63),
    -(2**31) - 1,
    -1,
    0,
    1,
    2,
    3,
    5,
    20,
    45,
    100,
    101,
    1000,
    2**31,
    2**53 + 1,
    2**63 - 1,
)
FLOATS: Final = (-1e308, -1.0, -0.0, 1e-308, 0.5, 1.0, 44.9, 60.0, 3600.0, 1e9, 1e308)
LETTERS: Final = "aT1 -_/:.%'\"\\\n\t\x1b\x7f\u0301\u202e\ufeff\U0001f600日é"
DEEPEST: Final = 3


class Attacker:
    """Makes arguments for one tool: likely ones with something wrong about them, and plain junk."""

    def __init__(self, rng: Random, schema: Mapping[str, Any], good: Mapping[str, Any]) -> None:
        """Read the tool's schema; `good` is a call of it that would succeed, as far as it is known."""
        self._rng = rng
        self._definitions = schema.get("$defs", {})
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._required: tuple[str, ...] = tuple(schema.get("required", ()))
        self._good = dict(good)

    def calls(self, count: int) -> Iterator[dict[str, Any]]:
        """Make the arguments of so many calls."""
        return (self._arguments() for _ in range(count))

    def _arguments(self) -> dict[str, Any]:
        rng = self._rng
        made = dict(self._good) if rng.random() < 0.7 else {}
        for name in self._required:
            if name not in made and rng.random() < 0.95:
                made[name] = self._meant(name)
        names = list(self._properties)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))) if names else ():
            name = rng.choice(names)
            made[name] = self._meant(name) if rng.random() < 0.75 else self._junk()
        if made and rng.random() < 0.05:
            del made[rng.choice(list(made))]
        if rng.random() < 0.03:
            made[rng.choice(HOSTILE)] = self._junk()
        return made

    def _meant(self, name: str) -> Any:
        """Make a value for an argument; for one that names a thing, often a thing that is there."""
        letter = LETTER_OF.get(name.removesuffix("_id"))
        if letter and self._rng.random() < 0.6:
            return f"{letter}{self._rng.randrange(1, 6)}"
        return self._likely(self._properties[name])

    def _likely(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """Make a value of the kind that is asked for, often one that means something."""
        schema = self._definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
        if options := schema.get("anyOf"):
            return self._likely(self._rng.choice(options), depth)
        if words := schema.get("enum"):
            return self._rng.choice((*words, self._text()))
        makers: dict[str, Callable[[], Any]] = {
            "string": self._text,
            "integer": lambda: self._rng.choice(NUMBERS),
            "number": lambda: self._rng.choice((*NUMBERS, *FLOATS)),
            "boolean": lambda: self._rng.random() < 0.5,
            "null": lambda: None,
            "array": lambda: [
                self._likely(schema.get("items", {}), depth + 1) for _ in range(self._few(depth))
            ],
            "object": lambda: self._object(schema, depth),
        }
        return makers.get(schema.get("type", ""), self._scalar)()

    def _list(self, items: Mapping[str, Any], depth: int) -> list[Any]:
        return [self._likely(items, depth + 1) for _ in range(self._few(depth))]

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if not (properties := schema.get("properties")):
            return {self._text(): self._scalar() for _ in range(self._few(depth))}
        wanted = {*schema.get("required", ()), *self._rng.sample(list(properties), min(2, len(properties)))}
        return {name: self._likely(properties[name], depth + 1) for name in sorted(wanted)}

    def _junk(self) -> Any:
        """Make a value of any kind."""
        shape = self._rng.random()
        if shape < 0.6:
            return self._scalar()
        if shape < 0.8:
            return [self._scalar() for _ in range(self._few())]
        return {self._text(): self._scalar() for _ in range(self._few())}

    def _scalar(self) -> Any:
        rng = self._rng
        return rng.choice((self._text(), None, True, False, rng.choice(NUMBERS), rng.choice(FLOATS)))

    def _text(self) -> str:
        rng = self._rng
        shape = rng.random()
        if shape < 0.5:
            return rng.choice(LIVING)
        if shape < 0.8:
            return rng.choice(HOSTILE)
        return "".join(rng.choices(LETTERS, k=rng.randrange(12)))

    def _few(self, depth: int = 0) -> int:
        return self._rng.choice((0, 1, 1, 2, 3)) if depth < DEEPEST else 0
