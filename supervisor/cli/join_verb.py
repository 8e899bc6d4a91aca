"""Verbs for outside agents' clients: join configures one, mcp is the bridge for those without HTTP."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supervisor.cli.asking import confirm
from supervisor.cli.border import Verb
from supervisor.cli.join_hooks import join_hooks
from supervisor.cli.key_verbs import ROLES, key_call
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json
from supervisor.errors import EngineNotRunning, InvalidArgument, Unauthenticated

if TYPE_CHECKING:
    from supervisor.adapters.client_config import ClientConfig

CLIENTS: Final = ("claude", "codex", "opencode", "gemini", "qwen", "mcp-json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What somebody wants to join."""

    project: Path
    name: str
    client: str
    role: str | None
    stdio: bool


@click.command(
    cls=Verb,
    examples=(
        "supervisor join lens --client claude",
        "supervisor join lens --client codex --role judge --write   # makes the key and writes both files",
        "supervisor join scout --client gemini --stdio --json",
        "supervisor join lens --client claude --hooks --write  # answer its permission requests here",
    ),
)
@click.argument("name", required=False)
@project_option
@click.option("--client", type=click.Choice(CLIENTS), required=True, help="Whose configuration is wanted.")
@click.option("--role", type=click.Choice(ROLES), help="With --write: make the key too, for this role.")
@click.option(
    "--stdio", is_flag=True, help="Through `supervisor mcp`: no variable, and no HTTP in the client."
)
@click.option(
    "--hooks",
    is_flag=True,
    help="The client's hooks instead: what it asks a person comes into the team's queue (claude, codex).",
)
@click.option("--write", is_flag=True, help="Write the file instead of printing it.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    show_default="the project",
    help="Where the client is started: its file goes below.",
)
@click.option("--yes", is_flag=True, help="Change an existing file without asking.")
@json_option
def join(
    *,
    name: str | None,
    project: Path,
    client: str,
    role: str | None,
    stdio: bool,
    hooks: bool,
    write: bool,
    into: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Configure an agent's own client for this team.

    Prints the file, its place and how to start; --write writes it, mode 0600. The key is never part of it.
    """
    asked = _Asked(
        project=project,
        name=name or ("agent" if client == "mcp-json" else client),
        client=client,
        role=role,
        stdio=stdio,
    )
    if hooks:
        join_hooks(
            project=project,
            name=asked.name,
            client=client,
            url=_url(project),
            into=into or project,
            write=write,
            yes=yes,
            as_json=as_json,
        )
        return
    config = _config(asked)
    known = _known_role(asked)
    file = (into or project) / config.file
    if write:
        if known is None and role is not None:
            _make_key(asked)
            known = role
        _write(file, config, yes=yes)
    if as_json:
        print_json("join", **_facts(asked, config, file, known=known is not None, written=write))
        return
    if not write:
        note(f"this belongs into {file}, for {client}:")
        click.echo(config.text, nl=False)
    for line in _next_steps(asked, config, known=known is not None, written=write):
        note(line)


def _config(asked: _Asked) -> ClientConfig:
    from supervisor.adapters.client_config import Client, over_http, over_stdio

    if asked.stdio:
        return over_stdio(Client(asked.client), _bridge_argv(asked))
    return over_http(Client(asked.client), _url(asked.project))


def _bridge_argv(asked: _Asked) -> tuple[str, ...]:
    from supervisor.cli.key_files import key_file

    file = key_file(asked.project, asked.name)
    program = (sys.executable, "-m", "supervisor", "mcp")
    return (*program, "--project", str(asked.project), "--key-file", str(file))


def _url(project: Path) -> str:
    """Return where agents are served, or will be again; say so if no engine runs."""
    from supervisor.cli.engine_door import ask
    from supervisor.workspace.remembered_port import remembered_port
    from supervisor.workspace.state_dir import open_state

    try:
        url: str = ask(project, "endpoint")["url"]
    except EngineNotRunning:
        port = remembered_port(open_state(project, create=False))
        if port is None:
            raise EngineNotRunning(
                f"no team has run on {project} yet, so its address is not known. "
                "Start one: supervisor up survey"
            ) from None
        note("no engine runs here; it will be at this address again once it is started: supervisor up")
        return f"http://127.0.0.1:{port}/mcp"
    return url


def _known_role(asked: _Asked) -> str | None:
    """Return the role of the key by this name, None if there is none; raise if it is for another role."""
    keys = {each["name"]: each for each in key_call(asked.project, "key_list", quiet=True)["keys"]}
    known = keys.get(asked.name)
    if known is None or known["state"] == "revoked":
        return None
    role: str = known["role"]
    if asked.role not in {None, role}:
        raise InvalidArgument(f"the key {asked.name} is for a {role}, not a {asked.role}; give another name")
    return role


def _make_key(asked: _Asked) -> None:
    from supervisor.cli.key_files import save_key

    answer = key_call(asked.project, "key_create", name=asked.name, role=asked.role)
    file = save_key(asked.project, asked.name, answer["secret"])
    note(f"the key of {asked.name} ({asked.role}) is in {file}")


def _write(file: Path, config: ClientConfig, *, yes: bool) -> None:
    from supervisor.cli.key_files import present_text, write_config

    present = present_text(file)
    try:
        text = config.text if present is None else config.merged(present)
    except InvalidArgument as error:
        raise InvalidArgument(f"{file} was left as it is: {error.message}") from error
    if text == present:
        note(f"{file} has the entry already")
        return
    if present is not None and not yes:
        _show_change(file, present, text)
        confirm(f"Change {file}? [y/N] ")
    write_config(file, text)
    note(f"wrote {file}")


def _show_change(file: Path, present: str, text: str) -> None:
    from difflib import unified_diff

    for line in unified_diff(present.splitlines(), text.splitlines(), str(file), str(file), lineterm="", n=2):
        note(line)


def _facts(asked: _Asked, config: ClientConfig, file: Path, *, known: bool, written: bool) -> dict[str, Any]:
    from supervisor.adapters.client_config import KEY_VARIABLE
    from supervisor.cli.key_files import key_file

    return {
        "name": asked.name,
        "client": asked.client,
        "file": str(file),
        "text": config.text,
        "written": written,
        "command": list(config.command),
        "variable": None if asked.stdio else KEY_VARIABLE,
        "key_file": str(key_file(asked.project, asked.name)),
        "key_exists": known,
        "notes": list(config.notes),
    }


def _next_steps(asked: _Asked, config: ClientConfig, *, known: bool, written: bool) -> list[str]:
    from supervisor.adapters.client_config import KEY_VARIABLE
    from supervisor.cli.key_files import key_file

    steps = list(config.notes)
    if config.command and not written:
        steps.append(f"or let the client write it: {shlex.join(config.command)}")
    where = shlex.quote(str(key_file(asked.project, asked.name)))
    if not known:
        steps.append(f"there is no key yet: supervisor key create {asked.name} --role worker --save")
    elif not os.path.lexists(key_file(asked.project, asked.name)):
        steps.append(
            f"its key is not kept here: put it into {where} (mode 0600), or make another: "
            f"supervisor key rotate {asked.name} --save"
        )
    if not asked.stdio:
        steps.append(f'start it with its key: {KEY_VARIABLE}="$(cat {where})" {config.program or "CLIENT"}')
    elif config.program:
        steps.append(f"start it: {config.program}")
    return steps


@click.command(
    name="mcp",
    cls=Verb,
    examples=(
        "supervisor mcp --key-file lens.key   # started by the agent's client, as `join --stdio` sets it up",
    ),
)
@project_option
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    show_default="the variable SUPERVISOR_KEY",
    help="The file of mode 0600 that holds the key; read anew at each call.",
)
def mcp(*, project: Path, key_file: Path | None) -> None:
    """Serve MCP on standard input and output for a client that speaks no HTTP.

    Each call goes on to the running engine; while none runs, a call waits for it up to 20 s.
    """
    from supervisor.cli.engine_door import connected
    from supervisor.cli.event_loop import run_async
    from supervisor.clock import SystemClock
    from supervisor.model.ids import new_call_key
    from supervisor.transports.mcp.bridge import Bridge

    async def find_url() -> str:
        async with connected(project) as client:
            url: str = (await client.call("endpoint"))["url"]
            return url

    _key_of(key_file)
    bridge = Bridge(
        find_url=find_url, read_key=lambda: _key_of(key_file), clock=SystemClock(), new_id=new_call_key
    )
    run_async(bridge.serve())


def _key_of(file: Path | None) -> str:
    from supervisor.adapters.client_config import KEY_VARIABLE
    from supervisor.cli.key_files import read_key

    key = os.environ.get(KEY_VARIABLE, "") if file is None else read_key(file)
    if not key:
        raise Unauthenticated(f"no key: give --key-file, or set {KEY_VARIABLE}")
    return key
