"""One engine per project: the lock that proves it, and the file that says where it listens."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.errors import LockHeld, StateUnsafe
from supervisor.workspace.safe_paths import PRIVATE_FILE, write_whole
from supervisor.workspace.state_dir import StateDir

RECORD_MAX: Final = 64 * 1024
"""Bytes read of a lock or engine file at most; ours have a few hundred."""

ATTEMPTS: Final = 1000
PAUSE_S: Final = 0.001
"""How often, and after what pause, `acquire` tries again when only somebody's test was in its way."""


class EngineLock:
    """The right to run a project, held until `release` or until this process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        """Take over a descriptor that holds the lock; use `acquire`."""
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, lock_file: Path, holder: Mapping[str, object]) -> EngineLock:
        """Take the lock and write `holder` (`pid`, `started_at`, …) into it, or raise LockHeld."""
        descriptor = _open(lock_file, os.O_RDWR | os.O_CREAT)
        try:
            if not _lock_alone(descriptor):
                raise _held(lock_file, _record(descriptor))
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(dict(holder)).encode(), 0)
            os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; a second call does nothing. The file stays, so that nobody locks a ghost."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def holder_of(lock_file: Path) -> dict[str, Any] | None:
    """Return what the holder wrote, `{}` if it is not readable, None if nobody holds the lock."""
    try:
        descriptor = _open(lock_file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _record(descriptor)
    finally:
        os.close(descriptor)


def _open(lock_file: Path, flags: int) -> int:
    try:
        return os.open(lock_file, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, PRIVATE_FILE)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateUnsafe(
            f"cannot open the lock {lock_file}: {error.strerror}. It must be a plain file of your own; "
            "remove whatever stands there when no engine runs."
        ) from error


def _lock_alone(descriptor: int) -> bool:
    """Lock exclusively; if a shared lock can be had, no engine holds it but somebody just tests it.

    A tester lets go at once, unless it is held up itself: that is what the pauses are for.
    """
    for _ in range(ATTEMPTS):
        if _try(descriptor, fcntl.LOCK_EX):
            return True
        if not _try(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(PAUSE_S)
    return False


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(descriptor: int) -> dict[str, Any]:
    """Read the holder's words; those of a dead process are stale, the new holder is just starting."""
    record = _parsed(os.pread(descriptor, RECORD_MAX, 0))
    pid = record.get("pid")
    return record if isinstance(pid, int) and Path(f"/proc/{pid}").exists() else {}


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _held(lock_file: Path, record: dict[str, Any]) -> LockHeld:
    project = lock_file.parent.parent
    if not record:
        return LockHeld(
            f"another engine is just starting on {project}. Wait a moment, then `supervisor attach`."
        )
    since = record.get("started_at")
    when = f" since {_clock_time(since)}" if isinstance(since, (int, float)) else ""
    return LockHeld(
        f"an engine runs {project} already: process {record['pid']}{when}. "
        "Use `supervisor attach`, or stop it with `supervisor down`.",
        pid=record["pid"],
        since=since,
    )


def _clock_time(seconds: float) -> str:
    with suppress(ValueError, OverflowError, OSError):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return "an unknown time"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRecord:
    """Where a running engine is: its control socket, since when (epoch seconds), and its marker."""

    pid: int
    socket: Path
    started_at: float
    team: str
    session: str


def write_engine_file(state: StateDir, record: EngineRecord) -> None:
    """Publish where the engine listens; readers see the old record or the new one, never a part."""
    fields = asdict(record) | {"socket": str(record.socket)}
    write_whole(state.engine_file, json.dumps(fields, indent=1).encode() + b"\n")


def read_engine_file(state: StateDir) -> EngineRecord | None:
    """Return what the last engine published, or None if there is nothing to be read.

    The record may outlive its engine: only `holder_of` tells whether one runs.
    """
    try:
        descriptor = os.open(state.engine_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _engine_record(_parsed(os.pread(descriptor, RECORD_MAX, 0)))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _engine_record(fields: dict[str, Any]) -> EngineRecord | None:
    match fields:
        case {
            "pid": int(pid),
            "socket": str(socket),
            "started_at": int(started_at) | float(started_at),
            "team": str(team),
            "session": str(session),
        }:
            return EngineRecord(
                pid=pid, socket=Path(socket), started_at=float(started_at), team=team, session=session
            )
    return None


def remove_engine_file(state: StateDir) -> None:
    """Take the record away at the end of an engine's life; it may be gone already."""
    state.engine_file.unlink(missing_ok=True)
