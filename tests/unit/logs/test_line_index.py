"""The index of a growing, rotating, hostile file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs import file_index, line_index
from supervisor.logs.line_index import GONE, LINE_CAP, LineIndex
from supervisor.logs.log_file import LogFile
from supervisor.logs.opening import open_for_read

pieces = st.lists(st.text(alphabet="ab\n\r\0é", max_size=30).map(str.encode), max_size=20)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@given(pieces=pieces, block=st.sampled_from([1, 3, 16, 1_048_576]))
def test_the_lines_are_those_of_the_file_however_it_grew(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], block: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "a.log"
    content = b""
    with LineIndex(path) as index, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_index, "_BLOCK", block)
        for piece in pieces:
            append(path, piece)
            content += piece
            lines = content.removesuffix(b"\n").split(b"\n") if content else []
            assert index.extend() == len(lines)
            assert index.lines(0, index.count) == lines
            middle = len(lines) // 2
            assert index.lines(middle, middle + 3) == lines[middle : middle + 3]
        assert index.generation == 0


def test_a_file_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 0
        assert index.lines(0, 10) == []
        append(tmp_path / "a.log", b"one\n")
        assert index.extend() == 1


def test_lines_beyond_the_end_are_none(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"one\ntwo\n")
    with LineIndex(tmp_path / "a.log") as index:
        index.extend()
        assert index.lines(-5, 1) == [b"one"]
        assert index.lines(1, 99) == [b"two"]
        assert index.lines(2, 99) == []
        assert index.lines(5, 2) == []


def numbered(first: int, stop: int) -> list[bytes]:
    return [b"%04d" % number for number in range(first, stop)]


def fill(file: LogFile, first: int, stop: int) -> None:
    for line in numbered(first, stop):
        assert file.append(line + b"\n") == (0, "")


def test_lines_keep_their_numbers_when_the_log_is_rotated(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=3)
    with LineIndex(tmp_path / "a.log") as index:
        fill(file, 0, 2)
        assert index.extend() == 2
        fill(file, 2, 5)
        assert index.lines(0, 9) == numbered(0, 2), "until it looks it knows what it had seen"
        assert index.extend() == 5
        assert index.lines(0, 5) == numbered(0, 5)
        assert index.lines(1, 3) == numbered(1, 3)
        assert index.generation == 0
    file.close()


def test_rotated_files_are_read_from_the_first_look_on(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=3)
    fill(file, 0, 8)
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 8
        assert index.lines(0, 8) == numbered(0, 8)
    file.close()


def test_a_line_that_came_right_before_the_rotation_is_not_missed(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=3)
    fill(file, 0, 1)
    with LineIndex(tmp_path / "a.log") as index:
        index.extend()
        fill(file, 1, 3)
        assert index.extend() == 3
        assert index.lines(0, 3) == numbered(0, 3)
    file.close()


def test_lines_that_are_no_longer_kept_say_so_and_the_others_stay_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_index, "MOST_FILES", 2)
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=1)
    with LineIndex(tmp_path / "a.log") as index:
        for first in range(0, 6, 2):
            fill(file, first, first + 2)
            index.extend()
        assert (index.first, index.count) == (2, 6)
        assert index.lines(0, 6) == [GONE, GONE, *numbered(2, 6)]
        assert index.lines(0, 1) == [GONE]
        assert index.lines(4, 6) == numbered(4, 6)
    file.close()


def test_an_old_log_is_read_as_far_back_as_files_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_index, "MOST_FILES", 2)
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=5)
    fill(file, 0, 8)
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 4
        assert index.lines(0, 4) == numbered(4, 8)
    file.close()


def test_a_file_seen_twice_through_a_rotation_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path / "a.log", b"one\n")
    again = lambda path, _fd: open_for_read(path)  # noqa: E731 - the race, made to happen
    monkeypatch.setattr(line_index, "open_older", again)
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 1


def test_a_truncated_file_begins_a_new_generation(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"one\ntwo\n")
    with LineIndex(tmp_path / "a.log") as index:
        index.extend()
        (tmp_path / "a.log").write_bytes(b"new\n")
        assert index.extend() == 1
        assert index.lines(0, 1) == [b"new"]
        assert index.generation == 1


def test_a_deleted_file_keeps_its_lines(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"one\n")
    with LineIndex(tmp_path / "a.log") as index:
        index.extend()
        (tmp_path / "a.log").unlink()
        assert index.extend() == 1
        assert index.lines(0, 1) == [b"one"]


@pytest.mark.parametrize("block", [7, 64, 1_048_576])
def test_a_line_over_the_cap_is_split_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(file_index, "LINE_CAP", 10)
    monkeypatch.setattr(file_index, "_BLOCK", block)
    append(tmp_path / "a.log", b"0123456789\n" + b"x" * 25 + b"\nlast")
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 5
        assert index.lines(0, 5) == [b"0123456789", b"x" * 10, b"x" * 10, b"x" * 5, b"last"]
        assert [index.goes_on(number) for number in range(5)] == [False, True, True, False, False]


def test_the_cap_is_a_mebibyte(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"x" * (3 * LINE_CAP))
    with LineIndex(tmp_path / "a.log") as index:
        assert index.extend() == 3
        assert [len(line) for line in index.lines(0, 3)] == [1_048_576] * 3


def test_a_symlink_or_a_directory_is_not_read(tmp_path: Path) -> None:
    append(tmp_path / "secret", b"secret\n")
    (tmp_path / "a.log").symlink_to(tmp_path / "secret")
    with LineIndex(tmp_path / "a.log") as index, pytest.raises(OSError):
        index.extend()
    with LineIndex(tmp_path) as index, pytest.raises(OSError, match="not a plain file"):
        index.extend()


def test_one_thread_may_extend_while_another_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file = LogFile(path, max_bytes=20_000, keep=1)

    def grow() -> None:
        for number in range(5000):
            file.append(b"line %d\n" % number)
            if number % 10 == 0:
                index.extend()

    with LineIndex(path) as index:
        writer = threading.Thread(target=grow)
        writer.start()
        while writer.is_alive():
            for line in index.lines(index.count - 5, index.count):
                assert line.startswith(b"line ")
                assert b"\n" not in line
        writer.join()
    file.close()
