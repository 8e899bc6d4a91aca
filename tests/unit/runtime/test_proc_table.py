"""Looking at the process table."""

from __future__ import annotations

import os

import pytest

from supervisor.runtime import proc_table
from supervisor.runtime.proc_table import PAGE_BYTES, parse_stat, read_environ, read_stat, read_table


def test_a_name_with_spaces_and_brackets_does_not_shift_the_fields() -> None:
    raw = b"42 (a) Z (b c) S 7 40 39 0 -1 4194560 1 0 0 0 11 5 0 0 20 0 1 0 12345 1000 8 0 0\n"
    stat = parse_stat(raw)
    assert (stat.pid, stat.state, stat.parent, stat.group, stat.session) == (42, "S", 7, 40, 39)
    assert (stat.cpu_ticks, stat.start_time, stat.rss_bytes) == (16, 12345, 8 * PAGE_BYTES)


def test_we_are_in_the_table_as_ourselves() -> None:
    stat = read_table()[os.getpid()]
    assert stat.parent == os.getppid()
    assert stat.group == os.getpgrp()
    assert stat.session == os.getsid(0)
    assert stat.alive
    assert not stat.stopped
    assert stat.rss_bytes > 1_000_000


def test_a_pid_of_nobody_has_no_stat_and_no_environment() -> None:
    assert read_stat(2**22 + 1) is None
    assert read_environ(2**22 + 1) == b""


def test_where_there_is_no_proc_the_same_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    by_proc = read_stat(os.getpid())
    monkeypatch.setattr(proc_table, "HAS_PROC", False)
    stat = read_stat(os.getpid())
    assert stat is not None
    assert by_proc is not None
    assert (stat.parent, stat.group, stat.session) == (by_proc.parent, by_proc.group, by_proc.session)
    assert os.getpid() in read_table()
    assert f"PATH={os.environ['PATH']}".encode() in read_environ(os.getpid()).split(b"\0")
    assert read_stat(2**22 + 1) is None
    assert read_environ(2**22 + 1) == b""
