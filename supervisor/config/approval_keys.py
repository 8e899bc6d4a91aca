"""The keys of a profile about what is asked of a person, and what its rules answer instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from supervisor.config.kinds import Choice, Flag, Key, Number, Table, Text, Texts
from supervisor.config.spelling import GLOB, default_of
from supervisor.model.approval import HIGHEST_TIER, Decision, Mode
from supervisor.model.rule import ApprovalRule
from supervisor.model.team import TeamSpec

_DAY: Final = Text(
    pattern=r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", rule='a day like "2027-01-31"'
)

APPROVALS_WAIT: Final = Key(
    name="approvals_wait",
    kind=Flag(),
    meaning=(
        "Whether requests that no rule answers wait for a person also where none is (headless), as long as "
        "with one; without it they are denied at once."
    ),
    default=default_of(TeamSpec, "approvals_wait"),
)

APPROVAL: Final = Table(
    keys=(
        Key(
            name="decision",
            kind=Choice(
                words=tuple(Decision), aliases={"approve": "allow", "reject": "deny", "refuse": "deny"}
            ),
            meaning=(
                "What happens to a matching request. A `deny` beats every other rule; else the first "
                "match counts."
            ),
        ),
        Key(
            name="agents",
            kind=GLOB,
            meaning="Names of the agents it speaks about, with `*` and `?`.",
            default=default_of(ApprovalRule, "agents"),
        ),
        Key(
            name="kinds",
            kind=GLOB,
            meaning=(
                "Kinds of request it speaks about, with `*` and `?`: `shell`, `edit`, `read`, `mcp`, "
                "`network`, `plan`, `other`, or what agents call theirs."
            ),
            default=default_of(ApprovalRule, "kinds"),
        ),
        Key(
            name="mode",
            kind=Choice(words=tuple(Mode)),
            meaning="Whether it counts only with a person in front, or only without. Without it: both.",
            default=default_of(ApprovalRule, "mode"),
        ),
        Key(
            name="max_tier",
            kind=Number(low=0, high=HIGHEST_TIER - 1, whole=True),
            meaning=(
                "Highest tier of request it speaks about: 0 read, 1 reversible, 2 outside the project or "
                "network. Tier 3, irreversible, is always asked. A `deny` holds for every tier."
            ),
            default=default_of(ApprovalRule, "max_tier"),
        ),
        Key(
            name="tool",
            kind=GLOB,
            meaning="Tools of the agent's program it speaks about, as the program names them.",
            default=default_of(ApprovalRule, "tool"),
        ),
        Key(
            name="argv",
            kind=Texts(item=GLOB, min_items=1, max_items=50),
            meaning=(
                "The command, a glob for each word; `**` as the last one stands for any further words. An "
                "`allow` speaks only of a plain command: no pipe, redirection, variable or second command."
            ),
            default=default_of(ApprovalRule, "argv"),
        ),
        Key(
            name="paths",
            kind=Texts(item=GLOB, min_items=1, max_items=50),
            meaning=(
                "Files that it speaks about, as globs seen from the agent's workspace; only `**` crosses a "
                "`/`. An `allow` speaks only of requests of which every file matches."
            ),
            default=default_of(ApprovalRule, "paths"),
        ),
        Key(
            name="expires",
            kind=_DAY,
            meaning="The last day on which it holds, in UTC. Without it: always.",
            default=default_of(ApprovalRule, "expires"),
        ),
    )
)


def rule_of(values: dict[str, object]) -> ApprovalRule:
    """Build a rule from a table that was checked."""
    given = dict(values)
    day = given.pop("expires", None)
    until = None if day is None else day_end(str(day))
    return ApprovalRule(**given, expires=until)  # type: ignore[arg-type]  # the table was checked


def day_end(day: str) -> float | None:
    """Return when a day is over in UTC, epoch seconds; None for a day that no calendar has."""
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (begin + timedelta(days=1)).timestamp()
