"""A real receiver, a sink that posts to it, and events as the coordinator writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from supervisor.model.event import Event
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.notifiers.notice import Notice
from supervisor.testing.clock import VirtualClock
from supervisor.testing.receiver import Receiver, receiver


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver() as here:
        yield here


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def an_event(kind: str, subject: str = "T1", /, *, seq: int = 1, at: float = 0.0, **after: Any) -> Event:
    reason = after.pop("reason", "")
    return Event(
        seq=seq,
        at=at,
        run=1,
        kind=kind,
        subject=subject,
        actor="worker-1",
        after=after,
        reason=reason,
        hash=f"{seq:064x}",
    )


def a_notice(seq: int = 1, kind: NoticeKind = NoticeKind.HELP, *, about: str = "", at: float = 0.0) -> Notice:
    return Notice(
        kind=kind,
        seq=seq,
        at=at,
        run=1,
        event="message.sent",
        subject=f"M{seq}",
        actor="worker-1",
        title=f"notice {seq}",
        body="its body",
        about=about or f"M{seq}",
        seal=f"{seq:064x}",
    )


def a_spec(kind: SinkKind = SinkKind.WEBHOOK, **more: Any) -> NotifySpec:
    given: dict[str, Any] = {"name": "ops", "kind": kind} | more
    if kind in {SinkKind.SLACK, SinkKind.WEBHOOK} and "url_file" not in given:
        given.setdefault("url_env", "HOOK_URL")
    return NotifySpec(**given)
