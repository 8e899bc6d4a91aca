"""The log of an agent: order, holding back, a full disk and a dead one."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.logs.log_file import LogFile
from supervisor.logs.writer import AgentLog

MIB = 1_048_576


class StuckFile(LogFile):
    """A file on a disk that takes nothing until it is freed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, max_bytes=100 * MIB, keep=1)
        self.freed = threading.Event()
        self.reached = threading.Event()

    def append(self, data: bytes) -> tuple[int, str]:
        self.reached.set()
        self.freed.wait(30)
        return super().append(data)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[StuckFile]:
    file = StuckFile(tmp_path / "a.log")
    yield file
    file.freed.set()


def test_what_is_written_stands_in_the_file_in_order(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log")
    for number in range(1000):
        assert log.write(b"%d\n" % number)
    log.close()
    assert (tmp_path / "a.log").read_bytes() == b"".join(b"%d\n" % number for number in range(1000))


def test_many_logs_do_not_mix(tmp_path: Path) -> None:
    logs = [AgentLog(tmp_path / f"{number}.log") for number in range(20)]
    for turn in range(50):
        for number, log in enumerate(logs):
            log.write(b"%d %d\n" % (number, turn))
    for log in logs:
        assert log.flush()
        log.close()
    for number in range(20):
        lines = (tmp_path / f"{number}.log").read_bytes().splitlines()
        assert lines == [b"%d %d" % (number, turn) for turn in range(50)]


def test_a_stuck_disk_holds_back_for_a_moment_then_costs_output_but_never_the_caller(
    stuck: StuckFile,
) -> None:
    log = AgentLog(stuck.path, file=stuck)
    log.write(b"first\n")
    stuck.reached.wait(5)
    answers = [log.write(b"x" * 65_535 + b"\n") for _ in range(200)]
    assert answers[:10] == [True] * 10
    assert False in answers, "the caller is asked to hold back"
    assert answers[-1], "but not for ever"
    assert 0 < log.dropped_bytes < 200 * 65_536
    assert not log.flush(timeout_s=0.01)
    stuck.freed.set()
    log.write(b"last\n")
    log.close()
    written = stuck.path.read_bytes()
    assert written.startswith(b"first\n")
    assert f"[supervisor: {log.dropped_bytes} bytes of output were dropped: the disk".encode() in written
    assert written.endswith(b"last\n")


def test_without_its_bound_a_stuck_disk_would_take_all_memory(
    stuck: StuckFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary of the bound."""
    monkeypatch.setattr("supervisor.logs.writer._MOST_QUEUED_BYTES", 100 * MIB)
    log = AgentLog(stuck.path, file=stuck)
    for _ in range(200):
        log.write(b"x" * 65_536)
    assert log.dropped_bytes == 0


def test_a_full_disk_drops_counts_and_says_so_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AgentLog(tmp_path / "a.log")
    log.write(b"before\n")
    log.flush()

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("supervisor.logs.log_file.os.write", full)
        log.write(b"lost\n")
        log.flush()
        log.write(b"lost too\n")
        log.flush()
    assert log.dropped_bytes == 14
    assert log.problem == "No space left on device"
    log.write(b"after\n")
    log.close()
    assert (tmp_path / "a.log").read_bytes() == (
        b"before\n[supervisor: 14 bytes of output were dropped: No space left on device]\nafter\n"
    )


def test_the_mark_of_a_loss_begins_a_line_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AgentLog(tmp_path / "a.log")
    log.write(b"half a li")
    log.flush()

    def short(fd: int, data: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("supervisor.logs.log_file.os.write", short)
        log.write(b"ne\n")
        log.flush()
    log.write(b"next\n")
    log.close()
    marked = b"half a li\n[supervisor: 3 bytes of output were dropped: Input/output error]\nnext\n"
    assert (tmp_path / "a.log").read_bytes() == marked


def test_writing_after_close_is_counted_and_harmless(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log")
    log.write(b"one\n")
    log.close()
    log.close()
    assert log.write(b"two\n")
    assert log.dropped_bytes == 4
    assert (tmp_path / "a.log").read_bytes() == b"one\n"


def test_a_missing_directory_costs_output_and_names_the_cause(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "none" / "a.log")
    log.write(b"one\n")
    log.close()
    assert log.dropped_bytes == 4
    assert log.problem == "No such file or directory"


def test_the_last_words_are_known_whatever_the_disk_does(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "none" / "a.log")
    for number in range(100):
        log.write(b"line %d\n" % number)
    assert log.last_words(3) == [b"line 97", b"line 98", b"line 99"]
    log.write(b"half")
    assert log.last_words(2) == [b"line 99", b"half"]
    log.begin()
    assert log.last_words(50) == []
    log.close()


def test_no_more_than_16_kib_of_last_words_are_held(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log")
    for size in (65_536, 100, 65_536, 5_000, 20_000):
        log.write(b"x" * size)
        assert sum(map(len, log.last_words(50))) <= 16_384
    assert log.last_words(50) == [b"x" * 16_384]
    for _ in range(1000):
        log.write(b"y" * 99 + b"\n")
    assert log.last_words(1000)[1:] == [b"y" * 99] * 163
    log.close()
