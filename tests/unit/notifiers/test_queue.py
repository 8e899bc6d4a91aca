"""What waits for a sink: in order, without repeats, bounded, and never forgotten."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.notify import NoticeKind
from supervisor.notifiers.notice import Settled
from supervisor.notifiers.queue import QUEUE_MAX, REPEAT_S, STALE_S, Batch, NoticeQueue
from tests.unit.notifiers.conftest import a_notice

ALL = tuple(NoticeKind)


def a_queue(*, handled: int = 0, limit: int = QUEUE_MAX) -> NoticeQueue:
    return NoticeQueue(ALL, handled=handled, limit=limit)


def seqs(batch: Batch | None) -> list[int]:
    return [] if batch is None else [notice.seq for notice in batch.notices]


def test_few_notices_leave_one_by_one_in_order() -> None:
    queue = a_queue()
    for seq in (3, 5, 9):
        assert queue.put(a_notice(seq))
        queue.saw(seq)
    assert [seqs(queue.take(0.0)) for _ in range(4)] == [[3], [5], [9], []]


def test_many_notices_leave_as_one() -> None:
    queue = a_queue()
    for seq in range(1, 13):
        queue.put(a_notice(seq))
    assert seqs(queue.take(0.0)) == list(range(1, 13))


def test_old_notices_leave_as_a_digest_and_the_newer_ones_after_it() -> None:
    queue = a_queue()
    queue.put(a_notice(1, at=0.0))
    queue.put(a_notice(2, at=STALE_S))
    late = queue.take(STALE_S + 1)
    assert late is not None
    assert (late.late, seqs(late)) == (True, [1])
    fresh = queue.take(STALE_S + 1)
    assert fresh is not None
    assert (fresh.late, seqs(fresh)) == (False, [2])


def test_what_is_handled_is_everything_before_the_first_that_waits() -> None:
    queue = a_queue(handled=10)
    assert queue.handled == 10
    queue.saw(14)
    assert queue.handled == 14
    queue.put(a_notice(15))
    queue.put(a_notice(17))
    queue.saw(20)
    assert queue.handled == 14
    queue.take(0.0)
    assert queue.handled == 16
    queue.take(0.0)
    assert queue.handled == 20


def test_a_kind_that_the_sink_does_not_tell_never_waits() -> None:
    queue = NoticeQueue((NoticeKind.DONE,), handled=0)
    assert not queue.put(a_notice(1, NoticeKind.HELP))
    assert queue.put(a_notice(2, NoticeKind.DONE))


def test_the_same_again_within_five_minutes_is_not_told() -> None:
    queue = a_queue()
    assert queue.put(a_notice(1, about="T3", at=0.0))
    assert not queue.put(a_notice(2, about="T3", at=REPEAT_S - 1))
    assert queue.put(a_notice(3, NoticeKind.FAILED, about="T3", at=REPEAT_S - 1))
    assert queue.put(a_notice(4, about="T4", at=REPEAT_S - 1))
    assert queue.put(a_notice(5, about="T3", at=REPEAT_S))


def test_repeats_of_what_an_earlier_engine_told_are_known() -> None:
    queue = a_queue(handled=5)
    assert not queue.put(a_notice(4, about="T3", at=0.0))
    assert len(queue) == 0
    assert not queue.put(a_notice(6, about="T3", at=10.0))
    assert queue.put(a_notice(7, about="T4", at=10.0))


def test_what_was_settled_is_taken_back_and_is_news_when_it_comes_again() -> None:
    queue = a_queue()
    queue.put(a_notice(1, NoticeKind.APPROVAL, about="A1", at=0.0))
    queue.put(a_notice(2, NoticeKind.HELP, about="A1", at=0.0))
    queue.settle(Settled(kind=NoticeKind.APPROVAL, about="A1"))
    queue.settle(Settled(kind=NoticeKind.APPROVAL, about="A9"))
    assert len(queue) == 1
    assert queue.put(a_notice(3, NoticeKind.APPROVAL, about="A1", at=1.0))
    assert [seqs(queue.take(0.0)), seqs(queue.take(0.0))] == [[2], [3]]


def test_a_full_queue_lets_the_oldest_of_the_least_pressing_kind_go_and_says_so() -> None:
    queue = a_queue(limit=3)
    queue.put(a_notice(1, NoticeKind.APPROVAL))
    queue.put(a_notice(2, NoticeKind.HANDOFF))
    queue.put(a_notice(3, NoticeKind.HANDOFF))
    queue.put(a_notice(4, NoticeKind.FAILED))
    queue.put(a_notice(5, NoticeKind.APPROVAL))
    batch = queue.take(0.0)
    assert batch is not None
    assert (seqs(batch), batch.dropped) == ([1], 2)
    assert [seqs(queue.take(0.0)), seqs(queue.take(0.0))] == [[4], [5]]


def test_what_was_dropped_is_told_once_and_again_if_that_did_not_arrive() -> None:
    queue = a_queue(limit=1)
    queue.put(a_notice(1))
    queue.put(a_notice(2))
    first = queue.take(0.0)
    assert first is not None
    assert first.dropped == 1
    queue.count_dropped(first.dropped)
    queue.put(a_notice(3))
    second = queue.take(0.0)
    assert second is not None
    assert second.dropped == 1
    queue.put(a_notice(4))
    third = queue.take(0.0)
    assert third is not None
    assert third.dropped == 0


def test_exactly_what_may_have_left_is_taken_again() -> None:
    queue = a_queue()
    for seq in (2, 4, 6):
        queue.put(a_notice(seq))
    assert seqs(queue.take(0.0, upto=4)) == [2, 4]
    assert seqs(queue.take(0.0, upto=4)) == []
    assert seqs(queue.take(0.0)) == [6]


def test_a_batch_begins_with_what_a_person_is_waited_for() -> None:
    queue = a_queue()
    for seq, kind in enumerate((NoticeKind.FAILED, NoticeKind.DONE, NoticeKind.HELP, NoticeKind.APPROVAL), 1):
        queue.put(a_notice(seq, kind))
    batch = queue.take(0.0)
    assert batch is not None
    assert [notice.kind for notice in batch.by_weight()] == [
        NoticeKind.APPROVAL,
        NoticeKind.HELP,
        NoticeKind.DONE,
        NoticeKind.FAILED,
    ]
    assert list(batch.counts()) == [notice.kind for notice in batch.by_weight()]


async def test_who_waits_is_woken_by_a_notice_and_by_a_nudge() -> None:
    queue = a_queue()
    waiting = asyncio.ensure_future(queue.arrival())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.nudge()
    await asyncio.wait_for(waiting, 1)
    waiting = asyncio.ensure_future(queue.arrival())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(a_notice(1))
    await asyncio.wait_for(waiting, 1)
    queue.take(0.0)
    queue.nudge()
    queue.nudge()
    await asyncio.wait_for(queue.arrival(), 1)


@given(
    st.lists(
        st.tuples(st.sampled_from(("put", "settle", "take")), st.sampled_from(ALL), st.integers(0, 5)),
        max_size=60,
    )
)
def test_whatever_happens_the_bound_holds_and_no_waiting_notice_counts_as_handled(
    steps: list[tuple[str, NoticeKind, int]],
) -> None:
    queue = a_queue(limit=4)
    for seq, (what, kind, about) in enumerate(steps, 1):
        if what == "put":
            queue.put(a_notice(seq, kind, about=f"T{about}", at=seq * REPEAT_S))
        elif what == "settle":
            queue.settle(Settled(kind=kind, about=f"T{about}"))
        else:
            batch = queue.take(0.0)
            assert seqs(batch) == sorted(seqs(batch))
            assert batch is None or batch.upto <= queue.handled
        queue.saw(seq)
        assert len(queue) <= 4
        assert queue.handled == (seq if not len(queue) else min(queue._waiting) - 1)
        assert sorted(queue._waiting) == sorted(each for seqs_ in queue._by_key.values() for each in seqs_)


def test_a_flood_costs_little_however_full_the_queue_is() -> None:
    queue = a_queue()
    began = time.perf_counter()
    for seq in range(1, 20_001):
        queue.put(a_notice(seq))
        queue.settle(Settled(kind=NoticeKind.APPROVAL, about=f"A{seq}"))
    assert time.perf_counter() - began < 5.0
    assert len(queue) == QUEUE_MAX
