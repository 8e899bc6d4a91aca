"""One running agent: its exit, its output, and its end with the whole tree."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final

from supervisor.clock import Clock
from supervisor.model.health import Containment
from supervisor.model.team import StopLadder
from supervisor.runtime.census import shared_census
from supervisor.runtime.exits import ExitWatch, ProcessExit
from supervisor.runtime.input import InputPipe
from supervisor.runtime.launch import Confinement, Launch
from supervisor.runtime.output import OnOutput, OutputPipe
from supervisor.runtime.pid_namespace import StatusPipe, agent_inside
from supervisor.runtime.pipes import Pipe, Pipes
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.runtime.sweep import TreeEnd, signal_refs, sweep_all
from supervisor.runtime.terminal import END_OF_INPUT, TerminalSize, set_size
from supervisor.runtime.tree import Tree

_CLEAN_UP_S: Final = StopLadder().sweep_s
_FIRST_LOOK_S: Final = 0.01
_SLOWEST_LOOK_S: Final = 0.1
_FREEZE_S: Final = 5.0

_log = logging.getLogger(__name__)


class Process:
    """The leader of one agent's tree, from its exec until the tree is verified empty.

    After the leader has ended, whoever holds this must call `clean_up` or `stop`: until then its zombie
    stays, on purpose, so that the number of its process group cannot come to mean another group.
    """

    def __init__(
        self,
        *,
        leader: ProcRef,
        launch: Launch,
        confinement: Confinement,
        pipes: Pipes,
        on_output: OnOutput,
        on_errors: OnOutput,
        clock: Clock,
    ) -> None:
        """Take over a child just spawned and its pipes; raises OSError when no descriptor is left."""
        self.pid: Final = leader.pid
        self.start_time: Final = leader.start_time
        self.started_at: Final = clock.monotonic()
        self.thawed_at: float = self.started_at
        self._leader: Final = leader
        self._polite: Final = launch.polite
        self._has_terminal: Final = launch.terminal is not None
        self._confinement: Final = confinement
        self._clock: Final = clock
        self._exit: Final[asyncio.Future[ProcessExit]] = asyncio.get_running_loop().create_future()
        self._leader_gone_or_hurry: Final = asyncio.Event()
        self._hurry: Final = asyncio.Event()
        self._ending: Final = asyncio.Lock()
        self._stilling: Final = asyncio.Lock()
        self._end: TreeEnd | None = None
        self._is_frozen = False
        self._is_stopped = False
        self._is_killed = False
        self._watch: Final = ExitWatch(leader.pid, self._exited)
        self._output: Final = OutputPipe(pipes.output.ours, on_output, clock)
        self._errors: Final = (
            None if pipes.errors is None else OutputPipe(pipes.errors.ours, on_errors, clock)
        )
        self._input: Final = None if pipes.stdin is None else InputPipe(pipes.stdin.ours)
        self._status: Final = None if pipes.status is None else StatusPipe(pipes.status.ours)
        self._tree: Final = Tree(leader, launch, confinement)
        self._open_gate(pipes.gate)

    @property
    def last_output_at(self) -> float | None:
        """When the tree last wrote something, on the monotonic clock."""
        times = [pipe.last_output_at for pipe in self._outputs if pipe.last_output_at is not None]
        return max(times, default=None)

    @property
    def _outputs(self) -> list[OutputPipe]:
        return [self._output] if self._errors is None else [self._output, self._errors]

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

    @property
    def containment(self) -> Containment:
        """What holds the tree together, after all."""
        return self._tree.level

    async def wait(self) -> ProcessExit:
        """Return how the leader ended, as soon as it has; all it wrote has been handed on by then."""
        return await asyncio.shield(self._exit)

    def tell(self, data: bytes) -> bool:
        """Send bytes to its stdin without waiting; False if it has none or does not read what was sent."""
        return self._input is not None and self._input.write(data)

    def close_input(self) -> None:
        """End its stdin as soon as it has taken what was sent; at a terminal by the key for that."""
        if self._has_terminal:
            self.tell(END_OF_INPUT)
        elif self._input is not None:
            self._input.finish()

    def resize(self, size: TerminalSize) -> bool:
        """Give its terminal another size, and let it hear of that; False if it has no terminal."""
        fd = None if self._input is None or not self._has_terminal else self._input.fd
        if fd is not None:
            set_size(fd, size)
        return fd is not None

    def signal_leader(self, signum: int) -> None:
        """Signal the leader alone; nothing happens when it has ended.

        In a PID namespace that is the agent itself: the process we began only waits for it.
        """
        if self._confinement.level is not Containment.PIDNS:
            self._watch.send(signum)
        elif (agent := agent_inside(self.pid)) is not None:
            signal_refs([agent], signum)

    def abort(self) -> None:
        """Ask the leader for a core dump; nothing happens when it has ended."""
        self.signal_leader(signal.SIGABRT)

    async def stop(self, ladder: StopLadder, *, now: bool = False) -> TreeEnd:
        """Stop the tree, politely first, and return when it is verified empty or will not die.

        The rungs: the agent's own way; the ladder's signal to the leader; TERM and CONT to its group; KILL to
        the group; the sweep. A frozen tree is thawed to hear them. A second call with `now` makes a
        first one, still waiting, go straight to KILL.
        """
        self._is_stopped = True
        if now:
            self._hurry.set()
            self._leader_gone_or_hurry.set()
        async with self._ending:
            if self._end is None or not self._end.empty:
                await self._tree.stand()
                await self._tree.members()
                await self._ask_in_its_way(ladder.polite_s)
                await self._ask_leader(ladder)
                await self._ask_group(ladder.group_s)
                self._end = await self._finish(ladder.sweep_s)
            return self._end

    async def freeze(self) -> None:
        """Stop every process of the tree, and look again until no new one was born meanwhile."""
        async with self._stilling:
            self._is_frozen = True
            held = await self._tree.freeze(still=True)
            if self.pid not in held:
                self._watch.send_group(signal.SIGSTOP)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FREEZE_S):
                    while not self._is_stopped and (running := await self._running(held)):
                        signal_refs(running, signal.SIGSTOP)
                    return
            _log.warning("process %d is not frozen whole after %g s", self.pid, _FREEZE_S)

    async def _running(self, held: Collection[int]) -> list[ProcRef]:
        """List who of the tree is not stopped yet; a busy machine takes its time to stop so many."""
        return [stat.ref for stat in await self._tree.members() if not stat.stopped and stat.pid not in held]

    async def thaw(self) -> None:
        """Let every process of the tree go on."""
        async with self._stilling:
            await self._tree.freeze(still=False)
            self._watch.send_group(signal.SIGCONT)
            signal_refs((stat.ref for stat in await self._tree.members()), signal.SIGCONT)
            self._is_frozen = False
            self.thawed_at = self._clock.monotonic()

    async def clean_up(self) -> TreeEnd:
        """Kill what the leader, once it has ended by itself, left behind; verify that nothing is left."""
        await self.wait()
        self._is_stopped = True
        async with self._ending:
            if self._end is None or not self._end.empty:
                self._end = await self._finish(_CLEAN_UP_S)
            return self._end

    async def _ask_in_its_way(self, polite_s: float) -> None:
        polite = self._polite
        if polite is None or self._hurry.is_set() or self._exit.done():
            return
        await self._wake()
        if polite.message:
            self.tell(polite.message)
        if polite.close_input:
            self.close_input()
        if polite.signal is not None:
            self.signal_leader(polite.signal)
        await self._await_leader(polite_s)

    async def _ask_leader(self, ladder: StopLadder) -> None:
        if self._hurry.is_set() or self._exit.done():
            return
        self.signal_leader(signal.Signals[f"SIG{ladder.signal}"])
        await self._wake()  # only now: it hears the signal before it does anything else
        await self._await_leader(ladder.leader_s)

    async def _ask_group(self, group_s: float) -> None:
        """Ask the group and wait while anyone of it lives. Escapees from it are the sweep's."""
        if self._hurry.is_set():
            return
        leader = self._group_leader()
        is_asked = False
        look_s = _FIRST_LOOK_S
        with suppress(TimeoutError):
            async with asyncio.timeout(group_s):
                while not self._hurry.is_set() and (group := (await shared_census().take()).group(leader)):
                    if not is_asked:
                        self._signal_group([stat.ref for stat in group], is_ours=leader is self._leader)
                        is_asked = True
                    await self._pause(look_s)
                    look_s = min(look_s * 2, _SLOWEST_LOOK_S)

    def _signal_group(self, members: Collection[ProcRef], *, is_ours: bool) -> None:
        """Ask a group to end; a stopped member sees that only when it goes on."""
        for signum in (signal.SIGTERM, signal.SIGCONT):
            if is_ours:
                self._watch.send_group(signum)
            else:
                signal_refs(members, signum)

    async def _finish(self, sweep_s: float) -> TreeEnd:
        """Kill group and tree, verify, and let go of the leader and the pipes."""
        self._is_killed = True
        await self._tree.stand()
        self._watch.send_group(signal.SIGKILL)
        await self._tree.kill()
        end = await sweep_all(
            self._tree.prey, timeout_s=sweep_s, group=self.pid, can_hide=self._tree.can_hide
        )
        if end.empty:
            await self.wait()
            self._watch.reap()
            await self._tree.close()
        for pipe in self._outputs:
            pipe.drain()
            pipe.close()
        if self._input is not None:
            self._input.close()
        return replace(end, escaped=self._tree.escaped)

    async def _wake(self) -> None:
        """Let a frozen tree go on, or a leader that somebody else stopped."""
        leader = read_stat(self.pid)
        if self._is_frozen or self._stilling.locked():
            await self.thaw()
        elif leader is not None and leader.stopped:
            self.signal_leader(signal.SIGCONT)

    async def _await_leader(self, seconds: float) -> None:
        """Wait for the leader's end, or for a reason to hurry; at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leader_gone_or_hurry.wait()

    async def _pause(self, seconds: float) -> None:
        """Wait for the leader's end if it lives, else for a reason to hurry; at most so long."""
        awaited = self._hurry if self._exit.done() else self._leader_gone_or_hurry
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await awaited.wait()

    def _group_leader(self) -> ProcRef:
        """Return who began the agent's process group: the leader, or the agent in its PID namespace."""
        if self._confinement.level is Containment.PIDNS:
            return agent_inside(self.pid) or self._leader
        return self._leader

    def _open_gate(self, gate: Pipe | None) -> None:
        """Let a child go on that must do nothing outside its control group, once it is in."""
        entry = self._tree.entry
        if gate is not None and entry is not None:
            entry.add_done_callback(lambda _: os.close(gate.ours))

    def _exited(self, found: ProcessExit) -> None:
        for pipe in self._outputs:
            pipe.drain()
        self._leader_gone_or_hurry.set()
        if self._status is not None:
            found = self._status.told() or found
        if found.signal == signal.SIGKILL and not self._is_killed and self._lacked_memory():
            found = replace(found, oom=True)
        if not self._exit.done():
            self._exit.set_result(found)

    def _lacked_memory(self) -> bool:
        """Say whether it is proved that the kernel killed it for want of memory."""
        log = self._confinement.oom_log
        return self._tree.oom_kills() > 0 or (log is not None and log.took(self.pid))
