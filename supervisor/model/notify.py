"""Notifications: what a person who is elsewhere wants to hear of, and by which way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SinkKind(StrEnum):
    """The ways by which a notice leaves."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    DESKTOP = "desktop"
    BELL = "bell"


class NoticeKind(StrEnum):
    """What a notice is about. Those that a person is waited for come first, and are kept longest."""

    APPROVAL = "approval"
    QUESTION = "question"
    HELP = "help"
    PARKED = "parked"
    STUCK = "stuck"
    STALLED = "stalled"
    DONE = "done"
    VOTE_TIE = "vote_tie"
    FAILED = "failed"
    DEAD_LETTER = "dead_letter"
    HANDOFF = "handoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySpec:
    """One sink of a profile. It names where the URL and the secret are found, and never holds them.

    `per_hour` and `burst` bound how many notices leave; `allow_private` lets the URL lead into
    private networks.
    """

    name: str
    kind: SinkKind
    on: tuple[NoticeKind, ...] = tuple(NoticeKind)
    url_env: str | None = None
    url_file: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    min_interval_s: float = 0.0
    per_hour: float = 30.0
    burst: int = 10
    allow_private: bool = False
