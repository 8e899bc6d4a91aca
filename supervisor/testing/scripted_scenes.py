r"""Scenes: what a scripted model plays for prompts that carry no script of their own.

A scene file is TOML:

    [[scenes]]
    when = ["review", "parser"]        # all of these words are in the prompt, in any case
    role = "You are a judge"           # and these are anywhere in what the model was told
    times = 1                          # so often at most; then the next scene that fits
    script = 'mcp whoami {} ;; say rejected'
    [scenes.values]
    task = 'task (T\d+)'               # `$task` in the script is what this finds in the prompt

The first scene that fits and is not used up is played. A scene goes before a `SCRIPT:` line of the prompt.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.testing.script import Step, steps_of

_TURNS_MAX: Final = 10_000
_KEYS: Final = frozenset({"when", "role", "times", "script", "values"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene; `times` is None where it is played as often as it fits."""

    when: tuple[str, ...]
    script: tuple[Step, ...]
    role: tuple[str, ...] = ()
    times: int | None = None
    values: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def fits(self, prompt: str, told: str) -> bool:
        """Say whether all of its words are there."""
        prompt, told = prompt.casefold(), told.casefold()
        return all(word.casefold() in prompt for word in self.when) and all(
            word.casefold() in told for word in self.role
        )

    def values_in(self, prompt: str) -> dict[str, str]:
        """Find the values that the script uses in a prompt."""
        found = {name: pattern.search(prompt) for name, pattern in self.values.items()}
        return {name: match[match.lastindex or 0] for name, match in found.items() if match is not None}


def read_scenes(path: Path) -> tuple[Scene, ...]:
    """Read a scene file; ValueError says what is wrong with which scene."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path} cannot be read: {problem}") from problem
    scenes = document.get("scenes")
    if not isinstance(scenes, list) or not scenes or set(document) - {"scenes"}:
        raise ValueError(f"{path} must have one or more [[scenes]] and nothing else")
    return tuple(_scene(number, found, path) for number, found in enumerate(scenes, 1))


def _scene(number: int, found: Mapping[str, Any], path: Path) -> Scene:
    try:
        if unknown := set(found) - _KEYS:
            raise ValueError(f"unknown key {min(unknown)}; there are {', '.join(sorted(_KEYS))}")
        times = found.get("times")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times must be a number from 1 up")
        return Scene(
            when=_words(found, "when"),
            script=tuple(steps_of(str(found.get("script", "")))),
            role=_words(found, "role"),
            times=times,
            values={name: re.compile(spelled) for name, spelled in found.get("values", {}).items()},
        )
    except (ValueError, TypeError, re.error) as problem:
        raise ValueError(f"{path}, scene {number}: {problem}") from problem


def _words(found: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = found.get(key, [])
    words = [words] if isinstance(words, str) else words
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{key} must be words")
    if key == "when" and not words:
        raise ValueError("when must have at least one word")
    return tuple(words)


@dataclass(slots=True)
class _Turn:
    scene: Scene
    is_open: bool = False


class Stage:
    """Chooses scenes, and remembers which it chose for a turn until that turn is over."""

    def __init__(self, scenes: Iterable[Scene]) -> None:
        """Begin with no scene played."""
        self._scenes: Final = tuple(scenes)
        self._played: Final[Counter[int]] = Counter()
        self._turns: Final[OrderedDict[str, _Turn]] = OrderedDict()

    def scene(self, turn: str, prompt: str, told: str, *, begins: bool) -> Scene | None:
        """Return the scene of a turn; the same name that begins again after an answer is a new turn."""
        known = self._turns.get(turn)
        if known is not None and not (begins and known.is_open):
            return known.scene
        for number, scene in enumerate(self._scenes):
            is_left = scene.times is None or self._played[number] < scene.times
            if is_left and scene.fits(prompt, told):
                self._played[number] += 1
                self._turns[turn] = _Turn(scene)
                if len(self._turns) > _TURNS_MAX:
                    self._turns.popitem(last=False)
                return scene
        return None

    def answered(self, turn: str) -> None:
        """Take note that an answer of this turn was given."""
        if turn in self._turns:
            self._turns[turn].is_open = True
