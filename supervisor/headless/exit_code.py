"""The exit code of a headless run, for scripts and CI."""

from __future__ import annotations

from typing import Final

from supervisor.model.task import TaskState
from supervisor.model.world import World

OK: Final = 0
WORK_FAILED: Final = 1


def exit_code_of(world: World, engine_code: int) -> int:
    """Combine what the engine answered with what became of the work.

    The engine's own reason to stop early (gave up, deadline, signal) outranks the tasks. A
    cancelled or skipped task was withdrawn on purpose and counts as well ended.
    """
    if engine_code not in {OK, WORK_FAILED}:
        return engine_code
    return engine_code if ended_well(world) else WORK_FAILED


def ended_well(world: World) -> bool:
    """Tell whether every task of the run has ended and none has failed."""
    return all(task.is_terminal and task.state is not TaskState.FAILED for task in world.run_tasks())
