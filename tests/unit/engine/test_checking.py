"""Checks run beside a team: when they begin, when they are ended, and who goes on after them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.clock import SystemClock
from supervisor.coordinator import evidence, planning, steering
from supervisor.coordinator.planning import NewTask
from supervisor.engine.agent_logs import AgentLogs
from supervisor.engine.checking import Checking
from supervisor.engine.confinements import Confinements
from supervisor.engine.team_over import standing_after_checks
from supervisor.engine.workspaces import Workspaces, check_workspaces, listed_worktrees
from supervisor.errors import WorkspaceRefused
from supervisor.model.driving import WorkspaceKind
from supervisor.model.evidence import Check
from supervisor.model.task import Task, TaskState
from supervisor.runtime.sweep import marked
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team
from supervisor.workspace.state_dir import StateDir, open_state
from tests.unit.workspace.test_git import run_git

SESSION = "session-of-checks"
IN_WORKTREES = tuple(replace(pool, workspace=WorkspaceKind.WORKTREE) for pool in SMALL_TEAM.pools)


def shell(script: str, name: str = "tests") -> Check:
    return Check(name=name, argv=("/bin/sh", "-c", script))


class Stage:
    """A team with its checks, and a way to wait for what the log tells."""

    def __init__(self, team: SmallTeam, state: StateDir) -> None:
        self.team = team
        self.state = state
        self._moved = asyncio.Event()
        team.store.listen(lambda _events: self._moved.set())

    @asynccontextmanager
    async def checking(self) -> AsyncIterator[Checking]:
        """Be an engine that runs checks, and stop them at the end as it does."""
        coordinator = self.team.coordinator
        logs = AgentLogs(self.state.logs)
        made = Checking(
            coordinator,
            SystemClock(),
            workspaces=Workspaces(self.state, "small"),
            confinements=Confinements(coordinator.team, SESSION),
            logs=logs,
            session=SESSION,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(made.keep())
            yield made
            await made.stop()
        await logs.close()
        assert marked(SESSION) == []

    async def handed_in(self, *checks: Check, by: str = "worker-1", **wanted: Any) -> Task:
        new = NewTask(title="t", checks=checks, **wanted)
        task = await self.team.do(lambda scope: planning.create_task(scope, None, new))
        return await self.team.finish(by, await self.team.claim(by, task.id))

    async def until(self, task: Task, holds: Callable[[Task], bool]) -> Task:
        async with asyncio.timeout(30):
            while not holds(now := await self.team.task(task.id)):
                await self._moved.wait()
                self._moved.clear()
        return now

    async def file(self, name: str) -> None:
        async with asyncio.timeout(30):
            while not (self.state.project / name).exists():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def staged(directory: Path, **changes: Any) -> AsyncIterator[Stage]:
    directory.mkdir(exist_ok=True)
    state = open_state(directory, create=True)
    async with small_team(state.root, **changes) as team:
        yield Stage(team, state)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "project") as made:
        yield made


def is_settled(task: Task) -> bool:
    return not task.is_verifying


async def test_handed_in_work_is_checked_and_done(stage: Stage) -> None:
    async with stage.checking():
        task = await stage.handed_in(shell("echo one", "first"), shell("pwd", "second"))
        done = await stage.until(task, is_settled)
    assert done.state is TaskState.DONE
    told = await stage.team.do(lambda scope: evidence.of_newest(scope, task))
    assert [(each.check, each.passed, each.tail) for each in told] == [
        ("first", True, "one\n"),
        ("second", True, f"{stage.state.project}\n"),
    ]
    log = (stage.state.logs / "worker-1.checks.log").read_text()
    assert "== check first of T1, attempt 1: /bin/sh -c echo one\none\n" in log


async def test_the_first_check_that_fails_ends_it_and_the_author_mends(stage: Stage) -> None:
    async with stage.checking():
        task = await stage.handed_in(shell("cat mended", "first"), shell("touch second", "second"))
        back = await stage.until(task, is_settled)
        assert (back.state, back.assignee) == (TaskState.PENDING, "worker-1")
        assert "No such file" in back.feedback
        assert not (stage.state.project / "second").exists()
        (stage.state.project / "mended").touch()
        again = await stage.team.finish("worker-1", await stage.team.claim("worker-1", task.id))
        assert (await stage.until(again, is_settled)).state is TaskState.DONE


async def test_a_stopped_check_is_no_evidence_and_runs_again_with_the_next_engine(stage: Stage) -> None:
    task = await stage.handed_in(
        shell("echo x >> runs", "first"), shell("test -e go && exit 0; touch begun; sleep 1000", "second")
    )
    async with stage.checking():
        await stage.file("begun")
    left = await stage.team.task(task.id)
    assert (left.is_verifying, left.check_failures) == (True, 0)
    (stage.state.project / "go").touch()
    async with stage.checking():
        assert (await stage.until(task, is_settled)).state is TaskState.DONE
    assert (stage.state.project / "runs").read_text() == "x\nx\n"


async def test_checks_of_a_cancelled_task_are_ended(stage: Stage) -> None:
    async with stage.checking() as checking:
        task = await stage.handed_in(shell("touch begun; sleep 1000"))
        await stage.file("begun")
        await stage.team.do(lambda scope: steering.cancel_task(scope, None, task.id, "not wanted"))
        async with asyncio.timeout(30):
            while checking.count:
                await asyncio.sleep(0.01)
        assert marked(SESSION) == []
    assert (await stage.team.task(task.id)).state is TaskState.CANCELLED


async def test_work_of_two_agents_in_one_workspace_is_checked_one_after_the_other(stage: Stage) -> None:
    script = "mkdir alone && sleep 0.2 && rmdir alone"
    async with stage.checking():
        first = await stage.handed_in(shell(script))
        second = await stage.handed_in(shell(script), by="worker-2")
        assert (await stage.until(first, is_settled)).state is TaskState.DONE
        assert (await stage.until(second, is_settled)).state is TaskState.DONE


async def test_a_check_sees_what_its_authors_pool_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED", "from the engine")
    monkeypatch.setenv("SECRET", "from the engine")
    pools = tuple(
        replace(pool, env_allow=("ALLOWED",), env={"OWN": "from the pool"}) for pool in SMALL_TEAM.pools
    )
    async with staged(tmp_path / "project", pools=pools) as stage, stage.checking():
        script = 'test "$ALLOWED$OWN$SECRET" = "from the enginefrom the pool"'
        task = await stage.handed_in(shell(script))
        assert (await stage.until(task, is_settled)).state is TaskState.DONE


async def test_work_of_somebody_who_is_of_no_pool_is_checked_in_the_project(stage: Stage) -> None:
    task = await stage.handed_in(shell("pwd"))
    gone = tuple(pool for pool in SMALL_TEAM.pools if pool.name != "worker")
    stage.team.coordinator.team = replace(SMALL_TEAM, pools=gone)
    async with stage.checking():
        assert (await stage.until(task, is_settled)).state is TaskState.DONE


def repository(project: Path) -> None:
    project.mkdir(exist_ok=True)
    run_git(project, "init", "-q")
    (project / "code").write_text("as committed\n")
    run_git(project, "add", "code")
    run_git(project, "commit", "-q", "-m", "first")


async def test_a_check_runs_where_its_author_worked(tmp_path: Path) -> None:
    repository(tmp_path / "project")
    async with staged(tmp_path / "project", pools=IN_WORKTREES) as stage:
        tree = await Workspaces(stage.state, "small").take(IN_WORKTREES[1], "worker-1")
        (tree / "code").write_text("mended\n")
        async with stage.checking():
            task = await stage.handed_in(shell("grep mended code"))
            assert (await stage.until(task, is_settled)).state is TaskState.DONE
        (told,) = await stage.team.do(lambda scope: evidence.of_newest(scope, task))
        assert (told.commit, told.dirty) == (run_git(stage.state.project, "rev-parse", "HEAD"), True)
    (listed,) = listed_worktrees(tmp_path / "project")
    assert (listed.agent, listed.dirty) == ("worker-1", True)


async def test_a_workspace_that_is_gone_is_said_in_the_evidence(tmp_path: Path) -> None:
    async with staged(tmp_path / "project", pools=IN_WORKTREES) as stage, stage.checking():
        task = await stage.handed_in(shell("true"))
        back = await stage.until(task, is_settled)
    assert "could not be run" in back.feedback
    assert "is no git repository" in back.feedback


async def test_a_team_whose_project_can_have_no_worktrees_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    team = replace(SMALL_TEAM, pools=IN_WORKTREES)
    with pytest.raises(WorkspaceRefused, match="is no git repository"):
        check_workspaces(team, tmp_path)
    assert not (tmp_path / ".supervisor").exists()
    repository(tmp_path / "project")
    check_workspaces(team, tmp_path / "project")
    check_workspaces(SMALL_TEAM, tmp_path)


async def test_a_team_without_anybody_left_waits_for_its_checks(stage: Stage) -> None:
    clock = stage.team.clock
    idle = await standing_after_checks(stage.team.coordinator, clock)
    assert idle is not None
    assert not idle.checking
    task = await stage.handed_in(shell("true"))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(standing_after_checks(stage.team.coordinator, clock))
        await clock.advance(5)
        assert not waiting.done()
        async with stage.checking():
            await stage.until(task, is_settled)
        await clock.advance(2)
        after = await waiting
    assert after is not None
    assert (after.checking, after.failed) == (False, False)
