"""Our supervision without its coordinator: `python -m benchmarks.host DIRECTORY COPIES COMMAND`, a JSON list.

No database, no keys, no agents' door: what is left is what a plain process supervisor does. It also
takes more children than a team may have agents.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import sys
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.engine.agent_logs import AgentLogs
from supervisor.model.agent import AgentState
from supervisor.model.branch import Restart
from supervisor.runtime.guardian import Guardian
from supervisor.runtime.limits import raise_nofile
from supervisor.runtime.spawn import Launch, SpawnFailed, spawn
from supervisor.runtime.subreaper import become_subreaper
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.ports import AgentProcess, SlotChange, SpawnFailure
from supervisor.supervision.supervisor import Supervisor


class Host:
    """Launches and hears of children as the engine does, and writes nothing but their logs."""

    def __init__(self, directory: Path, copies: int, command: list[str]) -> None:
        """Lay out so many children of one pool."""
        self.session = secrets.token_hex(8)
        self._directory, self._command = directory, command
        self._clock = SystemClock()
        self._logs = AgentLogs(directory, agents=copies)
        self._numbers: dict[str, int] = {}
        children = [
            ChildSpec(name=f"w-{number}", pool="w", restart=Restart.PERMANENT, single=False)
            for number in range(copies)
        ]
        self.supervisor = Supervisor(children, self, self, self._clock, random.Random())

    async def prepare(self, agent: str) -> int:
        """Count the incarnation."""
        self._numbers[agent] = self._numbers.get(agent, 0) + 1
        return self._numbers[agent]

    def spawn(self, agent: str, incarnation: int) -> AgentProcess:
        """Start it with its output to its log."""
        launch = Launch(
            argv=tuple(self._command),
            cwd=str(self._directory),
            env={"PATH": os.environ["PATH"]},
            session=self.session,
            agent=f"{agent}#{incarnation}",
        )
        try:
            return spawn(launch, on_output=self._logs.begin(agent).write, clock=self._clock)
        except SpawnFailed as failure:
            raise SpawnFailure(failure.detail, permanent=failure.permanent) from failure

    async def slot_changed(self, change: SlotChange) -> None:
        """Take who runs for ready."""
        if change.state is AgentState.STARTING and change.pid is not None:
            self.supervisor.ready(change.agent, change.incarnation)


async def main() -> None:
    """Keep the children until SIGTERM."""
    directory, copies, command = sys.argv[1:]
    raise_nofile()
    become_subreaper()
    host = Host(Path(directory), int(copies), json.loads(command))
    guardian = await Guardian.start(host.session)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(host.supervisor.run())
        await over.wait()
        await host.supervisor.stop()
    await guardian.close()


if __name__ == "__main__":
    asyncio.run(main())
