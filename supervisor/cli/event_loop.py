"""Running a coroutine from a verb or a program of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(
    work: Coroutine[Any, Any, T], *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> T:
    """Run a coroutine to its end; a group of one error is raised as that error."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except BaseExceptionGroup as group:
        raise sole_error(group) from group


def sole_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the only error in nested groups, or the outermost group that holds several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
