"""Real engines for faults: teams with trees of every shape, workers that show life, clocks that are set."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import psutil

from supervisor.model.event import Event
from supervisor.runtime.marker import marks_in
from supervisor.runtime.proc_table import read_environ
from supervisor.testing.chaos import chaos_argv
from supervisor.testing.skewed_engine import write_skew
from tests.acceptance.project import Project, write_profile

LEASE_S: Final = 6

GROUPED: Final = 'containment = "group+marker"\n'
"""What any machine has; a control group would hold everything at once, whatever it did."""


def pool(name: str, *command: str, size: int = 1, more: str = "") -> str:
    """Write one more pool of workers."""
    words = ", ".join(f'"{word}"' for word in command)
    return f'[[pools]]\nname = "{name}"\nrole = "worker"\nsize = {size}\ncommand = [{words}]\n{more}'


def with_trees(project: Project, *, size: int = 3, more: str = "") -> None:
    """Add agents that have members of every shape: deaf ones, sessions of their own, daemons."""
    stop = "[pools.stop]\nleader_s = 0.2\ngroup_s = 0.2\n"
    trees = pool("tree", *chaos_argv("tree"), size=size, more=f"start_timeout_s = 600\n{GROUPED}{stop}")
    write_profile(project.profile, tasks=200, step_s=0.2, extra=trees + more)


def with_leases(project: Project, *, step_s: float, tasks: int = 2, lease_s: int = LEASE_S) -> None:
    """Let two workers hold a task each for so long, of which they write a line every half second."""
    write_profile(project.profile, tasks=tasks, step_s=step_s)
    text = project.profile.read_text()
    project.profile.write_text(text.replace("[[pools]]", f"[run]\nlease_s = {lease_s}\n[[pools]]", 1))


def lives(session: str) -> dict[str, set[str]]:
    """Return which incarnations of each agent have a process now, by their marker."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for process in psutil.process_iter():
        for marked, agent in marks_in(read_environ(process.pid)):
            if marked == session:
                name, _, number = agent.partition("#")
                found[name].add(number)
    return dict(found)


def skewed(project: Project, *words: str) -> tuple[Path, tuple[str, ...]]:
    """Return the file that sets an engine's clocks, and the program that runs by it."""
    path = project.root.parent / "skew"
    write_skew(path)
    return path, ("-m", "supervisor.testing.skewed_engine", str(path), *words)


def kinds(events: list[Event], *wanted: str) -> list[Event]:
    """Return the events of some kinds."""
    return [event for event in events if event.kind in wanted]


def guardian_of(engine_pid: int) -> psutil.Process:
    """Return an engine's guardian."""
    (found,) = [
        child
        for child in psutil.Process(engine_pid).children()
        if "guardian_main.py" in " ".join(child.cmdline())
    ]
    return found


def python(script: str, path: Path) -> tuple[str, ...]:
    """Write a program that runs the command line after something in it was broken; return how to run it."""
    path.write_text(f"{script}\nimport sys\nfrom supervisor.cli.main import main\nsys.exit(main())\n")
    return (str(path),)
