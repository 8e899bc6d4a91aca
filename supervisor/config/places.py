"""Where profiles lie, and how one is read without being led elsewhere."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

import supervisor
from supervisor.config.parse import PROFILE_MAX, invalid
from supervisor.config.problems import shown
from supervisor.errors import ConfigError, ProfileNotFound, StateUnsafe

SUFFIX: Final = ".toml"


def built_in_dir() -> Path:
    """Return the directory of the profiles that come with supervisor, which may be missing.

    An installed wheel carries them inside the package, a checkout beside it.
    """
    package = Path(supervisor.__file__).resolve().parent
    carried, checkout = package / "_profiles", package.parent
    if not carried.is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "profiles"
    return carried


def user_dir() -> Path | None:
    """Return the directory of the user's own profiles, or None for a user without a home."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(given).is_absolute():
        return Path(given) / "supervisor" / "profiles"
    try:
        return Path.home() / ".config" / "supervisor" / "profiles"
    except RuntimeError:
        return None


def read_built_in(path: Path, shown_as: str) -> str:
    """Read a profile that came with supervisor: it is trusted as the program itself is."""
    try:
        with path.open("rb") as file:
            return _decoded(file.read(PROFILE_MAX + 1), shown_as)
    except OSError as error:
        raise _unreadable(path, shown_as, error) from error


def read_own(path: Path, shown_as: str, *, uid: int | None = None) -> str:
    """Read a profile of the user's, once, and only if nobody else could have written or replaced it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(path, shown_as, error) from error
    try:
        _require_plain_and_own(os.fstat(descriptor), path, shown_as, uid=os.geteuid() if uid is None else uid)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return _decoded(file.read(PROFILE_MAX + 1), shown_as)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, shown_as: str, error: OSError | ValueError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        return ProfileNotFound(f"there is no profile {shown_as}. See `supervisor profile list`.")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        with suppress(OSError):
            target = shown(str(path.readlink()), limit=4096)
            return StateUnsafe(f"the profile {shown_as} is a symbolic link; name its file {target}.")
    reason = getattr(error, "strerror", None) or str(error)
    return ProfileNotFound(f"the profile {shown_as} cannot be read: {reason}. See `supervisor profile list`.")


def _decoded(content: bytes, shown_as: str) -> str:
    if len(content) > PROFILE_MAX:
        raise invalid(
            shown_as, (f"{shown_as}:1: has more than {PROFILE_MAX} bytes, the most a profile may have",)
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise invalid(
            shown_as, (f"{shown_as}:{line}: is not valid UTF-8; save the file as UTF-8",)
        ) from error


def _require_plain_and_own(status: os.stat_result, path: Path, shown_as: str, *, uid: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no plain file"
        raise ProfileNotFound(f"the profile {shown_as} is {kind}. Name a TOML file.")
    require_own(status, path, shown_as, uid=uid)


def require_own(status: os.stat_result, path: Path, shown_as: str, *, uid: int) -> None:
    """Refuse what another user owns or may write; root and a group of one's own are trusted."""
    if status.st_uid not in {uid, 0}:
        raise StateUnsafe(
            f"the profile {shown_as} belongs to user id {status.st_uid}, you are {uid}. A profile says what "
            f"programs run as you: read it, then use a copy of your own (`cp {path} …`)."
        )
    writers = status.st_mode & stat.S_IWOTH or (
        status.st_mode & stat.S_IWGRP and not group_is_private(status.st_gid, uid)
    )
    if writers:
        raise StateUnsafe(
            f"the profile {shown_as} can be written by others (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"A profile says what programs run as you: read it, then `chmod go-w {path}`."
        )


def group_is_private(gid: int, uid: int) -> bool:
    """Tell whether `gid` is the group that many systems make for one user alone."""
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
