"""What a disk may hold after a power cut: everything that was synced, and any part of what was not.

A `Recording` is the exact sequence of changes of a workload, with the facts that were acknowledged in
between. `images` cuts the power at chosen places of it. The model is stricter than most file systems are: a
change of a file may be lost until that file is synced, and a new, renamed or removed name until its
directory is; what is not synced may reach the disk in any order, in part (in whole sectors), or only as a
length filled with zeros. What a failed sync was to make durable stays in doubt for ever, though a later sync
succeeds: a kernel forgets such pages. Bytes beside a write are not harmed by it, which SQLite asks of a disk
(powersafe overwrite).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from supervisor.testing.disk_tap import Change, DiskCall, Fault
from supervisor.testing.faulty_disk import FaultyDisk

SECTORS: Final = (512, 4096)
MODES: Final = ("lost", "kept", "halved", "mixed", "mixed")
_CONTENT: Final = frozenset({Change.WRITE, Change.TRUNCATE})
_NAMES: Final = frozenset({Change.CREATE, Change.RENAME, Change.UNLINK, Change.LINK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a recording: a change with its outcome, or an acknowledged fact."""

    call: DiskCall | None = None
    made: bool = True
    fact: dict[str, Any] | None = None


@dataclass
class Recording:
    """Watches a disk and keeps everything; `note` adds what was acknowledged at this point."""

    faults: FaultyDisk | None = None
    steps: list[Step] = field(default_factory=list)

    def before(self, call: DiskCall) -> Fault | None:
        """Let it happen, unless a faulty disk is to be recorded."""
        fault: Fault | None = None if self.faults is None else self.faults.before(call)
        if fault is not None and fault.written:
            self.steps.append(Step(call=_beginning(call, fault.written)))
        return fault

    def after(self, call: DiskCall, *, made: bool) -> None:
        """Keep the change; of a failed one only a sync matters."""
        if made or call.change in {Change.SYNC, Change.SYNC_DIR}:
            self.steps.append(Step(call=call, made=made))

    def note(self, fact: dict[str, Any]) -> None:
        """Keep what was acknowledged; a faulty disk that waited for the first answer begins to fail."""
        if self.faults is not None:
            self.faults.armed = True
        self.steps.append(Step(fact=fact))


def _beginning(call: DiskCall, length: int) -> DiskCall:
    return DiskCall(
        change=call.change, path=call.path, file=call.file, offset=call.offset, data=call.data[:length]
    )


class _Fate(StrEnum):
    """What is known of a change: `waiting` for a sync, `safe`, or in a sync that failed."""

    WAITING = "waiting"
    SAFE = "safe"
    DOUBTFUL = "doubtful"


