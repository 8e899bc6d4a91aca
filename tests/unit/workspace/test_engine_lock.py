"""One engine holds a project; everybody else learns which one, and since when."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.errors import LockHeld, StateUnsafe
from supervisor.workspace import engine_lock
from supervisor.workspace.engine_lock import (
    EngineLock,
    EngineRecord,
    holder_of,
    read_engine_file,
    remove_engine_file,
    write_engine_file,
)
from supervisor.workspace.state_dir import StateDir

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import os, sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
    "from supervisor.workspace.engine_lock import EngineLock\n"
    "lock = EngineLock.acquire(Path(sys.argv[1]), {'pid': os.getpid(), 'started_at': 1700000000.0})\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


@contextmanager
def another_engine(lock_file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lock until its stdin ends."""
    command = [sys.executable, "-c", HOLD, str(lock_file), str(ROOT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def own_record() -> dict[str, object]:
    return {"pid": os.getpid(), "started_at": 1.5, "team": "t"}


def test_the_lock_says_who_holds_it(state: StateDir) -> None:
    assert holder_of(state.lock_file) is None

    lock = EngineLock.acquire(state.lock_file, own_record())
    assert holder_of(state.lock_file) == own_record()

    lock.release()
    lock.release()
    assert holder_of(state.lock_file) is None
    assert state.lock_file.stat().st_mode & 0o777 == 0o600


def test_a_second_engine_is_refused_and_told_of_the_first(state: StateDir) -> None:
    with another_engine(state.lock_file) as process:
        with pytest.raises(LockHeld) as caught:
            EngineLock.acquire(state.lock_file, own_record())

        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_700_000_000))
        assert caught.value.message == (
            f"an engine runs {state.project} already: process {process.pid} since {since}. "
            "Use `supervisor attach`, or stop it with `supervisor down`."
        )
        assert caught.value.details == {"pid": process.pid, "since": 1_700_000_000.0}
        assert holder_of(state.lock_file) == {"pid": process.pid, "started_at": 1_700_000_000.0}


def test_a_killed_engine_leaves_the_lock_free(state: StateDir) -> None:
    with another_engine(state.lock_file) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)

        assert holder_of(state.lock_file) is None
        lock = EngineLock.acquire(state.lock_file, own_record())
        assert holder_of(state.lock_file) == own_record()
        lock.release()


def test_a_child_does_not_inherit_the_lock(state: StateDir) -> None:
    lock = EngineLock.acquire(state.lock_file, own_record())
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()

        assert holder_of(state.lock_file) is None
        child.kill()


def test_a_holder_that_has_not_written_yet_is_not_confused_with_the_one_before(state: StateDir) -> None:
    lock = EngineLock.acquire(state.lock_file, {"pid": 2**22 + 1, "started_at": 1.0})

    assert holder_of(state.lock_file) == {}
    with pytest.raises(LockHeld, match="another engine is just starting on"):
        EngineLock.acquire(state.lock_file, own_record())
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 70_000, b'{"pid": "1"}'])
def test_a_lock_file_with_odd_content_is_still_a_lock(state: StateDir, content: bytes) -> None:
    state.lock_file.write_bytes(content)
    state.lock_file.chmod(0o600)
    assert holder_of(state.lock_file) is None

    lock = EngineLock.acquire(state.lock_file, own_record())
    state.lock_file.write_bytes(content)
    assert holder_of(state.lock_file) == {}
    lock.release()


def test_an_absurd_time_of_start_does_not_hide_the_holder(state: StateDir) -> None:
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": 1e300})

    with pytest.raises(LockHeld, match=f"process {os.getpid()} since an unknown time"):
        EngineLock.acquire(state.lock_file, own_record())
    lock.release()


def test_the_lock_is_never_taken_through_a_link(state: StateDir, tmp_path: Path) -> None:
    state.lock_file.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateUnsafe, match="cannot open the lock"):
        EngineLock.acquire(state.lock_file, own_record())
    assert not (tmp_path / "elsewhere").exists()


def test_one_who_asks_for_the_holder_never_costs_an_engine_its_start(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = os.open(state.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))

    fcntl.flock(asking, fcntl.LOCK_SH)
    EngineLock.acquire(state.lock_file, own_record()).release()

    # The broken variant: a lock that gives up at the first refusal.
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr(engine_lock, "ATTEMPTS", 1)
    with pytest.raises(LockHeld):
        EngineLock.acquire(state.lock_file, own_record())
    os.close(asking)


def test_asking_all_the_time_beside_a_start_does_not_refuse_it(state: StateDir) -> None:
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            holder_of(state.lock_file)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(100):
            EngineLock.acquire(state.lock_file, own_record()).release()
    finally:
        done.set()
        for asker in askers:
            asker.join()


def test_of_many_engines_that_start_at_once_one_gets_the_lock(state: StateDir) -> None:
    barrier = threading.Barrier(8)
    held: list[EngineLock] = []

    def start() -> None:
        barrier.wait()
        try:
            held.append(EngineLock.acquire(state.lock_file, own_record()))
        except LockHeld:
            return

    for _ in range(20):
        engines = [threading.Thread(target=start) for _ in range(8)]
        for engine in engines:
            engine.start()
        for engine in engines:
            engine.join()
        assert len(held) == 1
        held.pop().release()


RECORD = EngineRecord(pid=42, socket=Path("/run/x/control.sock"), started_at=3.0, team="t", session="abc")


def test_the_engine_file_is_read_as_it_was_written(state: StateDir) -> None:
    assert read_engine_file(state) is None

    write_engine_file(state, RECORD)

    assert read_engine_file(state) == RECORD
    assert state.engine_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.root.iterdir() if path.name.startswith(".engine")] == []

    remove_engine_file(state)
    remove_engine_file(state)
    assert read_engine_file(state) is None


def test_a_reader_sees_a_whole_engine_file_while_it_is_replaced(state: StateDir) -> None:
    write_engine_file(state, RECORD)
    done = threading.Event()
    seen: set[EngineRecord | None] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(read_engine_file(state))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        write_engine_file(state, RECORD)
    done.set()
    reader.join()

    assert seen == {RECORD}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"\x00" * 100,
        json.dumps({"pid": "42", "socket": "/s", "started_at": 1, "team": "t", "session": "s"}).encode(),
        json.dumps({"pid": 42, "socket": 3, "started_at": 1, "team": "t", "session": "s"}).encode(),
        json.dumps({"pid": 42, "socket": "/s", "started_at": None, "team": "t", "session": "s"}).encode(),
    ],
)
def test_an_engine_file_that_is_damaged_is_as_good_as_none(state: StateDir, content: bytes) -> None:
    state.engine_file.write_bytes(content)

    assert read_engine_file(state) is None


def test_a_directory_or_a_link_is_no_engine_file(state: StateDir, tmp_path: Path) -> None:
    write_engine_file(state, RECORD)
    target = state.engine_file.rename(tmp_path / "elsewhere")
    state.engine_file.symlink_to(target)
    assert read_engine_file(state) is None

    state.engine_file.unlink()
    state.engine_file.mkdir()
    assert read_engine_file(state) is None
