"""The real program in a real terminal: the survey team is watched, asked and answered by keys."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from supervisor.model.approval import ApprovalState
from tests.acceptance.project import Project, wait_empty
from tests.acceptance.screen import Screen


@pytest.fixture
def surveyed(project: Project) -> Project:
    """A small code base to survey."""
    (project.root / "sample.py").write_text("def answer():\n    # TODO: ask first\n    return 42\n")
    (project.root / "README.md").write_text("# Sample\n")
    return project


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
async def test_the_survey_is_watched_and_its_question_answered_by_a_key(
    surveyed: Project, columns: int, rows: int
) -> None:
    with Screen("up", "survey", project=surveyed.root, columns=columns, rows=rows) as screen:
        screen.until("1 Fleet", "worker-1", "planner")
        for key, shows in {
            "2": "in progress",
            "3": "mailbox",
            "4": "vote",
            "5": "events",
            "6": "waits",
        }.items():
            screen.press(key)
            screen.until(shows)
        screen.until("write_file", "report.md", "approve once")
        assert not (surveyed.root / "report.md").exists()
        screen.until_bright("a approve once")
        screen.press("a")
        screen.until("run finished")
        session = surveyed.session
        screen.press("\x11")
        screen.until("Stop the team")
        screen.press("s")
        assert screen.ended() == 0
    assert (surveyed.root / "report.md").read_text().startswith("# Survey of project")
    assert surveyed.left_over(session) == []
    used = [event for event in await surveyed.events() if event.kind == "approval.used"]
    assert len(used) == 1
    await surveyed.check()


async def test_a_closed_terminal_costs_no_work_and_one_can_come_back(surveyed: Project) -> None:
    with Screen("up", "survey", project=surveyed.root) as screen:
        screen.until("waits for you")
        ui = psutil.Process(screen.child.pid)
    psutil.wait_procs([ui], timeout=10)
    assert not ui.is_running()
    async with surveyed.watched() as watcher:
        world = await watcher.until(lambda world: world.pending_approvals())
        assert world.approvals["A1"].state is ApprovalState.PENDING
    with Screen("attach", project=surveyed.root) as again:
        again.press("6")
        again.until("write_file", "approve once")
        again.until_bright("a approve once")
        again.press("a")
        again.until("run finished")
        session = surveyed.session
        again.press("\x11")
        assert again.ended() == 0
    down = surveyed.run("down")
    assert down.returncode == 0, down.stderr
    assert surveyed.left_over(session) == []
    await surveyed.check()


async def test_the_screen_steps_aside_for_the_shell_and_comes_back_while_the_team_works(
    surveyed: Project,
) -> None:
    with Screen("up", "survey", project=surveyed.root) as screen:
        screen.until("worker-1")
        screen.press("\x1a")
        screen.until_stopped()
        assert b"\x1b[?1049l" in screen.raw
        async with surveyed.watched() as watcher:
            await watcher.until(lambda world: world.pending_approvals())
        screen.wipe()
        psutil.Process(screen.child.pid).send_signal(signal.SIGCONT)
        screen.until("1 Fleet", "waits for you")
        screen.press("6")
        screen.until("write_file", "approve once")
        screen.until_bright("a approve once")
        screen.press("a")
        screen.until("run finished")
    assert surveyed.run("down").returncode == 0
    await surveyed.check()


async def test_the_team_outlives_a_killed_screen(surveyed: Project) -> None:
    with Screen("up", "survey", project=surveyed.root) as screen:
        screen.until("worker-1")
        psutil.Process(screen.child.pid).kill()
    async with surveyed.watched() as watcher:
        await watcher.until(lambda world: world.pending_approvals())
    session = surveyed.session
    assert surveyed.run("down", "--now").returncode == 0
    wait_empty(surveyed, session, seconds=1.0)


async def test_leaving_keeps_the_team_and_a_rejection_is_heard(surveyed: Project) -> None:
    with Screen("up", "survey", project=surveyed.root) as screen:
        screen.until("waits for you")
        screen.press("\x11")
        screen.until("Leave it running")
        screen.press("l")
        assert screen.ended() == 0
    listed = surveyed.run("approvals")
    assert "A1" in listed.stdout
    rejected = surveyed.run("reject", "A1", "--reason", "not into the tree")
    assert rejected.returncode == 0, rejected.stderr
    async with surveyed.watched() as watcher:
        world = await watcher.until(lambda world: world.current_run and world.current_run.finished_at)
    assert world.approvals["A1"].state is ApprovalState.DENIED
    assert not Path(surveyed.root / "report.md").exists()
    assert surveyed.run("down").returncode == 0
    await surveyed.check()


async def test_an_engine_killed_under_the_screen_is_told(surveyed: Project) -> None:
    with Screen("up", "survey", project=surveyed.root) as screen:
        screen.until("worker-1")
        async with surveyed.watched() as watcher:
            world = await watcher.until(lambda world: world.seq)
            assert world.seq
            pid = (await watcher.client.call("hello"))["pid"]
        psutil.Process(pid).kill()
        screen.until_it(
            lambda shown: "lost" in shown or "disconnected" in shown or "gone" in shown, "the loss"
        )
