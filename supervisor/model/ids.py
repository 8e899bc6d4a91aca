"""Names and ids: how they look, and the only place where new secrets are made."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final, NewType

from supervisor.errors import InvalidArgument

TaskId = NewType("TaskId", str)
MilestoneId = NewType("MilestoneId", str)
MessageId = NewType("MessageId", str)
VoteId = NewType("VoteId", str)
ApprovalId = NewType("ApprovalId", str)
QuestionId = NewType("QuestionId", str)
RuleId = NewType("RuleId", str)
AgentName = NewType("AgentName", str)

NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
"""What a team, pool, agent, tag, group or track may be called."""

HUMAN: Final = AgentName("human")
"""The mailbox and actor name of the person in front of the terminal."""

SUPERVISOR: Final = AgentName("supervisor")
"""The actor name of the engine itself."""

RESERVED_NAMES: Final = frozenset({"human", "supervisor", "engine", "all", "self", "outside"})

_NUMBER = re.compile(r"([A-Za-z]?)([0-9]{1,18})\Z")


def task_id(number: int) -> TaskId:
    """Spell the id of the task with this row number: 12 → `T12`."""
    return TaskId(f"T{number}")


def milestone_id(number: int) -> MilestoneId:
    """Spell the id of the milestone with this row number: 2 → `P2`."""
    return MilestoneId(f"P{number}")


def message_id(number: int) -> MessageId:
    """Spell the id of the message with this row number: 5 → `M5`."""
    return MessageId(f"M{number}")


def vote_id(number: int) -> VoteId:
    """Spell the id of the vote with this row number: 3 → `V3`."""
    return VoteId(f"V{number}")


def approval_id(number: int) -> ApprovalId:
    """Spell the id of the approval with this row number: 7 → `A7`."""
    return ApprovalId(f"A{number}")


def question_id(number: int) -> QuestionId:
    """Spell the id of the question with this row number: 4 → `Q4`."""
    return QuestionId(f"Q{number}")


def rule_id(number: int) -> RuleId:
    """Spell the id of the standing rule with this row number: 6 → `R6`."""
    return RuleId(f"R{number}")


def number_of(spelled: str, letter: str) -> int:
    """Read the row number from `T12`, `t12` or `12`; raise InvalidArgument for anything else."""
    match = _NUMBER.match(spelled)
    if match is None or match[1].upper() not in {"", letter}:
        raise InvalidArgument(f"`{spelled[:40]}` is not an id; expected one like `{letter}12`")
    return int(match[2])


def checked_name(name: str, what: str) -> str:
    """Return `name` if it is well formed, else raise InvalidArgument that names the rule."""
    if NAME_PATTERN.match(name) is None:
        raise InvalidArgument(f"{what} `{name[:70]}` must match [a-z0-9][a-z0-9_-]{{0,62}}")
    return name


def new_key() -> str:
    """Make a fresh 256-bit bearer key, spelled in 64 hex digits."""
    return secrets.token_hex(32)


def new_outside_key() -> str:
    """Make a fresh 256-bit key for an outside agent; its beginning lets scanners for secrets know it."""
    return f"sup_{secrets.token_hex(32)}"


def new_call_key() -> str:
    """Make an idempotency key for one call."""
    return secrets.token_hex(16)


def key_hash(key: str) -> str:
    """Return the SHA-256 under which a key is stored; the key itself never is."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_session() -> str:
    """Make the id of one engine life: the marker that all its agents carry."""
    return secrets.token_hex(16)
