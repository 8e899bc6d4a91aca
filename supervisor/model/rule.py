"""Rules that answer requests before a person is asked: a profile's, and those that a person left behind."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from supervisor.errors import InvalidArgument
from supervisor.model.approval import BY_TOOL, HIGHEST_TIER, Approval, Decision, Mode, canonical
from supervisor.model.command_line import Command, command_of
from supervisor.model.driving import Allowed
from supervisor.model.ids import RuleId
from supervisor.model.tiers import READS, UNDOABLE, Act, file_paths

RULE_LIFE_S: Final = 8 * 3600.0
RULE_LIFE_MAX_S: Final = 30 * 86_400.0
RULE_LIFE_MIN_S: Final = 60.0

_WORDS_FOR_PEOPLE: Final = frozenset({"description", "reason", "title", "timeout", "timeout_ms"})
"""Parts of a payload that change nothing of what is done."""
_ANY_REST: Final = "**"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """One line of a profile's policy; patterns are shell-style globs over whole values.

    `argv` has a glob for each word of the command; `**` at its end stands for any further ones. `paths` are
    globs over the files, relative to the agent's workspace, where only `**` crosses a `/`. An `allow` speaks
    only of what it covers whole: one plain command, all files. The others speak of whatever has a part of it.
    `expires` is epoch seconds.
    """

    decision: Decision
    agents: str = "*"
    kinds: str = "*"
    mode: Mode | None = None
    max_tier: int = HIGHEST_TIER - 1
    tool: str = "*"
    argv: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    expires: float | None = None

    def covers(self, approval: Approval, mode: Mode, now: float = 0.0) -> bool:
        """Tell whether this rule speaks about the request in this mode at this time."""
        return (
            (self.mode is None or self.mode is mode)
            and (self.expires is None or now < self.expires)
            and fnmatchcase(approval.agent, self.agents)
            and fnmatchcase(approval.kind, self.kinds)
            and fnmatchcase(approval.tool, self.tool)
            and (self.decision is Decision.DENY or approval.tier <= self.max_tier)
            and (not self.argv or self._covers_command(approval.act))
            and (not self.paths or self._covers_paths(approval.act))
        )

    def _covers_command(self, act: Act) -> bool:
        line = command_of(act.payload)
        if line is None:
            return False
        if self.decision is Decision.ALLOW:
            return line.only is not None and self._fits(line.only)
        if line.clear:
            return any(self._fits(each) for each in line.commands)
        return any(
            self._fits(Command(words=each.words[at:]), open_end=True)
            for each in line.commands
            for at in range(len(each.words))
        )

    def _fits(self, command: Command, *, open_end: bool = False) -> bool:
        open_end = open_end or self.argv[-1] == _ANY_REST
        globs = self.argv[:-1] if self.argv[-1] == _ANY_REST else self.argv
        words = command.words
        if len(words) < len(globs) or (len(words) > len(globs) and not open_end):
            return False
        return all(fnmatchcase(word, glob) for word, glob in zip(words, globs, strict=False))

    def _covers_paths(self, act: Act) -> bool:
        places = [act.place(each) for each in file_paths(act.payload)]
        found = [any(_path_fits(each, glob, act.workspace) for glob in self.paths) for each in places]
        return (all(found) and bool(found)) if self.decision is Decision.ALLOW else any(found)


def _path_fits(path: str, glob: str, workspace: str) -> bool:
    whole = posixpath.join(workspace, glob)
    return bool(path) and posixpath.isabs(whole) and _parts_fit(path.split("/"), whole.split("/"))


def _parts_fit(parts: list[str], globs: list[str]) -> bool:
    """Match part by part; keeps the set of globs that may come next, so that no pattern takes long."""
    reached = _skipped({0}, globs)
    for part in parts:
        following = {
            at if globs[at] == _ANY_REST else at + 1 for at in reached if _part_fits(part, at, globs)
        }
        reached = _skipped(following, globs)
    return len(globs) in reached


def _part_fits(part: str, at: int, globs: list[str]) -> bool:
    return at < len(globs) and (globs[at] == _ANY_REST or fnmatchcase(part, globs[at]))


def _skipped(reached: set[int], globs: list[str]) -> set[int]:
    """Add what can be reached because `**` may stand for nothing."""
    more = set(reached)
    for begin in reached:
        at = begin
        while at < len(globs) and globs[at] == _ANY_REST:
            at += 1
            more.add(at)
    return more


class RuleScope(StrEnum):
    """For whom a rule that a person left behind holds."""

    AGENT = "agent"
    POOL = "pool"
    TEAM = "team"


class RuleState(StrEnum):
    """Whether such a rule still holds."""

    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


RULE_MOVES: Final[dict[RuleState, frozenset[RuleState]]] = {
    RuleState.ACTIVE: frozenset({RuleState.REVOKED, RuleState.EXPIRED}),
    RuleState.REVOKED: frozenset(),
    RuleState.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """An answer `always`: the same act is allowed until `expires_at`. `act` is what must be the same.

    `target` names the agent or pool that it holds for, and is empty for the team.
    """

    id: RuleId
    scope: RuleScope
    target: str
    act: str
    title: str
    tier: int
    approval: str
    created_at: float
    expires_at: float
    created_by: str
    state: RuleState = RuleState.ACTIVE
    ended_at: float | None = None

    def covers(self, approval: Approval, pool: str, now: float) -> bool:
        """Tell whether this rule allows the request; the highest tier never is."""
        mine = {RuleScope.AGENT: approval.agent, RuleScope.POOL: pool, RuleScope.TEAM: ""}[self.scope]
        return (
            self.state is RuleState.ACTIVE
            and now < self.expires_at
            and mine == self.target
            and approval.tier <= min(self.tier, HIGHEST_TIER - 1)
            and same_act(approval) == self.act
        )


def same_act(approval: Approval) -> str:
    """Spell what must be the same in the next request for an `always` to hold for it.

    The files of an edit or a read, the command and where it runs, else the whole payload.
    """
    act = approval.act
    spelled: dict[str, object] = {"kind": approval.kind, "tool": approval.tool, "source": approval.source}
    files = file_paths(act.payload)
    if approval.kind in {"edit", "read"} and files:
        spelled["files"] = sorted(_shortest(act, each) for each in files)
        return canonical(spelled)
    spelled["at"] = _shortest(act, approval.cwd) if approval.cwd else ""
    spelled["payload"] = {name: each for name, each in act.payload.items() if name not in _WORDS_FOR_PEOPLE}
    return canonical(spelled)


def _shortest(act: Act, path: str) -> str:
    """Spell a path in the workspace as seen from there: so it holds in the next agent's worktree too."""
    inside = act.inside(path)
    return path if inside is None else inside


