"""Which of the client's tools a script means, whatever that client calls it, and how it is called."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

from supervisor.testing.script import Step
from supervisor.testing.scripted_request import Asked, Speaker, Tool

SEARCHES: Final = frozenset({"ToolSearch", "tool_search"})
"""By these tools a client lets the model look for those that it has not shown yet."""

_SHELLS: Final = ("Bash", "exec_command", "shell_command", "shell", "bash", "run_shell_command", "Shell")
_SHELL_KEYS: Final = ("command", "cmd")
_NAME: Final = re.compile(r"\$(\w+)")


class NoSuchTool(Exception):
    """The client offers no tool of that name."""


def wanted_name(step: Step) -> str:
    """Return the name of the tool that a step calls, as the script says it."""
    return "the shell" if step.verb in {"sh", "write"} else step.rest.partition(" ")[0]


def tool_for(step: Step, tools: Iterable[Tool]) -> Tool | None:
    """Find the tool that a step calls; None if the client does not offer it now."""
    offered = [tool for tool in tools if not tool.is_deferred]
    if step.verb in {"sh", "write"}:
        by_name = {tool.name: tool for tool in offered}
        return next((by_name[name] for name in _SHELLS if name in by_name), None)
    return _named(wanted_name(step), offered, is_ours=step.verb == "mcp")


def _named(name: str, tools: list[Tool], *, is_ours: bool) -> Tool | None:
    def rank(tool: Tool) -> tuple[bool, bool, bool]:
        full = tool.full_name.lower()
        exact = name in {tool.name, tool.full_name}
        ours = "supervisor" in full, "mcp" in full
        return (*ours, exact) if is_ours else (exact, *ours)

    fitting = [tool for tool in tools if _fits(tool, name)]
    return max(fitting, key=rank, default=None)


def _fits(tool: Tool, name: str) -> bool:
    full = tool.full_name
    return name in {tool.name, full} or full.endswith((f"_{name}", f".{name}", f"/{name}", f"-{name}"))


def arguments_of(step: Step, tool: Tool, values: Values) -> dict[str, Any]:
    """Return what a step's tool is called with; ValueError if the script's JSON is none."""
    if step.verb == "sh":
        return _shell_arguments(values.put_into(step.rest), tool)
    if step.verb == "write":
        path, _, text = step.rest.partition(" ")
        text = values.put_into(text)
        return _shell_arguments(f"printf '%s\\n' {shlex.quote(text)} > {shlex.quote(path)}", tool)
    spelled = step.rest.partition(" ")[2].strip() or "{}"
    try:
        arguments = json.loads(spelled)
    except ValueError as problem:
        raise ValueError(f"what follows `{step.verb} {wanted_name(step)}` is no JSON: {problem}") from problem
    if not isinstance(arguments, dict):
        raise ValueError(f"what follows `{step.verb} {wanted_name(step)}` is no JSON object")  # noqa: TRY004 - one kind for all
    filled = _filled(arguments, values)
    assert isinstance(filled, dict)  # noqa: S101 - for the types: an object stays an object
    return filled


def _shell_arguments(command: str, tool: Tool) -> dict[str, Any]:
    properties = tool.schema.get("properties")
    known: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    key = next((key for key in _SHELL_KEYS if key in known), _SHELL_KEYS[0])
    is_list = isinstance(known.get(key), dict) and known[key].get("type") == "array"
    required = tool.schema.get("required")
    others = {
        name: sample_of(known.get(name) or {}) for name in (required if isinstance(required, list) else ())
    }
    return {**others, key: ["bash", "-lc", command] if is_list else command}


def sample_of(schema: Mapping[str, Any]) -> Any:
    """Return a small value of that form."""
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return "user" if "user" in choices else choices[0]
    kind = str(schema.get("type", "string")).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample_of(properties[name]) for name in schema.get("required") or properties}
    plain: dict[str, Any] = {"boolean": False, "integer": 0, "number": 0, "array": []}
    return plain.get(kind, "as the script says")


def searched_name(step: Step, asked: Asked) -> str:
    """Return the full name of a tool that was only announced, else its plain one."""
    name = wanted_name(step)
    deferred = [tool.full_name for tool in asked.tools if tool.is_deferred and _fits(tool, name)]
    if deferred:
        return deferred[0]
    told = "\n".join((asked.system, *(one.text for one in asked.said if one.speaker is Speaker.USER)))
    announced = re.search(rf"\bmcp_[\w-]*_{re.escape(name)}\b", told)
    return announced[0] if announced else name


class Values:
    """The `$name` of a script: found in what the tools have answered, the newest first.

    Answers come wrapped in words, in JSON and in JSON within JSON: they are searched as text.
    """

    def __init__(self, answers: Iterable[str], given: Mapping[str, str]) -> None:
        """Take all answers, the oldest first, and values that are known already."""
        self._answers: Final = tuple(answers)
        self._given: Final = given

    def get(self, name: str) -> Any:
        """Return the value, None if no answer has one."""
        if name in self._given:
            known = self._given[name]
            return int(known) if known.isdecimal() else known
        wanted = re.compile(rf'\\*"{re.escape(name)}\\*"\s*:\s*(?:\\*"([^"\\]*)\\*"|(-?[\d.]+|true|false))')
        for answer in reversed(self._answers):
            for found in wanted.finditer(answer):
                if found[1] != f"${name}":  # an answer may quote the very script
                    return found[1] if found[2] is None else json.loads(found[2])
        return None

    def put_into(self, text: str) -> str:
        """Replace each `$name` that has a value."""
        return _NAME.sub(lambda found: _or_itself(self.get(found[1]), found[0]), text)


def values_of(asked: Asked, given: Mapping[str, str]) -> Values:
    """Collect what `$name` may stand for."""
    return Values((one.text for one in asked.said if one.speaker is Speaker.TOOL), given)


def _filled(value: Any, values: Values) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _NAME.fullmatch(value)
    if whole is not None:
        found = values.get(whole[1])
        return value if found is None else found
    return values.put_into(value)


def _or_itself(found: Any, itself: str) -> str:
    return itself if found is None else str(found)
