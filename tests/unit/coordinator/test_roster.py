"""The team as its members see it, and what they say of themselves."""

from __future__ import annotations

import pytest

from supervisor.coordinator import messages, reviews, roster
from supervisor.coordinator.roster import Member
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge
from supervisor.model.agent import AgentState
from supervisor.testing.small_team import SmallTeam


async def listed(
    team: SmallTeam, *, role: str | None = None, state: str | None = None, sort: str = "name"
) -> list[Member]:
    return await team.coordinator.read(
        lambda scope: roster.members(scope, team["watcher"], role=role, state=state, sort=sort)
    )


async def say(team: SmallTeam, name: str, state: str, task: str | None = None, note: str = "") -> str:
    agent = await team.do(lambda scope: roster.report(scope, team[name], state, task=task, note=note))
    line: str = agent.activity
    return line


async def test_the_list_tells_who_holds_what(team: SmallTeam) -> None:
    await team.add_task()
    await team.add_task(review=True)
    await team.claim("worker-1", "T1")
    await team.finish("worker-2", await team.claim("worker-2", "T2"))
    await team.do(lambda scope: reviews.take_review(scope, team["judge"], "T2"))
    await team.do(lambda scope: messages.send(scope, None, to="worker-1", body="hello"))
    team.coordinator.last_calls["worker-1"] = team.clock.now()
    await team.clock.advance(3)
    known = {member.name: member for member in await listed(team)}
    worker, judge = known["worker-1"], known["judge"]
    assert list(known) == sorted(known)
    assert (worker.held, worker.load, worker.unread, worker.last_call_s) == (("T1",), 1, 1, 3.0)
    assert (judge.held, judge.load, judge.last_call_s) == ((), 1, None)
    assert (worker.pool, worker.groups, worker.state) == ("worker", ("builders",), AgentState.WORKING)


async def test_it_is_narrowed_and_sorted(team: SmallTeam) -> None:
    await team.add_task()
    await team.claim("worker-1")
    assert [each.name for each in await listed(team, role="worker")] == ["worker-1", "worker-2"]
    assert [each.name for each in await listed(team, state="working")] == ["worker-1"]
    by_load = [each.name for each in await listed(team, role="worker", sort="load")]
    assert by_load == ["worker-2", "worker-1"]


@pytest.mark.parametrize("wrong", [{"role": "king"}, {"state": "asleep"}, {"sort": "age"}])
async def test_a_word_that_is_none_of_the_known_is_refused(team: SmallTeam, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="is none of"):
        await listed(team, **wrong)


async def test_a_name_and_a_role_are_taken_only_as_the_key_proves_them(team: SmallTeam) -> None:
    actor = team["worker-1"]
    roster.assert_identity(actor, name=None, role=None)
    roster.assert_identity(actor, name="worker-1", role="worker")
    with pytest.raises(Forbidden, match=r"name `worker-1`, not of `judge`"):
        roster.assert_identity(actor, name="judge", role="worker")
    with pytest.raises(Forbidden, match=r"role `worker`, not of `orchestrator`"):
        roster.assert_identity(actor, name="worker-1", role="orchestrator")


async def test_what_an_agent_says_of_itself_is_a_line_and_changes_nothing_else(team: SmallTeam) -> None:
    await team.add_task()
    before = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert (
        await say(team, "worker-1", "blocked", "1", " the port is taken ") == "blocked: T1: the port is taken"
    )
    after = await team.coordinator.read(lambda scope: scope.agent("worker-1"))
    assert (after.state, after.task, after.role) == (before.state, before.task, before.role)
    at = team.store.last_seq
    assert await say(team, "worker-1", "blocked", "T1", "the port is taken")
    assert team.store.last_seq == at
    assert await say(team, "worker-1", "idle") == ""


async def test_a_line_that_cannot_be_is_refused(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="idle, working, blocked"):
        await say(team, "worker-1", "asleep")
    with pytest.raises(NotFound):
        await say(team, "worker-1", "working", "T99")
    with pytest.raises(TooLarge):
        await say(team, "worker-1", "working", note="x" * 200)
    with pytest.raises(Forbidden):
        await say(team, "watcher", "working")


async def test_a_line_ends_with_the_incarnation_that_said_it(team: SmallTeam) -> None:
    await say(team, "worker-1", "working", note="reading")
    await team.crash("worker-1")
    assert (await team.coordinator.read(lambda scope: scope.agent("worker-1"))).activity == ""
