"""Verbs about profiles: list, show, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import ignored_project_option, json_option, project_option
from supervisor.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from supervisor.model.rule import ApprovalRule
    from supervisor.model.team import PoolSpec, TeamSpec


@click.group()
def profile() -> None:
    """List, show, check and begin profiles, the definitions of teams."""


@profile.command(name="list", cls=Verb, examples=("supervisor profile list",))
@ignored_project_option
@json_option
def list_profiles(*, as_json: bool) -> None:
    """List the profiles that can be named."""
    from supervisor.config.profile import list_profiles as listed

    entries = listed()
    if as_json:
        told = [
            {"name": e.name, "path": str(e.path), "description": e.description, "problem": e.problem}
            for e in entries
        ]
        print_json("profile_list", profiles=told)
        return
    rows = [(e.name, "ok" if e.problem is None else "broken", e.problem or e.description) for e in entries]
    print_table(("NAME", "STATE", "DESCRIPTION"), rows)


@profile.command(
    name="show", cls=Verb, examples=("supervisor profile show survey", "supervisor profile show ./team.toml")
)
@click.argument("reference", metavar="PROFILE")
@ignored_project_option
@json_option
def show_profile(*, reference: str, as_json: bool) -> None:
    """Show a profile as it is understood.

    Its pools, their commands word by word, and the rules for approvals.
    """
    from supervisor.config.profile import load_profile
    from supervisor.model.wire import to_wire

    team = load_profile(reference)
    if as_json:
        print_json("profile", profile=to_wire(team))
        return
    for line in _page(team):
        say(line)


@profile.command(
    name="new",
    cls=Verb,
    examples=("supervisor profile new", "supervisor profile new reviewers.toml --from council"),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path), default=Path("team.toml"))
@click.option(
    "--from", "source", metavar="PROFILE", default="coders", show_default=True, help="What to copy."
)
@ignored_project_option
@json_option
def new_profile(*, file: Path, source: str, as_json: bool) -> None:
    """Begin a profile of your own as a copy of one that ships, prompts and all.

    FILE is team.toml unless you say another; what is there already is left alone.
    """
    from supervisor.config.begin import begin_profile

    team = begin_profile(file, source)
    if as_json:
        print_json("profile_new", file=str(file), name=team.name, source=source)
        return
    say(f"{file} is a copy of {source}: {team.description}")
    say(f"change it as you like, then: supervisor profile check {file}; supervisor up {file}")


def _page(team: TeamSpec) -> list[str]:
    deadline = f"deadline {team.deadline_s:g} s, " if team.deadline_s else ""
    lines = [
        f"{team.name}: {team.description}",
        f"  from      {team.source}",
        f"  digest    {team.digest}",
        f"  run       {deadline}when done {team.on_done.value} the agents, lease {team.lease_s:g} s",
    ]
    lines += [f"  setting   {name} = {value}" for name, value in team.settings.items()]
    for pool in team.pools:
        lines += _pool(pool)
    return lines + [f"  approval  {_rule(rule)}" for rule in team.approvals]


def _pool(pool: PoolSpec) -> list[str]:
    words = " ".join(_word(word) for word in pool.command)
    kind = f"{pool.size} x {pool.role.value}, {pool.adapter}/{pool.drive}"
    restarts = f"restart {pool.restart.value} (at most {pool.intensity} in {pool.period_s:g} s)"
    lines = [f"  pool      {pool.name}: {kind}, {restarts}", f"    command {words}"]
    lines += [f"    env     {name}={value}" for name, value in pool.env.items()]
    lines += [f"    passes  {', '.join(pool.env_allow)}"] if pool.env_allow else []
    return lines


def _word(word: str) -> str:
    """Quote one element of a command as a shell user reads it."""
    import shlex

    return shlex.quote(word)


def _rule(rule: ApprovalRule) -> str:
    mode = f" when {rule.mode.value}" if rule.mode is not None else ""
    return f"{rule.decision.value} {rule.kinds} of {rule.agents} up to tier {rule.max_tier}{mode}"


@profile.command(
    name="check",
    cls=Verb,
    examples=("supervisor profile check ./team.toml", "supervisor profile check survey"),
)
@click.argument("reference", metavar="PROFILE")
@project_option
@json_option
def check_profile(*, reference: str, project: Path, as_json: bool) -> None:
    """Check a profile and its programs. Every problem is told at once, with its line."""
    from supervisor.config.profile import check_programs, load_profile

    team = load_profile(reference)
    check_programs(team, project=project)
    agents = sum(pool.size for pool in team.pools)
    if as_json:
        print_json("profile_check", name=team.name, ok=True, agents=agents, digest=team.digest)
    else:
        say(f"{team.name}: ok, {len(team.pools)} pools, {agents} agents")
