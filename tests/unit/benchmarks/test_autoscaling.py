"""The simulation of scaled pools: what our presets promise beside the rules of others, with fixed seeds."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks import autoscaling
from benchmarks.autoscaling import LOADS, MOST, RULES, Outcome, simulated
from benchmarks.table import percentile

OURS = [rule for rule in RULES if rule.startswith("ours")]


@cache
def fared(rule: str, load: str) -> Outcome:
    return simulated(rule, load, 1)


def p95(rule: str, load: str) -> float:
    return percentile(fared(rule, load).waits, 95)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("rule", OURS)
def test_our_presets_do_all_work_within_their_bounds_and_fall_asleep(rule: str, load: str) -> None:
    outcome = fared(rule, load)
    assert outcome.waits
    assert outcome.most <= MOST
    assert outcome.left == 0


@pytest.mark.parametrize("load", ["steady", "trickle"])
def test_the_presets_let_work_wait_less_than_kubernetes_does(load: str) -> None:
    for preset in ("eager", "balanced", "warm"):
        assert (
            p95(f"ours, `{preset}`", load) < p95("HPA, defaults", load) < p95("KEDA and HPA, defaults", load)
        )


def test_they_start_far_fewer_agents_than_the_naive_rule() -> None:
    naive = fared("naive: 1 s, stop when idle", "steady")
    for preset in ("eager", "balanced", "warm"):
        assert fared(f"ours, `{preset}`", "steady").starts < 0.5 * naive.starts


@pytest.mark.parametrize("load", ["steady", "spiky"])
def test_a_warmer_preset_rests_more_and_starts_less(load: str) -> None:
    eager, balanced, warm = (fared(f"ours, `{preset}`", load) for preset in ("eager", "balanced", "warm"))
    assert eager.idle_percent < balanced.idle_percent < warm.idle_percent
    assert eager.starts >= balanced.starts >= warm.starts


def test_a_rule_that_would_stop_a_busy_agent_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Butcher(autoscaling.Naive):
        def decide(self, now: float, ready: int, workers: list[autoscaling.Worker]) -> autoscaling.Change:
            change = super().decide(now, ready, workers)
            busy = tuple(worker.name for worker in workers if worker.is_busy)
            return autoscaling.Change(start=change.start, retire=busy)

    monkeypatch.setitem(RULES, "butcher", Butcher)
    with pytest.raises(AssertionError, match="a busy agent was stopped"):
        simulated("butcher", "trickle", 1)


def test_the_table_has_a_row_for_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoscaling, "simulated", lambda rule, load, _seeds: fared(rule, load))
    (table,) = autoscaling.tables(1)
    assert [row[0] for row in table.rows] == list(RULES)
