"""Notices of a real engine: a kill -9 loses none, and doubles none that its id does not betray."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.testing.receiver import Received, Receiver, receiver, status
from tests.acceptance.project import Project

CRASHERS: Final = 12
SECRET: Final = "a-secret-of-sixteen-and-more"
PROFILE: Final = f"""
name = "mini"
[[pools]]
name = "planner"
role = "planner"
command = ["sleep", "600"]
[[pools]]
name = "w"
role = "worker"
size = {CRASHERS}
command = ["false"]
intensity = 0
[[notify]]
name = "ops"
kind = "webhook"
url_env = "HOOK_URL"
secret_env = "HOOK_SECRET"
burst = 1000
"""


@pytest.fixture
async def hook(monkeypatch: pytest.MonkeyPatch, project: Project) -> AsyncIterator[Receiver]:
    async with receiver() as here:
        monkeypatch.setenv("HOOK_URL", here.url)
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        project.profile.write_text(PROFILE)
        yield here


def kill(engine: subprocess.Popen[str]) -> None:
    engine.kill()
    engine.wait()


async def parked(project: Project) -> set[str]:
    return {event.subject for event in await project.events() if event.kind == "agent.parked"}


async def until_all_are_parked(project: Project) -> None:
    async with asyncio.timeout(60):
        while len(await parked(project)) < CRASHERS:
            await asyncio.sleep(0.05)


def events_in(received: list[Received]) -> list[dict[str, Any]]:
    """What a receiver has that drops a letter whose id it knows."""
    letters = {got.headers["x-supervisor-id"]: json.loads(got.body) for got in received}
    return [event for letter in letters.values() for event in letter["events"]]


async def until_heard_of_all(hook: Receiver) -> None:
    async with asyncio.timeout(60):
        while {event["subject"] for event in events_in(hook.received)} < {
            f"w-{number}" for number in range(1, CRASHERS + 1)
        }:
            async with hook.arrived:
                await hook.arrived.wait()


def is_genuine(got: Received) -> bool:
    fields = dict(part.split("=", 1) for part in got.headers["x-supervisor-signature"].split(","))
    signed = fields["t"].encode() + b"." + got.body
    return hmac.compare_digest(fields["v1"], hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest())


async def test_kill_9_at_any_stage_of_a_letter_loses_no_notice(project: Project, hook: Receiver) -> None:
    hook.manner = hook.hanging()
    first = project.start()
    await hook.until(1)  # a letter is under way, and nobody knows whether it arrived
    await until_all_are_parked(project)  # and the others wait
    kill(first)
    told = len(hook.received)

    hook.manner = status(503)
    second = project.start()
    await hook.until(told + 1)  # tried again, refused, and it waits for its next try
    kill(second)

    hook.manner = status(200)
    third = project.start()
    await hook.until(told + 2)  # arrived, but that may not be written down yet
    kill(third)

    fourth = project.start()
    await until_heard_of_all(hook)
    kill(fourth)

    seqs = [event["seq"] for event in events_in(hook.received)]
    assert len(seqs) == len(set(seqs)) == CRASHERS
    assert all(is_genuine(got) for got in hook.received)
    first_id, *others = [got.headers["x-supervisor-id"] for got in hook.received]
    assert others[:2] == [first_id, first_id], "what may have left says by its id that it did"
    await project.check()


async def test_canary_without_its_place_in_the_log_a_kill_loses_notices(
    project: Project, hook: Receiver
) -> None:
    hook.manner = hook.hanging()
    first = project.start()
    await hook.until(1)
    await until_all_are_parked(project)
    kill(first)
    told = len(hook.received)
    forget(project.root / ".supervisor" / "coordinator.db")
    hook.manner = status(200)
    second = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: world.agents["planner"].pid)
    kill(second)
    assert {event["subject"] for event in events_in(hook.received[told:])} < await parked(project)


def forget(database: Path) -> None:
    """Drop what is kept of the sinks."""
    import sqlite3

    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM notify_sink")
    connection.close()


async def test_the_last_notice_leaves_before_a_headless_run_ends(
    project: Project, hook: Receiver, tmp_path: Path
) -> None:
    from tests.acceptance.project import write_profile

    notify = PROFILE[PROFILE.index("[[notify]]") :]
    write_profile(project.profile, tasks=2, extra=notify)
    engine = project.start()
    out, err = await asyncio.to_thread(engine.communicate, timeout=60)
    assert engine.returncode == 0, err
    told = [json.loads(got.body) for got in hook.received]
    assert told[-1]["kind"] == "done"
    assert told[-1]["title"].startswith("Run 1 of team mini is over: 2 of 2 tasks done")
    for secret in (hook.url, "s3cr3t-t0ken", SECRET):
        assert secret not in out + err
        for path in (project.root / ".supervisor").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


async def test_the_command_line_tests_and_lists_the_sinks(project: Project, hook: Receiver) -> None:
    hook.manner = status(200)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: world.agents["planner"].pid)
    await until_heard_of_all(hook)
    tested = await asyncio.to_thread(project.run, "notify", "test")
    assert tested.returncode == 0, tested.stderr
    assert tested.stdout.startswith("sent    ops: status 200 (")
    hook.manner = status(401, b"who are you?")
    failed = await asyncio.to_thread(project.run, "notify", "test", "ops", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["results"][0]["words"] == "status 401: who are you?"
    unknown = await asyncio.to_thread(project.run, "notify", "test", "nobody")
    assert "no sink is called `nobody`; there are: ops" in unknown.stderr
    listed = await asyncio.to_thread(project.run, "notify", "list")
    assert listed.stdout.splitlines()[1].split()[:2] == ["ops", "webhook"]
    kill(engine)
    offline = await asyncio.to_thread(project.run, "notify", "list", "--json")
    told = json.loads(offline.stdout)
    assert told["live"] is False
    assert (told["sinks"][0]["name"], told["sinks"][0]["queued"]) == ("ops", None)
    assert told["sinks"][0]["sent"] >= 1
