"""A real team whose pools become ready in each of the seven ways, lose it, and fall silent."""

from __future__ import annotations

import json
import socket
import stat
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.world import World
from supervisor.workspace.engine_lock import read_engine_file
from supervisor.workspace.state_dir import open_state
from tests.acceptance.project import TEAM, Project, wait_empty

AGENT = Path(__file__).with_name("ready_agent.py")
SEVEN = ("call", "notify", "fd", "log", "exec", "http", "settle")


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def pool(way: str, *words: str, more: str = "", role: str = "worker") -> str:
    command = json.dumps(["{python}", "-S", str(AGENT), way, *words])
    return f'[[pools]]\nname = "{way}"\nrole = "{role}"\ncommand = {command}\n{more}'


def write_team(path: Path, *pools: str) -> None:
    path.write_text(
        'name = "ready"\ndescription = "seven ways"\n[run]\non_done = "keep"\n' + "\n".join(pools)
    )


def idle(world: World, *names: str) -> bool:
    return all(world.agents[name].state is AgentState.IDLE for name in names)


@pytest.fixture
def seven(project: Project) -> Project:
    port = free_port()
    caller = json.dumps(["{python}", str(TEAM / "agent.py"), "0", "60"])
    write_team(
        project.profile,
        f'[[pools]]\nname = "call"\nrole = "worker"\ncommand = {caller}\n',
        pool("notify", more='[pools.ready]\nby = "notify"\n'),
        pool("fd", more='[pools.ready]\nby = "fd"\n'),
        pool("log", more='[pools.ready]\nby = "log"\npattern = "^now listening on [0-9]+$"\n'),
        pool(
            "exec",
            more='[pools.ready]\nby = "exec"\n[pools.ready.probe]\nperiod_s = 0.2\nfailures = 2\n'
            'command = ["/bin/sh", "-c", "test ! -e {project}/{agent}-broken"]\n',
        ),
        pool(
            "http",
            str(port),
            more=f'[pools.ready]\nby = "http"\n[pools.ready.probe]\nperiod_s = 0.2\n'
            f'url = "http://127.0.0.1:{port}/health"\n',
        ),
        pool("settle", more='[pools.ready]\nby = "settle"\nsettle_s = 0.3\n'),
    )
    return project


async def test_each_of_the_seven_ways_makes_an_agent_ready_and_what_it_loses_comes_back(
    seven: Project,
) -> None:
    assert seven.run("up", str(seven.profile), "--detach").returncode == 0
    async with seven.watched() as watcher:
        world = await watcher.until(lambda world: idle(world, *SEVEN))
        assert world.agents["notify"].activity in {"", "\\x1b[31mhalf [b]way[/b]"}
        await watcher.until(lambda world: world.agents["notify"].activity == "\\x1b[31mhalf [b]way[/b]")
        (seven.root / "exec-broken").touch()
        world = await watcher.until(lambda world: "readiness probe fails" in world.agents["exec"].reason)
        assert "it exited with code 1" in world.agents["exec"].reason
        assert world.agents["exec"].state is AgentState.IDLE
        (seven.root / "exec-broken").unlink()
        await watcher.until(lambda world: world.agents["exec"].reason == "")
        session = seven.session
    assert seven.run("down").returncode == 0
    wait_empty(seven, session, seconds=0.5)
    kinds = [event.kind for event in await seven.events() if event.subject == "exec"]
    assert kinds.index("agent.held_back") < kinds.index("agent.available")


async def test_only_pools_that_ask_get_a_socket_a_pipe_or_a_watchdog(seven: Project) -> None:
    assert seven.run("up", str(seven.profile), "--detach").returncode == 0
    record = read_engine_file(open_state(seven.root, create=False))
    assert record is not None
    async with seven.watched() as watcher:
        world = await watcher.until(lambda world: idle(world, *SEVEN))
        environs = {name: psutil.Process(world.agents[name].pid).environ() for name in SEVEN}
    given = {
        name: sorted({"NOTIFY_SOCKET", "NOTIFY_FD", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(environ))
        for name, environ in environs.items()
    }
    assert {name: found for name, found in given.items() if found} == {
        "notify": ["NOTIFY_SOCKET"],
        "fd": ["NOTIFY_FD"],
    }
    path = Path(environs["notify"]["NOTIFY_SOCKET"])
    assert path.parent == record.socket.parent
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.lstat().st_mode) == 0o700
    assert seven.run("down").returncode == 0
    assert not path.exists()


WATCHED = '[pools.ready]\nby = "notify"\n[pools.backoff]\nbase_s = 0.1\n'


async def test_an_agent_that_falls_silent_is_aborted_and_started_again(project: Project) -> None:
    write_team(project.profile, pool("notify", more=f"watchdog_s = 1\n{WATCHED}"))
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        await watcher.until(lambda world: idle(world, "notify"))
        (project.root / "notify-silent").touch()
        world = await watcher.until(lambda world: world.agents["notify"].last_exit)
        ended = world.agents["notify"].last_exit
        assert ended is not None
        assert (ended.kind, ended.signal) == (ExitClass.WATCHDOG, 6)
        assert ended.detail == "its watchdog was silent for 1 s"
        (project.root / "notify-silent").unlink()
        world = await watcher.until(lambda world: idle(world, "notify"))
        assert world.agents["notify"].incarnation == 2
    assert project.run("down").returncode == 0


