"""The verb `reload`: the running team becomes what its profile says now."""

from __future__ import annotations

from pathlib import Path

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, say


@click.command(cls=Verb, examples=("supervisor reload", "supervisor reload --json | jq .restarted"))
@project_option
@json_option
def reload(*, project: Path, as_json: bool) -> None:
    """Read the team's profile again while it runs.

    Agents whose pool is as before are left alone. Others are stopped, and started again if the profile
    still has them. What cannot change while the team runs is named, and then nothing is changed.
    """
    from supervisor.cli.engine_door import ask

    answer = ask(project, "reload")
    if as_json:
        print_json("reload", **answer)
    else:
        say(f"the profile was read again: {answer['words']}")
