"""An engine in miniature, to be killed: a guardian, and chaos children whose pids it prints.

    python -m supervisor.testing.doomed_engine SESSION MODE COUNT [GUARDIAN_PROGRAM | none]

Prints one JSON line {"guardian": PID, "pids": [PID, …]} and then lives until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.runtime import guardian as real
from supervisor.runtime.guardian import Guardian
from supervisor.runtime.spawn import Launch
from supervisor.runtime.subreaper import become_subreaper
from supervisor.testing.chaos import ChaosChild, chaos_argv


async def run(session: str, mode: str, count: int, program: str) -> None:
    """Start everything, tell the pids, and wait for the end."""
    become_subreaper()
    guardian = None if program == "none" else await Guardian.start(session, program=Path(program))
    children = [ChaosChild(_launch(session, mode, number), None) for number in range(count)]
    pids = [pid for child in children for pid in await child.ready()]
    line = json.dumps({"guardian": guardian.pid if guardian else None, "pids": pids})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    await SystemClock().sleep(3600)


def _launch(session: str, mode: str, number: int) -> Launch:
    return Launch(
        argv=chaos_argv(mode), cwd="/", env=dict(os.environ), session=session, agent=f"worker-{number}#1"
    )


if __name__ == "__main__":
    given = [*sys.argv[1:], str(Path(real.__file__).with_name("guardian_main.py"))]
    asyncio.run(run(given[0], given[1], int(given[2]), given[3]))
