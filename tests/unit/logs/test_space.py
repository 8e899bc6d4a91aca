"""One cap over all logs: who goes first, who never goes, and that it holds whatever is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.chain import older_files
from supervisor.logs.log_file import LogFile
from supervisor.logs.space import LogSpace, file_bytes

MIB = 1 << 20


def taken(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


def put(path: Path, size: int, *, age: int) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    return path


def space_of(directory: Path, cap: int, *, of_a_file: int = 100) -> LogSpace:
    return LogSpace(directory, cap_bytes=cap, file_bytes=of_a_file, others=("engine.log",))


def test_the_oldest_rotated_file_goes_first(tmp_path: Path) -> None:
    put(tmp_path / "a.log.1", 400, age=10)
    put(tmp_path / "a.log.2", 400, age=50)
    put(tmp_path / "b.log.1", 400, age=30)
    space = space_of(tmp_path, 1000)
    space.begin(tmp_path / "c.log")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log.1", "b.log.1"]
    assert space.removed_bytes == 400


def test_a_log_loses_its_oldest_file_first_whatever_the_clock_said(tmp_path: Path) -> None:
    put(tmp_path / "a.log.1", 600, age=50)
    put(tmp_path / "a.log.2", 600, age=10)
    space_of(tmp_path, 1000).begin(tmp_path / "a.log")
    assert [path.name for path in tmp_path.iterdir()] == ["a.log.1"]


def test_a_log_that_nobody_writes_goes_after_all_rotated_ones(tmp_path: Path) -> None:
    put(tmp_path / "former.log", 600, age=90)
    put(tmp_path / "a.log", 50, age=0)
    put(tmp_path / "a.log.1", 600, age=10)
    space_of(tmp_path, 800).begin(tmp_path / "a.log")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "former.log"]
    space_of(tmp_path, 500).begin(tmp_path / "a.log")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log"]


def test_nothing_else_and_nobody_elses_open_log_is_touched(tmp_path: Path) -> None:
    put(tmp_path / "engine.log", 900, age=90)
    put(tmp_path / "notes.txt", 900, age=90)
    put(tmp_path / "a.log.bak", 900, age=90)
    (tmp_path / "dir.log").mkdir()
    (tmp_path / "link.log.1").symlink_to(tmp_path / "notes.txt")
    space_of(tmp_path, 100).begin(tmp_path / "a.log")
    assert len(list(tmp_path.iterdir())) == 5


def test_what_cannot_be_removed_does_not_count_as_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_path: Path) -> None:
        raise PermissionError

    put(tmp_path / "a.log.1", 600, age=10)
    monkeypatch.setattr(Path, "unlink", forbidden)
    space = space_of(tmp_path, 100)
    space.begin(tmp_path / "a.log")
    assert space.removed_bytes == 0


def test_a_missing_directory_takes_nothing(tmp_path: Path) -> None:
    space_of(tmp_path / "none", 100).begin(tmp_path / "none" / "a.log")


def test_a_few_files_are_made_room_for_at_once_so_that_not_every_start_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = space_of(tmp_path, 3200, of_a_file=100)
    looks: list[int] = []
    look = space._make_room

    def counted() -> int:
        looks.append(1)
        return look()

    monkeypatch.setattr(space, "_make_room", counted)
    file = LogFile(tmp_path / "a.log", max_bytes=100, keep=900, space=space)
    for _ in range(200):
        file.append(b"x" * 99 + b"\n")
    file.close()
    assert taken(tmp_path) <= 3200
    assert len(looks) < 100


@given(writes=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 300)), max_size=60))
def test_the_cap_holds_and_no_chain_gets_a_hole(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int]]
) -> None:
    directory = tmp_path_factory.mktemp("logs")
    space = space_of(directory, 1600, of_a_file=100)
    files = [
        LogFile(directory / f"{name}.log", max_bytes=100, keep=9, space=space)
        for name in ("a", "b", "c", "d")
    ]
    for which, size in writes:
        assert files[which].append(b"x" * (size - 1) + b"\n") == (0, "")
        assert taken(directory) <= 1600
    for file in files:
        file.close()
        chain = older_files(file.path)
        assert [int(path.suffix[1:]) for path in chain] == list(range(1, len(chain) + 1))


@pytest.mark.parametrize(
    ("cap", "logs", "size"),
    [
        (2048 * MIB, 10, 10 * MIB),
        (2048 * MIB, 201, 2048 * MIB // 804),
        (16 * MIB, 201, 65_536),
        (MIB, 0, MIB // 4),
    ],
)
def test_the_files_being_written_take_a_quarter_of_the_cap_at_most(cap: int, logs: int, size: int) -> None:
    assert file_bytes(cap, logs) == size
