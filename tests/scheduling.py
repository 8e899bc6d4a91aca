"""Which file of tests is run by which process: some wait most of the time, the others compute.

One process takes those that compute first, the others those that wait, so that cores have work while others
wait; there is one process more than there are cores.
"""

from __future__ import annotations

import os
from typing import Any, Final

from xdist.scheduler import LoadFileScheduling

WAITING: Final = ("tests/acceptance/", "tests/faults/", "tests/agents/")
"""Where tests wait for real processes, real time and real terminals."""


def number_of_processes() -> int:
    """Return how many processes run the tests at a time."""
    return (os.cpu_count() or 1) + 1


class MixedScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Keeps each file of tests in one process: what its tests share is made once."""

    def _assign_work_unit(self, node: Any) -> None:
        wanted = next((scope for scope in self.workqueue if self._suits(node, scope)), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)

    def _suits(self, node: Any, scope: str) -> bool:
        computes = node.gateway.id == "gw0"
        return scope.startswith(WAITING) is not computes
