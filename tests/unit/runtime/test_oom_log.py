"""Whom the kernel killed for memory: by its own log, and never by a guess."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.runtime.oom_log import OomLog

FIRST = "pid:[4026531836]"
KILL = b"3,%d,99,-;Memory cgroup out of memory: Killed process %d (python3) total-vm:1kB, oom_score_adj:300\n"


class Kmsg:
    """A kernel log that hands out one record at each read, as the real one does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *records: bytes | OSError) -> None:
        self.records = list(records)
        monkeypatch.setattr(os, "read", self._read)

    def _read(self, fd: int, size: int) -> bytes:
        if not self.records:
            raise BlockingIOError
        record = self.records.pop(0)
        if isinstance(record, OSError):
            raise record
        return record


def opened(tmp_path: Path) -> OomLog:
    (tmp_path / "kmsg").touch()
    return OomLog(str(tmp_path / "kmsg"), namespace=FIRST)


def test_a_process_the_kernel_killed_is_known_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = opened(tmp_path)
    Kmsg(monkeypatch, b"6,1,5,-;usb 1-1: new device\n", KILL % (2, 4321), KILL % (3, 99))
    assert log.is_open
    assert log.took(4321)
    assert not log.took(4321), "its number may mean another by now"
    assert log.took(99)
    assert not log.took(7)
    log.close()
    log.close()
    assert not log.took(99), "closed, it proves nothing"


def test_what_a_program_wrote_there_proves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = opened(tmp_path)
    Kmsg(monkeypatch, (KILL % (2, 4321)).replace(b"3,", b"12,", 1), b"x;Killed process 4321 (y)\n")
    assert not log.took(4321)
    log.close()


def test_records_that_were_overwritten_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = opened(tmp_path)
    Kmsg(monkeypatch, BrokenPipeError(32, "gap"), KILL % (9, 5))
    assert log.took(5)
    log.close()


def test_a_log_without_end_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = opened(tmp_path)
    monkeypatch.setattr(os, "read", lambda fd, size: b"6,1,5,-;noise\n")
    assert not log.took(5)
    log.close()


def test_a_log_that_may_not_be_read_proves_nothing(tmp_path: Path) -> None:
    log = OomLog(str(tmp_path / "missing"), namespace=FIRST)
    assert not log.is_open
    assert not log.took(1)


def test_inside_a_pid_namespace_the_kernels_numbers_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "kmsg").touch()
    assert not OomLog(str(tmp_path / "kmsg"), namespace="pid:[4026532999]").is_open


def test_which_namespace_is_ours_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kmsg").touch()
    is_first = str(Path("/proc/self/ns/pid").readlink()) == FIRST
    log = OomLog(str(tmp_path / "kmsg"))
    assert log.is_open is is_first
    log.close()

    def refuse(path: Path) -> Path:
        raise OSError

    monkeypatch.setattr(Path, "readlink", refuse)
    assert not OomLog(str(tmp_path / "kmsg")).is_open
