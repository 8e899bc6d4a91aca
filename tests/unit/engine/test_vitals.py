"""What the agents have used lately: over which span it is known, and when it begins anew."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from supervisor.engine.vitals import Vital, Vitals
from supervisor.model.agent import MachineMetrics
from supervisor.runtime.close_look import CloseLook
from supervisor.runtime.trees import TreeUse

MIB = 1 << 20


class Seconds:
    """Feeds vitals second by second."""

    def __init__(self) -> None:
        self.vitals = Vitals(lambda agent: agent.partition("-")[0])
        self.at = 100.0

    def tick(self, agents: Mapping[str, Vital], machine: MachineMetrics | None = None) -> None:
        self.vitals.note(agents, machine or MachineMetrics())
        self.at += 1.0

    def vital(self, *, cpu_s: float = 0.0, leader: int = 7, close: CloseLook | None = None) -> Vital:
        use = TreeUse(cpu_s=cpu_s, processes=1, rss_bytes=3 * MIB)
        return Vital(at=self.at, leader=leader, use=use, close=close or CloseLook())

    def watch(self, seconds: int, *, cpu_s: float = 0.0, leader: int = 7) -> None:
        for _ in range(seconds):
            self.tick({"worker-1": self.vital(cpu_s=cpu_s, leader=leader)})


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_cpu_is_the_mean_over_the_span(seconds: Seconds) -> None:
    seconds.watch(61, cpu_s=0.25)
    assert seconds.vitals.cpu_over("worker-1", 60) == pytest.approx(25.0)


def test_what_was_used_before_the_span_does_not_count(seconds: Seconds) -> None:
    seconds.watch(60, cpu_s=1.0)
    seconds.watch(61, cpu_s=0.0)
    assert seconds.vitals.cpu_over("worker-1", 60) == pytest.approx(0.0)


def test_nothing_is_said_of_a_span_in_which_nobody_looked(seconds: Seconds) -> None:
    assert seconds.vitals.cpu_over("worker-1", 60) is None
    seconds.watch(30)
    assert seconds.vitals.cpu_over("worker-1", 60) is None
    assert seconds.vitals.cpu_over("worker-1", 10) == 0.0


def test_one_look_is_no_span(seconds: Seconds) -> None:
    seconds.watch(1, cpu_s=1.0)
    assert seconds.vitals.cpu_over("worker-1", 0) is None


def test_a_trail_reaches_back_two_minutes_and_no_further(seconds: Seconds) -> None:
    seconds.watch(1000, cpu_s=0.5)
    assert seconds.vitals.cpu_over("worker-1", 120) == pytest.approx(50.0)
    assert seconds.vitals.cpu_over("worker-1", 300) is None


def test_a_new_incarnation_begins_with_nothing(seconds: Seconds) -> None:
    seconds.watch(100, cpu_s=1.0)
    seconds.watch(10, leader=8)
    assert seconds.vitals.cpu_over("worker-1", 60) is None
    assert seconds.vitals.cpu_over("worker-1", 5) == 0.0


def test_an_agent_without_a_process_has_no_vitals(seconds: Seconds) -> None:
    seconds.watch(100)
    seconds.tick({})
    assert seconds.vitals.of("worker-1") is None
    assert seconds.vitals.cpu_over("worker-1", 60) is None


def test_what_was_moved_counts_only_upward(seconds: Seconds) -> None:
    for moved in (None, 1000, 5000, 2000, 2500, None, 2600):
        close = CloseLook(moved_bytes=moved)
        for _ in range(5):
            seconds.tick({"worker-1": seconds.vital(close=close)})
    assert seconds.vitals.moved_over("worker-1", 30) == 4000 + 500 + 100
    assert seconds.vitals.moved_over("nobody", 30) is None


def test_memory_is_pss_where_it_is_known(seconds: Seconds) -> None:
    assert seconds.vital().memory_bytes == 3 * MIB
    assert seconds.vital(close=CloseLook(pss_bytes=MIB)).memory_bytes == MIB


def test_a_pools_memory_is_what_most_of_its_samples_do_not_exceed(seconds: Seconds) -> None:
    assert seconds.vitals.pool_memory("worker") is None
    for number in range(1, 21):
        close = CloseLook(pss_bytes=number * MIB)
        seconds.tick({"worker-1": seconds.vital(close=close)})
        seconds.tick({"worker-1": seconds.vital(close=close)})  # the same look counts once
    assert seconds.vitals.pool_memory("worker") == 19 * MIB
    assert seconds.vitals.pool_memory("worker", percent=50) == 10 * MIB
    assert seconds.vitals.pool_memory("worker", percent=0) == MIB


def test_a_tree_that_is_gone_is_no_sample(seconds: Seconds) -> None:
    gone = Vital(at=100.0, leader=7, use=TreeUse(), close=CloseLook())
    seconds.tick({"worker-1": gone})
    assert seconds.vitals.pool_memory("worker") is None


def test_listeners_hear_of_every_second(seconds: Seconds) -> None:
    heard: list[list[str]] = []
    seconds.vitals.listen(lambda agents: heard.append(list(agents)))
    seconds.tick({"worker-1": seconds.vital()}, MachineMetrics(available_bytes=5))
    seconds.tick({})
    assert heard == [["worker-1"], []]


def test_the_machine_is_as_it_was_last(seconds: Seconds) -> None:
    seconds.tick({}, MachineMetrics(available_bytes=5))
    assert seconds.vitals.machine.available_bytes == 5
