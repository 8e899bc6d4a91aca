"""The tap on SQLite: a VFS that is the default one but for what changes the disk.

It is registered in the very library that Python's `sqlite3` uses, so it needs no compiler, no tracer and no
rights. A file keeps the default VFS's own methods but for close, write, truncate, sync and the growth of the
shared memory; those show what they are about to do, and then call the real ones.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from supervisor.testing.disk_tap import Change, DiskCall, Fault, Tap

_VFS_HEAD: Final[tuple[tuple[str, Any], ...]] = (
    ("version", ctypes.c_int),
    ("file_size", ctypes.c_int),
    ("path_max", ctypes.c_int),
    ("next", ctypes.c_void_p),
    ("name", ctypes.c_char_p),
    ("data", ctypes.c_void_p),
)
_VFS_CALLS: Final = [
    "open",
    "delete",
    "access",
    "full_path",
    "dl_open",
    "dl_error",
    "dl_sym",
    "dl_close",
    "randomness",
    "sleep",
    "time",
    "last_error",
    "time64",
    "set_call",
    "get_call",
    "next_call",
]
_FILE_CALLS: Final = [
    "close",
    "read",
    "write",
    "truncate",
    "sync",
    "size",
    "lock",
    "unlock",
    "check",
    "control",
    "sector",
    "traits",
    "shm_map",
    "shm_lock",
    "shm_barrier",
    "shm_unmap",
    "fetch",
    "unfetch",
]


class _Vfs(ctypes.Structure):
    _fields_ = (*_VFS_HEAD, *((name, ctypes.c_void_p) for name in _VFS_CALLS))


class _Methods(ctypes.Structure):
    _fields_ = (("version", ctypes.c_int), *((name, ctypes.c_void_p) for name in _FILE_CALLS))


_Pointer, _Int, _Long, _Text = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_char_p
_OPEN: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Pointer, _Pointer, _Int, _Pointer)
_DELETE: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Text, _Int)
_CLOSE: Final = ctypes.CFUNCTYPE(_Int, _Pointer)
_WRITE: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Pointer, _Int, _Long)
_TRUNCATE: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Long)
_SYNC: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Int)
_SHARE: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Int, _Int, _Int, _Pointer)
_GET_CALL: Final = ctypes.CFUNCTYPE(_Pointer, _Pointer, _Text)
_SET_CALL: Final = ctypes.CFUNCTYPE(_Int, _Pointer, _Text, _Pointer)
_OPEN_DIR: Final = ctypes.CFUNCTYPE(_Int, _Text, ctypes.POINTER(_Int))

_OK, _FULL, _CANTOPEN, _IOERR = 0, 13, 14, 10
_IOERR_OF: Final = {
    Change.WRITE: _IOERR | 3 << 8,
    Change.SYNC: _IOERR | 4 << 8,
    Change.SYNC_DIR: _IOERR | 5 << 8,
    Change.TRUNCATE: _IOERR | 6 << 8,
    Change.UNLINK: _IOERR | 10 << 8,
    Change.SHARE: _IOERR | 19 << 8,
    Change.CREATE: _CANTOPEN,
}


def _code(call: DiskCall, fault: Fault) -> int:
    """Return the code by which SQLite's own VFS would tell of the fault."""
    return _FULL if fault.number == errno.ENOSPC and call.change is Change.WRITE else _IOERR_OF[call.change]


_FOR_GOOD: Final[list[SqliteTap]] = []
"""What SQLite holds pointers into must never be collected."""


