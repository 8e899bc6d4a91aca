"""Codex' running totals of tokens, made into increments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from supervisor.adapters.codex_fields import table_in, whole_in
from supervisor.adapters.events import Usage

_THREADS_MAX: Final = 1_000
"""Sub-agents have threads of their own; of more than so many the oldest are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Tokens as Codex counts them: input with what came from the cache, output with the reasoning."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def since(self, before: _Counts) -> _Counts:
        """Return what was added; a count that went back adds nothing."""
        return _Counts(
            input=max(0, self.input - before.input),
            cached=max(0, self.cached - before.cached),
            cache_write=max(0, self.cache_write - before.cache_write),
            output=max(0, self.output - before.output),
            reasoning=max(0, self.reasoning - before.reasoning),
        )


class TokenMeter:
    """Knows what each thread had used when it was last heard of.

    A thread that is resumed begins with totals of its earlier life: Codex tells them again before its next
    turn, and they are no use of tokens now.
    """

    def __init__(self) -> None:
        """Begin with no thread."""
        self._totals: Final[dict[str, _Counts]] = {}
        self._resumed: Final[set[str]] = set()

    def resume(self, thread: str) -> None:
        """Take the totals that come next for the thread as those of its past."""
        self._totals.pop(thread, None)
        self._resumed.add(thread)

    def take(self, thread: str, usage: dict[str, Any], *, model: str, in_turn: bool) -> Usage | None:
        """Take in totals; None if nothing was used since the last."""
        total, last = _counts(table_in(usage, "total")), _counts(table_in(usage, "last"))
        before = self._totals.pop(thread, None)
        self._totals[thread] = total
        if len(self._totals) > _THREADS_MAX:
            del self._totals[next(iter(self._totals))]
        if before is None and thread in self._resumed:
            self._resumed.discard(thread)
            added = last if in_turn else _Counts()
        else:
            added = total.since(before or _Counts())
        if added == _Counts():
            return None
        return Usage(
            model=model,
            input_tokens=max(0, added.input - added.cached - added.cache_write),
            output_tokens=added.output,
            cached_tokens=added.cached,
            cache_write_tokens=added.cache_write,
            reasoning_tokens=added.reasoning,
            context_tokens=whole_in(table_in(usage, "last"), "totalTokens"),
            context_window=whole_in(usage, "modelContextWindow"),
        )


def _counts(table: dict[str, Any]) -> _Counts:
    return _Counts(
        input=whole_in(table, "inputTokens") or 0,
        cached=whole_in(table, "cachedInputTokens") or 0,
        cache_write=whole_in(table, "cacheWriteInputTokens") or 0,
        output=whole_in(table, "outputTokens") or 0,
        reasoning=whole_in(table, "reasoningOutputTokens") or 0,
    )
