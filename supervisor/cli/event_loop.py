"""Running a coroutine from a verb or a program of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; a group of one error is raised as that error."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        raise sole_error(group) from group


def sole_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the only error in nested groups, or the outermost group that holds several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
