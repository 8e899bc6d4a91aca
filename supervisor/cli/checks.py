"""What `doctor` looks at: each check says ok, warn or fail, what it saw, and the next step."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from supervisor.errors import SupervisorError

GIB: Final = 1 << 30
DISK_WARN: Final = GIB
DISK_FAIL: Final = 100 << 20

WAL_RESET_FIXED: Final = (3, 51, 3)
WAL_RESET_BACKPORTS: Final = ((3, 44, 6), (3, 50, 7))


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `step` says what to do about it, if anything."""

    name: str
    verdict: Verdict
    detail: str
    step: str = ""


def all_checks(project: Path) -> Iterator[Check]:
    """Run every check in turn; one that cannot be made is a failed one."""
    checks: tuple[Callable[[Path], Check], ...] = (
        _python,
        _sqlite,
        _containment,
        _terminal,
        _git,
        _worktrees,
        _profiles,
        _runtime_dir,
        _state_dir,
        _engine,
        _notices,
        _disk,
    )
    for check in checks:
        name = check.__name__.strip("_").replace("_", " ")
        try:
            yield check(project)
        except (SupervisorError, OSError) as error:
            yield Check(name=name, verdict=Verdict.FAIL, detail=str(error))


def _python(_project: Path) -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(name="python", verdict=Verdict.OK, detail=f"{version} at {sys.executable}")


def _sqlite(_project: Path) -> Check:
    import sqlite3

    version = sqlite3.sqlite_version
    if wal_reset_fixed(sqlite3.sqlite_version_info):
        return Check(name="sqlite", verdict=Verdict.OK, detail=version)
    return Check(
        name="sqlite",
        verdict=Verdict.WARN,
        detail=f"{version} has the WAL-reset fault (mended in 3.51.3): two connections that write and "
        "checkpoint at the same instant can damage a database. The engine is safe: it alone does either",
        step="do not write to .supervisor/coordinator.db with other programs while an engine runs",
    )


