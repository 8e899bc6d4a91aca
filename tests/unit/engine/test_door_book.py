"""Who is at the agents' door, for whoever has to know who lives."""

from __future__ import annotations

from supervisor.coordinator.actor import Actor
from supervisor.engine.oversight import DoorBook
from supervisor.model.agent import Role
from supervisor.testing.clock import VirtualClock


def test_whoever_waits_for_an_answer_is_present_until_it_has_one() -> None:
    book = DoorBook(VirtualClock())
    one, other = (
        Actor(name=name, role=Role.WORKER, incarnation=1, run=1, groups=(), tags=()) for name in ("a", "b")
    )
    with book.during(one, "task_claim"), book.during(one, "wait"):
        with book.during(other, "task_complete"):
            assert book.present() == {"a", "b"}
        assert book.present() == {"a"}
    assert book.present() == frozenset()
