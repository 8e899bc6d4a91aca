"""The supervision tree of a profile, with real processes: what a team nobody watches comes to."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.project import Project

SLEEPS = '["{python}", "-c", "import time; time.sleep(600)", "{project}"]'
FAILS = '["{python}", "-c", "raise SystemExit(7)"]'
ENDS = '["{python}", "-c", "pass"]'
SOON = "\n[pools.backoff]\nbase_s = 0.01\ncap_s = 0.05"


def pool(name: str, command: str, more: str = "") -> str:
    role = "planner" if name == "planner" else "worker"
    return f'[[pools]]\nname = "{name}"\nrole = "{role}"\ncommand = {command}\n{more}\n'


def team(project: Project, *parts: str) -> None:
    project.profile.write_text('name = "tree"\n' + "\n".join(parts))


def said(project: Project) -> str:
    """Return what the engine said of its end."""
    return (project.root / ".supervisor/logs/engine.log").read_text()


def still_there(project: Project) -> list[int]:
    """Name the processes that were told of the project in their command line."""
    named = str(project.root).encode()
    return [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/cmdline") if named in read(each)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_team_whose_top_branch_has_failed_ends_with_code_3_and_leaves_nothing(project: Project) -> None:
    top = '[supervision]\non_failed = "shutdown"'
    team(project, top, pool("planner", SLEEPS), pool("broken", FAILS, "intensity = 1" + SOON))
    ended = project.run()
    assert ended.returncode == 3, ended.stderr
    assert "the team ended: broken gave up" in said(project)
    assert still_there(project) == []


def test_a_branch_that_fails_too_often_takes_the_team_with_it(project: Project) -> None:
    top = "[supervision]\nintensity = 1\nperiod_s = 60"
    inner = '[[branches]]\nname = "inner"\nstrategy = "one_for_all"\nintensity = 0'
    agents = (
        pool("planner", SLEEPS),
        pool("sleeper", SLEEPS, 'branch = "inner"'),
        pool("broken", FAILS, 'branch = "inner"' + SOON),
    )
    team(project, top, inner, *agents)
    ended = project.run()
    assert ended.returncode == 3, ended.stderr
    assert "the team gave up after more than 1 restarts in 60 s" in said(project)
    assert still_there(project) == []


def test_a_team_whose_significant_agent_is_done_ends_and_what_was_not_done_counts(project: Project) -> None:
    top = '[supervision]\nauto_shutdown = "any_significant"'
    team(project, top, pool("planner", SLEEPS), pool("one", ENDS, "significant = true"))
    ended = project.run()
    assert ended.returncode == 1, ended.stderr
    assert "the team ended, because one has" in said(project)
    assert still_there(project) == []


def test_a_team_in_which_all_wait_for_what_cannot_come_ends_with_code_3(project: Project) -> None:
    waits = '[[pools.depends_on]]\npool = "first"\ncondition = "ready"'
    team(project, pool("first", ENDS), pool("planner", SLEEPS, waits))
    ended = project.run()
    assert ended.returncode == 3, ended.stderr
    assert "what planner waits for cannot come" in said(project)
