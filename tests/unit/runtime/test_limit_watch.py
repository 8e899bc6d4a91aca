"""Who uses more than allowed."""

from __future__ import annotations

import pytest

from supervisor.model.health import ProcessLimits
from supervisor.runtime.limit_watch import MIB, Breach, Limit, Used, breaches

LIMITS = ProcessLimits(mem_high_mib=100, mem_max_mib=200, pids=10)


@pytest.mark.parametrize(
    ("memory", "processes", "limit", "words"),
    [
        (100 * MIB, 10, None, ""),
        (100 * MIB + 1, 1, Limit.MEM_HIGH, "it uses 101 MiB of memory; mem_high_mib allows 100"),
        (201 * MIB, 11, Limit.MEM_MAX, "it uses 201 MiB of memory; mem_max_mib allows 200"),
        (150 * MIB, 11, Limit.PIDS, "it uses 11 processes; pids allows 10"),
    ],
)
def test_the_worst_breach_is_found(memory: int, processes: int, limit: Limit | None, words: str) -> None:
    found = breaches({"a": Used(memory_bytes=memory, processes=processes)}, {"a": LIMITS})
    assert [each.limit for each in found] == ([] if limit is None else [limit])
    assert [each.words for each in found] == ([] if limit is None else [words])


def test_without_limits_an_agent_uses_what_it_likes() -> None:
    much = Used(memory_bytes=1 << 40, processes=10_000)
    assert breaches({"a": much, "b": much}, {"a": ProcessLimits()}) == ()


def test_each_agent_is_held_to_its_own_limits() -> None:
    uses = {"a": Used(memory_bytes=0, processes=11), "b": Used(memory_bytes=0, processes=11)}
    limits = {"a": LIMITS, "b": ProcessLimits(pids=11)}
    assert breaches(uses, limits) == (Breach(agent="a", limit=Limit.PIDS, used=11, allowed=10),)
