"""Fault 37: a process takes more memory than there is.

An agent that the kernel kills for it ends as `oom`, told by the kernel itself; one that goes beyond its own
limit is ended as `oom` too. The engine is the last that the kernel would choose.

The kernel's kill needs a control group with a limit of memory and its log (cgroup v1 and /dev/kmsg here); on
a machine without them a log is read that says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Restart
from supervisor.runtime.oom_log import OomLog
from supervisor.runtime.spawn import Confinement
from supervisor.testing.chaos import can_be_cramped, chaos_argv, cramped
from tests.acceptance.project import Project, write_profile
from tests.workshop import Workshop, agent, at_work


@contextmanager
def without_memory(shop: Workshop, pid: int) -> Iterator[None]:
    if can_be_cramped():
        with cramped(pid, 60):
            yield
        return
    with patch.object(OomLog, "took", lambda log, killed: killed == pid):
        shop.live["a"].signal_leader(9)
        yield


async def test_a_kill_by_the_kernel_is_told_as_out_of_memory() -> None:
    log = OomLog()
    shop = Workshop(
        agent("a", restart=Restart.TEMPORARY),
        commands={"a": chaos_argv("oom", "300")},
        confinement=Confinement(oom_log=log),
    )
    async with at_work(shop):
        (pid,) = await shop.tree("a#1")
        with without_memory(shop, pid):
            await shop.until(lambda: shop.last("a").state is AgentState.EXITED)
        end = shop.last("a").last_exit
        assert end is not None
        assert (end.kind, end.signal) == (ExitClass.OOM, 9)
        assert end.detail == "killed by the kernel: out of memory"
    log.close()


async def test_a_kill_by_anybody_else_is_a_mere_signal() -> None:
    """The canary: SIGKILL alone proves nothing."""
    log = OomLog()
    shop = Workshop(
        agent("a", restart=Restart.TEMPORARY),
        commands={"a": chaos_argv("idle")},
        confinement=Confinement(oom_log=log),
    )
    async with at_work(shop):
        await shop.tree("a#1")
        shop.live["a"].signal_leader(9)
        await shop.until(lambda: shop.last("a").state is AgentState.EXITED)
        end = shop.last("a").last_exit
        assert end is not None
        assert end.kind is ExitClass.SIGNAL
    log.close()


async def test_an_agent_beyond_its_limit_is_ended_for_it_and_the_engine_is_chosen_last(
    project: Project,
) -> None:
    argv = ", ".join(f'"{word}"' for word in chaos_argv("oom", "400", "0"))
    write_profile(
        project.profile,
        tasks=200,
        extra=f'[[pools]]\nname = "hog"\nrole = "worker"\ncommand = [{argv}]\nrestart = "temporary"\n'
        "[pools.limits]\nmem_max_mib = 100\n[pools.stop]\nleader_s = 1.0\n",
    )
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: "hog" in world.agents and world.agents["hog"].last_exit)
        end = world.agents["hog"].last_exit
        assert end is not None
        assert end.kind is ExitClass.OOM
        worker = world.agents["worker-1"].pid
        assert score(worker) == 300
        assert score(engine.pid) < 300
        engine.terminate()
    engine.communicate(timeout=60)
    log = [event for event in await project.events() if event.subject == "hog"]
    assert any("MiB of memory" in event.reason or "out of memory" in event.reason for event in log)


def score(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
