"""Verbs that answer agents' requests: approvals, approve, reject."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli import asking
from supervisor.cli.answer_terms import terms_lines, terms_of
from supervisor.cli.border import Verb
from supervisor.cli.key_verbs import Time
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, note, now, print_json, print_table, say
from supervisor.errors import (
    AlreadyAnswered,
    DigestMismatch,
    Forbidden,
    InvalidArgument,
    NotFound,
    UsageInvalid,
)

if TYPE_CHECKING:
    from supervisor.model.approval import Approval
    from supervisor.model.world import World


REASON_SHOWN = 2000


@click.command(
    cls=Verb,
    examples=("supervisor approvals", "supervisor approvals --json | jq -r '.approvals[] | .id, .digest'"),
)
@project_option
@click.option("--all", "everything", is_flag=True, help="Also those answered before.")
@json_option
def approvals(*, project: Path, everything: bool, as_json: bool) -> None:
    """List what agents ask you to allow. The highest risk comes first."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    waiting = seen.world.pending_approvals()
    chosen = list(seen.world.approvals.values()) if everything else waiting
    if as_json:
        print_json("approvals", live=seen.live, approvals=[to_wire(each) for each in chosen])
        return
    at = now()
    heads = ("ID", "STATE", "TIER", "AGENT", "KIND", "EXPIRES", "TITLE")
    print_table(heads, [_row(each, at) for each in chosen])


def _row(approval: Approval, at: float) -> tuple[str, ...]:
    waiting = approval.state.value == "pending"
    expires = duration(approval.expires_at - at) if waiting else "-"
    state, tier = approval.state.value, str(approval.tier)
    return (approval.id, state, tier, approval.agent, approval.kind, expires, approval.title)


@click.command(
    cls=Verb,
    examples=(
        "supervisor approve A3                  # show it, ask, then allow it once",
        "supervisor approve A3 --yes            # without asking (tiers 0 to 2)",
        "supervisor approve A3 --digest 1f3a9c0e  # only if it is still what you saw",
        "supervisor approve A3 --always --for 2h --scope pool  # and the same act from now on",
        'supervisor approve A3 --with \'{"command": "make test"}\'  # this instead',
    ),
)
@click.argument("approval_id", metavar="ID")
@project_option
@click.option("--yes", is_flag=True, help="Do not ask; the highest tier still needs its id typed.")
@click.option("--digest", metavar="HEX", help="The digest you saw, at least its first 8 digits.")
@click.option("--always", is_flag=True, help="Allow exactly the same act from now on, for a time.")
@click.option("--for", "life", type=Time(), metavar="TIME", show_default="8h", help="How long, up to 30d.")
@click.option(
    "--scope",
    type=click.Choice(("agent", "pool", "team")),
    help="For whom such a rule holds; without it, for this agent.",
)
@click.option(
    "--with",
    "instead",
    metavar="FILE|JSON",
    help="What to do instead of what was asked for, where the agent allows that: an object.",
)
@json_option
def approve(
    *,
    approval_id: str,
    project: Path,
    yes: bool,
    digest: str | None,
    always: bool,
    life: float | None,
    scope: str | None,
    instead: str | None,
    as_json: bool,
) -> None:
    """Show a request and allow it once, or the same act from now on.

    The answer carries the digest of what was shown: a request that changed, expired or was
    answered elsewhere refuses it. See `supervisor rules` for what was allowed from now on.
    """
    refuse_agents(project, "approve")
    terms = terms_of(always=always, life=life, scope=scope, instead=instead)
    shown = _shown(project, approval_id, digest)
    for line in terms_lines(shown, terms):
        note(line)
    _confirm(shown, yes=yes, seen_before=digest is not None and instead is None)
    _answer(project, shown, decision="approve", reason="", as_json=as_json, terms=terms)


@click.command(cls=Verb, examples=('supervisor reject A3 --reason "write to the report directory instead"',))
@click.argument("approval_id", metavar="ID")
@project_option
@click.option("--reason", required=True, help="The agent will read it.")
@json_option
def reject(*, approval_id: str, project: Path, reason: str, as_json: bool) -> None:
    """Deny a request and say why."""
    if not reason.strip():
        raise InvalidArgument("say why: the agent reads the reason and acts on it")
    _answer(project, _found(project, approval_id), decision="reject", reason=reason, as_json=as_json)


def refuse_agents(project: Path, what: str) -> None:
    """Refuse to decide for a person in a process that descends from an agent of this very engine.

    Against native code of the same user this is a courtesy, not a wall: only a sandbox is one.
    """
    from supervisor.runtime.marker import SESSION
    from supervisor.workspace.engine_lock import read_engine_file
    from supervisor.workspace.state_dir import open_state

    record = read_engine_file(open_state(project, create=False))
    lives = os.environ.get(SESSION, "").split("/")
    if record is not None and record.session and record.session in lives:
        raise Forbidden(f"an agent's process cannot {what}; a person does, from a terminal of their own")


