"""Who holds the connections behind the gate: strangers until they show a key, then an agent, each counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

STRANGERS_MAX: Final = 128
STRANGERS_AT_ONCE_MAX: Final = 1024
PATIENCE_S: Final = 1.0
CONNECTIONS_OF_ONE_MAX: Final = 64
HEAD_TIMEOUT_S: Final = 10.0

Address: TypeAlias = tuple[str, int]
Owner: TypeAlias = tuple[str, int]


class Connections:
    """Knows every open connection by its client's address, and bounds how many there are.

    Of strangers older than PATIENCE_S only the newest STRANGERS_MAX are kept. Whoever has a key shows it at
    once and is none any more, so those that go are the idle ones of whoever has none; and when all agents
    come back at once to an engine that was restarted, none is turned away.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._enders: dict[Address, Callable[[], None]] = {}
        self._strangers: dict[Address, float] = {}  # since when; in the order in which they came
        self._owners: dict[Address, Owner] = {}
        self._counts: Counter[Owner] = Counter()

    def opened(self, address: Address, end: Callable[[], None], *, now: float) -> None:
        """Note a new connection that `end` ends at once; end strangers' if there are too many."""
        self._enders[address] = end
        self._strangers[address] = now
        while len(self._strangers) > STRANGERS_MAX:
            oldest, since = next(iter(self._strangers.items()))
            if now - since < PATIENCE_S and len(self._strangers) <= STRANGERS_AT_ONCE_MAX:
                return
            self.end(oldest)

    def closed(self, address: Address) -> None:
        """Forget a connection."""
        self._enders.pop(address, None)
        self._strangers.pop(address, None)
        self._disown(address)

    def end(self, address: Address) -> None:
        """End a connection without another word."""
        if end := self._enders.get(address):
            self.closed(address)
            end()

    def shown(self, address: Address, owner: Owner) -> bool:
        """Note whose key came over a connection; tell whether that owner may have one more."""
        if address not in self._enders or self._owners.get(address) == owner:
            return True
        if self._counts[owner] >= CONNECTIONS_OF_ONE_MAX:
            return False
        self._disown(address)
        self._strangers.pop(address, None)
        self._owners[address] = owner
        self._counts[owner] += 1
        return True

    def _disown(self, address: Address) -> None:
        if owner := self._owners.pop(address, None):
            self._counts -= Counter((owner,))
