"""`down` stops a team whatever is in its way: a flooded door, a view that does not read, an engine that is
stopped or hangs."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from supervisor.transports.control.server import CONNECTIONS_MAX
from supervisor.workspace.engine_lock import holder_of, read_engine_file
from supervisor.workspace.state_dir import open_state
from tests.acceptance.project import Project, wait_empty, write_profile

SOON_S = 30.0

HANGS_ON_ORDER = """
import signal, sys, time
from pathlib import Path
from supervisor.cli import engine_program
from supervisor.cli.engine_process import EngineOrder, StatusPipe

def hang(*_):
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        signal.signal(each, signal.SIG_IGN)
    while True:
        time.sleep(3600)

signal.signal(signal.SIGUSR2, hang)
order = EngineOrder(project=Path(sys.argv[2]), profile=sys.argv[1])
engine_program.main(order, StatusPipe(None))
"""


def engine_pid(project: Project) -> int:
    holder = holder_of(project.root / ".supervisor" / "engine.lock")
    assert holder is not None
    return int(holder["pid"])


@contextmanager
def flooded(path: Path) -> Iterator[None]:
    """Take every connection the door has, and knock for more all the time; nothing is ever read."""
    over, is_full = threading.Event(), threading.Event()
    held: list[socket.socket] = []

    def knock() -> None:
        while not over.is_set():
            with suppress(OSError):
                line = socket.socket(socket.AF_UNIX)
                line.settimeout(0.1)
                held.append(line)
                line.connect(str(path))
                line.sendall(b'{"id":1,"verb":"subscribe","args":{}}\n{"id":2,"verb":"snapshot","args":{}}\n')
            if len(held) >= CONNECTIONS_MAX + 10:
                is_full.set()
            if len(held) > 2 * CONNECTIONS_MAX:
                over.wait(0.05)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        assert is_full.wait(timeout=60)
        yield
    finally:
        over.set()
        knocking.join()
        for line in held:
            line.close()


async def test_a_flooded_door_and_views_that_do_not_read_hold_nothing_up(project: Project) -> None:
    write_profile(project.profile, tasks=300, step_s=0.05, workers=3)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    record = read_engine_file(open_state(project.root, create=False))
    assert record is not None
    with flooded(record.socket):
        begun = time.monotonic()
        ended = project.run("down")
        assert ended.returncode == 0, ended.stderr
        assert time.monotonic() - begun < SOON_S
    assert project.left_over(record.session) == []
    assert holder_of(project.root / ".supervisor" / "engine.lock") is None
    await project.check()


async def test_agents_that_flood_the_inbox_hold_nothing_up(project: Project, tmp_path: Path) -> None:
    flood = (Path(__file__).parent / "team" / "agent.py").read_text()
    flood = flood.replace(
        'await call("wait", **{"for": ["task"]})', 'await call("message_send", to="human", body="x" * 4000)'
    )
    flood = flood.replace('claimed = await call("task_claim")', "continue")
    (tmp_path / "flood.py").write_text(flood)
    command = f'["{{python}}", "{tmp_path}/flood.py", "0", "0"]'
    extra = f'[[pools]]\nname = "flood"\nrole = "worker"\nsize = 4\ncommand = {command}\n'
    write_profile(project.profile, tasks=300, step_s=0.05, extra=extra)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        await watcher.until(lambda world: len(world.messages) > 20)
    session = project.session
    begun = time.monotonic()
    ended = project.run("down")
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - begun < SOON_S
    assert project.left_over(session) == []
    await project.check()


@pytest.mark.parametrize("words", [("--force",), ("--force", "--now")])
async def test_a_stopped_engine_is_ended_by_force_with_all_its_agents(
    project: Project, words: tuple[str, ...]
) -> None:
    write_profile(project.profile, tasks=300, step_s=0.05)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    session, pid = project.session, engine_pid(project)
    os.kill(pid, signal.SIGSTOP)
    ended = project.run("down", *words)
    assert ended.returncode == 0, ended.stderr
    assert "because it is stopped" in ended.stderr
    wait_empty(project, session, seconds=1.0)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert project.run("run", "--deadline", "1").returncode == 124
    await project.check()


async def test_an_engine_whose_loop_hangs_is_killed_and_its_agents_though_its_guardian_is_stopped(
    project: Project, tmp_path: Path
) -> None:
    write_profile(project.profile, tasks=300, step_s=0.05)
    (tmp_path / "hangs.py").write_text(HANGS_ON_ORDER)
    with ExitStack() as last:
        engine = psutil.Popen(
            [sys.executable, str(tmp_path / "hangs.py"), str(project.profile), str(project.root)],
            start_new_session=True,
        )
        last.callback(engine.wait)
        last.callback(engine.kill)
        async with project.watched() as watcher:
            world = await watcher.until(lambda world: len(world.tasks) > 5)
            assert world.tasks
        session = project.session
        guardian = next(each for each in engine.children() if "guardian_main.py" in " ".join(each.cmdline()))
        guardian.send_signal(signal.SIGSTOP)
        engine.send_signal(signal.SIGUSR2)
        refused = project.run("down")
        assert refused.returncode == 1
        assert "`supervisor down --force`" in refused.stderr
        ended = project.run("down", "--force", "--json")
        assert ended.returncode == 0, ended.stderr
        assert '"forced":true' in ended.stdout
        assert project.left_over(session) == []
        assert not guardian.is_running() or guardian.status() == psutil.STATUS_ZOMBIE
    assert project.run("run", "--deadline", "1").returncode == 124
    await project.check()
