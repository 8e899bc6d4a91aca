"""The end of a log and what follows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs import tail
from supervisor.logs.log_file import LogFile
from supervisor.logs.tail import GOES_ON, follow, last_lines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_POLL_S", 0.001)


async def take(lines: AsyncIterator[bytes], n: int) -> list[bytes]:
    async with asyncio.timeout(20):
        return [await anext(lines) for _ in range(n)]


def numbered(first: int, stop: int) -> list[bytes]:
    return [b"line %d" % number for number in range(first, stop)]


def fill(file: LogFile, first: int, stop: int) -> None:
    for line in numbered(first, stop):
        assert file.append(line + b"\n") == (0, "")


def test_the_last_lines_come_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\nthree\n")
    assert last_lines(tmp_path / "a.log", 2) == [b"two", b"three"]
    assert last_lines(tmp_path / "a.log", 9) == [b"one", b"two", b"three"]
    assert last_lines(tmp_path / "a.log", 0) == []


def test_an_unfinished_last_line_counts(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\nthr")
    assert last_lines(tmp_path / "a.log", 2) == [b"two", b"thr"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "a.log", 5) == []


def test_the_last_lines_reach_back_into_rotated_files(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=50, keep=20)
    fill(file, 0, 40)
    file.close()
    assert last_lines(tmp_path / "a.log", 25) == numbered(15, 40)


@given(content=st.text(alphabet="ab\n", max_size=200).map(str.encode), n=st.integers(1, 30))
def test_the_last_lines_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, n: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "a.log"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "_BLOCK", 7)
        assert last_lines(path, n) == (content.removesuffix(b"\n").split(b"\n")[-n:] if content else [])


async def test_following_begins_with_the_last_lines_and_has_no_gap(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=10_000, keep=1)
    fill(file, 0, 10)
    lines = follow(tmp_path / "a.log", last=3)
    assert await take(lines, 3) == numbered(7, 10)
    fill(file, 10, 20)
    assert await take(lines, 10) == numbered(10, 20)
    file.close()
    await lines.aclose()


async def test_following_without_last_lines_tells_only_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"old\nhalf")
    lines = follow(tmp_path / "a.log")
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.01)
    with (tmp_path / "a.log").open("ab") as file:
        file.write(b" a line\n")
    assert await first == b"half a line"
    await lines.aclose()


async def test_a_log_that_begins_later_is_followed_from_its_start(tmp_path: Path) -> None:
    lines = follow(tmp_path / "a.log", last=5)
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.01)
    (tmp_path / "a.log").write_bytes(b"one\n")
    assert await first == b"one"
    await lines.aclose()


async def test_no_line_is_lost_over_many_rotations(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=500, keep=1000)
    fill(file, 0, 5)
    lines = follow(tmp_path / "a.log", last=100)
    assert await take(lines, 5) == numbered(0, 5)
    writing = asyncio.to_thread(fill, file, 5, 3000)
    assert (await asyncio.gather(take(lines, 2995), writing))[0] == numbered(5, 3000)
    file.close()
    await lines.aclose()


async def test_the_last_lines_of_a_follower_reach_back_into_rotated_files(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=50, keep=20)
    fill(file, 0, 40)
    lines = follow(tmp_path / "a.log", last=25)
    assert await take(lines, 25) == numbered(15, 40)
    file.close()
    await lines.aclose()


async def test_a_truncated_file_is_followed_from_its_new_start(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\n")
    lines = follow(tmp_path / "a.log", last=1)
    assert await take(lines, 1) == [b"two"]
    (tmp_path / "a.log").write_bytes(b"new\n")
    assert await take(lines, 1) == [b"new"]
    await lines.aclose()


async def test_a_follower_of_a_file_that_is_gone_goes_on_with_the_oldest_left(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", max_bytes=20, keep=1)
    fill(file, 0, 1)
    lines = follow(tmp_path / "a.log", last=1)
    assert await take(lines, 1) == numbered(0, 1)
    await asyncio.to_thread(fill, file, 1, 30)
    left = last_lines(tmp_path / "a.log", 100)
    assert left[0] not in numbered(0, 2), "the canary: the file it read is gone"
    assert await take(lines, 1 + len(left)) == numbered(1, 2) + left
    file.close()
    await lines.aclose()


async def test_a_huge_line_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.touch()
    lines = follow(path)
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.01)
    path.write_bytes(b"x" * 2_500_000 + b"\n")
    pieces = [await first, *await take(lines, 2)]
    mib = b"x" * 1_048_576
    assert pieces == [mib + GOES_ON, mib + GOES_ON, b"x" * (2_500_000 - 2 * 1_048_576)]
    await lines.aclose()


def test_the_last_lines_of_a_huge_line_are_its_last_pieces(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"before\n" + b"x" * 2_500_000 + b"\n")
    mib = b"x" * 1_048_576
    rest = b"x" * (2_500_000 - 2 * 1_048_576)
    assert last_lines(tmp_path / "a.log", 4) == [b"before", mib + GOES_ON, mib + GOES_ON, rest]
    assert last_lines(tmp_path / "a.log", 1) == [rest]


def test_a_file_without_end_is_read_from_its_end_for_so_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_MOST_BYTES", 100_000)
    (tmp_path / "a.log").write_bytes(b"y" * 300_000 + b"\nend\n")
    assert last_lines(tmp_path / "a.log", 2) == [b"y" * (2 * 65_536 - 5), b"end"]
