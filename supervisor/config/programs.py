"""Whether the programs that a team names are there, asked before anything is started."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from supervisor.config.placeholders import fill, names_in
from supervisor.config.presets import PRESETS
from supervisor.config.problems import shown
from supervisor.config.program_versions import install_command, too_old, version_of
from supervisor.errors import ProgramMissing
from supervisor.model.team import PoolSpec, TeamSpec


def check_programs(team: TeamSpec, *, project: Path | None = None) -> None:
    """Raise ProgramMissing, naming every pool whose program or script cannot be found.

    So is every known program that is older than what works with its adapter.
    Scripts are the elements of a command that begin with `{profile_dir}`. What stands under
    `{project}` is looked for only if `project` is given.
    """
    missing: list[str] = []
    for pool in team.pools:
        known = {"python": sys.executable, "profile_dir": str(Path(team.source).parent)}
        if project is not None:
            known["project"] = str(project)
        missing += dict.fromkeys([*_missing_program(pool, known), *_missing_scripts(pool, known)])
    if missing:
        listed = "; ".join(missing)
        raise ProgramMissing(
            f"team {team.name}: {listed}. Nothing was started. Install it or mend the profile.",
            problems=missing,
        )


def _missing_program(pool: PoolSpec, known: Mapping[str, str]) -> Iterator[str]:
    for program in _filled(pool, pool.command[0], known):
        path = _search_path(pool)
        if "/" in program:
            fault = _file_fault(program)
            if fault:
                yield f"pool {pool.name}: the program {shown(program, limit=4096)} {fault}"
        elif shutil.which(program, path=path) is None:
            yield (
                f"pool {pool.name}: the program {shown(program)} is in no directory of PATH "
                f"({path or 'which is empty'}){_python_hint(program)}{_install_hint(pool)}"
            )
        else:
            yield from _too_old(pool, program, path)


def _install_hint(pool: PoolSpec) -> str:
    """Say how a known program is installed, if the pool starts it as its preset does."""
    preset = PRESETS.get(pool.agent)
    return "" if preset is None or pool.command[:1] != preset.command[:1] else f"; {install_command(preset)}"


def _too_old(pool: PoolSpec, program: str, path: str) -> Iterator[str]:
    preset = PRESETS.get(pool.agent)
    found = shutil.which(program, path=path)
    if preset is None or found is None or not _install_hint(pool):
        return
    version = version_of(Path(found), preset)
    if too_old(version, preset):
        yield (
            f"pool {pool.name}: {preset.name} {version.words} at {shown(found, limit=4096)} is too old; "
            f"{preset.minimum} is the oldest that works; {install_command(preset)}"
        )


def _file_fault(program: str) -> str:
    try:
        status = Path(program).stat()
    except OSError as error:
        return _cannot_be_found(error)
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    return "" if os.access(program, os.X_OK) else f"may not be run; `chmod +x {program}`"


def _cannot_be_found(error: OSError) -> str:
    missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
    return "does not exist" if missing else f"cannot be found: {error.strerror}"


def _search_path(pool: PoolSpec) -> str:
    """Return the PATH of the pool's agents, without entries that depend on the working directory."""
    given = pool.env.get("PATH", os.environ.get("PATH", os.defpath))
    return os.pathsep.join(entry for entry in given.split(os.pathsep) if Path(entry).is_absolute())


def _python_hint(program: str) -> str:
    return "; `{python}` is the one that runs supervisor" if program.startswith("python") else ""


def _missing_scripts(pool: PoolSpec, known: Mapping[str, str]) -> Iterator[str]:
    for element in pool.command[1:]:
        if element.startswith("{profile_dir}"):
            for script in _filled(pool, element, known):
                try:
                    Path(script).stat()
                except OSError as error:
                    fault = _cannot_be_found(error)
                    yield f"pool {pool.name}: the script {shown(script, limit=4096)} {fault}"


def _filled(pool: PoolSpec, element: str, known: Mapping[str, str]) -> Iterator[str]:
    """Spell `element` for each agent of the pool, if everything in it is known already."""
    names = set(names_in(element))
    if not names <= {*known, "agent"}:
        return
    for agent in pool.agent_names if "agent" in names else pool.agent_names[:1]:
        yield fill([element], {**known, "agent": agent})[0]
