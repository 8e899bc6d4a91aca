"""Finding lines forward and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.logs import line_index
from supervisor.logs.line_index import LineIndex
from supervisor.logs.log_file import LogFile
from supervisor.logs.search import find


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LineIndex]:
    lines = [b"needle" if number % 700 == 3 else b"hay" for number in range(2000)]
    (tmp_path / "a.log").write_bytes(b"\n".join(lines) + b"\n")
    with LineIndex(tmp_path / "a.log") as index:
        index.extend()
        yield index


NEEDLE = re.compile(rb"ne+dle")


def test_the_next_match_is_found_from_a_line_on(index: LineIndex) -> None:
    assert [find(index, NEEDLE, start) for start in (-5, 0, 3, 4, 703, 704, 1403)] == [
        3,
        3,
        3,
        703,
        703,
        1403,
        1403,
    ]
    assert find(index, NEEDLE, 1404) is None
    assert find(index, NEEDLE, 5000) is None


def test_the_previous_match_is_found_from_a_line_back(index: LineIndex) -> None:
    starts = (5000, 1999, 1403, 1402, 703, 3)
    assert [find(index, NEEDLE, start, backward=True) for start in starts] == [1403, 1403, 1403, 703, 703, 3]
    assert find(index, NEEDLE, 2, backward=True) is None
    assert find(index, NEEDLE, -1, backward=True) is None


def test_an_empty_log_matches_nothing(tmp_path: Path) -> None:
    with LineIndex(tmp_path / "none.log") as index:
        assert find(index, NEEDLE, 0) is None
        assert find(index, NEEDLE, 0, backward=True) is None


def test_what_is_no_longer_kept_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_index, "MOST_FILES", 1)
    file = LogFile(tmp_path / "a.log", max_bytes=7, keep=2)
    with LineIndex(tmp_path / "a.log") as index:
        for line in (b"kept 1", b"kept 2"):
            file.append(line + b"\n")
            index.extend()
        assert find(index, re.compile(b"kept"), 0) == 1
        assert find(index, re.compile(b"kept"), 5, backward=True) == 1
        assert find(index, re.compile(b"no longer"), 5, backward=True) is None
    file.close()
