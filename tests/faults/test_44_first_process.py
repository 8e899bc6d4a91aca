"""Fault 44: the engine is the first process of a container.

Every orphan in it comes to the engine, which buries it; TERM, which the kernel keeps from a first process
that does not listen for it, stops the team; nothing is left.

A PID namespace stands for the container. Where none can be made, the engine is a subreaper, which gets the
orphans of its own agents at least.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from supervisor.model.health import Containment
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.proc_table import children_of, read_command, read_stat
from tests.acceptance.project import Project, write_profile

INSIDE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
CAN_NAMESPACE = probe_containment().of(Containment.PIDNS).available
BREEDER = """command = ["sh", "-c", "while sleep 0.2; do (setsid sleep 0.31 &); done & exec sleep 3600"]"""


async def until(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.005)


async def test_it_buries_orphans_and_hears_term(tmp_path: Path) -> None:
    project = Project(root=tmp_path / "project", profile=tmp_path / "mini.toml")
    stop = "[pools.stop]\nleader_s = 0.5\ngroup_s = 0.5\n"
    extra = f'[[pools]]\nname = "breeder"\nrole = "worker"\n{BREEDER}\n{stop}'
    write_profile(project.profile, tasks=50, step_s=5.0, extra=extra)
    prefix = INSIDE if CAN_NAMESPACE else ()
    command = [*prefix, sys.executable, "-m", "supervisor", "run", str(project.profile)]
    with subprocess.Popen(
        [*command, "--project", str(project.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as outer:
        try:
            async with project.watched() as watcher:
                await watcher.until(lambda world: "breeder" in world.agents and world.agents["breeder"].pid)
            engine = children_of(outer.pid)[0] if CAN_NAMESPACE else outer.pid
            if CAN_NAMESPACE:
                assert "NSpid:\t" in (status := Path(f"/proc/{engine}/status").read_text())
                assert status.split("NSpid:", 1)[1].splitlines()[0].split()[-1] == "1"
            await until(lambda: orphans_of(engine))
            came = orphans_of(engine)
            await until(lambda: all(read_stat(pid) is None for pid in came))
            session = project.session
            os.kill(engine, signal.SIGTERM)
            out, _ = await asyncio.to_thread(outer.communicate, timeout=60)
            assert outer.returncode == 128 + signal.SIGTERM, out
            assert project.left_over(session) == []
        finally:
            outer.kill()


def orphans_of(engine: int) -> list[int]:
    """List the breeder's orphans that came to the engine, dead or alive."""
    return [
        pid
        for pid in children_of(engine)
        if (stat := read_stat(pid)) is not None
        and (read_command(pid)[:2] == ["sleep", "0.31"] or (not stat.alive and stat.name == "sleep"))
    ]