def _shown(project: Path, approval_id: str, digest: str | None) -> Approval:
    """Print what would be allowed; refuse what is answered, altered or not what was seen before."""
    from supervisor.model.approval import digest_for

    approval = _found(project, approval_id)
    if approval.state.value != "pending":
        by = f" by {approval.answered_by}" if approval.answered_by else ""
        raise AlreadyAnswered(f"{approval.id} is {approval.state.value} already{by}; nothing was sent")
    if digest_for(approval, approval.content) != approval.digest:
        raise DigestMismatch(f"{approval.id} does not match its own digest; it was not approved")
    if digest is not None and (len(digest) < 8 or not approval.digest.startswith(digest.lower())):
        raise DigestMismatch(
            f"{approval.id} has digest {approval.digest[:16]}…, not {digest[:16]}. Look again"
        )
    for line in approval_lines(approval, now()):
        note(line)
    return approval


def _found(project: Path, spelled: str) -> Approval:
    from supervisor.cli.engine_door import connected
    from supervisor.cli.event_loop import run_async
    from supervisor.model.ids import approval_id, number_of
    from supervisor.model.world import World

    wanted = approval_id(number_of(spelled, "A"))

    async def _world() -> World:
        async with connected(project) as client:
            return World.of(await client.snapshot())

    approval = run_async(_world()).approvals.get(wanted)
    if approval is None:
        raise NotFound(f"there is no approval {wanted}. See `supervisor approvals --all`")
    return approval


def approval_lines(approval: Approval, at: float) -> list[str]:
    """Spell everything that an approval allows; the agent's own words come last and are marked."""
    task = f" for {approval.task}" if approval.task else ""
    lines = [
        f"{approval.id}  tier {approval.tier}  {approval.kind}",
        f"  asked by  {approval.agent} (incarnation {approval.incarnation}){task}",
        f"  title     {_one_line(approval.title)}",
        *_origin_lines(approval),
        "  allows",
        *(f"    {line}" for line in payload_lines(approval.content)),
        f"  digest    {approval.digest}",
        f"  expires   in {duration(approval.expires_at - at)}",
    ]
    if approval.reason:
        words = approval.reason[:REASON_SHOWN].splitlines()
        lines += [
            "  the agent says (its own words, unchecked):",
            *(f"  | {_one_line(line)}" for line in words),
        ]
    return lines


def _origin_lines(approval: Approval) -> list[str]:
    """Say which program asked, where it would be done, what waits for it and what it offers itself."""
    from supervisor.model.approval import BY_TOOL

    if approval.source == BY_TOOL:
        return []
    offered = ", ".join(f"{each.label} ({each.scope})" for each in approval.options)
    facts = {
        "source": f"{approval.source}, {approval.tool}" if approval.tool else approval.source,
        "in": approval.cwd,
        "blocks": ", ".join(approval.blocks),
        "offers": offered and f"{offered}; answered once all the same",
        "change": "it takes other content: --with" if approval.rewritable else "",
    }
    return [f"  {name:<9} {_one_line(text)}" for name, text in facts.items() if text]


def payload_lines(payload: str) -> list[str]:
    """Lay the payload out for reading; if that would show anything but its exact content, show it raw."""
    import json

    from supervisor.model.approval import canonical
    from supervisor.model.escape import visible

    try:
        content = json.loads(payload)
        faithful = isinstance(content, dict) and canonical(content) == payload
    except (ValueError, RecursionError):
        faithful = False
        content = None
    laid_out = json.dumps(content, indent=2, ensure_ascii=False).split("\n") if faithful else [payload]
    return [visible(line) for line in laid_out]


def _one_line(text: str) -> str:
    from supervisor.model.escape import visible

    return visible(text)


def _confirm(approval: Approval, *, yes: bool, seen_before: bool) -> None:
    """Have the person say that this is meant; raise UsageInvalid if nobody can be asked."""
    from supervisor.model.approval import HIGHEST_TIER

    if approval.tier >= HIGHEST_TIER:
        typed = asking.answer_to(f"This cannot be undone. Type {approval.id} to allow it: ")
        if typed != approval.id:
            raise UsageInvalid(f"not confirmed; {approval.id} still waits")
        return
    if yes or seen_before:
        return
    if not asking.somebody_is_here():
        raise UsageInvalid(
            f"nobody can be asked here; {approval.id} still waits. "
            "Give --digest with the digest you saw, or --yes"
        )
    if asking.answer_to("Allow this once? [y/N] ").lower() not in {"y", "yes"}:
        raise UsageInvalid(f"not confirmed; {approval.id} still waits")


def _answer(
    project: Path,
    approval: Approval,
    *,
    decision: str,
    reason: str,
    as_json: bool,
    terms: dict[str, Any] | None = None,
) -> None:
    from supervisor.cli.engine_door import ask

    answer = ask(
        project,
        "answer",
        approval_id=approval.id,
        digest=approval.digest,
        decision=decision,
        reason=reason,
        **(terms or {}),
    )
    if as_json:
        print_json("answer", **answer)
    else:
        say(f"{approval.id} {answer['approval']['state']}")
