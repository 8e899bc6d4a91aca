"""Verbs about groups: who is meant when several are addressed together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, print_table

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View


@click.group()
def group() -> None:
    """Show the groups of agents that can be addressed together."""


@group.command(name="list", cls=Verb, examples=("supervisor group list", "supervisor group list --json"))
@project_option
@json_option
def list_groups(*, project: Path, as_json: bool) -> None:
    """List the addresses that mean several agents: `all`, and the groups of the profile."""
    from supervisor.cli.engine_door import view

    seen = view(project)
    groups = members_of_groups(seen)
    if as_json:
        listed = [{"address": address, "members": members} for address, members in groups.items()]
        print_json("group_list", live=seen.live, groups=listed)
    else:
        print_table(("ADDRESS", "MEMBERS"), [(address, ", ".join(each)) for address, each in groups.items()])


def members_of_groups(seen: View) -> dict[str, list[str]]:
    """Return each address of several agents with its members, `all` first; leavers are left out."""
    pools = {pool.name for pool in seen.engine.pools}
    agents = sorted((each for each in seen.world.agents.values() if each.pool in pools), key=lambda a: a.name)
    names = sorted({name for agent in agents for name in agent.groups})
    members = {f"group:{name}": [agent.name for agent in agents if name in agent.groups] for name in names}
    return {"all": [agent.name for agent in agents], **members}
