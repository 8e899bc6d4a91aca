"""What an ACP agent says that it used, as increments; each says it elsewhere, or not at all."""

from __future__ import annotations

from typing import Any, Final

from supervisor.adapters.acp_fields import count, money, rows, table, words
from supervisor.adapters.acp_presets import TurnTokens
from supervisor.adapters.events import Usage


class UsageBook:
    """Remembers the totals of one session, so that only what is new is told."""

    def __init__(self, tokens: TurnTokens) -> None:
        """Begin with nothing used."""
        self._tokens: Final = tokens
        self._cost = 0.0
        self.model = ""

    def begin(self, model: str) -> None:
        """Begin a new session: its totals start at nothing."""
        self.model, self._cost = model, 0.0

    def by_call(self, said: dict[str, Any]) -> Usage | None:
        """Take what one call of the model used (Qwen Code says it beside each message)."""
        return _usage(said, self.model) if said else None

    def by_update(self, update: dict[str, Any]) -> Usage | None:
        """Take an `usage_update`: how full the context is, and what the session cost so far."""
        cost = table(update.get("cost"))
        total = money(cost.get("amount")) if cost.get("currency") == "USD" else None
        spent = None
        if total is not None:
            spent, self._cost = max(0.0, total - self._cost), max(total, self._cost)
        used, size = count(update.get("used")) or None, count(update.get("size")) or None
        if not spent and used is None:
            return None
        return Usage(
            model=self.model,
            cost_usd=spent,
            cost_is_known=bool(spent),  # without a price it says 0
            context_tokens=used,
            context_window=size,
        )

    def by_answer(self, answer: dict[str, Any], *, had_calls: bool) -> list[Usage]:
        """Take the answer to a prompt. What is about less than the turn is unknown, not a smaller count."""
        quota = table(table(answer.get("_meta")).get("quota"))
        if quota:
            return [_by_quota(row) for row in rows(quota.get("model_usage"))]
        said = table(answer.get("usage"))
        is_partial = had_calls and self._tokens is TurnTokens.LAST_CALL
        if not said or is_partial or not any(count(value) for value in said.values()):
            return []
        return [_usage(said, self.model)]


def _usage(said: dict[str, Any], model: str) -> Usage:
    """Read a count; some count what came from the cache as input too, as their sum shows."""
    given, output = count(said.get("inputTokens")), count(said.get("outputTokens"))
    cached, written = count(said.get("cachedReadTokens")), count(said.get("cachedWriteTokens"))
    total, thought = count(said.get("totalTokens")), count(said.get("thoughtTokens"))
    is_inclusive = None not in (given, output, cached, total) and total == (given or 0) + (output or 0)
    if is_inclusive and cached and given is not None:
        given = max(0, given - cached)
    return Usage(
        model=model,
        input_tokens=given,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    )


def _by_quota(row: dict[str, Any]) -> Usage:
    """Read what Gemini CLI says of one model: input with what came from the cache, of all the turn."""
    tokens = table(row.get("token_count"))
    return Usage(
        model=words(row.get("model")),
        input_tokens=count(tokens.get("input_tokens")),
        output_tokens=count(tokens.get("output_tokens")),
    )
