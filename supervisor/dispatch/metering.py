"""What a turn uses, summed as its agent tells of it, with a price where the agent does not say the cost."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from supervisor.adapters.events import Usage
from supervisor.model.driving import Price

COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
"""The counts of a Usage event, named as the fields of a Turn are."""

_SPENT: Final = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens")
_MILLION: Final = 1_000_000


class Meter:
    """Sums what one turn uses. What was never told stays unknown, and is no zero."""

    def __init__(self, prices: Sequence[Price]) -> None:
        """Begin with nothing known; `prices` are looked through in their order."""
        self._prices: Final = tuple(prices)
        self.counts: Final[dict[str, int | None]] = dict.fromkeys(COUNTS)
        self.cost_usd: float | None = None
        self.model = ""
        self._heard = False
        self._gaps = False

    def take(self, usage: Usage, *, model: str = "") -> None:
        """Add one increment; `model` is the one that the agent named when it started."""
        self._heard = True
        self.model = usage.model or self.model or model
        for name in COUNTS:
            told: int | None = getattr(usage, name)
            if told is not None:
                self.counts[name] = (self.counts[name] or 0) + max(told, 0)
        cost = self._cost_of(usage)
        if cost is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost
        elif any(getattr(usage, name) is not None for name in _SPENT):
            self._gaps = True

    @property
    def cost_unknown(self) -> bool:
        """Tell whether some of the cost is not known."""
        return self._gaps or not self._heard or self.cost_usd is None

    @property
    def tokens(self) -> int:
        """Return how many tokens are known to have been used."""
        return sum(self.counts[name] or 0 for name in _SPENT)

    def _cost_of(self, usage: Usage) -> float | None:
        if usage.cost_usd is not None and usage.cost_is_known:
            return max(usage.cost_usd, 0.0)
        price = price_of(self.model, self._prices)
        if price is None or (usage.input_tokens is None and usage.output_tokens is None):
            return None
        return priced(usage, price)


def price_of(model: str, prices: Sequence[Price]) -> Price | None:
    """Return the first price that speaks about a model."""
    return next((price for price in prices if model and fnmatchcase(model, price.model)), None)


def priced(usage: Usage, price: Price) -> float:
    """Return what an increment costs by a price list, in US dollars."""
    cached = price.input if price.cached_input is None else price.cached_input
    written = price.input if price.cache_write is None else price.cache_write
    parts = (
        (usage.input_tokens, price.input),
        (usage.output_tokens, price.output),
        (usage.cached_tokens, cached),
        (usage.cache_write_tokens, written),
    )
    return sum(max(count or 0, 0) * rate for count, rate in parts) / _MILLION
