"""A real team whose agent asks before it acts: rules answer, a person answers from another terminal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.acceptance.project import Project

AGENT = Path(__file__).with_name("asking_agent.py")
TEAM = """
name = "asking"
description = "asks first"
run.approvals_wait = true

[[pools]]
name = "worker"
role = "worker"
output = "json"
command = {command}

[[approvals]]
decision = "allow"
argv = ["make", "allowed"]

[[approvals]]
decision = "deny"
argv = ["curl", "**"]
"""


async def test_rules_answer_first_and_a_person_the_rest_with_other_content(project: Project) -> None:
    project.profile.write_text(TEAM.replace("{command}", json.dumps(["{python}", str(AGENT)])))
    engine = project.start("run", str(project.profile), "--goal", "Ask")
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: "A3" in world.approvals)
        (waiting,) = world.pending_approvals()
        assert (waiting.source, waiting.title, waiting.blocks) == ("command", "make waiting", ("T1",))
        instead = json.dumps({"command": "make something else"})
        approved = await asyncio.to_thread(
            project.run, "approve", waiting.id, "--digest", waiting.digest, "--with", instead, "--yes"
        )
        assert approved.returncode == 0, approved.stderr
    out, err = await asyncio.to_thread(engine.communicate, timeout=60)

    assert engine.returncode == 0, out + err
    events = await project.events()
    states = [(event.subject, event.kind) for event in events if event.kind.startswith("approval.")]
    assert states == [
        ("A1", "approval.requested"),
        ("A1", "approval.approved"),
        ("A1", "approval.used"),
        ("A2", "approval.requested"),
        ("A2", "approval.denied"),
        ("A3", "approval.requested"),
        ("A3", "approval.approved"),
        ("A3", "approval.used"),
    ]
    (done,) = [event.after for event in events if event.kind == "task.done"]
    assert json.loads(done["result"]) == [
        [True, None],
        [False, None],
        [True, {"command": "make something else"}],
        [False, None],  # nobody is here to answer a question
    ]
    await project.check()
