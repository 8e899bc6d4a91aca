"""The same team when an agent dies in a tool call, when the engine does, when a worker sleeps too long."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

import psutil

from supervisor.model.task import TaskState
from supervisor.model.world import World
from tests.acceptance.project import Project, Watcher
from tests.agents.demo_team import GOAL, MakeTeam, of_kind

HANGS: Final = r"""
[[scenes]]                     # the first worker; the first time it is busy until somebody kills it
when = ["`task_complete`", "Greet in English"]
script = '''
sh test -e started || { touch started; sleep 300; } ;;
write english.txt Good morning ;;
mcp task_complete {"task_id":"$task","token":"$token","result":"english.txt says Good morning"} ;;
say Handed in.
'''
[scenes.values]
task = '`task_id` "(T\d+)"'
token = '`token` (\d+)'

"""


def sleepers(root: Path) -> list[psutil.Process]:
    """List the shells' children that sleep in the project: what a tool call left running."""
    processes = psutil.process_iter(["name", "cwd"])
    return [each for each in processes if each.info["name"] == "sleep" and each.info["cwd"] == str(root)]


async def until_it_sleeps(team: Project, watcher: Watcher) -> World:
    """Return once the first worker's tool call runs; its approval was used just before."""

    def runs(world: World) -> bool:
        return (
            any(each.agent == "codex" for each in world.approvals.values())
            and (team.root / "started").exists()
        )

    async def looked() -> World:
        return await watcher.until(runs)

    return await looked()


async def test_an_agent_killed_in_a_tool_call_goes_on_in_its_next_life(make_team: MakeTeam) -> None:
    team = make_team(scenes=HANGS)
    engine = team.start("run", str(team.profile), "--goal", GOAL)
    async with team.watched() as watcher:
        world = await until_it_sleeps(team, watcher)
        pid = world.agents["codex"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await watcher.until(lambda world: world.agents["codex"].incarnation == 2)
        assert sleepers(team.root) == []
    out, err = engine.communicate(timeout=60)

    assert engine.returncode == 0, out + err
    assert (team.root / "english.txt").read_text(encoding="utf-8") == "Good morning\n"
    events = await team.events()
    assert [event.actor for event in of_kind(events, "task.approved")].count("judge") == 2
    assert team.left_over(events[-1].session) == []
    await team.check()


async def test_the_next_engine_goes_on_where_a_killed_one_was(make_team: MakeTeam) -> None:
    team = make_team(scenes=HANGS)
    engine = team.start("run", str(team.profile), "--goal", GOAL)
    async with team.watched() as watcher:
        await until_it_sleeps(team, watcher)
        session = team.session
        engine.kill()
        engine.communicate()
    ended = team.run("run", str(team.profile))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert team.left_over(session) == []
    assert sleepers(team.root) == []
    events = await team.events()
    assert len(of_kind(events, "run.started")) == 1
    assert len(of_kind(events, "task.done", "task.approved")) >= 2
    await team.check()


TWO: Final = """
name = "two"
description = "Two workers."
[run]
lease_s = 4
deadline_s = 120

[[pools]]
name = "model"
role = "monitor"
command = [
    "{python}", "-m", "supervisor.testing.scripted_model",
    "--port", "43117", "--scenes", "{profile_dir}/demo/scenes.toml",
]
restart = "permanent"
[pools.ready]
by = "log"
pattern = "scripted model"

[[pools]]
name = "worker"
role = "worker"
size = 2
agent = "claude"
model = "scripted"
allowed = "all"
env = { ANTHROPIC_BASE_URL = "http://127.0.0.1:43117", ANTHROPIC_API_KEY = "scripted" }
depends_on = [{ pool = "model", condition = "ready" }]
"""

SLOW_THEN_QUICK: Final = r"""
[[scenes]]                     # whoever has it first works on it for a while
when = ["Your task now is", "The only one"]
times = 1
script = '''
sh touch started ;; sleep 3 ;;
mcp task_complete {"task_id":"$task","token":"$token","result":"by the one that slept"} ;;
say Late.
'''
[scenes.values]
task = '`task_id` "(T\d+)"'
token = '`token` (\d+)'

[[scenes]]
when = ["task", "The only one"]
script = '''
mcp task_complete {"task_id":"$task","token":"$token","result":"by the other"} ;;
say In time.
'''
[scenes.values]
task = '`task_id` "(T\d+)"'
token = '`token` (\d+)'

"""


async def test_a_worker_that_slept_past_its_lease_changes_nothing_when_it_wakes(make_team: MakeTeam) -> None:
    team = make_team(scenes=SLOW_THEN_QUICK, profile=TWO)
    engine = team.start("run", str(team.profile), "--goal", "The only one")
    async with team.watched() as watcher:
        world = await watcher.until(lambda _world: (team.root / "started").exists())
        holder = next(task.holder for task in world.tasks.values() if task.holder)
        pid = world.agents[holder].pid
        assert pid is not None
        asleep = psutil.Process(pid)
        asleep.suspend()
        await watcher.until(lambda world: world.task_counts()[TaskState.DONE] == 1)
        asleep.resume()
    out, err = engine.communicate(timeout=60)

    assert engine.returncode == 0, out + err
    events = await team.events()
    (done,) = of_kind(events, "task.done")
    assert done.after["result"] == "by the other"
    assert done.actor != holder
    assert any("lease ran out" in event.reason for event in events)
    await team.check()
