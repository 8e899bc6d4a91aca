"""Which version of a known program is installed: read from its package, else asked of it, never waited for.

What is asked runs in an environment that holds PATH and an empty home, with nothing to read, in a process
group of its own that is killed at the end, come what may. What it writes is read up to a bound.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.config.presets import Preset
from supervisor.config.problems import shown

DEADLINE_S: Final = 8.0
"""How long a program may take to say its version; the slowest we know takes two seconds."""

OUTPUT_MAX: Final = 16_384
_PACKAGE_MAX: Final = 1 << 20
_UPWARDS: Final = 6
_CACHED_MAX: Final = 64
_VERSION: Final = re.compile(r"(?<![\d.])v?(\d{1,9}\.\d{1,9}(?:\.\d{1,9})?)(?![\d.])")

_cache: dict[tuple[str, int, int], Version] = {}  # a program that was not changed says the same again


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as three numbers in words, `2.1.328`; empty if it is not known, and then `why` not."""

    words: str = ""
    why: str = ""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return it for comparing; nothing if it is not known."""
        return numbers_of(self.words)


def numbers_of(words: str) -> tuple[int, ...]:
    """Return a version for comparing."""
    return tuple(int(part) for part in words.split(".")) if words else ()


def too_old(found: Version, preset: Preset) -> bool:
    """Tell whether a version is known and older than what works."""
    return bool(found.words) and found.numbers < numbers_of(preset.minimum)


def install_command(preset: Preset) -> str:
    """Return what installs the version that our tests run."""
    return f"npm install -g {preset.package}@{preset.tried}"


def version_of(program: Path, preset: Preset) -> Version:
    """Return what is installed: from the package's own description if it is one, else by asking; cached."""
    try:
        status = program.stat()
    except OSError as error:
        return Version(why=f"it cannot be read: {error.strerror}")
    key = (str(program), status.st_mtime_ns, status.st_size)
    if key not in _cache:
        if len(_cache) >= _CACHED_MAX:
            _cache.clear()
        _cache[key] = _of_package(program, preset) or ask_version(program, preset.version_args)
    return _cache[key]


def _of_package(program: Path, preset: Preset) -> Version | None:
    """Read the version from the npm package that the program is a part of; None if it is of none."""
    with suppress(OSError, RuntimeError):
        for directory in list(program.resolve().parents)[:_UPWARDS]:
            description = directory / "package.json"
            if description.is_file() and description.stat().st_size < _PACKAGE_MAX:
                return _described(description, preset)
    return None


def _described(description: Path, preset: Preset) -> Version | None:
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads(description.read_text(encoding="utf-8"))
        if isinstance(told, dict) and told.get("name") == preset.package:
            found = _VERSION.search(str(told.get("version"))[:100])
            return None if found is None else Version(words=found[1])
    return None


def ask_version(
    program: Path, arguments: tuple[str, ...], *, path: str | None = None, deadline_s: float = DEADLINE_S
) -> Version:
    """Run the program to hear its version; say why not when it does not tell in time."""
    with tempfile.TemporaryDirectory(prefix="supervisor-version-") as home:
        searched = os.pathsep.join((str(program.parent), path or os.environ.get("PATH", os.defpath)))
        try:
            child = subprocess.Popen(
                (str(program), *arguments),
                cwd=home,
                env={"PATH": searched, "HOME": home, "TERM": "dumb", "NO_COLOR": "1", "CI": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Version(why=f"it cannot be started: {getattr(error, 'strerror', None) or error}")
        try:
            output, is_late = _read(child, time.monotonic() + deadline_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
    return _heard(output, is_late=is_late, deadline_s=deadline_s)


def _read(child: subprocess.Popen[bytes], until: float) -> tuple[str, bool]:
    """Read what it writes until it ends, has written enough, or the time is over."""
    data = b""
    if child.stdout is None:
        return "", False
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while len(data) < OUTPUT_MAX:
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                return data.decode("utf-8", "replace"), True
            chunk = os.read(child.stdout.fileno(), OUTPUT_MAX)
            if not chunk:
                break
            data += chunk
    return data.decode("utf-8", "replace"), False


def _heard(output: str, *, is_late: bool, deadline_s: float) -> Version:
    found = _VERSION.search(output)
    if found is not None:
        return Version(words=found[1])
    if is_late:
        return Version(why=f"it did not tell its version within {deadline_s:g} s")
    words = shown(" ".join(output.split()), limit=80)
    return Version(why=f"it told no version: {words}" if output.strip() else "it told no version")
