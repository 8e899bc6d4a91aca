"""The program of the engine process that `up` starts: `python engine_program.py ORDER STATUS_FD`.

No verb, because the command line's own imports would keep the first agent waiting for 30 ms.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

from supervisor.cli.engine_log import logging_to
from supervisor.cli.engine_process import EngineOrder, StatusPipe
from supervisor.cli.event_loop import run_async
from supervisor.engine.main import EngineOptions, serve
from supervisor.errors import SupervisorError
from supervisor.model.approval import Mode
from supervisor.runtime.loop_lag import TimedLoop

INTERNAL: Final = 70
"""The exit code of a fault in supervisor itself, as at the border of the verbs."""

_log = logging.getLogger("supervisor.engine")


def main(order: EngineOrder, status: StatusPipe) -> int:
    """Run the engine and return its exit code; what keeps it from coming up is told by the status pipe."""
    options = EngineOptions(
        project=order.project,
        profile=order.profile,
        mode=Mode.INTERACTIVE,
        report_dir=order.report_dir,
        new_run=order.new_run,
        deadline_s=order.deadline_s,
        goal=order.goal,
        on_ready=status.ready,
    )
    try:
        return run_async(serve(options), loop_factory=TimedLoop)
    except SupervisorError as error:
        status.failed(error)
        _log.error("%s", error)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last border: nothing may pass it unexplained
        _log.exception("a fault in supervisor itself")
        return INTERNAL


if __name__ == "__main__":
    with logging_to(logging.StreamHandler()):
        code = main(EngineOrder.read(sys.argv[1]), StatusPipe(int(sys.argv[2])))
    sys.exit(code)
