"""Which file a Python module name means, told from the paths alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SOURCE_ROOTS: Final = (b"src", b"lib", b"python")


class ModuleNames:
    """Resolves dotted names to files of the tree.

    A file in packages (directories with `__init__.py`) is known by its name below the outermost
    package; any file also by its path from the root or a source directory such as `src`. A script
    also finds the modules beside it.
    """

    def __init__(self, paths: Iterable[bytes]) -> None:
        self.paths = frozenset(paths)
        self._packages = {_directory(path) for path in self.paths if _stem(path) == b"__init__"}
        self._files: dict[bytes, bytes] = {}
        for path in sorted(self.paths):
            for name in self._names(path):
                self._files.setdefault(name, path)

    def package_of(self, path: bytes) -> tuple[bytes, ...]:
        """Return the parts of the package that the file's relative imports start from."""
        directory = _directory(path)
        return tuple(directory.split(b"/")) if directory else ()

    def beside(self, path: bytes, name: bytes) -> bytes | None:
        """Return the file that an absolute import in the file at `path` means, if the tree has it."""
        if _directory(path) not in self._packages:
            neighbour = self.at((*self.package_of(path), *name.split(b".")))
            if neighbour:
                return neighbour
        return self._files.get(name)

    def at(self, parts: tuple[bytes, ...]) -> bytes | None:
        """Return the module or package at a path given in parts."""
        joined = b"/".join(parts)
        for candidate in (joined + b".py", joined + b"/__init__.py"):
            if candidate in self.paths:
                return candidate
        return None

    def _names(self, path: bytes) -> list[bytes]:
        parts = path.removesuffix(b".py").split(b"/")
        if parts[-1] == b"__init__":
            parts.pop()
        outermost = len(parts)
        directory = _directory(path)
        while directory and directory in self._packages:
            outermost = directory.count(b"/")
            directory = _directory(directory)
        names = [b".".join(parts)]
        if outermost < len(parts):
            names.insert(0, b".".join(parts[outermost:]))
        if parts and parts[0] in _SOURCE_ROOTS:
            names.append(b".".join(parts[1:]))
        return [name for name in names if name]


def _directory(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _stem(path: bytes) -> bytes:
    return path.rpartition(b"/")[2].removesuffix(b".py")
