"""What an approval may carry beyond a plain yes: a time for which it holds, or other content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.errors import InvalidArgument, UsageInvalid

if TYPE_CHECKING:
    from supervisor.model.approval import Approval

CONTENT_MAX: Final = 64 * 1024


def terms_of(*, always: bool, life: float | None, scope: str | None, instead: str | None) -> dict[str, Any]:
    """Return what the options mean as arguments of `answer`; raise UsageInvalid for what cannot be meant."""
    if not always and (life is not None or scope is not None):
        raise UsageInvalid("--for and --scope are about --always; nothing was sent")
    if always and instead is not None:
        raise UsageInvalid("--with is for once; give it without --always; nothing was sent")
    terms: dict[str, Any] = {}
    if always:
        terms["always"] = scope or "agent"
        if life is not None:
            terms["for_s"] = life
    if instead is not None:
        terms["payload"] = _content(instead)
    return terms


def _content(given: str) -> dict[str, Any]:
    """Read other content: an object, as it stands or in a file."""
    from supervisor.transports import strict_json

    text = given if given.lstrip().startswith("{") else _file_text(Path(given))
    content = strict_json.loads(text.encode(), limit=CONTENT_MAX)
    if not isinstance(content, dict):
        raise InvalidArgument("--with takes a JSON object, as the request's content is one; nothing was sent")
    return content


def _file_text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(CONTENT_MAX + 1)
        return raw.decode("utf-8")
    except OSError as error:
        raise InvalidArgument(f"{file} cannot be read: {error.strerror}; nothing was sent") from error
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{file} is no text; nothing was sent") from error


def terms_lines(approval: Approval, terms: dict[str, Any]) -> list[str]:
    """Spell exactly what more is allowed than what was shown; raise UsageInvalid if that cannot be."""
    from supervisor.cli.output import duration
    from supervisor.model.rule import RULE_LIFE_S, RuleScope, rule_life, same_act, why_never_always

    if "payload" in terms:
        return _instead_lines(approval, terms["payload"])
    if "always" not in terms:
        return []
    if why := why_never_always(approval):
        raise UsageInvalid(f"{approval.id} cannot be allowed always: {why}; nothing was sent")
    life = duration(rule_life(terms.get("for_s", RULE_LIFE_S)))
    who = {
        RuleScope.AGENT: approval.agent,
        RuleScope.POOL: f"every agent of the pool of {approval.agent}",
        RuleScope.TEAM: "every agent of the team",
    }[RuleScope(terms["always"])]
    return [
        f"  and for {life} {who} may do exactly this without being asked:",
        *act_lines(same_act(approval)),
    ]


def _instead_lines(approval: Approval, payload: dict[str, Any]) -> list[str]:
    from supervisor.cli.approval_verbs import payload_lines
    from supervisor.model.approval import canonical

    if not approval.rewritable:
        raise UsageInvalid(
            f"the agent of {approval.id} takes a yes or a no, no other content; nothing was sent"
        )
    return [
        "  INSTEAD of it this is allowed:",
        *(f"    {line}" for line in payload_lines(canonical(payload))),
    ]


def act_lines(act: str) -> list[str]:
    """Spell what must be the same for a rule to hold, one part a line."""
    from supervisor.model.escape import visible
    from supervisor.model.rule import act_parts

    return [f"    {name:<8} {visible(text)}" for name, text in act_parts(act)]