def wal_reset_fixed(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite has the WAL-reset fault mended, in its line or by a backport."""
    if version >= WAL_RESET_FIXED:
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_RESET_BACKPORTS)


def _containment(_project: Path) -> Check:
    from supervisor.model.health import Containment
    from supervisor.runtime.probe import probe_containment

    report = probe_containment()
    others = "; ".join(
        f"{each.level.value}: {'available' if each.available else each.detail}"
        for each in report.levels
        if each.level is not report.used
    )
    is_weak = report.used is Containment.GROUP
    return Check(
        name="containment",
        verdict=Verdict.WARN if is_weak else Verdict.OK,
        detail=f"agents are held by {report.used.value}, {report.of(report.used).detail} ({others})",
        step="programs that daemonise can outlive their agent" if is_weak else "",
    )


def _terminal(_project: Path) -> Check:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        detail = "no terminal here: `supervisor up` runs headless"
        return Check(name="terminal", verdict=Verdict.OK, detail=detail)
    term, size = os.environ.get("TERM", ""), shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "").lower()
    detail = f"{term or 'TERM is not set'}, {size.columns}x{size.lines}, {encoding}"
    if term in {"", "dumb", "unknown"}:
        return Check(
            name="terminal", verdict=Verdict.WARN, detail=detail, step="set TERM to your terminal's kind"
        )
    if encoding != "utf-8":
        return Check(name="terminal", verdict=Verdict.WARN, detail=detail, step="use a UTF-8 locale")
    if size.columns < 80 or size.lines < 24:
        return Check(
            name="terminal", verdict=Verdict.WARN, detail=detail, step="80x24 shows more than one pane"
        )
    return Check(name="terminal", verdict=Verdict.OK, detail=detail)


def _git(project: Path) -> Check:
    from supervisor.workspace.git import head_commit

    found = shutil.which("git")
    if found is None:
        step = "install git; without it teams see no history"
        return Check(name="git", verdict=Verdict.WARN, detail="not installed", step=step)
    commit = head_commit(project)
    here = (
        f"the project is at commit {commit[:12]}"
        if commit
        else "the project is no git repository with a commit"
    )
    return Check(name="git", verdict=Verdict.OK, detail=f"{found}; {here}")


def _worktrees(project: Path) -> Check:
    from supervisor.engine.workspaces import listed_worktrees

    listed = listed_worktrees(project)
    broken = [f"{each.agent}: {each.problem}" for each in listed if each.problem]
    if broken:
        step = "agents cannot start there; look at them below .supervisor/worktrees and move them away"
        return Check(name="worktrees", verdict=Verdict.WARN, detail="; ".join(broken), step=step)
    dirty = sum(each.dirty is not False for each in listed)
    detail = f"{len(listed)} of agents, {dirty} with changes that are not committed" if listed else "none"
    return Check(name="worktrees", verdict=Verdict.OK, detail=detail)


def _profiles(_project: Path) -> Check:
    from supervisor.config.profile import built_in_dir, list_profiles

    entries = list_profiles()
    broken = [entry for entry in entries if entry.problem is not None]
    if not entries:
        detail = f"none found in {built_in_dir()}"
        return Check(name="profiles", verdict=Verdict.FAIL, detail=detail, step="install supervisor again")
    if broken:
        detail = "; ".join(f"{entry.name}: {entry.problem}" for entry in broken)
        step = f"supervisor profile check {broken[0].path}"
        return Check(name="profiles", verdict=Verdict.WARN, detail=detail, step=step)
    return Check(name="profiles", verdict=Verdict.OK, detail=", ".join(entry.name for entry in entries))


def _runtime_dir(project: Path) -> Check:
    from supervisor.workspace.state_dir import socket_path

    return Check(name="runtime dir", verdict=Verdict.OK, detail=f"socket at {socket_path(project)}")


def _state_dir(project: Path) -> Check:
    from supervisor.workspace.state_dir import open_state

    state = open_state(project, create=False)
    there = state.root.is_dir()
    if not os.access(state.root if there else state.project, os.W_OK):
        step = "make it writable, or give another project with --project"
        return Check(
            name="state dir", verdict=Verdict.FAIL, detail=f"{state.project} cannot be written", step=step
        )
    detail = f"{state.root}{'' if there else ' (made by the first run)'}"
    return Check(name="state dir", verdict=Verdict.OK, detail=detail)


def _engine(project: Path) -> Check:
    from supervisor.workspace.engine_lock import holder_of
    from supervisor.workspace.state_dir import open_state

    holder = holder_of(open_state(project, create=False).lock_file)
    if holder is None:
        return Check(name="engine", verdict=Verdict.OK, detail="none runs on this project")
    pid = holder.get("pid", "unknown")
    try:
        told = _hello(project)
    except SupervisorError as error:
        detail = f"process {pid} holds the project but does not answer: {error}"
        step = "supervisor logs engine; then supervisor down"
        return Check(name="engine", verdict=Verdict.FAIL, detail=detail, step=step)
    return Check(name="engine", verdict=Verdict.OK, detail=f"process {pid} runs team {told.get('team')}")


def _hello(project: Path) -> dict[str, object]:
    from supervisor.cli.engine_door import ask

    told: dict[str, object] = ask(project, "hello")
    return told


def _notices(_project: Path) -> Check:
    from supervisor.notifiers.desktop import PROGRAMS, desktop_program

    found = desktop_program()
    if found is not None:
        return Check(name="notices", verdict=Verdict.OK, detail=f"{found} shows those for the desktop")
    detail = f"none of {', '.join(PROGRAMS)} is installed: sinks of kind `desktop` cannot show anything"
    return Check(name="notices", verdict=Verdict.OK, detail=detail)


def _disk(project: Path) -> Check:
    free = shutil.disk_usage(project).free
    detail = f"{free / GIB:.1f} GiB free at {project}"
    if free >= DISK_WARN:
        return Check(name="disk", verdict=Verdict.OK, detail=detail)
    verdict = Verdict.FAIL if free < DISK_FAIL else Verdict.WARN
    return Check(
        name="disk", verdict=verdict, detail=detail, step="free some space; a full disk stops the team"
    )
