"""Walking from a log to its neighbours while names shift."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.logs import chain
from supervisor.logs.chain import older_files, open_newer, open_older
from supervisor.logs.log_file import LogFile


class Log:
    """Files of one line each, rotated on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = LogFile(path, max_bytes=2, keep=100)
        self._number = 0

    def rotate(self) -> None:
        self._file.append(b"%d\n" % self._number)
        self._number += 1

    def open(self, number: int) -> int:
        return os.open(self.path.with_name(f"{self.path.name}.{number}"), os.O_RDONLY)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "a.log")
    for _ in range(6):
        log.rotate()
    yield log
    log._file.close()


def content(fd: int | None) -> bytes | None:
    if fd is None:
        return None
    data = os.pread(fd, 100, 0)
    os.close(fd)
    return data


def rotate_once_before_opening(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    real = chain._open
    rotations = iter([log.rotate])

    def after_a_rotation(path: Path, number: int) -> int | None:
        next(rotations, lambda: None)()
        return real(path, number)

    monkeypatch.setattr(chain, "_open", after_a_rotation)


def test_the_neighbours_of_a_file_are_found(log: Log) -> None:
    fd = log.open(2)
    assert os.pread(fd, 9, 0) == b"3\n"
    assert content(open_newer(log.path, fd)) == b"4\n"
    assert content(open_older(log.path, fd)) == b"2\n"
    os.close(fd)


def test_the_newest_has_no_newer_and_the_oldest_no_older(log: Log) -> None:
    newest, oldest = os.open(log.path, os.O_RDONLY), log.open(5)
    assert open_newer(log.path, newest) is None
    assert open_older(log.path, oldest) is None
    os.close(newest)
    os.close(oldest)


def test_a_rotation_in_between_skips_no_file(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = log.open(2)
    rotate_once_before_opening(log, monkeypatch)
    assert open_newer(log.path, fd) is None, "it does not know, so the caller asks again"
    assert content(open_newer(log.path, fd)) == b"4\n"
    os.close(fd)


def test_trusting_the_name_would_skip_a_file(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: without the second look at the own place."""
    fd = log.open(2)
    rotate_once_before_opening(log, monkeypatch)
    place = chain._place(log.path, os.fstat(fd))
    assert place == 2
    assert content(chain._open(log.path, place - 1)) == b"5\n"
    os.close(fd)


def test_a_rotation_in_between_reads_no_file_twice(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = log.open(2)
    rotate_once_before_opening(log, monkeypatch)
    assert content(open_older(log.path, fd)) == b"2\n"
    os.close(fd)


def test_the_gap_of_a_rotation_under_way_hides_nobody(log: Log) -> None:
    fd = log.open(4)
    log.path.with_name("a.log.1").unlink()
    assert [file.name for file in older_files(log.path)] == [f"a.log.{number}" for number in (2, 3, 4, 5)]
    assert content(open_newer(log.path, fd)) == b"2\n"
    os.close(fd)


def test_after_a_deleted_file_comes_the_oldest_left(log: Log) -> None:
    fd = log.open(5)
    log.path.with_name("a.log.5").unlink()
    assert content(open_newer(log.path, fd)) == b"1\n"
    os.close(fd)
