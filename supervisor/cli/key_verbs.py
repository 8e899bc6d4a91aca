"""Verbs about keys for outside agents: create, list, rotate, revoke."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supervisor.cli import asking
from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, note, now, print_json, print_table, say
from supervisor.errors import EngineNotRunning

if TYPE_CHECKING:
    from supervisor.model.outside_key import KeyLine

ROLES: Final = ("worker", "planner", "judge", "monitor", "orchestrator")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_TIME: Final = re.compile(r"([0-9]{1,9})([smhdw])\Z")


class Time(click.ParamType[float]):
    """A span of time with its unit, as seconds: `90s`, `12h`, `30d`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the span."""
        match = _TIME.match(str(value))
        if match is None:
            self.fail(f"`{value}` is no time; write a number and s, m, h, d or w, e.g. 30d", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


quiet_option = click.option("--quiet", is_flag=True, help="Print the key alone, for a pipe or a file.")
save_option = click.option(
    "--save", is_flag=True, help="Keep the key in a file of mode 0600 below .supervisor/ and do not print it."
)


@click.group()
def key() -> None:
    """Let agents join that the engine does not start: create, list, rotate and revoke their keys."""


@key.command(
    cls=Verb,
    examples=(
        "supervisor key create lens --role judge",
        'supervisor key create scout --role worker --group readers --label "Ada\'s laptop" --expires 30d',
        "(umask 077; supervisor key create lens --role judge --quiet > lens.key)",
    ),
)
@click.argument("name")
@project_option
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do.")
@click.option("--group", multiple=True, help="A group in which it gets messages; may be repeated.")
@click.option("--tag", multiple=True, help="A tag for work that asks for it; may be repeated.")
@click.option("--label", default="", help="Words for people: whose it is, where it is used.")
@click.option(
    "--tools",
    type=click.Choice(("core", "full")),
    default="core",
    show_default=True,
    help="Which tools its list shows: the few of its role, or all that it may call.",
)
@click.option("--expires", type=Time(), metavar="TIME", help="End it after this time, e.g. 30d.")
@quiet_option
@save_option
@json_option
def create(
    *,
    name: str,
    project: Path,
    role: str,
    group: tuple[str, ...],
    tag: tuple[str, ...],
    label: str,
    tools: str,
    expires: float | None,
    quiet: bool,
    save: bool,
    as_json: bool,
) -> None:
    """Make a key for a new outside agent. It is shown this once and stored only as a hash."""
    wanted: dict[str, Any] = {
        "role": role,
        "groups": group,
        "tags": tag,
        "label": label,
        "tools": tools,
        "lifetime_s": expires,
    }
    answer = key_call(project, "key_create", name=name, **wanted)
    show_secret("key_create", answer, saved=_saved(project, answer, save=save), as_json=as_json, quiet=quiet)


@key.command(name="list", cls=Verb, examples=("supervisor key list", "supervisor key list --json"))
@project_option
@json_option
def list_keys(*, project: Path, as_json: bool) -> None:
    """List the keys, their state and last use. No key is ever shown again."""
    answer = key_call(project, "key_list")
    if as_json:
        print_json("key_list", **answer)
        return
    from supervisor.model.outside_key import KeyLine, OutsideKey
    from supervisor.model.wire import from_wire

    lines = [
        KeyLine(last_used_at=each.pop("last_used_at"), key=from_wire(OutsideKey, each))
        for each in answer["keys"]
    ]
    at = now()
    heads = ("NAME", "ROLE", "STATE", "CREATED", "LAST USED", "EXPIRES", "LABEL")
    print_table(heads, [_row(line, at) for line in lines])
    if not lines:
        note("no keys; make one with `supervisor key create NAME --role ROLE`")


def _row(line: KeyLine, at: float) -> tuple[str, ...]:
    key_, used = line.key, line.last_used_at
    left = "never" if key_.expires_at is None else f"in {duration(key_.expires_at - at)}"
    return (
        key_.name,
        key_.role.value,
        key_.state.value,
        f"{duration(at - key_.created_at)} ago",
        "never" if used is None else f"{duration(at - used)} ago",
        left if key_.state.value == "active" else "-",
        key_.label,
    )


@key.command(
    cls=Verb, examples=("supervisor key rotate lens", "supervisor key rotate lens --grace 60s --quiet")
)
@click.argument("name")
@project_option
@click.option("--grace", type=Time(), default="0s", metavar="TIME", help="Take the old key this much longer.")
@quiet_option
@save_option
@json_option
def rotate(*, name: str, project: Path, grace: float, quiet: bool, save: bool, as_json: bool) -> None:
    """Give an outside agent a new key. The old one is refused at once, or after the grace."""
    answer = key_call(project, "key_rotate", name=name, grace_s=grace)
    show_secret("key_rotate", answer, saved=_saved(project, answer, save=save), as_json=as_json, quiet=quiet)
    if grace and not (quiet or as_json):
        note(f"the old key is taken for another {duration(grace)}")


@key.command(cls=Verb, examples=("supervisor key revoke lens", "supervisor key revoke lens --yes"))
@click.argument("name")
@project_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def revoke(*, name: str, project: Path, yes: bool, as_json: bool) -> None:
    """End a key at once: calls with it are refused, and what its agent holds goes back."""
    if not yes:
        asking.confirm(f"Put {name} out of the team? Its key is refused from then on. [y/N] ")
    answer = key_call(project, "key_revoke", name=name)
    if as_json:
        print_json("key_revoke", **answer)
    else:
        say(f"key {name} is revoked")


def key_call(project: Path, verb: str, *, quiet: bool = False, **args: Any) -> dict[str, Any]:
    """Have the engine carry out a verb about keys; without one, do it on the stored state under its lock."""
    from supervisor.cli.engine_door import ask
    from supervisor.cli.event_loop import run_async

    try:
        answer: dict[str, Any] = ask(project, verb, **args)
    except EngineNotRunning:
        from supervisor.engine.offline_keys import key_verb_offline
        from supervisor.model.wire import to_wire

        answer = run_async(key_verb_offline(project, verb, to_wire(args)))
        if not quiet:
            note("no engine runs here; this was done on the state on disk")
    return answer


def _saved(project: Path, answer: dict[str, Any], *, save: bool) -> Path | None:
    """Keep a fresh key in its file, if that is wanted; return where."""
    from supervisor.cli.key_files import save_key

    return save_key(project, answer["key"]["name"], answer["secret"]) if save else None


def show_secret(kind: str, answer: dict[str, Any], *, saved: Path | None, as_json: bool, quiet: bool) -> None:
    """Print a fresh key on stdout, and around it on stderr what to do with it; of a kept one, its file."""
    name, role = answer["key"]["name"], answer["key"]["role"]
    if as_json:
        shown = {"file": str(saved)} if saved is not None else {"secret": answer["secret"]}
        print_json(kind, key=answer["key"], **shown)
        return
    if not quiet:
        note(f"the key of {name} ({role})" + (", shown this once:" if saved is None else " is kept in"))
    click.echo(answer["secret"] if saved is None else str(saved))
    if not quiet:
        if saved is None:
            note("keep it in a file of mode 0600, or in the variable SUPERVISOR_KEY of the agent's client")
        note(f"configure the client: supervisor join {name} --client claude")