async def test_an_agent_whose_liveness_probe_fails_is_started_again(project: Project) -> None:
    write_team(
        project.profile,
        pool(
            "settle",
            more='[pools.ready]\nby = "settle"\nsettle_s = 0.1\n[pools.backoff]\nbase_s = 0.1\n'
            "[pools.liveness]\nperiod_s = 0.1\nfailures = 2\n"
            'command = ["/bin/sh", "-c", "test ! -e {project}/{agent}-broken"]\n',
        ),
    )
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        await watcher.until(lambda world: idle(world, "settle"))
        (project.root / "settle-broken").touch()
        world = await watcher.until(lambda world: world.agents["settle"].last_exit)
        ended = world.agents["settle"].last_exit
        assert ended is not None
        assert ended.kind is ExitClass.PROBE
        assert ended.detail == "its liveness probe failed 2 times in a row; the last: it exited with code 1"
        (project.root / "settle-broken").unlink()
        await watcher.until(lambda world: idle(world, "settle"))
    session = project.session
    assert project.run("down").returncode == 0
    wait_empty(project, session, seconds=0.5)


LIAR = """
import os, socket, sys, time
from pathlib import Path
while True:
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            found = dict(line.partition(b"=")[::2] for line in each.read_bytes().split(b"\\0"))
            path = found.get(b"NOTIFY_SOCKET")
            if path and found.get(b"SUPERVISOR_AGENT") == b"mute":
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(0.1)
                    sock.sendto(b"READY=1", path)
                Path("lied").touch()
        except OSError:
            pass
    time.sleep(0.05)
"""


async def test_neither_a_call_nor_another_agents_lie_makes_ready_who_must_say_so_itself(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "liar.py").write_text(LIAR)
    mute = json.dumps(["{python}", str(TEAM / "agent.py"), "1", "0.05"])
    liar = json.dumps(["{python}", "-S", str(tmp_path / "liar.py")])
    write_team(
        project.profile,
        f'[[pools]]\nname = "planner"\nrole = "planner"\ncommand = {mute}\n',
        f'[[pools]]\nname = "mute"\nrole = "worker"\ncommand = {mute}\nstart_timeout_s = 8\nintensity = 0\n'
        '[pools.ready]\nby = "notify"\n',
        f'[[pools]]\nname = "liar"\nrole = "worker"\ncommand = {liar}\n[pools.ready]\nby = "settle"\n',
    )
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: world.agents["mute"].last_exit)
    ended = world.agents["mute"].last_exit
    assert ended is not None
    assert (ended.kind, ended.detail) == (ExitClass.START_TIMEOUT, "not ready within 8 s")
    assert project.run("down").returncode == 0
    assert (project.root / "lied").exists()
    assert "mute #1 reports" in (project.root / ".supervisor" / "logs" / "mute.log").read_text()
    engine_log = (project.root / ".supervisor" / "logs" / "engine.log").read_text()
    assert engine_log.count("ignored a message on the notify socket of mute#1") == 1
    events = await project.events()
    assert "task.created" in {event.kind for event in events}
    assert "task.claimed" not in {event.kind for event in events}
    await project.check()


async def test_a_pool_that_waits_for_a_line_of_another_starts_once_it_is_written(project: Project) -> None:
    write_team(
        project.profile,
        pool("log", more='[pools.ready]\nby = "settle"\nsettle_s = 0\n'),
        pool(
            "settle",
            more='[pools.ready]\nby = "settle"\nsettle_s = 0\n'
            '[[pools.depends_on]]\npool = "log"\ncondition = "log_line"\npattern = "listening on [0-9]+"\n',
        ),
    )
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        await watcher.until(lambda world: idle(world, "log", "settle"))
    assert project.run("down").returncode == 0
    started = [event.subject for event in await project.events() if event.kind == "agent.starting"]
    assert started == ["log", "settle"]


async def test_the_sockets_of_a_killed_engine_are_removed_by_the_next(project: Project) -> None:
    write_team(project.profile, pool("notify", more=WATCHED))
    project.run("up", str(project.profile), "--detach")
    record = read_engine_file(open_state(project.root, create=False))
    assert record is not None
    async with project.watched() as watcher:
        await watcher.until(lambda world: idle(world, "notify"))
    psutil.Process(record.pid).kill()
    wait_empty(project, record.session, seconds=5.0)
    (left,) = record.socket.parent.glob("notify-*")
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    async with project.watched() as watcher:
        await watcher.until(lambda world: idle(world, "notify"))
    assert left not in set(record.socket.parent.glob("notify-*"))
    assert project.run("down").returncode == 0
    assert list(record.socket.parent.glob("notify-*")) == []
