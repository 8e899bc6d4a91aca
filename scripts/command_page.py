"""The command reference, read from the verbs themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.main import supervisor

INTRODUCTION: Final = (
    "`sup` is short for `supervisor`. Data goes to standard output, narration to standard error; `--json` "
    "prints objects that carry their version `v`. What a command ends with: [exit codes](exit-codes.md)."
)


def command_page(generated: str) -> str:
    """Explain every verb that people use: what it does, its options, an example."""
    parts = [
        "# Commands",
        generated,
        INTRODUCTION,
    ]
    for words, verb in verbs("supervisor", supervisor):
        parts += [f"## `{words}`", _said(verb.help), _options(verb), _examples(verb)]
    return "\n\n".join(part for part in parts if part) + "\n"


def verbs(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Walk the verbs that are shown in the help, those of groups included."""
    if not isinstance(command, click.Group):
        yield " ".join([words, *map(_argument, _arguments(command))]), command
        return
    for name, each in command.commands.items():
        if not each.hidden:
            yield from verbs(f"{words} {name}", each)


def _arguments(command: click.Command) -> list[click.Argument]:
    return [param for param in command.params if isinstance(param, click.Argument)]


def _argument(argument: click.Argument) -> str:
    word = (argument.metavar or argument.name or "").upper() + (" …" if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _options(command: click.Command) -> str:
    rows = [
        f"| `{', '.join(option.opts)}{_value(option)}` | {_said(option.help)} |"
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]
    return "\n".join(["| option | |", "|---|---|", *rows]) if rows else ""


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + "\\|".join(map(str, option.type.choices))
    return f" {option.metavar or option.type.name.split()[0].upper()}"


def _examples(command: click.Command) -> str:
    if not isinstance(command, Verb):
        return ""
    return "\n".join(["```sh", *command.examples, "```"])


def _said(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split())
