"""Files that outside agents read: their key, and their client's configuration. Written whole, mode 0600."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from supervisor.errors import InvalidArgument, NotFound, StateUnsafe

KEY_MAX: Final = 512
CONFIG_MAX: Final = 1024 * 1024


def key_file(project: Path, name: str) -> Path:
    """Return where the key of an outside agent is kept if it is kept here; makes nothing."""
    from supervisor.model.ids import checked_name
    from supervisor.workspace.state_dir import open_state

    return open_state(project, create=False).agents / checked_name(name, "the agent name") / "key"


def save_key(project: Path, name: str, secret: str) -> Path:
    """Keep a key in its file in the project's private state; return where."""
    from supervisor.workspace.safe_paths import write_whole
    from supervisor.workspace.state_dir import open_state

    file = open_state(project, create=False).agent_dir(name) / "key"
    write_whole(file, f"{secret}\n".encode())
    return file


def read_key(file: Path) -> str:
    """Return the key in a file; raise StateUnsafe unless it is a file of this user, closed to others."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFound(f"there is no key file {file}") from error
    except OSError as error:
        raise StateUnsafe(f"cannot open the key file {file}: {error.strerror}") from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
            raise StateUnsafe(f"{file} must be a plain file of yours, closed to others: `chmod 600 {file}`")
        return os.read(descriptor, KEY_MAX).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)


def present_text(file: Path) -> str | None:
    """Return what stands in a client's configuration, None if there is none; raise InvalidArgument if odd."""
    if file.is_symlink():
        raise InvalidArgument(f"{file} is a symbolic link; give the directory it leads to with `--into`")
    try:
        if file.stat().st_size > CONFIG_MAX:
            raise InvalidArgument(f"{file} has over {CONFIG_MAX} bytes; add the entry by hand")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{file} cannot be read ({error}); add the entry by hand") from error


def write_config(file: Path, text: str) -> None:
    """Put a client's configuration in place, for its owner only."""
    from supervisor.workspace.safe_paths import write_whole

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.encode())
    except OSError as error:
        raise InvalidArgument(f"{file} cannot be written: {error.strerror}") from error
