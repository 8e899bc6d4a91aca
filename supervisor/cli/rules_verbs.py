"""Verbs about standing rules: what was allowed from now on, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.answer_terms import act_lines
from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, now, print_json, say

if TYPE_CHECKING:
    from supervisor.model.rule import StandingRule


@click.group()
def rules() -> None:
    """List and revoke what you allowed from now on."""


@rules.command(
    name="list", cls=Verb, examples=("supervisor rules list", "supervisor rules list --all --json")
)
@project_option
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@json_option
def list_rules(*, project: Path, everything: bool, as_json: bool) -> None:
    """List the rules that answers with --always left, the oldest first, each with exactly what it allows."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    at = now()
    known: list[StandingRule] = list(seen.world.tables["rule"].values())
    chosen = known if everything else [each for each in known if _holds(each, at)]
    if as_json:
        print_json("rules", live=seen.live, rules=[to_wire(each) for each in chosen])
        return
    for each in chosen:
        for line in rule_lines(each, at):
            say(line)
    if not chosen:
        say("no rules" if everything else "no rules that hold")


def _holds(rule: StandingRule, at: float) -> bool:
    return rule.state.value == "active" and at < rule.expires_at


def rule_lines(rule: StandingRule, at: float) -> list[str]:
    """Spell one rule: for whom, how long, and what must be the same; the agent's words are escaped."""
    from supervisor.model.escape import visible

    who = f"{rule.scope.value} {rule.target}" if rule.target else "the whole team"
    stands = f"for another {duration(rule.expires_at - at)}" if _holds(rule, at) else rule.state.value
    return [
        f"{rule.id}  {who}, {stands}; from {rule.approval}, tier {rule.tier}",
        f"    {visible(rule.title)}",
        *act_lines(rule.act),
    ]


@rules.command(cls=Verb, examples=("supervisor rules revoke R2",))
@click.argument("rule_id", metavar="ID")
@project_option
@json_option
def revoke(*, rule_id: str, project: Path, as_json: bool) -> None:
    """End a rule now: the next such request is asked again."""
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "revoke a rule")
    answer = ask(project, "rule_revoke", rule_id=rule_id)
    if as_json:
        print_json("rule_revoke", **answer)
    else:
        say(f"{answer['rule']['id']} revoked")
