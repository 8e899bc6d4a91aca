"""The tap on our own file code: the functions of `os` that change the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from supervisor.testing.disk_tap import Change, DiskCall, Fault, Tap


class OsTap:
    """Puts a tap on `os`, for the rest of this process; `pathlib` calls the same functions."""

    def __init__(self, tap: Tap) -> None:
        """Show everything to `tap`."""
        self._tap = tap

    def put_on(self) -> None:
        """Replace the functions."""
        makers: dict[str, Callable[[Any], Any]] = {
            "open": self._open,
            "write": self._write,
            "pwrite": self._pwrite,
            "ftruncate": self._ftruncate,
            "fsync": self._fsync,
            "replace": self._rename,
            "rename": self._rename,
            "unlink": self._unlink,
            "remove": self._unlink,
            "link": self._link,
        }
        for name, make in makers.items():
            setattr(os, name, make(getattr(os, name)))

    def _path(self, descriptor: int) -> str | None:
        """Return what a descriptor is open for, if that is a file or directory below the root."""
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        return path if self._tap.holds(path) else None

    def _open(self, real: Any) -> Any:
        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            name = os.fsdecode(path)
            if not flags & os.O_CREAT or not self._tap.holds(name) or os.path.lexists(name):
                return int(real(path, flags, *more, **named))
            call = DiskCall(change=Change.CREATE, path=name, file=self._tap.number_of(name))
            return int(self._tap.show(call, lambda: real(path, flags, *more, **named), _raise(name)))

        return opened

    def _write(self, real: Any) -> Any:
        def written(descriptor: int, data: Any) -> int:
            path = self._path(descriptor)
            if path is None:
                return int(real(descriptor, data))
            at = os.lseek(descriptor, 0, os.SEEK_CUR)
            call = self._about(Change.WRITE, path, offset=at, data=bytes(data))
            return int(
                self._tap.show(call, lambda: real(descriptor, data), self._short(real, descriptor, data))
            )

        return written

    def _short(self, real: Any, *about: Any) -> Callable[[Fault], NoReturn]:
        def fail(fault: Fault) -> NoReturn:
            descriptor, data, *place = about
            if fault.written:
                real(descriptor, bytes(data)[: fault.written], *place)
            raise OSError(fault.number, os.strerror(fault.number))

        return fail

    def _pwrite(self, real: Any) -> Any:
        def written(descriptor: int, data: Any, offset: int) -> int:
            path = self._path(descriptor)
            if path is None:
                return int(real(descriptor, data, offset))
            call = self._about(Change.WRITE, path, offset=offset, data=bytes(data))
            short = self._short(real, descriptor, data, offset)
            return int(self._tap.show(call, lambda: real(descriptor, data, offset), short))

        return written

    def _ftruncate(self, real: Any) -> Any:
        def cut(descriptor: int, size: int) -> None:
            path = self._path(descriptor)
            if path is None:
                real(descriptor, size)
                return
            call = self._about(Change.TRUNCATE, path, size=size)
            self._tap.show(call, lambda: real(descriptor, size), _raise(path))

        return cut

    def _fsync(self, real: Any) -> Any:
        def synced(descriptor: int) -> None:
            name = self._path(descriptor)
            if name is None:
                real(descriptor)
                return
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            call = DiskCall(change=Change.SYNC_DIR, path=name) if folder else self._about(Change.SYNC, name)
            self._tap.show(call, lambda: real(descriptor), _raise(name))

        return synced

    def _rename(self, real: Any) -> Any:
        def renamed(path: Any, to: Any, **named: Any) -> None:
            name, other = os.fsdecode(path), os.fsdecode(to)
            if not self._tap.holds(other):
                real(path, to, **named)
                return
            call = self._about(Change.RENAME, name, to=other)

            def make() -> None:
                real(path, to, **named)
                self._tap.rename(name, other)

            self._tap.show(call, make, _raise(name))

        return renamed

    def _unlink(self, real: Any) -> Any:
        def unlinked(path: Any, **named: Any) -> None:
            name = os.fsdecode(path)
            if not self._tap.holds(name) or not os.path.lexists(name):
                real(path, **named)
                return
            call = self._about(Change.UNLINK, name)

            def make() -> None:
                real(path, **named)
                self._tap.forget(name)

            self._tap.show(call, make, _raise(name))

        return unlinked

    def _link(self, real: Any) -> Any:
        def linked(path: Any, to: Any, **named: Any) -> None:
            name, other = os.fsdecode(path), os.fsdecode(to)
            if not self._tap.holds(other):
                real(path, to, **named)
                return
            call = self._about(Change.LINK, name, to=other)

            def make() -> None:
                real(path, to, **named)
                self._tap.link(name, other)

            self._tap.show(call, make, _raise(name))

        return linked

    def _about(self, change: Change, path: str, **more: Any) -> DiskCall:
        return DiskCall(change=change, path=path, file=self._tap.number_of(path), **more)


def _raise(path: str) -> Callable[[Fault], NoReturn]:
    def fail(fault: Fault) -> NoReturn:
        raise OSError(fault.number, os.strerror(fault.number), path)

    return fail
