"""The door of this room: find a profile by name or path, and load or list them.

A bare name is looked for among the built-in profiles and then in the user's own directory, never in
a project: what a cloned repository brings along is inert until somebody names its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from supervisor.config.parse import parse_profile
from supervisor.config.places import SUFFIX, built_in_dir, read_built_in, read_own, require_own, user_dir
from supervisor.config.problems import nearest, shown
from supervisor.config.programs import check_programs
from supervisor.config.spelling import NAME
from supervisor.errors import ConfigError, ProfileInvalid, ProfileNotFound, StateUnsafe
from supervisor.model.team import TeamSpec

__all__ = [
    "ProfileEntry",
    "built_in_dir",
    "check_programs",
    "list_profiles",
    "load_profile",
    "parse_profile",
    "profile_path",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEntry:
    """One profile that can be named. `problem` says why it cannot be used, in one line."""

    name: str
    path: Path
    description: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    path: Path
    shown_as: str
    read: Callable[[Path, str], str]

    def team(self) -> TeamSpec:
        text = self.read(self.path, self.shown_as)
        return parse_profile(text, str(self.path), shown_as=self.shown_as)


def load_profile(reference: str) -> TeamSpec:
    """Return the team of the profile that `reference` names, by name or by path.

    A reference with a `/` or ending in `.toml` is a path. The team's `source` is absolute.
    """
    return _find(reference).team()


def profile_path(reference: str) -> Path:
    """Return the file that `load_profile` would read."""
    return _find(reference).path


def list_profiles() -> tuple[ProfileEntry, ...]:
    """List every profile that can be loaded by name, built-in ones first, and those with problems too."""
    entries: list[ProfileEntry] = []
    for found in _named():
        entry = _entry(found)
        if any(earlier.name == entry.name for earlier in entries):
            hidden = "hidden by the built-in profile of this name; rename it, or use its path"
            entry = replace(entry, problem=hidden)
        entries.append(entry)
    return tuple(entries)


def _entry(found: _Found) -> ProfileEntry:
    name = found.path.stem
    if re.fullmatch(NAME.pattern or "", name) is None:
        problem = f"the file name is no profile name: {NAME.rule}"
        return ProfileEntry(name=shown(name), path=found.path, problem=problem)
    try:
        return ProfileEntry(name=name, path=found.path, description=found.team().description)
    except ProfileInvalid as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        return ProfileEntry(name=name, path=found.path, problem=f"{error.problems[0]}{more}")
    except (ConfigError, OSError) as error:
        return ProfileEntry(name=name, path=found.path, problem=str(error))


def _find(reference: str) -> _Found:
    if "/" in reference or reference.endswith(SUFFIX):
        return _at(reference)
    if re.fullmatch(NAME.pattern or "", reference) is None:
        raise ProfileNotFound(
            f'"{shown(reference)}" is no profile: give a name ({NAME.rule}), or a path with a `/` or '
            "ending in `.toml`. See `supervisor profile list`."
        )
    for found in _named():
        if found.path.stem == reference:
            return found
    raise ProfileNotFound(_not_found(reference))


def _at(reference: str) -> _Found:
    try:
        given = Path(reference).expanduser()
        path = given.parent.resolve() / given.name
    except (OSError, ValueError, RuntimeError) as error:
        raise ProfileNotFound(
            f"the profile {shown(reference, limit=4096)} cannot be read: {error}."
        ) from error
    return _Found(path=path, shown_as=shown(reference, limit=4096), read=read_own)


def _named() -> Iterator[_Found]:
    for path in _files(built_in_dir()):
        yield _Found(path=path, shown_as=str(path), read=read_built_in)
    own = user_dir()
    if own is not None:
        for path in _files(own):
            yield _Found(path=path, shown_as=str(path), read=_read_from_user_dir)


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
    except OSError:
        return []


def _read_from_user_dir(path: Path, shown_as: str) -> str:
    """Read one of the user's own profiles, from a directory in which nobody else can swap it."""
    status = path.parent.lstat()
    if path.parent.is_symlink():
        raise StateUnsafe(
            f"{path.parent} is a symbolic link. Make it a directory, or use the profile's path."
        )
    require_own(status, path.parent, str(path.parent), uid=os.geteuid())
    return read_own(path, shown_as)


def _not_found(name: str) -> str:
    names = [found.path.stem for found in _named()]
    near = nearest(name, names)
    hint = f"did you mean `{near}`?" if near else f"there are: {', '.join(sorted(set(names))) or 'none'}."
    here = (
        f" To use the file here, write `./{name}{SUFFIX}`." if os.access(f"{name}{SUFFIX}", os.F_OK) else ""
    )
    return f'no profile is called "{name}"; {hint}{here} See `supervisor profile list`.'
