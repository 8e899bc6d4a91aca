"""What leaves: one notice as it is, many as a digest, under an id that a crash does not change."""

from __future__ import annotations

from supervisor.model.notify import NoticeKind
from supervisor.notifiers.letter import ENCLOSED_MAX, LISTED_MAX, Letter, id_of, letter_of, trial_letter
from supervisor.notifiers.notice import BODY_MAX, TITLE_MAX
from supervisor.notifiers.queue import Batch
from tests.unit.notifiers.conftest import a_notice


def a_batch(count: int, *, late: bool = False, dropped: int = 0) -> Batch:
    return Batch(notices=tuple(a_notice(seq) for seq in range(1, count + 1)), late=late, dropped=dropped)


def a_letter(count: int, *, late: bool = False, dropped: int = 0) -> Letter:
    return letter_of(a_batch(count, late=late, dropped=dropped), "ops")


def test_one_notice_leaves_in_its_own_words() -> None:
    letter = a_letter(1)
    assert (letter.kind, letter.title, letter.body) == ("help", "notice 1", "its body")


def test_many_are_counted_the_first_are_listed_and_the_rest_are_said() -> None:
    letter = a_letter(LISTED_MAX + 12)
    assert letter.kind == "digest"
    assert letter.title == "22 notices: 22 help"
    assert letter.body.splitlines()[0] == "- notice 1"
    assert letter.body.splitlines()[LISTED_MAX:] == ["and 12 more"]


def test_a_late_notice_says_that_it_is_late() -> None:
    letter = a_letter(1, late=True)
    assert (letter.kind, letter.title, letter.late) == ("digest", "1 notice, late: 1 help", True)


def test_what_was_dropped_is_said_first() -> None:
    assert a_letter(1, dropped=1).body.startswith("1 more notice was dropped")
    assert a_letter(5, dropped=7).body.startswith("7 more notices were dropped")
    assert a_letter(5, dropped=7).dropped == 7


def test_the_longest_digest_stays_within_its_bounds() -> None:
    kinds = tuple(NoticeKind)
    notices = tuple(a_notice(seq, kinds[seq % len(kinds)]) for seq in range(1, 1001))
    letter = letter_of(Batch(notices=notices, late=True, dropped=10**9), "ops")
    assert len(letter.title) <= TITLE_MAX
    assert len(letter.body) <= BODY_MAX
    assert (len(letter.notices), letter.more) == (ENCLOSED_MAX, 900)


def test_the_id_is_that_of_the_same_notices_and_of_no_others() -> None:
    assert id_of(a_batch(3), "ops") == id_of(a_batch(3), "ops")
    assert len({id_of(a_batch(2), "ops"), id_of(a_batch(3), "ops"), id_of(a_batch(3), "chat")}) == 3
    assert letter_of(a_batch(3), "ops", letter_id="kept").id == "kept"


def test_two_test_letters_are_two_letters() -> None:
    assert trial_letter("ops", now=1.0, run=1).id != trial_letter("ops", now=2.0, run=1).id
