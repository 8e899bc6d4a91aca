"""What the agent used since it was last told: totals over a conversation are made to increments."""

from __future__ import annotations

from typing import Any, Final

from supervisor.adapters.claude_reading import count_in, number_in, table_in, text_in
from supervisor.adapters.events import Usage

_TOKENS: Final = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")

_MODELS_MAX: Final = 100


class UsageMeter:
    """Counts for one process; the figures of a conversation that it goes on with are not counted again."""

    def __init__(self, *, counts_totals: bool, is_resumed: bool) -> None:
        """Begin with nothing used."""
        self._counts_totals: Final = counts_totals
        self._totals: dict[str, dict[str, float]] = {}
        self._has_base = not is_resumed
        self._context: int | None = None
        self._window: int | None = None
        self._model = ""

    @property
    def knows_window(self) -> bool:
        """Tell whether it is known how much the context can hold."""
        return self._window is not None

    def begin_anew(self) -> None:
        """Take note of a new conversation, which has nothing in its context."""
        self._has_base, self._context = True, None

    def know_window(self, answer: dict[str, Any]) -> None:
        """Take in what it says about its context when asked."""
        self._window = count_in(answer, "contextWindowSize") or self._window

    def of_message(self, message: dict[str, Any], *, is_own: bool) -> Usage | None:
        """Take in one message of the model; None if it counts only in the result.

        `is_own` is False for what a helper of the agent said, in a context of its own.
        """
        used, model = table_in(message, "usage"), text_in(message, "model")
        counts = {key: count_in(used, key) or 0 for key in ("input_tokens", "output_tokens")}
        cached = count_in(used, "cache_read_input_tokens") or 0
        written = count_in(used, "cache_creation_input_tokens") or 0
        if not counts["input_tokens"]:
            return None
        without_cache = 0 if self._counts_totals else cached + written
        if is_own:
            self._model = model
            self._context = counts["input_tokens"] + without_cache + counts["output_tokens"]
        if not self._counts_totals:
            return None
        return Usage(
            model=model,
            input_tokens=max(0, counts["input_tokens"] - cached),
            output_tokens=counts["output_tokens"],
            cached_tokens=cached,
            context_tokens=self._context if is_own else None,
            context_window=self._window if is_own else None,
        )

    def of_result(self, result: dict[str, Any]) -> tuple[Usage, ...]:
        """Take in a result: one increment for each model that was used."""
        if self._counts_totals:
            return ()
        since = result.get("model_usage_since_last_result")
        totals = table_in(result, "modelUsage")
        self._learn_window(totals)
        if isinstance(since, dict):
            used = {model: figures for model, figures in since.items() if isinstance(figures, dict)}
        elif self._has_base and totals:
            used = {model: self._grown(model, totals) for model in list(totals)[:_MODELS_MAX]}
        else:
            used = _of_turn(result, self._model)
        self._has_base = True
        if "modelUsage" in result:
            self._totals = {model: _figures(table_in(totals, model)) for model in list(totals)[:_MODELS_MAX]}
        return tuple(
            self._usage(model, figures)
            for model, figures in list(used.items())[:_MODELS_MAX]
            if any(count_in(figures, key) for key in _TOKENS)
        )

    def _learn_window(self, totals: dict[str, Any]) -> None:
        window = count_in(table_in(totals, self._model), "contextWindow")
        self._window = window or self._window

    def _grown(self, model: str, totals: dict[str, Any]) -> dict[str, Any]:
        """Return what is new in the total of a model; one that has shrunk counts from zero again."""
        now, before = _figures(table_in(totals, model)), self._totals.get(model, {})
        if any(value < before.get(key, 0) for key, value in now.items()):
            before = {}
        grown = {key: value - before.get(key, 0) for key, value in now.items()}
        return {**grown, "costBasis": table_in(totals, model).get("costBasis")}

    def _usage(self, model: str, figures: dict[str, Any]) -> Usage:
        basis = text_in(figures, "costBasis")
        is_main = model == self._model
        return Usage(
            model=model,
            input_tokens=count_in(figures, "inputTokens"),
            output_tokens=count_in(figures, "outputTokens"),
            cached_tokens=count_in(figures, "cacheReadInputTokens"),
            cache_write_tokens=count_in(figures, "cacheCreationInputTokens"),
            reasoning_tokens=count_in(figures, "thinkingTokens"),
            cost_usd=number_in(figures, "costUSD"),
            cost_is_known=basis not in {"", "unknown"},
            context_tokens=self._context if is_main else None,
            context_window=self._window if is_main else None,
        )


def _figures(figures: dict[str, Any]) -> dict[str, float]:
    keys = (*_TOKENS, "thinkingTokens", "costUSD")
    return {key: value for key in keys if (value := number_in(figures, key)) is not None}


def _of_turn(result: dict[str, Any], model: str) -> dict[str, dict[str, Any]]:
    """Read the figures of the turn alone, which say no money; for versions that tell only totals."""
    used = table_in(result, "usage")
    return {
        model: {
            "inputTokens": used.get("input_tokens"),
            "outputTokens": used.get("output_tokens"),
            "cacheReadInputTokens": used.get("cache_read_input_tokens"),
            "cacheCreationInputTokens": used.get("cache_creation_input_tokens"),
        }
    }