class SqliteTap:
    """Puts a tap on SQLite, for the rest of this process."""

    def __init__(self, tap: Tap) -> None:
        """Show everything to `tap`."""
        self._tap = tap
        self._kept: list[Any] = []
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self._files: dict[int, tuple[str, int, int]] = {}
        self._real_vfs = 0

    def put_on(self) -> None:
        """Register the VFS as the default one."""
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_vfs_register.argtypes = [ctypes.POINTER(_Vfs), _Int]
        real = library.sqlite3_vfs_find(None)
        ours = _Vfs.from_buffer_copy(real.contents)
        ours.name = b"tapped"
        self._tap_directories(real.contents)
        self._real_vfs = ctypes.addressof(real.contents)
        ours.open = self._kept_call(_OPEN, self._opener(_OPEN(real.contents.open)))
        ours.delete = self._kept_call(_DELETE, self._deleter(_DELETE(real.contents.delete)))
        self._kept += [library, ours]
        _FOR_GOOD.append(self)
        if library.sqlite3_vfs_register(ctypes.byref(ours), 1) != _OK:
            raise RuntimeError("SQLite does not take the VFS")

    def _kept_call(self, form: Any, function: Callable[..., int]) -> int | None:
        call = form(function)
        self._kept.append(call)
        return ctypes.cast(call, ctypes.c_void_p).value

    def _opener(self, real: Any) -> Callable[..., int]:
        def opened(_vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
            # The name is handed on as the pointer it is: its parameters stand behind it.
            path = "" if name is None else os.fsdecode(ctypes.string_at(name))
            if not path or not self._tap.holds(path):
                return int(real(self._real_vfs, name, file, flags, out))

            def make() -> int:
                code = int(real(self._real_vfs, name, file, flags, out))
                if code == _OK:
                    self._adopt(file, path)
                return code

            if Path(path).exists():
                return make()
            call = DiskCall(change=Change.CREATE, path=path, file=self._tap.number_of(path))
            return int(self._tap.show(call, make, lambda fault: self._not_opened(file, _code(call, fault))))

        return opened

    @staticmethod
    def _not_opened(file: int, code: int) -> int:
        ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))[0] = None
        return code

    def _deleter(self, real: Any) -> Callable[..., int]:
        def deleted(_vfs: int, name: bytes, sync_dir: int) -> int:
            path = os.fsdecode(name)
            if not self._tap.holds(path) or not Path(path).exists():
                return int(real(self._real_vfs, name, sync_dir))
            call = DiskCall(change=Change.UNLINK, path=path, file=self._tap.number_of(path))

            def make() -> int:
                self._tap.forget(path)
                return int(real(self._real_vfs, name, sync_dir))

            return int(self._tap.show(call, make, lambda fault: _code(call, fault)))

        return deleted

    def _tap_directories(self, real: _Vfs) -> None:
        """Learn of the directories that SQLite opens: it does so only to sync them."""
        find, put = _GET_CALL(real.get_call), _SET_CALL(real.set_call)
        address = ctypes.addressof(real)
        open_directory = _OPEN_DIR(find(address, b"openDirectory"))

        def opened(path: bytes, descriptor: Any) -> int:
            directory = str(Path(os.fsdecode(path)).parent)
            if not self._tap.holds(os.fsdecode(path)):
                return int(open_directory(path, descriptor))
            call = DiskCall(change=Change.SYNC_DIR, path=directory)
            return int(self._tap.show(call, lambda: open_directory(path, descriptor), lambda _: _CANTOPEN))

        if put(address, b"openDirectory", self._kept_call(_OPEN_DIR, opened)) != _OK:
            raise RuntimeError("SQLite does not let its directories be watched")

    def _adopt(self, file: int, path: str) -> None:
        """Give an open file our methods, which call those that it has."""
        place = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
        address = place[0] or 0
        if address not in self._methods:
            real = _Methods.from_address(address)
            self._methods[address] = (real, self._tapped(real))
        self._files[file] = (path, self._tap.number_of(path), address)
        place[0] = ctypes.addressof(self._methods[address][1])

    def _tapped(self, real: _Methods) -> _Methods:
        ours = _Methods.from_buffer_copy(real)
        ours.close = self._kept_call(_CLOSE, self._closer(real))
        ours.write = self._kept_call(_WRITE, self._file_writer(_WRITE(real.write)))
        ours.truncate = self._kept_call(_TRUNCATE, self._cutter(_TRUNCATE(real.truncate)))
        ours.sync = self._kept_call(_SYNC, self._syncer(_SYNC(real.sync)))
        if real.shm_map:
            ours.shm_map = self._kept_call(_SHARE, self._sharer(_SHARE(real.shm_map)))
        return ours

    def _closer(self, real: _Methods) -> Callable[..., int]:
        close = _CLOSE(real.close)

        def closed(file: int) -> int:
            # The real close compares nothing but clears the methods; it must find its own.
            _, _, address = self._files.pop(file)
            ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))[0] = address
            return int(close(file))

        return closed

    def _file_writer(self, real: Any) -> Callable[..., int]:
        def written(file: int, data: int, length: int, offset: int) -> int:
            path, number, _ = self._files[file]
            content = ctypes.string_at(data, length)
            call = DiskCall(change=Change.WRITE, path=path, file=number, offset=offset, data=content)

            def fail(fault: Fault) -> int:
                if fault.written:
                    real(file, data, min(fault.written, length), offset)
                return _code(call, fault)

            return int(self._tap.show(call, lambda: real(file, data, length, offset), fail))

        return written

    def _cutter(self, real: Any) -> Callable[..., int]:
        def cut(file: int, size: int) -> int:
            path, number, _ = self._files[file]
            call = DiskCall(change=Change.TRUNCATE, path=path, file=number, size=size)
            return int(self._tap.show(call, lambda: real(file, size), lambda fault: _code(call, fault)))

        return cut

    def _syncer(self, real: Any) -> Callable[..., int]:
        def synced(file: int, flags: int) -> int:
            path, number, _ = self._files[file]
            call = DiskCall(change=Change.SYNC, path=path, file=number)
            return int(self._tap.show(call, lambda: real(file, flags), lambda fault: _code(call, fault)))

        return synced

    def _sharer(self, real: Any) -> Callable[..., int]:
        def shared(file: int, region: int, size: int, extend: int, out: int) -> int:
            path, number, _ = self._files[file]
            if not extend:
                return int(real(file, region, size, extend, out))
            call = DiskCall(change=Change.SHARE, path=f"{path}-shm", file=number)
            return int(
                self._tap.show(
                    call, lambda: real(file, region, size, extend, out), lambda fault: _code(call, fault)
                )
            )

        return shared
