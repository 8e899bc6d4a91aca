"""What files there are: listed by git where git works, else by walking; never through a symlink."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from git import Git, GitFailed
from languages import language_of

LARGEST_READ: Final = 1 << 20
MOST_FILES: Final = 50_000
REPORT: Final = b"report.md"
IGNORED_DIRECTORIES: Final = frozenset(
    b".git .hg .svn .supervisor .venv venv .tox .nox .eggs .cache .idea .mypy_cache .pytest_cache "
    b".ruff_cache .hypothesis __pycache__ node_modules build dist target .next .gradle".split()
)
"""Directories that a walk passes over: state of tools, and what they make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One regular file of at most 1 MiB, by its path below the root."""

    path: bytes
    size: int
    changed_at: float
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The files below a root in a fixed order, and how many of each kind were passed over.

    `digest` changes when a file is added, removed, resized or written. `without_git` says why git
    did not list the files; it is empty when git did.
    """

    root: bytes
    entries: tuple[Entry, ...]
    passed_over: dict[str, int] = field(default_factory=dict)
    without_git: str = ""
    digest: str = ""

    @property
    def git(self) -> Git | None:
        """Return git for the root, if the root belongs to a repository that git accepts."""
        return None if self.without_git else Git(root=self.root)

    def read(self, path: bytes) -> bytes | None:
        """Return a file's bytes; None if it cannot be read, is no regular file or grew too large."""
        try:
            handle = os.open(
                os.path.join(self.root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            try:
                content = file.read(LARGEST_READ + 1)
            except OSError:
                return None
        return content if len(content) <= LARGEST_READ else None

    def text(self, path: bytes) -> bytes | None:
        """Return a text file's bytes; None for a binary (a NUL byte anywhere) or unreadable one."""
        content = self.read(path)
        return None if content is None or b"\0" in content else content


def list_tree(root: bytes, *, most: int = MOST_FILES, report: bytes = REPORT) -> Tree:
    """List the files below `root`, sorted by path; beyond `most` they are counted but left out."""
    paths, without_git = _listed_by_git(root)
    if without_git:
        paths = list(_walked(root))
    keeper = _Keeper(root)
    entries = [
        entry
        for path in sorted(set(paths) - {report})
        if not path.startswith(b".supervisor/") and (entry := keeper.entry(path))
    ]
    if len(entries) > most:
        keeper.passed_over["files beyond the limit"] = len(entries) - most
        del entries[most:]
    return Tree(
        root=root,
        entries=tuple(entries),
        passed_over=dict(keeper.passed_over),
        without_git=without_git,
        digest=_digest(entries),
    )


def _listed_by_git(root: bytes) -> tuple[list[bytes], str]:
    git = Git(root=root)
    try:
        inside = git.run("rev-parse", "--is-inside-work-tree").strip()
        listing = git.run("ls-files", "-z", "-c", "-o", "--exclude-standard", timeout_s=60)
    except GitFailed as error:
        return [], str(error)
    if inside != b"true":
        return [], "not in a work tree"
    paths = [path for path in listing.split(b"\0") if path]
    if not paths and next(_walked(root), None) is not None:
        return [], "git knows no file here"
    return paths, ""


def _walked(root: bytes) -> Iterator[bytes]:
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in IGNORED_DIRECTORIES)
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(directory, name), root)


class _Keeper:
    """Decides which paths are files to survey and counts the others by kind."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.passed_over: Counter[str] = Counter()
        self._real: dict[bytes, bool] = {b"": True}

    def entry(self, path: bytes) -> Entry | None:
        kind, status = self._kind(path)
        if status is None or kind:
            self.passed_over[kind] += 1
            return None
        return Entry(path=path, size=status.st_size, changed_at=status.st_mtime, language=language_of(path))

    def _kind(self, path: bytes) -> tuple[str, os.stat_result | None]:
        if not self._is_real(os.path.dirname(path)):
            return "files behind a symlink", None
        try:
            status = os.lstat(os.path.join(self.root, path))
        except OSError:
            return "missing files", None
        if stat.S_ISLNK(status.st_mode):
            return "symlinks", None
        if stat.S_ISDIR(status.st_mode):
            return "nested repositories", None
        if not stat.S_ISREG(status.st_mode):
            return "special files", None
        return ("files over 1 MiB" if status.st_size > LARGEST_READ else ""), status

    def _is_real(self, directory: bytes) -> bool:
        """Tell whether no part of the directory's path is a symlink."""
        if directory not in self._real:
            try:
                mode = os.lstat(os.path.join(self.root, directory)).st_mode
            except OSError:
                mode = stat.S_IFDIR
            self._real[directory] = stat.S_ISDIR(mode) and self._is_real(os.path.dirname(directory))
        return self._real[directory]


def _digest(entries: list[Entry]) -> str:
    content = hashlib.sha256()
    for entry in entries:
        content.update(b"%s\0%d\0%r\0" % (entry.path, entry.size, entry.changed_at))
    return content.hexdigest()[:16]
