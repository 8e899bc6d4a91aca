"""Where a sink's URL and secret come from: the environment, or a file that only its owner can read.

They are read anew for every letter, so that a changed one counts at once, and are never kept.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from supervisor.notifiers.sink import NotSent

SECRET_BYTES_MAX: Final = 4096
SECRET_MIN: Final = 16
_SHORTEST_TOKEN: Final = 8
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where letters go. It is secret as a whole: nobody may print it."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def secret_from(env: str | None, file: str | None, environ: Mapping[str, str], *, what: str) -> str:
    """Read one secret from the variable or else the file; raise NotSent, which never quotes it."""
    if env is not None:
        found = environ.get(env, "").strip()
        if not found:
            raise NotSent(f"the variable {env}, which should hold its {what}, is not set", again=False)
    else:
        found = _from_file(Path(file or "").expanduser(), what)
    plain = found.isascii() and found.isprintable() and " " not in found
    if not found or not plain or len(found) > SECRET_BYTES_MAX:
        raise NotSent(f"its {what} is not one line of plain ASCII without blanks", again=False)
    return found


def signing_key(secret: str) -> bytes:
    """Return the bytes that letters are signed with; raise NotSent if they could be guessed."""
    if len(secret) < SECRET_MIN:
        raise NotSent(f"its secret is shorter than {SECRET_MIN} characters; choose a longer one", again=False)
    return secret.encode()


def target_of(url: str) -> Target:
    """Read a URL; raise NotSent, which does not quote it, for one that is not to be used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotSent("its URL cannot be read", again=False) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotSent("its URL must begin with https://", again=False)
    if parts.username is not None or parts.password is not None:
        raise NotSent("its URL holds a user name; that is not supported", again=False)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=parts.hostname, port=port or _PORTS[parts.scheme], path=path)


def redacted(text: str, *secrets: str) -> str:
    """Take secrets out of what a receiver answered, also the telling parts of a URL."""
    for secret in sorted({part for each in secrets for part in _parts(each)}, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _parts(secret: str) -> set[str]:
    """List the pieces of a secret that would give it away: itself, and the long words of a URL."""
    parts = {secret}
    split = _split(secret)
    if split is not None:
        parts |= {split.netloc, split.path, split.query}
        words = split.path.split("/") + split.query.replace("=", "&").split("&")
        parts |= {word for word in words if len(word) >= _SHORTEST_TOKEN}
    return {part for part in parts if len(part) > 1}


def _split(secret: str) -> SplitResult | None:
    try:
        split = urlsplit(secret)
    except ValueError:
        return None
    return split if split.scheme in _PORTS else None


def _from_file(path: Path, what: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise NotSent(f"the file with its {what} cannot be read: {reason}", again=False) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotSent(f"what should be the file with its {what} is no plain file", again=False)
        if status.st_uid not in {os.geteuid(), 0} or status.st_mode & 0o077:
            words = f"the file with its {what} must be yours alone: chmod 600 it"
            raise NotSent(words, again=False)
        content = os.read(descriptor, SECRET_BYTES_MAX + 2)
    except OSError as error:
        raise NotSent(f"the file with its {what} cannot be read: {error.strerror}", again=False) from None
    finally:
        os.close(descriptor)
    return content.decode("ascii", "replace").strip()
