"""What an agent waits for before it starts: other pools, as Docker and process-compose have it."""

from __future__ import annotations

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.branch import BranchSpec, Condition, Dependency, OnFailed, Restart, Strategy
from supervisor.supervision.child_spec import ChildSpec
from supervisor.testing.processes import PaperLauncher, PaperProcess, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED, PENDING, STARTING = (
    AgentState.EXITED,
    AgentState.PARKED,
    AgentState.PENDING,
    AgentState.STARTING,
)


def needing(*wants: tuple[str, Condition] | tuple[str, Condition, str], **changes: object) -> ChildSpec:
    """Make `web`, which waits for other pools."""
    return child("web", depends_on=tuple(dependency(*want) for want in wants), **changes)


def dependency(pool: str, condition: Condition, pattern: str = "") -> Dependency:
    return Dependency(pool=pool, condition=condition, pattern=pattern)


def why(team: Team) -> str:
    """Say what `web` waits for."""
    assert team.state("web") is PENDING
    return team.log.last("web").reason


async def test_started(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"db": cannot_start("no memory", permanent=False)})
    async with run_team(needing(("db", Condition.STARTED)), child("db"), launcher=launcher) as team:
        assert why(team) == "waits for db to be started"
        launcher.failures.clear()
        await team.advance(1.0)
        assert team.state("web") is STARTING


async def test_started_is_also_what_has_ended_well(run_team: RunTeam) -> None:
    def end_db(agent: str, number: int, process: PaperProcess) -> None:
        if agent == "db":
            process.exit(0)

    launcher = PaperLauncher(on_spawn=end_db)
    async with run_team(needing(("db", Condition.STARTED)), child("db"), launcher=launcher) as team:
        await team.settle()
        assert team.state("web") is STARTING


async def test_ready(run_team: RunTeam) -> None:
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        assert why(team) == "waits for db to be ready"
        await team.make_ready("db")
        assert team.state("web") is STARTING


async def test_all_agents_of_the_pool_are_waited_for(run_team: RunTeam) -> None:
    pool = [child(f"w-{number}", pool="w") for number in (1, 2)]
    async with run_team(needing(("w", Condition.READY)), *pool) as team:
        await team.make_ready("w-1")
        assert why(team) == "waits for w-2 to be ready"
        await team.make_ready("w-2")
        assert team.state("web") is STARTING


async def test_a_pool_without_agents_is_waited_for_until_it_has_one(run_team: RunTeam) -> None:
    async with run_team(needing(("w", Condition.READY))) as team:
        assert why(team) == "waits for w to be ready, of which there is no agent"
        team.supervisor.add(child("w-1", pool="w", single=False))
        await team.settle()
        assert why(team) == "waits for w-1 to be ready"
        await team.make_ready("w-1")
        assert team.state("web") is STARTING


async def test_one_that_leaves_is_not_waited_for(run_team: RunTeam) -> None:
    pool = [child(f"w-{number}", pool="w") for number in (1, 2)]
    async with run_team(needing(("w", Condition.COMPLETED_OK)), *pool) as team:
        await team.make_ready("w-1", "w-2")
        team.last("w-1").exit(0)
        await team.settle()
        assert why(team) == "waits for w-2 to complete"
        team.supervisor.retire("w-2")
        await team.settle()
        assert team.state("web") is STARTING


async def test_completed_ok(run_team: RunTeam) -> None:
    async with run_team(needing(("migrate", Condition.COMPLETED_OK)), child("migrate")) as team:
        await team.make_ready("migrate")
        assert why(team) == "waits for migrate to complete"
        team.last("migrate").kill()
        await team.advance(1.0)
        assert team.starts("migrate") == 2
        team.last("migrate").exit(0)
        await team.settle()
        assert team.state("web") is STARTING


async def test_log_line(run_team: RunTeam) -> None:
    wanted = ("db", Condition.LOG_LINE, "listening on [0-9]+")
    async with run_team(needing(wanted), child("db")) as team:
        assert team.supervisor.awaited_lines("db") == {"listening on [0-9]+"}
        assert team.supervisor.awaited_lines("web") == frozenset()
        assert why(team) == "waits for db to write a line"
        team.supervisor.log_line_seen("db", 7, "listening on [0-9]+")
        team.supervisor.log_line_seen("db", 1, "something else")
        await team.settle()
        assert team.state("web") is PENDING
        team.supervisor.log_line_seen("db", 1, "listening on [0-9]+")
        await team.settle()
        assert team.state("web") is STARTING


async def test_a_line_of_a_former_incarnation_is_forgotten(run_team: RunTeam) -> None:
    async with run_team(needing(("db", Condition.LOG_LINE, "up")), child("db")) as team:
        team.supervisor.log_line_seen("db", 1, "up")
        await team.settle()
        team.last("db").kill()
        await team.advance(1.0)
        team.last("web").kill()
        await team.advance(1.0)
        assert why(team) == "waits for db to write a line"


