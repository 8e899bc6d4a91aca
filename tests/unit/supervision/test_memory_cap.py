"""How many agents the memory holds, and what its shortage asks."""

from __future__ import annotations

from supervisor.model.agent import MachineMetrics
from supervisor.supervision.memory_cap import MIB, PressureWatch, Squeeze, room_for

GIB = 1024 * MIB


def machine(total_gib: int, available_gib: float) -> MachineMetrics:
    return MachineMetrics(memory_bytes=total_gib * GIB, available_bytes=int(available_gib * GIB))


def test_a_gib_stays_free_and_an_unmeasured_agent_is_taken_to_need_350_mib() -> None:
    room = room_for(machine(8, 3), None)
    assert room is not None
    assert room.agents == 5
    assert room.why == (
        "memory: 3,072 MiB available, 1,024 stay in reserve, "
        "an agent needs 350 (taken until one was measured)"
    )


def test_of_a_large_machine_a_tenth_stays_free() -> None:
    room = room_for(machine(40, 6), 512 * MIB)
    assert room is not None
    assert (room.agents, room.why.count("4,096 stay in reserve")) == (4, 1)


def test_what_starting_agents_will_take_is_not_promised_twice() -> None:
    room = room_for(machine(8, 3), GIB, promised_bytes=GIB)
    assert room is not None
    assert (room.agents, room.why.count("1,024 are for agents that start")) == (1, 1)


def test_less_than_the_reserve_is_no_room_and_no_less() -> None:
    room = room_for(machine(8, 0.5), None)
    assert room is not None
    assert room.agents == 0


def test_a_machine_that_does_not_tell_its_memory_bounds_nothing() -> None:
    assert room_for(MachineMetrics(), None) is None


def judge(watch: PressureWatch, now: float, *, some: float | None, full: float | None) -> Squeeze:
    return watch.judge(MachineMetrics(pressure_some=some, pressure_full=full), now)


def test_the_kernels_figures_ask_for_no_more_starts_then_for_an_idle_agent() -> None:
    watch = PressureWatch()
    assert judge(watch, 0.0, some=10.0, full=5.0) is Squeeze.NONE
    assert judge(watch, 2.0, some=10.1, full=5.0) is Squeeze.HOLD
    assert judge(watch, 4.0, some=10.1, full=5.1) is Squeeze.SHED_IDLE


def test_looks_in_quick_succession_ask_for_one_idle_agent_in_two_seconds() -> None:
    watch = PressureWatch()
    asked = [judge(watch, 0.1 * look, some=0.0, full=6.0) for look in range(41)]
    assert [look for look, squeeze in enumerate(asked) if squeeze is Squeeze.SHED_IDLE] == [0, 20, 40]
    assert set(asked) == {Squeeze.SHED_IDLE, Squeeze.HOLD}


def test_half_a_minute_of_standing_still_asks_for_one_that_works_and_another_half_for_the_next() -> None:
    watch = PressureWatch()
    asked = [judge(watch, 2.0 * tick, some=90.0, full=21.0) for tick in range(32)]
    assert [tick for tick, squeeze in enumerate(asked) if squeeze is Squeeze.SHED_BUSY] == [15, 30]
    assert judge(watch, 100.0, some=90.0, full=20.0) is Squeeze.SHED_IDLE
    assert judge(watch, 102.0, some=90.0, full=21.0) is Squeeze.SHED_IDLE
    assert judge(watch, 131.0, some=90.0, full=21.0) is Squeeze.SHED_IDLE


def test_a_kernel_without_these_figures_asks_for_nothing() -> None:
    assert judge(PressureWatch(), 0.0, some=None, full=None) is Squeeze.NONE
