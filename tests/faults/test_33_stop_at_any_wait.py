"""Fault 33: the team is told to stop while agents wait: for another pool, their turn, a backoff, the breaker.

Nothing starts after the stop mark, everything that was started is stopped, and the team ends. In
process-compose (#530) a stop of one parked on a dependency wedged it for good, and later doubled it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.branch import BranchSpec, Condition, Dependency, OnFailed, Restart, Strategy
from supervisor.supervision.branch import Branch
from supervisor.supervision.slot import Slot
from supervisor.testing.processes import PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

ON_DB = (Dependency(pool="db", condition=Condition.READY),)
CHILDREN = (
    child("db", restart=Restart.PERMANENT, start_timeout_s=1e6),
    child("web", depends_on=ON_DB, restart=Restart.PERMANENT),
    child("a", branch="inner", restart=Restart.PERMANENT, start_timeout_s=1e6),
    child("b", branch="inner", intensity=0, start_timeout_s=1e6),
)
INNER = BranchSpec(name="inner", strategy=Strategy.ONE_FOR_ALL, on_failed=OnFailed.SHUTDOWN)
Wait = Callable[[Team], Awaitable[None]]


async def for_another_pool(team: Team) -> None:
    assert team.log.last("web").reason == "waits for db to be ready"


async def for_a_backoff(team: Team) -> None:
    team.last("db").kill()
    await team.settle()
    assert team.state("db") is AgentState.BACKOFF


async def for_its_turn(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    assert team.log.last("b").reason == "restarts with a"


async def for_its_branch(team: Team) -> None:
    team.last("b").kill()
    await team.settle()
    assert team.log.last("a").reason == "branch inner ended: b gave up"


async def for_the_breaker(team: Team) -> None:
    team.launcher.failures = {"db": cannot_start("no memory", permanent=False)}
    while not team.supervisor.holds_starts:
        team.supervisor.restart("db")
        await team.advance(1.5)
    assert team.state("db") is AgentState.BACKOFF


async def for_its_kit(team: Team) -> None:
    team.launcher.gate.clear()
    team.last("db").kill()
    await team.advance(1.0)


WAITS = (for_another_pool, for_a_backoff, for_its_turn, for_its_branch, for_the_breaker, for_its_kit)


@pytest.mark.parametrize("now", [False, True], ids=["stop", "stop now"])
@pytest.mark.parametrize("wait", WAITS)
async def test_nothing_starts_after_the_stop_and_the_team_ends(
    run_team: RunTeam, wait: Wait, now: bool
) -> None:
    async with run_team(*CHILDREN, branches=(INNER,)) as team:
        await wait(team)
        begun = list(team.launcher.spawned)
        stopping = team.tasks.create_task(team.supervisor.stop(now=now))
        await team.settle()
        team.launcher.gate.set()
        await team.settle()
        assert (stopping.done(), team.running.done()) == (True, True)
        team.launcher.failures.clear()
        await team.advance(3600.0)
        assert team.launcher.spawned == begun
        assert not any(processes[-1].alive for processes in team.launcher.processes.values())


async def test_one_that_was_stopped_while_it_waited_starts_again_once_and_only_once(
    run_team: RunTeam,
) -> None:
    async with run_team(*CHILDREN, branches=(INNER,)) as team:
        for _ in range(3):
            team.supervisor.stop_agent("web")
            await team.settle()
            assert team.state("web") is AgentState.EXITED
            team.supervisor.restart("web")
            await team.settle()
        await team.make_ready("db")
        await team.advance(30.0)
        assert (team.starts("web"), team.launcher.most_alive) == (1, 1)


async def test_a_stop_in_the_midst_of_a_start_in_order_leaves_the_rest_unstarted(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    launcher.gate.clear()
    top = BranchSpec(strategy=Strategy.REST_FOR_ONE)
    children = [child(f"c-{number}", pool=f"c-{number}") for number in range(30)]
    async with run_team(*children, top=top, launcher=launcher) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.settle()
        launcher.gate.set()
        await team.settle()
        assert (stopping.done(), launcher.spawned, len(launcher.prepared)) == (True, [], 1)


async def test_canary_a_slot_that_takes_no_orders_while_it_waits_is_caught(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What process-compose did: the order is taken only when the wait is over."""
    obey = Slot.order
    async with run_team(*CHILDREN, branches=(INNER,)) as team:
        with monkeypatch.context() as patch:
            patch.setattr(
                Slot, "order", lambda self, order: None if self.spec.name == "web" else obey(self, order)
            )
            stopping = team.tasks.create_task(team.supervisor.stop())
            await team.settle()
            assert not stopping.done()


async def test_canary_a_branch_that_goes_on_after_the_stop_is_no_danger_to_it(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two locks hold: were the branch not sealed, the slots would still start nothing."""
    monkeypatch.setattr(Branch, "seal", lambda self: None)
    async with run_team(*CHILDREN, branches=(INNER,)) as team:
        await for_its_branch(team)
        begun = list(team.launcher.spawned)
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.advance(60.0)
        assert (stopping.done(), team.launcher.spawned) == (True, begun)
        monkeypatch.undo()
        await team.supervisor.stop()