async def test_everything_is_waited_for_and_said(run_team: RunTeam) -> None:
    wants = (("db", Condition.READY), ("cache", Condition.READY))
    async with run_team(needing(*wants), child("db"), child("cache")) as team:
        assert why(team) == "waits for db to be ready; cache to be ready"
        await team.make_ready("db")
        assert why(team) == "waits for cache to be ready"
        await team.make_ready("cache")
        assert team.state("web") is STARTING


async def test_each_start_waits_not_only_the_first(run_team: RunTeam) -> None:
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        await team.make_ready("db")
        team.last("db").kill()
        team.last("web").kill()
        await team.advance(1.0)
        assert (team.state("db"), why(team)) == (STARTING, "waits for db to be ready")
        await team.make_ready("db")
        assert team.starts("web") == 2


# ---------------------------------------------------------------- what cannot come


async def test_what_cannot_come_is_said_and_does_not_keep_the_team_from_being_settled(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(failures={"db": cannot_start()})
    web = needing(("db", Condition.READY))
    next_in_line = child("proxy", depends_on=(dependency("web", Condition.READY),))
    async with run_team(web, child("db"), next_in_line, launcher=launcher) as team:
        assert why(team) == "waits for db to be ready, but it is parked and will not by itself"
        reason = "waits for web to be ready, but it is pending and will not by itself"
        assert team.log.last("proxy").reason == reason
        waiting = team.tasks.create_task(team.supervisor.settled())
        await team.settle()
        assert waiting.done()
        launcher.failures.clear()
        team.supervisor.restart("db")
        await team.settle()
        assert not team.supervisor.all_settled
        assert why(team) == "waits for db to be ready"
        await team.make_ready("db")
        await team.make_ready("web")
        assert team.state("proxy") is STARTING


async def test_what_never_completes_is_said(run_team: RunTeam) -> None:
    db = child("db", restart=Restart.PERMANENT)
    async with run_team(needing(("db", Condition.COMPLETED_OK)), db) as team:
        assert why(team) == "waits for db to complete, but it is permanent and never does"
        assert not team.supervisor.all_settled


async def test_what_failed_to_complete_is_said(run_team: RunTeam) -> None:
    migrate = child("migrate", restart=Restart.TEMPORARY)
    async with run_team(needing(("migrate", Condition.COMPLETED_OK)), migrate) as team:
        team.last("migrate").exit(1)
        await team.settle()
        assert why(team) == "waits for migrate to complete, but it is exited and will not by itself"


async def test_one_that_waits_for_a_branch_to_begin_afresh_is_not_without_hope(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN)
    db = child("db", branch="inner", intensity=0)
    async with run_team(needing(("db", Condition.READY)), db, branches=(inner,)) as team:
        team.last("db").kill()
        await team.settle()
        assert (team.state("db"), why(team)) == (PARKED, "waits for db to be ready")
        await team.advance(1.5)
        await team.make_ready("db")
        assert team.state("web") is STARTING


async def test_in_a_strict_branch_one_that_waits_for_what_cannot_come_holds_up_nobody(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(failures={"db": cannot_start()})
    top = BranchSpec(strategy=Strategy.REST_FOR_ONE)
    agents = (child("db"), needing(("db", Condition.READY)), child("z"))
    async with run_team(*agents, top=top, launcher=launcher) as team:
        assert (team.state("web"), team.state("z")) == (PENDING, STARTING)


# ---------------------------------------------------------------- orders get through


@pytest.mark.parametrize("order", ["stop_agent", "kill", "drain"])
async def test_a_stop_gets_through_to_one_that_waits(run_team: RunTeam, order: str) -> None:
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        getattr(team.supervisor, order)("web")
        await team.settle()
        assert team.state("web") is EXITED
        await team.make_ready("db")
        await team.advance(600.0)
        assert (team.state("web"), team.starts("web")) == (EXITED, 0)
        team.supervisor.restart("web")
        await team.settle()
        assert team.starts("web") == 1


async def test_one_that_waits_can_be_paused_and_retired(run_team: RunTeam) -> None:
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        team.supervisor.pause("web")
        await team.make_ready("db")
        assert (team.state("web"), team.starts("web")) == (AgentState.PAUSED, 0)
        team.supervisor.resume("web")
        await team.settle()
        assert team.starts("web") == 1
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        team.supervisor.retire("web")
        await team.settle()
        assert team.supervisor.agents == ("db",)


async def test_a_person_s_restart_waits_too(run_team: RunTeam) -> None:
    async with run_team(needing(("db", Condition.READY)), child("db")) as team:
        team.supervisor.restart("web")
        await team.settle()
        assert why(team) == "waits for db to be ready"


async def test_who_depends_on_a_pool_is_stopped_before_it(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    loop = child(
        "loop", depends_on=(dependency("loop", Condition.STARTED), dependency("none", Condition.READY))
    )
    agents = (needing(("db", Condition.STARTED)), child("a"), child("db"), loop)
    async with run_team(*agents, launcher=launcher) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        asked = []
        for name in ("a", "web", "db"):
            await team.settle()
            asked.append([agent for agent in ("web", "a", "db") if team.last(agent).stops])
            team.last(name).exit(0)
        await team.settle()
        assert asked == [["a"], ["web", "a"], ["web", "a", "db"]]
        assert stopping.done()
