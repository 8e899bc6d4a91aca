"""What the agent waits for an answer to: how its requests are told, and how answers are spelled."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.adapters.claude_dialect import Dialect
from supervisor.adapters.claude_reading import (
    QUESTION_TOOLS,
    kind_of,
    one_line,
    table_in,
    tables_in,
    text_in,
    title_of,
)
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import Option, OptionScope, Permission, Question

ONCE: Final = "once"
DENY: Final = "deny"
_RULE: Final = "rule-"

_RULES_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """One request that waits; `wire_name` is the agent's own for it, `given` the input it was made with."""

    wire_name: str
    event: Permission | Question
    given: dict[str, Any] = field(default_factory=dict)
    rules: tuple[dict[str, Any], ...] = ()
    schema: dict[str, Any] | None = None


def request_of(
    request: str, wire_name: str, asked: dict[str, Any], *, dialect: Dialect, cwd: str
) -> OpenRequest | None:
    """Read a request that a person can answer; None if we know nothing of its kind."""
    subtype = text_in(asked, "subtype")
    if subtype == "elicitation":
        return _elicitation(request, wire_name, asked)
    if subtype != "can_use_tool":
        return None
    given, tool = table_in(asked, "input"), text_in(asked, "tool_name")
    if tool in QUESTION_TOOLS:
        return _question(request, wire_name, given)
    rules = tuple(tables_in(asked, "permission_suggestions")[:_RULES_MAX]) if dialect.offers_rules else ()
    return OpenRequest(
        wire_name=wire_name,
        given=given,
        rules=rules,
        event=Permission(
            request=request,
            kind=kind_of(tool),
            tool=tool,
            title=title_of(tool, given),
            payload=given,
            cwd=cwd,
            reason=one_line(text_in(asked, "decision_reason") or text_in(asked, "description")),
            options=(
                Option(id=ONCE, label="Allow once", scope=OptionScope.ONCE),
                *(_option_of(number, rule) for number, rule in enumerate(rules)),
                Option(id=DENY, label="Deny", scope=OptionScope.DENY),
            ),
            rewritable=dialect.capabilities.rewrite,
            call=text_in(asked, "tool_use_id"),
        ),
    )


def reply_to(opened: OpenRequest, answer: Answer, dialect: Dialect) -> dict[str, Any] | None:
    """Spell an answer as the agent takes it; None if it is none to this request."""
    if opened.schema is not None:
        return _elicited(opened.schema, answer)
    if not answer.allow:
        return {"behavior": "deny", "message": answer.words or "This was not allowed."}
    if isinstance(opened.event, Question):
        answers = _answers(opened.given, answer.words or answer.option or "", dialect)
        return {"behavior": "allow", "updatedInput": {**opened.given, "answers": answers}}
    payload = opened.given if answer.payload is None else answer.payload
    if payload != opened.given and not opened.event.rewritable:
        return None
    allowed: dict[str, Any] = {"behavior": "allow", "updatedInput": payload}
    if answer.option in {None, ONCE}:
        return allowed
    rule = _chosen(opened, answer.option or "")
    return None if rule is None else {**allowed, "updatedPermissions": [rule]}


def _chosen(opened: OpenRequest, option: str) -> dict[str, Any] | None:
    names = [f"{_RULE}{number}" for number in range(len(opened.rules))]
    return opened.rules[names.index(option)] if option in names else None


def _option_of(number: int, rule: dict[str, Any]) -> Option:
    lasts = text_in(rule, "destination") not in {"session", "cliArg"}
    scope = OptionScope.ALWAYS if lasts else OptionScope.SESSION
    return Option(id=f"{_RULE}{number}", label=_label_of(rule), scope=scope)


def _label_of(rule: dict[str, Any]) -> str:
    match text_in(rule, "type"):
        case "addRules":
            words = [
                f"{text_in(entry, 'toolName')}({text_in(entry, 'ruleContent')})"
                if text_in(entry, "ruleContent")
                else text_in(entry, "toolName")
                for entry in tables_in(rule, "rules")
            ]
            return one_line(f"Always {text_in(rule, 'behavior') or 'allow'} {', '.join(words)}")
        case "addDirectories":
            directories = rule.get("directories")
            named = [str(entry) for entry in directories] if isinstance(directories, list) else []
            return one_line(f"Also work in {', '.join(named)}")
        case "setMode":
            return one_line(f"Go on in mode {text_in(rule, 'mode')}")
        case other:
            return one_line(other or "Allow as it suggests")


def _question(request: str, wire_name: str, given: dict[str, Any]) -> OpenRequest:
    questions = tables_in(given, "questions")
    choices: tuple[str, ...] = ()
    if len(questions) == 1:
        choices = tuple(text_in(option, "label") for option in tables_in(questions[0], "options"))
        text = text_in(questions[0], "question")
    else:
        text = "\n".join(_listed(number, question) for number, question in enumerate(questions, start=1))
    return OpenRequest(
        wire_name=wire_name, given=given, event=Question(request=request, text=text, choices=choices)
    )


def _listed(number: int, question: dict[str, Any]) -> str:
    labels = ", ".join(text_in(option, "label") for option in tables_in(question, "options"))
    return f"{number}. {text_in(question, 'question')}" + (f" ({labels})" if labels else "")


def _answers(given: dict[str, Any], words: str, dialect: Dialect) -> dict[str, str]:
    """Give each question its line of the answer; one line answers all of them."""
    questions = tables_in(given, "questions")
    lines = [line for line in words.splitlines() if line.strip()] or [words]
    if len(questions) == 1 or len(lines) < len(questions):
        lines = [words] * len(questions)
    names = (
        str(number) if dialect.answers_by_number else text_in(question, "question")
        for number, question in enumerate(questions)
    )
    return dict(zip(names, lines, strict=False))


def _elicitation(request: str, wire_name: str, asked: dict[str, Any]) -> OpenRequest:
    schema = table_in(asked, "requested_schema")
    properties = table_in(schema, "properties")
    choices: tuple[str, ...] = ()
    if len(properties) == 1:
        offered = table_in(properties, next(iter(properties))).get("enum")
        choices = tuple(str(choice) for choice in offered) if isinstance(offered, list) else ()
    server, message = text_in(asked, "mcp_server_name"), text_in(asked, "message")
    question = Question(request=request, text=f"{server}: {message}" if server else message, choices=choices)
    return OpenRequest(wire_name=wire_name, schema=schema, event=question)


def _elicited(schema: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Fill in the form: one field takes the words as they are, several want a JSON object of them."""
    if not answer.allow:
        return {"action": "decline"}
    properties = table_in(schema, "properties")
    if len(properties) == 1:
        name = next(iter(properties))
        kind = text_in(table_in(properties, name), "type")
        return {"action": "accept", "content": {name: _value(answer.words or answer.option or "", kind)}}
    content = answer.payload or _value(answer.words, "object")
    if not properties:
        return {"action": "accept", "content": {}}
    return {"action": "accept", "content": content} if isinstance(content, dict) else {"action": "decline"}


def _value(words: str, kind: str) -> Any:
    if kind in {"string", ""}:
        return words
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return words
