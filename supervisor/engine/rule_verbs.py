"""The operator's verbs about standing rules: what was answered with `always`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import rules
from supervisor.errors import InvalidArgument
from supervisor.model.rule import RuleScope
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRules:
    """Arguments of `rule_list`; without `everything` only those that hold."""

    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRule:
    """Arguments of `rule_revoke`."""

    rule_id: str


def scope_named(word: str | None) -> RuleScope | None:
    """Return for whom an answer is to hold from now on; None for once."""
    if word is None:
        return None
    try:
        return RuleScope(word)
    except ValueError as error:
        known = ", ".join(RuleScope)
        raise InvalidArgument(
            f"`{word[:40]}` is nobody for whom a rule can hold; there are: {known}"
        ) from error


async def list_rules(backend: Backend, asked: ListRules) -> dict[str, Any]:
    """List the standing rules."""
    return await backend.coordinator.read(
        lambda scope: {"rules": to_wire(rules.listed(scope, everything=asked.everything))}
    )


async def revoke_rule(backend: Backend, asked: OneRule) -> dict[str, Any]:
    """End a standing rule now."""
    rule = await backend.coordinator.write(lambda scope: rules.revoke(scope, asked.rule_id))
    return {"rule": to_wire(rule)}


RULE_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Any]]]] = {
    "rule_list": (ListRules, list_rules),
    "rule_revoke": (OneRule, revoke_rule),
}
"""By verb: the form of its arguments and what carries it out."""
