"""The notify socket with real senders: who is heard, who is not, and what nobody can break."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from supervisor.runtime import notify_socket
from supervisor.runtime.kinship import is_kin
from supervisor.runtime.notification import Notification
from supervisor.runtime.notify_socket import NotifySocket, remove_stale
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.testing.chaos import ChaosChild, ChaosTeam, chaos_argv

READY = Notification(ready=True)


@pytest.fixture
async def team() -> AsyncIterator[ChaosTeam]:
    async with ChaosTeam() as made:
        yield made


class Desk:
    """A socket, the child whose tree it hears, and all that was heard."""

    def __init__(self, directory: Path) -> None:
        self.socket = NotifySocket(directory, agent="worker-1#1")
        self.heard: list[Notification] = []
        self.came = asyncio.Event()

    def listen_to(self, pid: int) -> None:
        found = read_stat(pid)
        assert found is not None
        self.socket.listen(found.ref, self._hear)

    async def first(self) -> Notification:
        async with asyncio.timeout(10):
            await self.came.wait()
        return self.heard[0]

    def _hear(self, said: Notification) -> None:
        self.heard.append(said)
        self.came.set()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.socket.close()


def start(team: ChaosTeam, desk: Desk, *argv: str, agent: str = "worker-1#1") -> ChaosChild:
    launch = team.launch(*argv, agent=agent)
    launch.env["NOTIFY_SOCKET"] = str(desk.socket.path)
    return ChaosChild(launch, None)


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-E", "-c", textwrap.dedent(program))


SEND = """
    import os, socket, sys
    def send(*words, fds=()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(os.environ["NOTIFY_SOCKET"])
            for word in words:
                sock.send(word)
"""


def sending(rest: str) -> tuple[str, ...]:
    return python(textwrap.dedent(SEND) + textwrap.dedent(rest))


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


# ---------------------------------------------------------------- who is heard


async def test_the_leader_is_heard_and_what_it_said_before_we_listened(team: ChaosTeam, desk: Desk) -> None:
    child = start(team, desk, *chaos_argv("notify", "READY=1", "STATUS=up"))
    await child.ready()
    desk.listen_to(child.process.pid)
    assert await desk.first() == Notification(ready=True, status="up")


@pytest.mark.parametrize("how", ["fork", "fork and setsid"])
async def test_who_descends_from_the_leader_is_heard(team: ChaosTeam, desk: Desk, how: str) -> None:
    leave = "os.setsid()" if how.endswith("setsid") else "pass"
    child = start(
        team,
        desk,
        *sending(f"""
            if os.fork() == 0:
                {leave}
                send(b"READY=1")
                os.kill(os.getpid(), 19)  # it stays, and does nothing more
            os.waitpid(-1, os.WUNTRACED)
            os.wait()
        """),
    )
    desk.listen_to(child.process.pid)
    assert await desk.first() == READY


BARRIER = """
    import array, os, socket
    r, w = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(os.environ["NOTIFY_SOCKET"])
        sock.send(b"READY=1\\nSTATUS=all well")
        socket.send_fds(sock, [b"BARRIER=1"], [w])
    os.close(w)
    os.read(r, 1)
"""


@pytest.mark.parametrize("program", ["systemd-notify", "python"])
async def test_a_program_that_waits_at_the_barrier_is_heard_though_it_ends_at_once(
    team: ChaosTeam, desk: Desk, program: str
) -> None:
    say = f"{sys.executable} -S -E -c '{textwrap.dedent(BARRIER)}'"
    if program == "systemd-notify" and shutil.which(program) is not None:
        say = "systemd-notify --ready --status='all well'"
    child = start(team, desk, "/bin/sh", "-c", f"{say} && echo told; exec sleep 60")
    desk.listen_to(child.process.pid)
    assert await desk.first() == Notification(ready=True, status="all well")
    await until(lambda: b"told" in child.output)


async def test_a_barrier_is_lifted_once_what_stands_before_it_was_heard(team: ChaosTeam, desk: Desk) -> None:
    child = start(
        team,
        desk,
        *sending("""
            r, w = os.pipe()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(os.environ["NOTIFY_SOCKET"])
                sock.send(b"READY=1")
                socket.send_fds(sock, [b"BARRIER=1"], [w])
            os.close(w)
            os.read(r, 1)
            print("lifted", flush=True)
            os.kill(os.getpid(), 19)
        """),
    )
    desk.listen_to(child.process.pid)
    await until(lambda: b"lifted" in child.output)
    assert desk.heard == [READY]


# ---------------------------------------------------------------- who is not


async def test_a_forged_word_from_another_agents_tree_is_ignored_and_told_once(
    team: ChaosTeam, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    own = team.start("idle")
    await own.ready()
    desk.listen_to(own.process.pid)
    # it carries the other's marker, as whoever wants to may
    forger = start(team, desk, *chaos_argv("beat", "50", "0.001"), agent="worker-1#1")
    with caplog.at_level(logging.WARNING):
        await until(lambda: b"ready" in forger.output)
        await until(lambda: caplog.records)
    assert desk.heard == []
    assert len(caplog.records) == 1
    assert "not of its tree" in caplog.text


async def test_a_word_from_outside_is_ignored(team: ChaosTeam, desk: Desk) -> None:
    own = start(team, desk, *chaos_argv("slow-start", "0.3"))
    desk.listen_to(own.process.pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"STATUS=forged", str(desk.socket.path))
    assert (await desk.first()).status == "up"
    assert len(desk.heard) == 1


async def test_without_the_look_at_the_sender_the_forged_word_would_count(
    team: ChaosTeam, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary: the same forgery, believed."""
    monkeypatch.setattr(notify_socket, "is_kin", lambda _pid, _leader: True)
    own = team.start("idle")
    await own.ready()
    desk.listen_to(own.process.pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1", str(desk.socket.path))
    assert await desk.first() == READY


async def test_a_sender_that_is_gone_is_nobody(team: ChaosTeam, desk: Desk) -> None:
    own = team.start("idle")
    await own.ready()
    with subprocess.Popen(
        sending("send(b'READY=1')"), env={"NOTIFY_SOCKET": str(desk.socket.path)}, start_new_session=True
    ) as gone:
        gone.wait()
    desk.listen_to(own.process.pid)
    await asyncio.sleep(0)
    await until(lambda: desk.socket._complained)
    assert desk.heard == []


def test_kinship_goes_by_the_kernel_alone() -> None:
    own, parent = read_stat(os.getpid()), read_stat(os.getppid())
    assert own is not None
    assert parent is not None
    assert is_kin(own.pid, own.ref)
    assert is_kin(own.pid, parent.ref)
    assert not is_kin(parent.pid, own.ref)
    assert not is_kin(2**22 + 1, own.ref)
    recycled = ProcRef(pid=own.pid, start_time=own.start_time + 1)
    assert not is_kin(own.pid, recycled)


# ---------------------------------------------------------------- what nobody can break


async def test_a_message_that_is_too_long_is_not_read(
    team: ChaosTeam, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    child = start(
        team,
        desk,
        *sending("""
            send(b"STATUS=" + b"x" * 5000 + b"\\nREADY=1")
            big = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            big.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000_000)
            try:
                big.sendto(b"READY=1\\n" + b"x" * 10_000_000, os.environ["NOTIFY_SOCKET"])
            except OSError as error:
                print("refused", error.errno, flush=True)
            send(b"STATUS=short")
            os.kill(os.getpid(), 19)
        """),
    )
    desk.listen_to(child.process.pid)
    assert await desk.first() == Notification(status="short")
    assert len(desk.heard) == 1
    assert caplog.text.count("more than 4096 bytes") == 1


async def test_binary_garbage_is_passed_over(team: ChaosTeam, desk: Desk) -> None:
    child = start(
        team,
        desk,
        *sending("""
            for size in range(0, 4096, 64):
                send(os.urandom(size).replace(b"=", b"-"))
            send(b"READY=1")
            os.kill(os.getpid(), 19)
        """),
    )
    desk.listen_to(child.process.pid)
    assert await desk.first() == READY


async def test_descriptors_that_come_along_are_closed(team: ChaosTeam, desk: Desk) -> None:
    child = start(
        team,
        desk,
        *sending("""
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(os.environ["NOTIFY_SOCKET"])
                for count in (1, 16, 17, 253):
                    socket.send_fds(sock, [b"FDSTORE=1"], [0] * count)
                sock.send(b"READY=1")
            os.kill(os.getpid(), 19)
        """),
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    desk.listen_to(child.process.pid)
    await desk.first()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_a_flood_is_read_at_a_bounded_rate_and_the_loop_stays_free(team: ChaosTeam, desk: Desk) -> None:
    child = start(
        team,
        desk,
        *sending("""
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(os.environ["NOTIFY_SOCKET"])
                while True:
                    sock.send(b"WATCHDOG=1")
        """),
    )
    desk.listen_to(child.process.pid)
    await desk.first()
    loop = asyncio.get_running_loop()
    begun, seen, lags = loop.time(), len(desk.heard), []
    while loop.time() < begun + 1.0:
        before = loop.time()
        await asyncio.sleep(0.005)
        lags.append(loop.time() - before - 0.005)
    most = notify_socket.MESSAGES_PER_WINDOW / notify_socket.WINDOW_S
    assert len(desk.heard) - seen <= 1.1 * most
    assert sorted(lags)[len(lags) // 2] < 0.05


async def test_a_flood_of_one_does_not_fill_the_queue_of_another(
    team: ChaosTeam, desk: Desk, tmp_path: Path
) -> None:
    other = Desk(tmp_path)
    flooder = start(
        team,
        desk,
        *sending("""
            print("begins", flush=True)
            while True:
                send(b"STATUS=x")
        """),
    )
    await until(lambda: b"begins" in flooder.output)  # nobody reads its socket: its queue is full
    child = start(team, other, *chaos_argv("notify", "READY=1"), agent="worker-2#1")
    other.listen_to(child.process.pid)
    assert await other.first() == READY
    other.socket.close()


# ---------------------------------------------------------------- the name


async def test_the_socket_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    made = NotifySocket(tmp_path, agent="a#1")
    found = made.path.lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert not os.fsencode(made.path).startswith(b"\0")
    made.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_link_or_file_at_the_name_is_neither_followed_nor_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(["aa", "bb", "cc", "dd"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(names))
    target = tmp_path / "target"
    (tmp_path / "notify-aa").symlink_to(target)
    (tmp_path / "notify-bb").write_text("mine")
    (tmp_path / "notify-cc").symlink_to("/etc/passwd")
    made = NotifySocket(tmp_path, agent="a#1")
    assert made.path.name == "notify-dd"
    assert not target.exists()
    assert (tmp_path / "notify-bb").read_text() == "mine"
    made.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notify-aa", "notify-bb", "notify-cc"]


async def test_where_every_name_is_taken_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "aa")
    (tmp_path / "notify-aa").symlink_to("nowhere")
    with pytest.raises(OSError, match="no free name"):
        NotifySocket(tmp_path, agent="a#1")


async def test_a_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with pytest.raises(OSError, match="107 bytes"):
        NotifySocket(deep, agent="a#1")


async def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        NotifySocket(tmp_path / "none", agent="a#1")


async def test_a_system_that_does_not_name_senders_has_no_such_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify_socket, "HAS_CREDENTIALS", False)
    with pytest.raises(OSError, match="another way"):
        NotifySocket(tmp_path, agent="a#1")


def test_what_a_killed_engine_left_is_removed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(tmp_path / "notify-0123"))
    (tmp_path / "control.sock").write_text("")
    remove_stale(tmp_path)
    remove_stale(tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["control.sock"]


async def test_a_socket_that_rests_can_be_closed(team: ChaosTeam, desk: Desk) -> None:
    child = team.start("idle")
    await child.ready()
    desk.listen_to(child.process.pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        for _ in range(notify_socket.MESSAGES_PER_WINDOW * 3):
            try:
                sock.sendto(b"READY=1", str(desk.socket.path))
            except BlockingIOError:
                desk.socket._readable()
                if desk.socket._resting is not None:
                    break
    desk.socket.close()
    assert desk.heard == []
