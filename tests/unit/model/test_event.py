from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import DatabaseCorrupt
from supervisor.model.event import GENESIS, Event, EventFilter, sealed_hash, verify_chain

OLD = 3
"""How many events of a chain were written before events told session and incarnation."""


def chain(length: int) -> list[Event]:
    events: list[Event] = []
    previous = GENESIS
    for seq in range(1, length + 1):
        event = Event(
            seq=seq,
            at=float(seq),
            run=1,
            kind="task.progressed",
            subject=f"T{seq % 3}",
            actor="worker-1",
            after={"percent": seq, "title": "größer"},
            reason="step",
            session="" if seq <= OLD else f"s{seq % 2}",
            incarnation=0 if seq <= OLD else seq % 3,
        )
        previous = sealed_hash(previous, event)
        events.append(replace(event, hash=previous))
    return events


def numbers_alone_pass(events: list[Event]) -> bool:
    """The broken checker: it looks at the numbers and believes the rest."""
    return [event.seq for event in events] == list(range(1, len(events) + 1))


TAMPERINGS: dict[str, Callable[[Event], Event]] = {
    "seq": lambda event: replace(event, seq=event.seq + 1),
    "at": lambda event: replace(event, at=event.at + 0.001),
    "run": lambda event: replace(event, run=2),
    "kind": lambda event: replace(event, kind="task.completed"),
    "subject": lambda event: replace(event, subject="T99"),
    "actor": lambda event: replace(event, actor="human"),
    "after": lambda event: replace(event, after={**event.after, "percent": 100}),
    "reason": lambda event: replace(event, reason=""),
    "session": lambda event: replace(event, session=event.session + "x"),
    "incarnation": lambda event: replace(event, incarnation=event.incarnation + 1),
    "hash": lambda event: replace(event, hash="f" * 64),
}


@given(length=st.integers(0, 30))
def test_an_untouched_log_verifies_to_its_last_number(length: int) -> None:
    assert verify_chain(chain(length)) == length


@pytest.mark.parametrize("field", TAMPERINGS)
@given(data=st.data())
def test_no_field_of_any_event_can_be_altered(field: str, data: st.DataObject) -> None:
    events = chain(8)
    place = data.draw(st.integers(0, 7))
    events[place] = TAMPERINGS[field](events[place])

    with pytest.raises(DatabaseCorrupt):
        verify_chain(events)


def test_every_field_is_under_the_seal() -> None:
    assert set(TAMPERINGS) == set(Event.__dataclass_fields__)


@given(place=st.integers(0, 6))
def test_no_event_can_be_left_out(place: int) -> None:
    events = chain(8)
    del events[place]

    with pytest.raises(DatabaseCorrupt, match=f"event {place + 1} is missing"):
        verify_chain(events)


@given(place=st.integers(0, 6))
def test_two_events_cannot_change_places_even_when_renumbered(place: int) -> None:
    events = chain(8)
    first, second = events[place], events[place + 1]
    events[place] = replace(second, seq=first.seq)
    events[place + 1] = replace(first, seq=second.seq)

    assert numbers_alone_pass(events)
    with pytest.raises(DatabaseCorrupt, match=f"event {place + 1} .* was altered"):
        verify_chain(events)


def test_an_event_altered_and_sealed_again_breaks_the_next_one() -> None:
    events = chain(5)
    forged = replace(events[2], actor="human", hash="")
    events[2] = replace(forged, hash=sealed_hash(events[1].hash, forged))

    assert numbers_alone_pass(events)
    with pytest.raises(DatabaseCorrupt, match=r"event 4 .* was altered"):
        verify_chain(events)


def test_a_log_cut_at_its_end_shows_by_its_last_number() -> None:
    assert verify_chain(chain(8)[:5]) == 5


@given(cut=st.integers(0, 8))
def test_a_log_can_be_verified_in_parts(cut: int) -> None:
    events = chain(8)
    head, tail = events[:cut], events[cut:]
    seam = head[-1].hash if head else GENESIS

    assert verify_chain(head) == cut
    assert verify_chain(tail, previous=seam, first_seq=cut + 1) == 8


def test_the_seal_does_not_depend_on_the_order_of_keys() -> None:
    event = chain(1)[0]
    turned = replace(event, after=dict(reversed(event.after.items())))

    assert sealed_hash(GENESIS, turned) == event.hash


def test_the_noun_is_what_stands_before_the_dot() -> None:
    assert chain(1)[0].noun == "task"


def test_an_event_without_session_and_incarnation_is_sealed_as_it_always_was() -> None:
    old = Event(
        seq=1, at=1.5, run=1, kind="task.created", subject="T1", actor="planner", after={"b": 1, "a": "ö"}
    )
    body = f'["{GENESIS}",1,1.5,1,"task.created","T1","planner",{{"a":"ö","b":1}},""]'

    assert sealed_hash(GENESIS, old) == sha256(body.encode()).hexdigest()


def test_an_event_that_tells_either_is_sealed_with_both() -> None:
    bare = Event(seq=1, at=1.5, run=1, kind="task.created", subject="T1", actor="planner")
    for session, incarnation in (("s1", 0), ("", 2), ("s1", 2)):
        told = replace(bare, session=session, incarnation=incarnation)
        body = (
            f'["{GENESIS}",1,1.5,1,"task.created","T1","planner",{{}},"",{json.dumps(session)},{incarnation}]'
        )
        assert sealed_hash(GENESIS, told) == sha256(body.encode()).hexdigest()


@pytest.mark.parametrize("field", ["session", "incarnation"])
@given(place=st.integers(OLD, 7))
def test_neither_can_be_taken_off_an_event_that_told_it(field: str, place: int) -> None:
    events = chain(8)
    told = events[place]
    events[place] = replace(told, **{field: type(getattr(told, field))()})

    if events[place] != told:
        with pytest.raises(DatabaseCorrupt, match=f"event {place + 1} .* was altered"):
            verify_chain(events)


WANTED: dict[str, tuple[EventFilter, bool]] = {
    "everything": (EventFilter(), True),
    "its kind": (EventFilter(kinds=("vote.closed", "task.progressed")), True),
    "its noun": (EventFilter(kinds=("task",)), True),
    "another kind": (EventFilter(kinds=("task.done",)), False),
    "its subject": (EventFilter(subject="T1"), True),
    "another subject": (EventFilter(subject="T2"), False),
    "its actor": (EventFilter(actor="worker-1"), True),
    "another actor": (EventFilter(actor="worker"), False),
    "its run": (EventFilter(run=1), True),
    "another run": (EventFilter(run=0), False),
    "its kind but another actor": (EventFilter(kinds=("task",), actor="judge"), False),
}


@pytest.mark.parametrize("what", WANTED)
def test_a_filter_takes_what_fits_all_that_it_asks(what: str) -> None:
    wanted, taken = WANTED[what]

    assert wanted.takes(chain(1)[0]) is taken