@dataclass
class _File:
    """A file's bytes that are safe, and what was changed since, in order."""

    base: bytearray
    since: list[tuple[DiskCall, _Fate]] = field(default_factory=list)

    def sync(self, *, made: bool) -> None:
        """Make safe, or forever doubtful, what waits."""
        settled = _Fate.SAFE if made else _Fate.DOUBTFUL
        self.since = [(call, settled if fate is _Fate.WAITING else fate) for call, fate in self.since]
        if all(fate is _Fate.SAFE for _, fate in self.since):
            for call, _ in self.since:
                _apply(self.base, call)
            self.since = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a disk held after a cut before step `place`, and the facts acknowledged until then."""

    place: int
    mode: str
    files: dict[str, bytes]
    facts: tuple[dict[str, Any], ...]

    def write(self, directory: Path) -> None:
        """Lay the files out."""
        for name, content in self.files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(content)
            path.chmod(0o600)


class Disk:
    """A disk on which a recording is replayed; `cut` says what it may hold when the power goes."""

    def __init__(self, root: Path, initial: dict[str, bytes]) -> None:
        """Begin with the files of `initial`, all safe; `root` is where the recording was made."""
        self._root = f"{os.path.realpath(root)}{os.sep}"
        self._files: dict[object, _File] = {name: _File(bytearray(data)) for name, data in initial.items()}
        self._names: dict[str, object] = {name: name for name in initial}
        self._waiting: list[DiskCall] = []
        self._known: dict[int, object] = {}

    def replay(self, call: DiskCall, *, made: bool) -> None:
        """Take one change in."""
        if call.change in _CONTENT:
            self._file(call).since.append((call, _Fate.WAITING))
        elif call.change is Change.SYNC:
            self._file(call).sync(made=made)
        elif call.change is Change.SYNC_DIR and made:
            self._sync_names(call.path)
        elif call.change in _NAMES:
            self._file(call)
            self._waiting.append(call)

    def _file(self, call: DiskCall) -> _File:
        """Return the file of a change; one that was there before the recording is met by its name."""
        if call.file not in self._known:
            name = self._relative(call.path)
            was_there = call.change is not Change.CREATE and name in self._files
            self._known[call.file] = name if was_there else call.file
            if not was_there:
                self._files[call.file] = _File(bytearray())
        return self._files[self._known[call.file]]

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._root)

    def _sync_names(self, directory: str) -> None:
        here = [call for call in self._waiting if os.path.dirname(call.to or call.path) == directory]  # noqa: PTH120
        self._names = self._renamed(here)
        self._waiting = [call for call in self._waiting if call not in here]

    def _renamed(self, calls: list[DiskCall]) -> dict[str, object]:
        """Return the names after these changes of names."""
        names = dict(self._names)
        for call in calls:
            name, file = self._relative(call.path), self._known[call.file]
            if call.change in {Change.UNLINK, Change.RENAME}:
                names.pop(name, None)
            if call.change is Change.CREATE:
                names[name] = file
            if call.change in {Change.RENAME, Change.LINK}:
                names[self._relative(call.to)] = file
        return names

    def cut(self, rng: random.Random, mode: str) -> dict[str, bytes]:
        """Return the files that are there after a cut now."""
        names = self._renamed([call for call in self._waiting if _survives(rng, mode)])
        files = {name: self._content(self._files[file], rng, mode) for name, file in names.items()}
        return files | _shared_memory(rng, files)

    def _content(self, file: _File, rng: random.Random, mode: str) -> bytes:
        content = bytearray(file.base)
        for call, fate in file.since:
            if fate is _Fate.SAFE:
                _apply(content, call)
            else:
                _apply_in_part(content, call, rng, mode)
        return bytes(content)


def images(
    recording: Recording,
    root: Path,
    initial: dict[str, bytes],
    rng: random.Random,
    count: int,
    *,
    first: int = 0,
) -> Iterator[Image]:
    """Cut the power `count` times, at places all over the recording from step `first` on, in every mode."""
    disk = Disk(root, initial)
    facts: list[dict[str, Any]] = []
    places = sorted(rng.randrange(first, len(recording.steps) + 1) for _ in range(count))
    for place, step in enumerate([*recording.steps, Step()]):
        while places and places[0] == place:
            mode = rng.choice(MODES)
            files = disk.cut(rng, mode)
            yield Image(place=places.pop(0), mode=mode, files=files, facts=tuple(facts))
        if step.call is not None:
            disk.replay(step.call, made=step.made)
        elif step.fact is not None:
            facts.append(step.fact)


def contents(directory: Path) -> dict[str, bytes]:
    """Return the files below a directory, but for the shared memory, which no disk keeps."""
    found = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in found
        if not path.name.endswith("-shm")
    }


def _survives(rng: random.Random, mode: str) -> bool:
    return mode == "kept" or (mode != "lost" and rng.random() < 0.5)


def _apply(content: bytearray, call: DiskCall) -> None:
    if call.change is Change.TRUNCATE:
        _resize(content, call.size)
        return
    end = call.offset + len(call.data)
    _resize(content, max(len(content), end))
    content[call.offset : end] = call.data


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _apply_in_part(content: bytearray, call: DiskCall, rng: random.Random, mode: str) -> None:
    """Apply what reached the disk of a change that was not synced."""
    if mode == "halved" and call.change is Change.WRITE:
        _tear(content, call, rng)
    elif _survives(rng, mode):
        _apply(content, call)
    elif mode == "mixed" and call.change is Change.WRITE:
        rng.choice((_tear, _only_length, _nothing))(content, call, rng)


def _tear(content: bytearray, call: DiskCall, rng: random.Random) -> None:
    """Apply the first sectors of a write, or any of them."""
    sector = rng.choice(SECTORS)
    first, end = call.offset, call.offset + len(call.data)
    cuts = [first, *range(first - first % sector + sector, end, sector), end]
    pieces = list(pairwise(cuts))
    whole = rng.randrange(len(pieces) + 1)
    chosen = pieces[:whole] if rng.random() < 0.5 else rng.sample(pieces, whole)
    for start, stop in chosen:
        _resize(content, max(len(content), stop))
        content[start:stop] = call.data[start - first : stop - first]


def _only_length(content: bytearray, call: DiskCall, _rng: random.Random) -> None:
    _resize(content, max(len(content), call.offset + len(call.data)))


def _nothing(_content: bytearray, _call: DiskCall, _rng: random.Random) -> None:
    """Lose the write."""


def _shared_memory(rng: random.Random, files: dict[str, bytes]) -> dict[str, bytes]:
    """Leave what a disk may hold of the shared memory: nothing, or anything."""
    what = rng.randrange(3)
    if what == 0 or not any(name.endswith("-wal") for name in files):
        return {}
    wal = next(name for name in files if name.endswith("-wal"))
    return {wal.removesuffix("-wal") + "-shm": b"" if what == 1 else rng.randbytes(32768)}
