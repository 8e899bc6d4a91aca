"""Letters: one notice, or many in a digest, as they leave, with the id by which a second copy is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from supervisor.notifiers.notice import BODY_MAX, TITLE_MAX, Notice, cut
from supervisor.notifiers.queue import Batch

LISTED_MAX: Final = 10
"""How many titles a digest lists; the others are counted."""

ENCLOSED_MAX: Final = 100
"""How many notices a digest for programs carries."""

TEST: Final = "test"
DIGEST: Final = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What leaves. `kind` is a NoticeKind, `digest` or `test`; `more` counts notices not enclosed."""

    id: str
    kind: str
    at: float
    run: int
    title: str
    body: str
    notices: tuple[Notice, ...] = ()
    more: int = 0
    dropped: int = 0
    late: bool = False


def letter_of(batch: Batch, sink: str, *, letter_id: str = "") -> Letter:
    """Write the letter of a batch; `letter_id` is that of the copy an earlier engine may have sent."""
    one = batch.notices[0]
    single = len(batch.notices) == 1 and not batch.late
    return Letter(
        id=letter_id or id_of(batch, sink),
        kind=one.kind.value if single else DIGEST,
        at=batch.notices[-1].at,
        run=batch.notices[-1].run,
        title=one.title if single else _digest_title(batch),
        body=cut(_with_dropped(one.body if single else _digest_body(batch), batch.dropped), BODY_MAX),
        notices=batch.notices[:ENCLOSED_MAX],
        more=max(0, len(batch.notices) - ENCLOSED_MAX),
        dropped=batch.dropped,
        late=batch.late,
    )


def trial_letter(sink: str, *, now: float, run: int) -> Letter:
    """Write the letter that `supervisor notify test` sends."""
    return Letter(
        id=_hashed(f"{TEST}\n{sink}\n{now!r}"),
        kind=TEST,
        at=now,
        run=run,
        title=f"A test of the sink {sink}",
        body="Notices of the team will arrive like this one. Nothing needs to be done.",
    )


def id_of(batch: Batch, sink: str) -> str:
    """Return the id of the letter that is written of a batch: the same after any crash.

    It binds the seals of its first and last event, which no other project's log has.
    """
    return _hashed(f"{sink}\n{batch.notices[0].seal}\n{batch.notices[-1].seal}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _digest_title(batch: Batch) -> str:
    counted = ", ".join(f"{count} {kind.value.replace('_', ' ')}" for kind, count in batch.counts().items())
    number = len(batch.notices)
    late = ", late" if batch.late else ""
    return cut(f"{number} notice{'' if number == 1 else 's'}{late}: {counted}", TITLE_MAX)


def _digest_body(batch: Batch) -> str:
    notices = batch.by_weight()
    lines = [f"- {notice.title}" for notice in notices[:LISTED_MAX]]
    more = len(notices) - LISTED_MAX
    if more > 0:
        lines.append(f"and {more} more")
    return "\n".join(lines)


def _with_dropped(body: str, dropped: int) -> str:
    """Say first what was lost: it must not be what is cut off."""
    if not dropped:
        return body
    were = "1 more notice was" if dropped == 1 else f"{dropped} more notices were"
    return f"{were} dropped: too many waited at once. See `supervisor events`.\n{body}"
