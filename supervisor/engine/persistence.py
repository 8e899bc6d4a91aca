"""Writing what must not be lost: a database that cannot take it now is asked again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from supervisor.clock import Clock
from supervisor.errors import StoreError

T = TypeVar("T")

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 5.0
"""The pause doubles up to this: a full disk may stay full for long, and each attempt leaves a line."""

_log = logging.getLogger(__name__)


async def until_taken(
    attempt: Callable[[], Awaitable[T]],
    clock: Clock,
    *,
    what: str,
    give_up: Callable[[int], bool] = lambda _attempts: False,
) -> T | None:
    """Return what `attempt` returns, once the database takes it; None if it is given up after a failure."""
    attempts, pause = 0, FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except StoreError as error:
            attempts += 1
            _log.warning("%s could not be written (attempt %d): %s", what, attempts, error.message)
            if give_up(attempts):
                return None
        await clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
