"""One log on disk: modes, rotation, and what may stand in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.chain import older_files
from supervisor.logs.log_file import LogFile

chunks = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\xff", b"\n")), max_size=40
)


def written(path: Path) -> list[bytes]:
    """Return the contents of all files of a log, oldest first."""
    return [file.read_bytes() for file in reversed([path, *older_files(path)]) if file.exists()]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=100, keep=1)
    file.append(b"one\n")
    file.close()
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_full_is_rotated_at_the_end_of_a_line(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10, keep=2)
    file.append(b"one\ntwo\nthree\nfour\nfive\n")
    file.close()
    assert written(tmp_path / "a.log") == [b"one\ntwo\n", b"three\n", b"four\nfive\n"]


def test_the_oldest_file_goes_when_there_are_enough(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=4, keep=2)
    for number in range(9):
        file.append(b"%03d\n" % number)
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert written(tmp_path / "a.log") == [b"006\n", b"007\n", b"008\n"]


def test_keeping_none_still_caps_the_file(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=4, keep=0)
    file.append(b"one\ntwo\n")
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]
    assert (tmp_path / "a.log").read_bytes() == b"two\n"


@given(chunks=chunks)
def test_no_byte_is_lost_and_no_file_is_over_its_size(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "a.log"
    file = LogFile(path, max_bytes=32, keep=1000)
    for chunk in chunks:
        assert file.append(chunk) == (0, "")
    file.close()
    files = written(path)
    assert b"".join(files) == b"".join(chunks)
    assert all(len(each) <= 32 for each in files)


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"old\n")
    file = LogFile(tmp_path / "a.log", max_bytes=100, keep=1)
    file.append(b"new\n")
    file.close()
    assert (tmp_path / "a.log").read_bytes() == b"old\nnew\n"


def test_a_file_that_somebody_deleted_is_begun_anew(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=100, keep=1)
    file.append(b"one\n")
    (tmp_path / "a.log").unlink()
    file.append(b"two\n")
    file.close()
    assert (tmp_path / "a.log").read_bytes() == b"two\n"


def test_a_symlink_in_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious\n")
    (tmp_path / "a.log").symlink_to(victim)
    lost, problem = LogFile(tmp_path / "a.log", max_bytes=100, keep=1).append(b"one\n")
    assert lost == 4
    assert problem
    assert victim.read_bytes() == b"precious\n"


def test_a_pipe_in_its_place_does_not_hold_the_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.log")
    lost, _ = LogFile(tmp_path / "a.log", max_bytes=100, keep=1).append(b"one\n")
    assert lost == 4
    reader = os.open(tmp_path / "a.log", os.O_RDONLY | os.O_NONBLOCK)
    lost, problem = LogFile(tmp_path / "a.log", max_bytes=100, keep=1).append(b"one\n")
    os.close(reader)
    assert (lost, problem) == (4, "not a plain file")
