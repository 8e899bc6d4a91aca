"""One running agent: its exit, its output, and its end with the whole tree."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from supervisor.clock import Clock
from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census, shared_census
from supervisor.runtime.exits import ExitWatch, ProcessExit
from supervisor.runtime.output import OnOutput, OutputPipe
from supervisor.runtime.proc_table import ProcRef, ProcStat, read_stat
from supervisor.runtime.sweep import TreeEnd, signal_refs, sweep

_CLEAN_UP_S: Final = StopLadder().sweep_s
_FIRST_LOOK_S: Final = 0.01
_SLOWEST_LOOK_S: Final = 0.1
_FREEZE_ROUNDS: Final = 20


class Process:
    """The leader of one agent's tree, from its exec until the tree is verified empty.

    After the leader has ended, whoever holds this must call `clean_up` or `stop`: until then its zombie
    stays, on purpose, so that the number of its process group cannot come to mean another group.
    """

    def __init__(
        self, *, leader: ProcRef, session: str, agent: str, output: int, on_output: OnOutput, clock: Clock
    ) -> None:
        """Take over a child just spawned and its pipe; raises OSError when no descriptor is left."""
        self.pid: Final = leader.pid
        self.start_time: Final = leader.start_time
        self.started_at: Final = clock.monotonic()
        self._leader: Final = leader
        self._session: Final = session
        self._agent: Final = agent
        self._exit: Final[asyncio.Future[ProcessExit]] = asyncio.get_running_loop().create_future()
        self._leader_gone_or_hurry: Final = asyncio.Event()
        self._hurry: Final = asyncio.Event()
        self._ending: Final = asyncio.Lock()
        self._end: TreeEnd | None = None
        self._clock: Final = clock
        self._is_frozen = False
        self.thawed_at: float = self.started_at
        self._kin: set[ProcRef] = set()
        self._watch: Final = ExitWatch(leader.pid, self._exited)
        self._output: Final = OutputPipe(output, on_output, clock)

    @property
    def last_output_at(self) -> float | None:
        """When the tree last wrote something, on the monotonic clock."""
        return self._output.last_output_at

    @property
    def is_frozen(self) -> bool:
        """Whether we hold it still."""
        return self._is_frozen

    @property
    def is_ending(self) -> bool:
        """Whether its leader has ended or is being ended."""
        return self._exit.done() or self._end is not None or self._ending.locked()

    @property
    def exit(self) -> ProcessExit | None:
        """How the leader ended; None while it runs."""
        return self._exit.result() if self._exit.done() else None

    async def wait(self) -> ProcessExit:
        """Return how the leader ended, as soon as it has; all it wrote has been handed on by then."""
        return await asyncio.shield(self._exit)

    def signal_leader(self, signum: int) -> None:
        """Signal the leader alone; nothing happens when it has ended."""
        self._watch.send(signum)

    async def stop(self, ladder: StopLadder, *, now: bool = False) -> TreeEnd:
        """Stop the tree, politely first, and return when it is verified empty or will not die.

        The rungs: TERM to the leader; TERM and CONT to its group; KILL to the group; the sweep. A second
        call with `now` makes a first one, still waiting, go straight to KILL.
        """
        if now:
            self._hurry.set()
            self._leader_gone_or_hurry.set()
        async with self._ending:
            if self._end is None or not self._end.empty:
                self._members(await shared_census().take())
                await self._ask_leader(ladder.leader_s)
                await self._ask_group(ladder.group_s)
                self._end = await self._finish(ladder.sweep_s)
            return self._end

    def abort(self) -> None:
        """Ask the leader for a core dump; nothing happens when it has ended."""
        self._watch.send(signal.SIGABRT)

    async def freeze(self) -> None:
        """Stop every process of the tree, and look again until no new one was born meanwhile."""
        self._is_frozen = True
        self._watch.send_group(signal.SIGSTOP)
        for _ in range(_FREEZE_ROUNDS):
            running = [stat for stat in self._members(await shared_census().take()) if not stat.stopped]
            if not running:
                return
            signal_refs((stat.ref for stat in running), signal.SIGSTOP)

    async def thaw(self) -> None:
        """Let every process of the tree go on."""
        signal_refs((stat.ref for stat in self._members(await shared_census().take())), signal.SIGCONT)
        self._is_frozen = False
        self.thawed_at = self._clock.monotonic()

    async def clean_up(self) -> TreeEnd:
        """Kill what the leader, once it has ended by itself, left behind; verify that nothing is left."""
        await self.wait()
        async with self._ending:
            if self._end is None or not self._end.empty:
                self._end = await self._finish(_CLEAN_UP_S)
            return self._end

    async def _ask_leader(self, leader_s: float) -> None:
        if self._hurry.is_set() or self._exit.done():
            return
        self._watch.send(signal.SIGTERM)
        leader = read_stat(self.pid)
        if leader is not None and leader.stopped:
            self._watch.send(signal.SIGCONT)  # a stopped process does not see the TERM
        await self._pause(leader_s)

    async def _ask_group(self, group_s: float) -> None:
        """Ask the group and wait while anyone of it lives. Escapees from it are the sweep's."""
        if self._hurry.is_set():
            return
        is_asked = False
        look_s = _FIRST_LOOK_S
        with suppress(TimeoutError):
            async with asyncio.timeout(group_s):
                while not self._hurry.is_set() and (await shared_census().take()).group(self._leader):
                    if not is_asked:
                        self._watch.send_group(signal.SIGTERM)
                        self._watch.send_group(signal.SIGCONT)
                        is_asked = True
                    await self._pause(look_s)
                    look_s = min(look_s * 2, _SLOWEST_LOOK_S)

    async def _finish(self, sweep_s: float) -> TreeEnd:
        """Kill group and tree, verify, and let go of the leader and the pipe."""
        self._watch.send_group(signal.SIGKILL)
        end = await sweep(self._members, timeout_s=sweep_s, group=self.pid)
        if end.empty:
            await self.wait()
            self._watch.reap()
        self._output.drain()
        self._output.close()
        return end

    def _members(self, census: Census) -> Sequence[ProcStat]:
        """List who belongs to the tree, and remember them: an orphan's descent is lost with its parent."""
        found = census.tree(self._leader, self._session, self._agent, kin=self._kin)
        self._kin.update(stat.ref for stat in found)
        return found

    async def _pause(self, seconds: float) -> None:
        """Wait for the leader's end if it lives, else for a reason to hurry; at most so long."""
        awaited = self._hurry if self._exit.done() else self._leader_gone_or_hurry
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await awaited.wait()

    def _exited(self, found: ProcessExit) -> None:
        self._output.drain()
        self._leader_gone_or_hurry.set()
        if not self._exit.done():
            self._exit.set_result(found)
