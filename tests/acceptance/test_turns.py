"""A real team that works in turns: from a goal in words to done tasks, with a death in the middle."""

from __future__ import annotations

import json
from pathlib import Path

from supervisor.model.turn import TurnKind
from tests.acceptance.project import Project

AGENT = Path(__file__).with_name("turn_agent.py")


def write_team(path: Path) -> None:
    command = json.dumps(["{python}", str(AGENT)])
    pools = "".join(
        f'[[pools]]\nname = "{role}"\nrole = "{role}"\noutput = "json"\ncommand = {command}\n{more}'
        for role, more in (("planner", ""), ("worker", "[pools.backoff]\nbase_s = 0.1\n"))
    )
    prices = '[[prices]]\nmodel = "paper-*"\ninput = 2.0\noutput = 10.0\n'
    path.write_text(f'name = "turns"\ndescription = "works in turns"\n{prices}{pools}')


async def test_a_team_reaches_its_goal_in_turns_though_an_agent_dies_in_one(project: Project) -> None:
    write_team(project.profile)

    ended = project.run("run", str(project.profile), "--goal", "Measure the source")

    assert ended.returncode == 0, ended.stderr
    assert "2 of 2 tasks done" in ended.stdout
    events = await project.events()
    over = [event.after for event in events if event.kind == "turn.ended"]
    assert sorted(turn["kind"] for turn in over) == [TurnKind.MAIL, *[TurnKind.TASK] * 3]
    assert sorted(turn["reason"] for turn in over) == ["done", "done", "done", "lost"]
    assert {turn["cost_usd"] for turn in over if turn["ok"]} == {0.003}
    await project.check()

    shown = project.run("usage", "--json", "--by", "agent")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert (told["total"]["turns"], told["total"]["idle_tokens"]) == (4, 1100)
    assert {line["subject"] for line in told["lines"]} == {"planner", "worker"}
