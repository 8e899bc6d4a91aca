"""The part of join that brings a client's permission requests into the team's queue."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from supervisor.cli.asking import confirm
from supervisor.cli.output import note, print_json
from supervisor.errors import InvalidArgument


def join_hooks(
    *, project: Path, name: str, client: str, url: str, into: Path, write: bool, yes: bool, as_json: bool
) -> None:
    """Print, or write, the hooks of a client; the key is never part of them."""
    from supervisor.adapters.client_config import KEY_VARIABLE, Client
    from supervisor.adapters.client_hooks import CURL_FILE, hook_config
    from supervisor.cli.key_files import key_file

    key = key_file(project, name)
    curl_file = key.parent / CURL_FILE
    config = hook_config(Client(client), url, curl_file)
    file = into / config.file
    if write:
        if client == Client.CODEX:
            _write_curl_file(key, curl_file)
        _write(file, config, yes=yes)
    if as_json:
        facts: dict[str, Any] = {"file": str(file), "text": config.text, "written": write}
        start = {"start": config.start, "key_file": str(key), "notes": list(config.notes)}
        print_json("join_hooks", name=name, client=client, **facts, **start)
        return
    if not write:
        note(f"this belongs into {file}, so that what {client} asks comes into the team's queue:")
        click.echo(config.text, nl=False)
    for line in config.notes:
        note(line)
    if not os.path.lexists(key):
        note(f"its key is not kept here yet: supervisor key create {name} --role worker --save")
    given = f'{KEY_VARIABLE}="$(cat {shlex.quote(str(key))})" ' if client == Client.CLAUDE else ""
    note(f"start it: {given}{config.start}")


def _write(file: Path, config: Any, *, yes: bool) -> None:
    from supervisor.cli.key_files import present_text, write_config

    present = present_text(file)
    try:
        text = config.text if present is None else config.merged(present)
    except InvalidArgument as error:
        raise InvalidArgument(f"{file} was left as it is: {error.message}") from error
    if text == present:
        note(f"{file} has the hooks already")
        return
    if present is not None and not yes:
        confirm(f"Add hooks to {file}? [y/N] ")
    write_config(file, text)
    note(f"wrote {file}")


def _write_curl_file(key: Path, curl_file: Path) -> None:
    """Keep the key where curl reads it: never in argv, which every user of the machine can see."""
    from supervisor.adapters.client_hooks import curl_text
    from supervisor.cli.key_files import read_key
    from supervisor.workspace.safe_paths import write_whole

    write_whole(curl_file, curl_text(read_key(key)).encode())
    note(f"wrote {curl_file}, from which curl reads the key; write it again after `key rotate`")
