"""Which lines of a screen match which expressions, found out where no expression can hold anybody up.

The expressions run in the same kind of process as those for lines of output (`line_matcher_main.py`). Who
asks again before the answer is there gets the answer to the newer question only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from supervisor.runtime.line_matcher import ANSWER_S, LINE_MAX, RETRY_S, MatchProcess

HITS_MAX: Final = 8
"""Lines per expression that are found, from the bottom of the screen up."""

SLOW_MAX: Final = 3
"""Lines that an expression may take too long on before it counts as not found on this screen."""

Found = Callable[[dict[str, tuple[int, ...]]], None]
"""Is handed, by name of expression, the numbers of the lines that match, the lowest line first."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    patterns: Mapping[str, str]
    lines: Sequence[str]
    found: Found
    who: str


class ScreenMatcher:
    """Answers for all screens, one after the other; `run` it beside the agents."""

    def __init__(self) -> None:
        """Begin without a process: it comes with the first question."""
        self._questions: Final[dict[object, _Question]] = {}
        self._wake: Final = asyncio.Event()
        self._process: MatchProcess | None = None
        self._slow: Final[set[str]] = set()

    def ask(
        self, asker: object, patterns: Mapping[str, str], lines: Sequence[str], found: Found, *, who: str
    ) -> None:
        """Have lines tried; the answer comes later, unless the same asker asks again."""
        self._questions[asker] = _Question(patterns=patterns, lines=lines, found=found, who=who)
        self._wake.set()

    def forget(self, asker: object) -> None:
        """Answer this asker no more."""
        self._questions.pop(asker, None)

    async def run(self) -> None:
        """Answer until cancelled, and end the process then."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._questions:
                    asker = next(iter(self._questions))
                    await self._answer(asker, self._questions[asker])
        finally:
            await self._end_process()

    async def _answer(self, asker: object, question: _Question) -> None:
        found: dict[str, tuple[int, ...]] = {}
        for name, pattern in question.patterns.items():
            found[name] = await self._hits(pattern, question)
            if self._questions.get(asker) is not question:  # it has asked anew, or gone
                return
        del self._questions[asker]
        try:
            question.found(found)
        except Exception:  # noqa: BLE001 - a fault of a plug-in is its agent's, not the matcher's
            _log.exception("the driver of %s could not take what its screen says", question.who)

    async def _hits(self, pattern: str, question: _Question) -> tuple[int, ...]:
        hits: list[int] = []
        left = [line[:LINE_MAX] for line in reversed(question.lines)]
        last = len(left) - 1
        at = slow = 0
        while at < len(left) and len(hits) < HITS_MAX and slow < SLOW_MAX:
            tried, is_hit = await self._try(pattern, left[at:], question.who)
            at += max(tried, 1)
            slow += tried == 0
            if is_hit:
                hits.append(last - (at - 1))
        return tuple(hits)

    async def _try(self, pattern: str, lines: list[str], who: str) -> tuple[int, bool]:
        try:
            self._process = self._process or MatchProcess()
            async with asyncio.timeout(ANSWER_S):
                tried, is_hit = await self._process.ask(pattern, lines)
        except (OSError, ValueError, KeyError) as problem:  # TimeoutError is an OSError
            _log.warning("a screen of %s could not be read (%r); a line is passed over", who, problem)
            await self._end_process()
            await asyncio.sleep(RETRY_S)
            return 0, False
        if tried == 0 and pattern not in self._slow:
            self._slow.add(pattern)
            _log.warning("`%s` takes too long on a line of %s; it is passed over (told once)", pattern, who)
        return tried, is_hit

    async def _end_process(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            await process.close()
