"""Four real agents of four vendors as one team, with a scripted model: what the demo profile shows."""

from __future__ import annotations

import json

from tests.agents.demo_team import GOAL, MakeTeam, what_happened


async def test_a_goal_becomes_judged_work_of_four_vendors_twice_alike(make_team: MakeTeam) -> None:
    team = make_team()
    seen = []
    for number in (1, 2):
        ended = team.run("run", str(team.profile), "--new", "--goal", GOAL)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        events = [event for event in await team.events() if event.run == number]
        seen.append(what_happened(events))
        assert (team.root / "english.txt").read_text(encoding="utf-8") == "Good morning\n"
        assert (team.root / "german.txt").read_text(encoding="utf-8") == "Guten Morgen\n"
        assert team.left_over(events[-1].session) == []
        report = json.loads((team.root / f".supervisor/reports/run-{number}/run.json").read_text())
        assert report["counts"]["done"] == 2
        assert {each["agent"] for each in report["usage"]} == {"planner", "codex", "opencode", "judge"}
        for file in team.root.glob("*.txt"):
            file.unlink()

    assert seen[0] == seen[1]
    assert seen[0] == {
        "created by": {"planner": 2},
        "handed in by": {"codex": 1, "opencode": 2},
        "sent back": ["Greet in German"],
        "approved by": {"judge": 2},
        "asked by": {"codex": 1, "opencode": 2},
        "used by": {"codex": 1, "opencode": 2},
        "turns": {
            ("planner", "mail"): 1,
            ("codex", "task"): 1,
            ("opencode", "task"): 2,
            ("judge", "review"): 3,
        },
    }
    await team.check()
