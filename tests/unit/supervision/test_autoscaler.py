"""The autoscaler's decisions, one look after the other, at times that the test chooses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from supervisor.model.scale import Scale, ScalePreset
from supervisor.supervision.autoscaler import Autoscaler, Decision, Doing, Hand, Hold, Sight
from supervisor.supervision.memory_cap import Room, Squeeze

FULL = Room(agents=0, why="memory: 1,100 MiB available, 1,024 stay in reserve, an agent needs 350")


@dataclass
class Pool:
    """A pool on paper: decisions are carried out at once, except that a start takes until it is told."""

    autoscaler: Autoscaler
    now: float = 0.0
    hands: list[Hand] = field(default_factory=list)
    named: int = 0

    @classmethod
    def of(cls, *, cores: int = 100, **scale: Any) -> Pool:
        return cls(Autoscaler(Scale(**{"max": 100, **scale}), now=0.0, cores=cores))

    def have(self, *doings: tuple[int, Doing], since: float | None = None) -> Pool:
        """Add so many agents that do this."""
        for count, doing in doings:
            for _ in range(count):
                self.named += 1
                at = self.now if since is None else since
                self.hands.append(Hand(name=f"w-{self.named}", doing=doing, since=at))
        return self

    def all_are(self, doing: Doing) -> None:
        self.hands = [Hand(name=hand.name, doing=doing, since=self.now) for hand in self.hands]

    def look(self, ready: int | None, *, at: float | None = None, **more: Any) -> Decision:
        """Decide on what there is, and let what starts be starting and who is retired be gone."""
        self.now = self.now if at is None else at
        sight = Sight(now=self.now, hands=tuple(self.hands), ready=ready, **more)
        decision = self.autoscaler.decide(sight)
        self.hands = [hand for hand in self.hands if hand.name not in decision.retire]
        self.have((decision.start, Doing.STARTING))
        return decision

    @property
    def size(self) -> int:
        return len(self.hands)


# ---------------------------------------------------------------- growing


def test_it_wants_an_agent_for_each_waiting_task_beside_the_busy_ones() -> None:
    pool = Pool.of().have((2, Doing.BUSY), (1, Doing.IDLE))
    decision = pool.look(3)
    assert (decision.start, decision.wanted, decision.hold) == (2, 5, None)
    assert decision.reason == "3 waiting, 2 of 3 busy; 5 wanted: 2 more"


def test_what_starts_already_is_not_started_twice() -> None:
    pool = Pool.of()
    assert pool.look(3).start == 3
    assert pool.look(3, at=2.0).start == 0


def test_who_waits_for_its_start_counts_as_being_there() -> None:
    assert Pool.of().have((2, Doing.WAITING)).look(2).start == 0


def test_a_target_backlog_of_three_wants_one_agent_for_three_tasks() -> None:
    assert Pool.of(target_backlog=3.0).look(7).start == 3


def test_an_empty_pool_wakes_at_the_first_task() -> None:
    decision = Pool.of().look(1)
    assert (decision.start, decision.reason) == (1, "1 waiting, 0 of 0 busy; 1 wanted: 1 more")


def test_four_may_start_within_ten_seconds_and_later_as_many_as_there_were() -> None:
    pool = Pool.of()
    first = pool.look(60)
    assert (first.start, first.wanted) == (4, 4)
    assert first.reason.endswith("60 wanted: 4 more now; at most 4 in 10 s")
    assert pool.look(60, at=9.0).start == 0
    assert pool.look(60, at=10.0).start == 4
    assert [pool.look(60, at=at).start for at in (20.0, 30.0, 40.0)] == [8, 16, 28]
    assert pool.size == 60


def test_only_two_a_core_start_at_once() -> None:
    pool = Pool.of(cores=1)
    decision = pool.look(60)
    assert (decision.start, decision.reason.rpartition("; ")[2]) == (2, "at most 2 start at once")
    assert pool.look(60, at=30.0).start == 0
    pool.all_are(Doing.BUSY)
    assert pool.look(60, at=31.0).start == 2


def test_it_never_has_more_than_its_most() -> None:
    decision = Pool.of(max=3).look(9)
    assert (decision.start, decision.wanted, decision.hold) == (3, 3, Hold.MOST)
    assert decision.reason.endswith("it has at most 3")


def test_agents_that_gave_up_or_leave_are_no_capacity_but_take_a_place() -> None:
    pool = Pool.of(max=4).have((1, Doing.LOST), (1, Doing.LEAVING), (1, Doing.BUSY))
    decision = pool.look(5)
    assert (decision.start, decision.hold) == (1, Hold.PLACES)
    assert decision.reason.endswith("2 of 4 places are taken by agents that leave or do nothing")


def test_up_to_nine_agents_no_want_is_too_small_from_ten_on_a_tenth_is() -> None:
    assert Pool.of().have((9, Doing.BUSY)).look(1).start == 1
    assert Pool.of().have((10, Doing.BUSY)).look(1).start == 0
    assert Pool.of().have((10, Doing.BUSY)).look(2).start == 2


def test_the_least_there_must_be_is_reached_whatever_the_tolerance() -> None:
    assert Pool.of(min=11).have((10, Doing.IDLE)).look(0).start == 1


def test_an_agent_for_which_something_is_reserved_is_started_beside_the_idle_ones() -> None:
    pool = Pool.of().have((12, Doing.IDLE))
    decision = pool.look(0, reserved=1)
    assert decision.start == 1
    assert "1 reserved for agents that do not run" in decision.reason


# ---------------------------------------------------------------- shrinking


def test_nobody_goes_until_the_window_is_over_and_it_was_idle_for_a_minute() -> None:
    pool = Pool.of(preset=ScalePreset.BALANCED, cooldown_s=0.0)
    pool.look(4)
    pool.all_are(Doing.BUSY)
    assert pool.look(0, at=100.0).retire == ()
    pool.now = 150.0
    pool.all_are(Doing.IDLE)
    assert pool.look(0, at=200.0).reason == "0 waiting, 0 of 4 busy: enough"
    going = pool.look(0, at=221.0)
    assert going.retire == ("w-1", "w-2")
    assert going.reason == "0 waiting, 0 of 4 busy, within 120 s 0 wanted: w-1, w-2 retired, idle for 71 s"


def test_the_window_is_over_but_nobody_has_rested_for_long_enough() -> None:
    pool = Pool.of().have((2, Doing.BUSY))
    pool.look(0, at=0.0)
    pool.look(0, at=1.0)
    pool.now = 130.0
    pool.hands = pool.hands[:1]
    pool.have((2, Doing.IDLE), since=120.0)
    decision = pool.look(0, at=130.0)
    assert decision.retire == ()
    assert decision.reason.endswith("nobody was idle for 60 s")


@pytest.mark.parametrize(
    ("preset", "first_goes_at"),
    [(ScalePreset.EAGER, 60.0), (ScalePreset.BALANCED, 120.0), (ScalePreset.WARM, 300.0)],
)
def test_a_preset_is_its_window(preset: ScalePreset, first_goes_at: float) -> None:
    pool = Pool.of(preset=preset, min=1)
    pool.look(4)
    pool.all_are(Doing.IDLE)
    ticks = (2.0 * tick for tick in range(1, 400))
    assert next(at for at in ticks if pool.look(0, at=at).retire) == first_goes_at


def test_an_eager_pool_lets_go_who_was_idle_for_half_a_minute() -> None:
    pool = Pool.of(preset=ScalePreset.EAGER).have((1, Doing.BUSY), (1, Doing.IDLE))
    assert pool.look(0, at=29.0).retire == ()
    assert pool.look(0, at=30.0).retire == ("w-2",)


def test_who_was_idle_for_longest_goes_first_and_a_busy_one_never() -> None:
    pool = Pool.of()
    for since in (30.0, 10.0, 20.0):
        pool.have((1, Doing.IDLE), since=since)
    pool.have((3, Doing.BUSY), since=0.0)
    assert pool.look(0, at=200.0).retire == ("w-2", "w-3", "w-1")


def test_half_of_the_agents_may_go_within_half_a_minute_and_always_one() -> None:
    pool = Pool.of(cooldown_s=0.0).have((9, Doing.IDLE), since=0.0)
    assert len(pool.look(0, at=200.0).retire) == 4
    assert len(pool.look(0, at=229.0).retire) == 0
    assert [len(pool.look(0, at=at).retire) for at in (230.0, 260.0, 290.0, 320.0)] == [2, 1, 1, 1]
    assert pool.size == 0


def test_the_last_agent_stays_until_there_was_no_work_for_the_cooldown() -> None:
    pool = Pool.of(cooldown_s=300.0).have((1, Doing.BUSY))
    pool.look(0, at=10.0)
    pool.all_are(Doing.IDLE)
    assert pool.look(0, at=309.0).retire == ()
    asleep = pool.look(0, at=310.0)
    assert (asleep.retire, asleep.wanted) == (("w-1",), 0)
    assert asleep.reason.endswith("w-1 retired, idle for 300 s; no work for 300 s")


def test_the_least_there_must_be_stays_whatever_the_cooldown() -> None:
    pool = Pool.of(min=2, cooldown_s=0.0).have((2, Doing.IDLE), since=0.0)
    assert pool.look(0, at=1000.0).reason == "0 waiting, 0 of 2 busy: enough"


def test_an_agent_that_waits_for_its_start_for_a_minute_is_not_needed_either() -> None:
    pool = Pool.of().have((1, Doing.BUSY), (1, Doing.WAITING), since=0.0)
    assert pool.look(0, at=59.0).retire == ()
    assert pool.look(0, at=60.0).retire == ("w-2",)


def test_of_twenty_agents_two_too_many_go() -> None:
    pool = Pool.of().have((18, Doing.BUSY), (2, Doing.IDLE), since=0.0)
    assert pool.look(0, at=1000.0).retire == ("w-19", "w-20")


# ---------------------------------------------------------------- the plain rule


def test_the_seed_preset_adds_as_many_as_there_are_more_tasks_than_workers_three_at_most() -> None:
    assert Pool.of(preset=ScalePreset.SEED).have((2, Doing.BUSY)).look(4).start == 0
    assert Pool.of(preset=ScalePreset.SEED).have((2, Doing.BUSY)).look(5).start == 3
    assert Pool.of(preset=ScalePreset.SEED).have((4, Doing.BUSY)).look(10).start == 3
    assert Pool.of(preset=ScalePreset.SEED).look(1).start == 1


def test_the_seed_preset_keeps_one_worker_for_two_tasks_when_it_shrinks() -> None:
    pool = Pool.of(preset=ScalePreset.SEED).have((5, Doing.IDLE), since=0.0)
    pool.look(4)
    assert len(pool.look(4, at=120.0).retire) == 2
    assert pool.look(4, at=180.0).wanted == 2


# ---------------------------------------------------------------- what stands in the way


def test_without_a_metric_nobody_goes_and_only_the_least_is_started() -> None:
    pool = Pool.of(cooldown_s=0.0).have((3, Doing.IDLE), since=0.0)
    decision = pool.look(None, at=1000.0, manual=1)
    assert (decision.retire, decision.start, decision.hold) == ((), 0, Hold.UNKNOWN)
    assert "is not known" in decision.reason
    decision = Pool.of(min=2).have((1, Doing.IDLE)).look(None)
    assert (decision.start, decision.reason) == (1, "2 there must be at least: 1 more")


def test_an_open_breaker_holds_both_ways() -> None:
    pool = Pool.of(cooldown_s=0.0)
    up = pool.look(3, held_by_breaker=True)
    assert (up.start, up.hold) == (0, Hold.BREAKER)
    assert up.reason.endswith("stays at 0; held by the team's circuit breaker")
    down = pool.have((3, Doing.IDLE), since=0.0).look(0, at=1000.0, held_by_breaker=True)
    assert (down.retire, down.hold) == ((), Hold.BREAKER)


def test_only_as_many_start_as_the_memory_holds() -> None:
    one = Room(agents=1, why="memory: room for one")
    decision = Pool.of().look(3, room=one)
    assert (decision.start, decision.hold) == (1, Hold.MEMORY)
    assert decision.reason.endswith("1 more now; memory: room for one")
    assert Pool.of().look(3, room=FULL).reason.endswith(f"stays at 0; {FULL.why}")


def test_a_machine_that_waits_for_memory_starts_nothing() -> None:
    decision = Pool.of(min=1).look(3, squeeze=Squeeze.HOLD)
    assert (decision.start, decision.hold) == (0, Hold.MEMORY)


def test_a_machine_that_stands_still_for_memory_lets_one_idle_agent_go_at_each_look() -> None:
    pool = Pool.of(min=1).have((1, Doing.BUSY))
    pool.have((1, Doing.IDLE), since=5.0).have((1, Doing.IDLE), since=1.0)
    first = pool.look(9, at=10.0, squeeze=Squeeze.SHED_IDLE)
    assert (first.retire, first.wanted, first.hold) == (("w-3",), 2, Hold.MEMORY)
    assert first.reason == "the machine stands still for memory (PSI): w-3 goes, idle for longest"
    assert pool.look(9, at=12.0, squeeze=Squeeze.SHED_IDLE).retire == ("w-2",)
    assert pool.look(9, at=14.0, squeeze=Squeeze.SHED_IDLE).retire == ()


def test_where_only_busy_ones_are_left_idle_is_what_is_asked_for() -> None:
    pool = Pool.of().have((2, Doing.BUSY))
    assert pool.look(0, squeeze=Squeeze.SHED_IDLE).retire == ()


def test_at_the_worst_the_agent_with_the_least_urgent_work_goes_but_never_the_least_there_must_be() -> None:
    pool = Pool.of(min=1)
    pool.hands = [
        Hand(name="urgent", doing=Doing.BUSY, since=0.0, rank=0),
        Hand(name="minor", doing=Doing.BUSY, since=0.0, rank=3),
    ]
    decision = pool.look(0, squeeze=Squeeze.SHED_BUSY)
    assert decision.retire == ("minor",)
    assert decision.reason.endswith("minor goes, it does what matters least")
    assert pool.look(0, squeeze=Squeeze.SHED_BUSY).retire == ()


def test_at_the_worst_an_agent_that_only_starts_is_left_alone() -> None:
    assert Pool.of().have((1, Doing.STARTING)).look(1, squeeze=Squeeze.SHED_BUSY).retire == ()


def test_a_rate_cap_bounds_what_starts_and_lets_go_who_waits_for_its_start_at_once() -> None:
    pool = Pool.of().have((5, Doing.BUSY), (5, Doing.WAITING))
    pool.look(5)
    decision = pool.look(25, at=2.0, rate_cap=7)
    assert decision.retire == ("w-6", "w-7", "w-8")
    assert "its service limits the rate: at most 7 for now" in decision.reason
    up = pool.look(5, at=4.0, rate_cap=7)
    assert (up.start, up.hold) == (0, Hold.RATE)
    assert up.reason.endswith("stays at 7; its service limits the rate: at most 7 for now")


def test_a_rate_cap_never_ends_a_busy_agent() -> None:
    assert Pool.of().have((5, Doing.BUSY)).look(0, at=500.0, rate_cap=2).retire == ()


# ---------------------------------------------------------------- a person's number


def test_a_persons_number_is_reached_up_within_the_surge_and_stays_whatever_waits() -> None:
    pool = Pool.of()
    assert pool.look(0, manual=6).start == 4
    decision = pool.look(0, at=10.0, manual=6)
    assert (decision.start, decision.reason) == (2, "a person asked for 6: 2 more")
    pool.all_are(Doing.IDLE)
    assert pool.look(50, at=1000.0, manual=6) == Decision(wanted=6, reason="a person asked for 6")


def test_a_persons_smaller_number_takes_who_is_not_there_yet_then_the_idle_then_the_least_urgent() -> None:
    pool = Pool.of()
    pool.hands = [
        Hand(name="urgent", doing=Doing.BUSY, since=0.0, rank=0),
        Hand(name="minor-old", doing=Doing.BUSY, since=0.0, rank=3),
        Hand(name="minor-new", doing=Doing.BUSY, since=9.0, rank=3),
        Hand(name="idle", doing=Doing.IDLE, since=0.0),
        Hand(name="starting", doing=Doing.STARTING, since=0.0),
        Hand(name="waiting", doing=Doing.WAITING, since=0.0),
        Hand(name="gone", doing=Doing.LOST, since=0.0),
    ]
    decision = pool.look(0, at=10.0, manual=2)
    assert decision.retire == ("waiting", "starting", "idle", "minor-new")
    assert decision.reason == "a person asked for 2: waiting, starting, idle, minor-new to go"


def test_many_names_are_cut_short() -> None:
    decision = Pool.of().have((9, Doing.IDLE)).look(0, manual=0)
    assert decision.reason == "a person asked for 0: w-1, w-2, w-3, w-4, w-5 and 4 more to go"


def test_a_persons_number_beyond_the_bounds_of_a_changed_profile_is_kept_within_them() -> None:
    assert Pool.of(max=2).look(0, manual=9).wanted == 2


def test_a_number_given_back_leaves_the_window_as_it_was_seen_meanwhile() -> None:
    pool = Pool.of(cooldown_s=0.0)
    pool.look(0, manual=3)
    pool.all_are(Doing.IDLE)
    for at in range(2, 200, 2):
        pool.look(0, at=float(at), manual=3)
    assert len(pool.look(0, at=200.0).retire) == 1
