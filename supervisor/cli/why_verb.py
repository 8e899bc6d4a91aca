"""The verb that explains an agent: why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, indented, print_json, say

if TYPE_CHECKING:
    from supervisor.store.transaction import Transaction


@click.command(cls=Verb, examples=("supervisor why worker-2", "supervisor why worker-2 --json | jq .verdict"))
@click.argument("agent")
@project_option
@json_option
def why(*, agent: str, project: Path, as_json: bool) -> None:
    """Say why an agent stands where it does, and what will be done about it.

    What it is judged to be, with all evidence; how it last ended, with the last lines of its log. Of a
    task: supervisor task why.
    """
    from supervisor.cli.engine_door import look

    def offline(tx: Transaction) -> dict[str, Any]:
        from supervisor.engine.why_verbs import why_at_rest
        from supervisor.workspace.state_dir import open_state

        return why_at_rest(tx, agent, open_state(project, create=False).logs)

    answer, live = look(project, "agent_why", offline, agent=agent)
    if as_json:
        print_json("agent_why", live=live, **answer)
        return
    for line in why_lines(answer):
        say(line)


def why_lines(answer: dict[str, Any]) -> list[str]:
    """Tell the answer in words, the causes first."""
    lines = []
    for each in answer["reasons"]:
        lines.append(f"{each['reason'].replace('_', ' ')}: {each['detail']}")
        lines += [f"    {each['help']}"] if each["help"] else []
    ladder = answer["ladder"] or {"done": []}
    lines += [f"done: {each['words']}, {duration(each['ago_s'])} ago" for each in ladder["done"]]
    agent = answer["agent"]
    if agent["restarts"]:
        lines.append(f"restarts: {agent['restarts']}, now incarnation {agent['incarnation']}")
    ended = agent["last_exit"]
    if ended is not None:
        detail = f": {ended['detail']}" if ended["detail"] else ""
        lines.append(f"last exit: {ended['kind'].replace('_', ' ')}{detail}")
        lines += indented("\n".join(answer["last_words"]))
    if answer["last_lines"] and (agent["pid"] is not None or not answer["last_words"]):
        lines.append("the last lines of its log:")
        lines += indented("\n".join(answer["last_lines"]))
    return lines
