"""A full or broken disk at any change: all is answered, nothing answered is lost, and it works again."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.testing.clock import VirtualClock
from supervisor.testing.examination import violations
from supervisor.testing.zygote import Zygote
from supervisor.workspace.state_dir import open_state
from tests.team_door import SCENE_CALLS, set_scene, team_door

SICK: Final = ("full", "full in the middle of a write", "broken", "failing to sync")
WORK: Final[list[list[Any]]] = [
    *(
        ["call", SCENE_CALLS[tool][0], tool, SCENE_CALLS[tool][1]]
        for tool in ("task_claim", "message_send", "vote_cast", "task_complete")
    ),
    ["step", "late tick"],
]
AFTERWARDS: Final[list[list[Any]]] = [
    ["call", "planner", "task_create", {"title": "the disk is mended"}],
    ["verb", "send", {"to": "all", "body": "go on"}],
]
NEXT_STEP: Final = "Free it (disk, lock, permissions) and try again"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    place = tmp_path_factory.mktemp("scene")

    async def set_up() -> float:
        async with team_door(open_state(place, create=True).root) as door:
            await set_scene(door)
            return door.team.clock.now()

    return place, asyncio.run(set_up())


async def outcome(
    lives: Zygote, scene: tuple[Path, float], project: Path, **order: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    """Work on a failing disk; return all that was said, and what is wrong afterwards."""
    place, now = scene
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(place, project)
    order = {"at once": False, "lasting": False} | order
    _, facts = lives.run(
        "starved",
        project,
        operations=WORK,
        afterwards=AFTERWARDS,
        now=now,
        pragmas={"wal_autocheckpoint": "8"},
        **order,
    )
    acknowledged = [fact for fact in facts if "seq" in fact]
    found = await violations(project, acknowledged, VirtualClock(now=now))
    if not all(fact["wrote"] for fact in acknowledged):
        found.append("something was answered and not written")
    for fact in facts:
        told = fact.get("message", "") if fact.get("refused", "").startswith("database") else None
        told = fact.get("not opened", told)
        if told is not None and NEXT_STEP not in told:
            found.append(f"the refusal does not say what to do: {told}")
    return facts, found


@pytest.mark.parametrize("ailment", SICK)
async def test_every_change_of_the_disk_may_fail_and_the_store_goes_on_when_it_is_mended(
    lives: Zygote, scene: tuple[Path, float], ground: Path, ailment: str, campaign: Callable[[str], None]
) -> None:
    facts, found = await outcome(lives, scene, ground / "project", ailment=ailment, nth=0)
    assert found == []
    count = next(fact["count"] for fact in facts if "count" in fact)
    seen: Counter[str] = Counter()
    for nth in range(1, count + 1):
        where = f"{ailment}, change {nth} of {count}"
        order = {"ailment": ailment, "nth": nth, "lasting": nth % 2 == 0}
        facts, found = await outcome(lives, scene, ground / "project", **order)
        assert found == [], where
        assert next(fact["failed"] for fact in facts if "failed" in fact), where
        refused = {fact["refused"] for fact in facts if "refused" in fact}
        seen["refused" if "database_unavailable" in refused else "not noticed"] += 1
        assert sum("seq" in fact for fact in facts) >= len(AFTERWARDS), where
    assert seen["refused"] > seen["not noticed"] or ailment == "failing to sync"
    campaign(f"I/O errors, {ailment}: {count} changes, {dict(seen)}")


@pytest.mark.parametrize("ailment", SICK)
async def test_an_engine_that_starts_on_a_failing_disk_says_so_and_spoils_nothing(
    lives: Zygote, scene: tuple[Path, float], ground: Path, ailment: str
) -> None:
    for nth in range(1, 12):
        order = {"ailment": ailment, "nth": nth, "lasting": nth % 2 == 0, "at once": True}
        _, found = await outcome(lives, scene, ground / "project", **order)
        assert found == [], f"{ailment}, change {nth}"


async def test_canary_a_writer_that_does_not_hear_errors_is_caught(
    lives: Zygote, scene: tuple[Path, float], ground: Path
) -> None:
    for nth in range(1, 40):
        order = {"ailment": "broken", "nth": nth, "fault": "errors are not heard"}
        if (await outcome(lives, scene, ground / "project", **order))[1]:
            return
    pytest.fail("39 unheard errors were not noticed")
