"""The database file is deleted or overwritten under a running team, or lies on a network file system: it is
noticed, refused with what to do next, and never made anew over agents that run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from supervisor.store import local_disk
from supervisor.testing.chaos import is_alive
from tests.acceptance.project import DEADLINE_S, Project, write_profile
from tests.acceptance.test_engine import done
from tests.faults.engines import python

ON_NFS = """
from supervisor.store import local_disk
local_disk._kind_of = lambda path: "nfs4"
"""


def database(project: Project) -> Path:
    return project.root / ".supervisor" / "coordinator.db"


def trouble(project: Project) -> str:
    """Return what the engine says is wrong, once it does."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        told = json.loads(project.run("status", "--json").stdout)["engine"]["trouble"]
        if told:
            return str(told)
    raise AssertionError("the engine noticed nothing")


async def test_a_deleted_one_is_noticed_and_not_made_anew_while_agents_run(project: Project) -> None:
    write_profile(project.profile, tasks=200, step_s=0.2)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        world = await watcher.until(done(2))
        pids = [world.agents[name].pid for name in ("worker-1", "worker-2")]
        session = project.session
    database(project).unlink()
    assert "supervisor restore" in trouble(project)
    assert not database(project).exists()
    assert all(pid is not None and is_alive(pid) for pid in pids)
    refused = project.run("task", "add", "too late")
    assert refused.returncode == 6
    assert "Nothing more is accepted" in refused.stderr
    assert project.run("down", "--now").returncode == 0
    assert project.left_over(session) == []
    assert not database(project).exists()
    again = project.run("run")
    assert again.returncode in {2, 6}
    assert not database(project).exists()


@pytest.mark.parametrize("part", ["head", "middle"])
async def test_a_damaged_one_is_refused_and_left_as_it_is(project: Project, part: str) -> None:
    write_profile(project.profile, tasks=8)
    assert project.run().returncode == 0
    path = database(project)
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(0 if part == "head" else size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    kept = path.read_bytes()
    for verb in (("run",), ("up", str(project.profile), "--detach")):
        refused = project.run(*verb)
        assert refused.returncode == 6, refused.stderr
        assert "left as it" in refused.stderr or "restore" in refused.stderr
    assert path.read_bytes() == kept
    checked = project.run("fsck")
    assert checked.returncode != 0


async def test_on_a_network_file_system_nothing_is_begun(project: Project, tmp_path: Path) -> None:
    """No such file system can be mounted here: only what is read of the table of mounts is made up."""
    assert {"nfs", "nfs4", "cifs"} <= local_disk.NETWORKED
    refused = project.start("run", str(project.profile), program=python(ON_NFS, tmp_path / "nfs.py"))
    _, said = refused.communicate(timeout=60)
    assert refused.returncode == 6
    assert "network file system (nfs4)" in said
    assert not database(project).exists()
