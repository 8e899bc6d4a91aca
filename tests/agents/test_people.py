"""What real agents ask, answered by a person's keys: many agents at once, and a session started by hand."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Final

from supervisor.model.event import Event
from supervisor.model.task import TaskState
from supervisor.ui.arming import QUIET_S
from tests.acceptance.project import Project
from tests.acceptance.screen import DEADLINE_S, Screen, Terminal
from tests.agents.demo_team import PROFILES, MakeTeam, of_kind

ASKS: Final = 12
"""How often each of the four agents asks."""

HOME: Final = "\x1b[H"
CARD: Final = re.compile("▌◆ (A[0-9]+)")
PATIENCE_S: Final = 3.0
"""After how long a key is pressed again: a request may have come into the place of the one that was shown."""

WORKERS: Final = ("planner", "codex", "opencode", "judge")
"""The pools of the demo, by whose program they are: here they are all workers, and nobody allows anything."""


def all_workers() -> str:
    """Return the demo team with four workers in it, in which every act waits for a person."""
    text = (PROFILES / "demo.toml").read_text(encoding="utf-8").partition("# In front of a terminal")[0]
    for role in ("planner", "judge"):
        text = text.replace(f'role = "{role}"', 'role = "worker"')
    return text


def asking(agent: str) -> str:
    """Return a task's description by which an agent asks so often, and then hands the task in."""
    steps = [f"sh touch {agent}-{number}" for number in range(1, ASKS + 1)]
    complete = 'mcp task_complete {"task_id":"$task_id","token":"$token","result":"all touched"}'
    return "SCRIPT: " + " ;; ".join([*steps, complete, "say done"])


def card_on(shown: str) -> str:
    """Return which request the screen shows in full, empty if none."""
    found = CARD.search(shown)
    return found[1] if found else ""


def allow_next(screen: Screen) -> str:
    """Allow the request that is shown, once its key counts; return which it was."""
    end = time.monotonic() + DEADLINE_S
    while not card_on(screen.watch(0.05)):  # what was answered last may still be the one that is chosen
        assert time.monotonic() < end, screen.text
        screen.press(HOME)
    screen.watch(QUIET_S + 0.1)  # a card that has only just come is not answered by a key
    card = card_on(screen.text)
    screen.press("a")
    end = time.monotonic() + PATIENCE_S
    while card_on(screen.watch(0.05)) == card and time.monotonic() < end:
        pass
    return card


async def test_fifty_requests_of_four_vendors_are_answered_by_keys_each_by_the_life_that_asked(
    make_team: MakeTeam,
) -> None:
    team = make_team(profile=all_workers())
    assert team.run("up", str(team.profile), "--detach").returncode == 0
    for agent in WORKERS:
        added = team.run(
            "task", "add", f"Ask as {agent}", "--assignee", agent, "--description", asking(agent)
        )
        assert added.returncode == 0, added.stderr
    with Screen("attach", project=team.root, columns=120, rows=40) as screen:
        screen.press("6")
        for _ in range(20):
            allow_next(screen)
        asked = [event for event in await team.events() if event.kind == "approval.requested"]
        victim = next(event.actor for event in asked if event.actor == "codex")
        os.kill(await pid_of(team, victim), signal.SIGKILL)
        while len(of_kind(await team.events(), "task.done")) < len(WORKERS):
            allow_next(screen)
        screen.press("\x11")
    events = await team.events()
    assert team.run("down").returncode == 0

    assert len(of_kind(events, "approval.used")) >= 50
    assert mistaken(events) == []
    assert len(of_kind(events, "approval.withdrawn")) >= 1
    for agent in WORKERS:
        assert all((team.root / f"{agent}-{number}").exists() for number in range(1, ASKS + 1)), agent
    assert team.left_over(events[-1].session) == []
    await team.check()


async def pid_of(team: Project, agent: str) -> int:
    async with team.watched() as watcher:
        world = await watcher.until(lambda world: world.agents[agent].pid)
        return int(world.agents[agent].pid or 0)


