"""Which memory is shown."""

from __future__ import annotations

from supervisor.model.agent import AgentMetrics, EngineMetrics


def test_memory_is_pss_where_it_is_known_and_rss_until_then() -> None:
    assert AgentMetrics(name="a", rss_bytes=9).memory_bytes == 9
    assert AgentMetrics(name="a", rss_bytes=9, pss_bytes=4).memory_bytes == 4
    assert EngineMetrics(rss_bytes=9).memory_bytes == 9
    assert EngineMetrics(rss_bytes=9, pss_bytes=4).memory_bytes == 4