def why_never_always(approval: Approval) -> str:
    """Say why a request cannot be answered with `always`; empty if it can."""
    if approval.tier >= HIGHEST_TIER:
        return "what cannot be undone is asked each time"
    if approval.source == BY_TOOL:
        return "what an agent describes in its own words is asked each time"
    line = command_of(approval.act.payload)
    if approval.kind == "shell" and (line is None or not line.clear):
        return "what this command would run cannot be told from its words, so it is asked each time"
    return ""


def rule_life(seconds: float | None) -> float:
    """Return how long a rule holds, 8 hours if not said; raise InvalidArgument beyond 30 days."""
    if seconds is None:
        return RULE_LIFE_S
    if not RULE_LIFE_MIN_S <= seconds <= RULE_LIFE_MAX_S:
        raise InvalidArgument(f"a rule holds from 1 minute to 30 days, not {seconds:g} s")
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that may answer a request: the profile's rules, a person's, and what its pool may do."""

    rules: tuple[ApprovalRule, ...] = ()
    standing: tuple[StandingRule, ...] = ()
    pool: str = ""
    allowed: Allowed | None = None

    def judge(self, approval: Approval, mode: Mode, now: float) -> tuple[Decision, str]:
        """Decide, and say by what. Deny beats allow; the highest tier is never allowed; no rule means ask."""
        by_profile = policy_decision(self.rules, approval, mode, now)
        if by_profile is Decision.DENY:
            return Decision.DENY, "denied by the profile's rule"
        for rule in self.standing:
            if rule.covers(approval, self.pool, now):
                return Decision.ALLOW, f"allowed by the standing rule {rule.id}"
        if by_profile is not None:
            return by_profile, "allowed by the profile's rule"
        if self.allowed is not None and is_allowed(self.allowed, approval):
            return Decision.ALLOW, f'allowed by `allowed = "{self.allowed}"` of its pool'
        return Decision.ASK, ""


def is_allowed(allowed: Allowed, approval: Approval) -> bool:
    """Tell whether agents that may do so much need not ask; what their model words itself is always asked."""
    if approval.source == BY_TOOL or approval.tier >= HIGHEST_TIER:
        return False
    match allowed:
        case Allowed.READ:
            return approval.tier == READS
        case Allowed.EDIT:
            return approval.tier == READS or (approval.kind == "edit" and approval.tier == UNDOABLE)
        case _:
            return True


def policy_decision(
    rules: tuple[ApprovalRule, ...], approval: Approval, mode: Mode, now: float = 0.0
) -> Decision | None:
    """Decide by the profile's rules: deny beats allow, else the first counts; None if none speaks of it."""
    covering = [rule.decision for rule in rules if rule.covers(approval, mode, now)]
    if Decision.DENY in covering:
        return Decision.DENY
    if not covering:
        return None
    return Decision.ALLOW if covering[0] is Decision.ALLOW and approval.tier < HIGHEST_TIER else Decision.ASK


def act_parts(act: str) -> list[tuple[str, str]]:
    """Take apart what must be the same, for people: names and values, each as one text."""
    try:
        parts = json.loads(act)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, dict):
        return [("act", act)]
    return [
        (name, each if isinstance(each, str) else json.dumps(each, sort_keys=True, ensure_ascii=False))
        for name, each in parts.items()
        if each
    ]