def mistaken(events: list[Event]) -> list[str]:
    """Name each answer that was used by another life than the one that asked, or twice, or after its end."""
    alive: dict[str, int] = {}
    used: Counter[str] = Counter()
    wrong = []
    for event in events:
        if event.kind.startswith("agent.") and "incarnation" in event.after:
            alive[event.subject] = event.after["incarnation"]
        if event.kind == "approval.used":
            used[event.subject] += 1
            if event.after["incarnation"] != alive[event.after["agent"]]:
                wrong.append(f"{event.subject} reached another life of {event.after['agent']}")
    return wrong + [f"{each} was used twice" for each, times in used.items() if times > 1]


def test_an_answer_to_another_life_would_be_noticed() -> None:
    """The canary."""
    events = [
        Event(
            seq=1, at=0.0, run=1, kind="agent.starting", subject="codex", actor="x", after={"incarnation": 2}
        ),
        Event(
            seq=2,
            at=0.0,
            run=1,
            kind="approval.used",
            subject="A1",
            actor="codex",
            after={"incarnation": 1, "agent": "codex"},
        ),
    ]
    assert mistaken(events) == ["A1 reached another life of codex"]


# ---------------------------------------------------------------- a session started by hand

KEY: Final = "scripted-key-of-nobody-at-all"

MODEL_ALONE: Final = """
name = "alone"
description = "Only the model; who works comes from outside."
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
"""

BY_HAND: Final = (
    'SCRIPT: mcp task_claim {"task_id":"T1"} ;; sh touch by-hand ;; '
    'mcp task_complete {"task_id":"T1","token":"$token","result":"touched"} ;; say All done now.'
)


async def until_done(team: Project) -> None:
    """Return once a task is done."""
    async with team.watched() as watcher:
        await watcher.until(lambda world: world.task_counts()[TaskState.DONE] == 1)


def settled_home(home: Path, project: Path) -> None:
    """Write what Claude Code knows of a person who has used it before: no question at its start."""
    known = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {
            str(project): {
                "hasTrustDialogAccepted": True,
                "hasCompletedProjectOnboarding": True,
                "enabledMcpjsonServers": ["supervisor"],
            }
        },
    }
    home.mkdir()
    (home / ".claude.json").write_text(json.dumps(known), encoding="utf-8")


async def test_a_session_started_by_hand_joins_claims_and_is_answered_in_our_screen(
    make_team: MakeTeam, tmp_path: Path
) -> None:
    team = make_team(profile=MODEL_ALONE)
    port = team.profile.read_text(encoding="utf-8").partition('"--port", "')[2].partition('"')[0]
    assert team.run("up", str(team.profile), "--detach").returncode == 0
    assert team.run("task", "add", "Touch a file by hand").returncode == 0
    joined = team.run("join", "lens", "--client", "claude", "--role", "worker", "--write")
    assert joined.returncode == 0, joined.stderr
    hooked = team.run("join", "lens", "--client", "claude", "--hooks", "--write")
    assert hooked.returncode == 0, hooked.stderr
    settled_home(tmp_path / "claude", team.root)
    by_hand = {
        "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "SUPERVISOR_KEY": (team.root / ".supervisor/agents/lens/key").read_text().strip(),
    }
    words = (
        "--settings",
        ".claude/supervisor-hooks.json",
        "--model",
        "scripted",
        "--permission-mode",
        "default",
    )
    with Terminal("claude", *words, columns=120, rows=40, cwd=team.root, env=by_hand) as claude:
        claude.until("❯")
        claude.press(f"\x1b[200~{BY_HAND}\x1b[201~")
        claude.until("All done now")  # what was pasted stands there
        claude.press("\r")
        with Screen("attach", project=team.root, columns=120, rows=40) as screen:
            screen.press("6")
            screen.until("touch by-hand", "approve once")
            assert not (team.root / "by-hand").exists()
            allow_next(screen)
            screen.press("\x11")
        claude.until("Allowed by PermissionRequest hook")
        await until_done(team)
    events = await team.events()
    assert team.run("down").returncode == 0

    assert (team.root / "by-hand").exists()
    (asked,) = of_kind(events, "approval.requested")
    assert (asked.after["agent"], asked.after["source"]) == ("lens", "hook")
    assert [(event.actor, event.after["result"]) for event in of_kind(events, "task.done")] == [
        ("lens", "touched")
    ]
    await team.check()
