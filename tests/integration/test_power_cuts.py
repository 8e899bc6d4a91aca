"""The power goes at any instant: what a disk may hold then opens, is sound, and has all that was answered."""

from __future__ import annotations

import pickle
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.engine.backups import back_up
from supervisor.testing.clock import VirtualClock
from supervisor.testing.examination import database_of, log_of, violations
from supervisor.testing.power_cut import Image, Recording, contents, images
from supervisor.testing.zygote import Zygote
from supervisor.workspace.state_dir import open_state
from tests.team_door import set_scene, team_door

RECORDINGS: Final = 4
IMAGES: Final = 85
"""Per recording of work; the others have fewer changes and get as many together."""
CALLS: Final = 120
LATER: Final = 1_700_100_000.0
NAMES_LOST: Final = {
    "disk fault": "directory not synced",
    "ailment": "losing names",
    "nth": 1,
    "at once": True,
}
"""Directories are never synced, neither by us nor by SQLite."""
SOON: Final = {"wal_autocheckpoint": "30"}
"""A checkpoint every 30 pages, so that a short work has several, and the journal begins anew."""


@dataclass(kw_only=True)
class Record:
    """A recording and what the disk held when it began."""

    project: Path
    recording: Recording
    initial: dict[str, bytes]

    def images(self, seed: int, count: int, *, last: int = 1_000_000) -> Iterator[Image]:
        """Cut the power all over the recording, or in its last so many steps."""
        first = max(0, len(self.recording.steps) - last)
        return images(self.recording, self.project, self.initial, random.Random(seed), count, first=first)


def record(lives: Zygote, project: Path, what: str, **order: Any) -> Record:
    """Let a life do something and bring back the sequence of its changes."""
    project.mkdir(exist_ok=True)
    initial, out = contents(project), project.parent / f"{project.name}.steps"
    order = {"pragmas": SOON} | order
    killed, facts = lives.run("recorded", project, what=what, out=str(out), **order)
    assert not killed
    assert facts[-1]["facts"] > 0
    return Record(project=project, recording=Recording(steps=pickle.loads(out.read_bytes())), initial=initial)


async def judged(image: Image, project: Path, acknowledged: list[dict[str, Any]]) -> list[str]:
    """Lay an image out and say what is wrong with it."""
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    open_state(project, create=True)
    image.write(project)
    return await violations(project, acknowledged)


def seen(image: Image, number: int, kept: Path) -> str:
    """Say where a failing image is kept."""
    image.write(kept / "image")
    return f"image {number}: cut before step {image.place}, {image.mode}; it is kept in {kept / 'image'}"


# ---------------------------------------------------------------- work


async def test_whatever_was_answered_survives_a_power_cut(
    lives: Zygote, ground: Path, tmp_path: Path, long: int, campaign: Callable[[str], None]
) -> None:
    modes: Counter[str] = Counter()
    answers = 0
    for seed in range(RECORDINGS * long):
        done = record(lives, ground / f"work-{seed}", "life", seed=seed, calls=CALLS)
        for number, image in enumerate(done.images(seed, IMAGES)):
            assert await judged(image, ground / "cut", list(image.facts)) == [], seen(image, number, tmp_path)
            modes[image.mode] += 1
            answers += len(image.facts)
        shutil.rmtree(done.project)
    assert answers > modes.total()
    campaign(f"power cuts in work: {modes.total()} images, seeds 0-{seed}, {dict(modes)}")


async def test_what_a_failed_sync_forgot_is_never_counted_as_durable(
    lives: Zygote, ground: Path, tmp_path: Path, long: int, campaign: Callable[[str], None]
) -> None:
    """After a sync that failed, its writes may be lost for ever though the next sync succeeds."""
    count = 0
    for seed in range(RECORDINGS * long):
        order = {"ailment": "failing to sync", "nth": random.Random(seed).randrange(1, 20)}
        done = record(lives, ground / f"work-{seed}", "life", seed=seed, calls=CALLS, **order)
        assert any(step.call is not None and not step.made for step in done.recording.steps)
        for number, image in enumerate(done.images(seed, IMAGES // 4)):
            assert await judged(image, ground / "cut", list(image.facts)) == [], seen(image, number, tmp_path)
            count += 1
        shutil.rmtree(done.project)
    campaign(f"power cuts after a failed sync: {count} images, seeds 0-{seed}")


async def found_in(done: Record, ground: Path, count: int = 300) -> str:
    """Return the first thing that is wrong in an image of this recording, or nothing."""
    for image in done.images(1, count):
        if found := await judged(image, ground / "cut", list(image.facts)):
            return found[0]
    return ""


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
async def test_canary_a_writer_that_does_not_sync_each_commit_is_caught(
    lives: Zygote, ground: Path, level: str
) -> None:
    settings = SOON | {"synchronous": level}
    done = record(lives, ground / "work", "life", seed=1, calls=CALLS, pragmas=settings)
    assert await found_in(done, ground)


async def test_canary_an_answer_before_the_commit_is_caught(lives: Zygote, ground: Path) -> None:
    done = record(lives, ground / "work", "life", seed=1, calls=CALLS, fault="told before the commit")
    assert "is not there" in await found_in(done, ground)


async def test_canary_a_database_whose_name_was_not_made_durable_is_caught(
    lives: Zygote, ground: Path
) -> None:
    """SQLite syncs the directory too, when it begins its journal; without that as well a name is lost."""
    done = record(lives, ground / "work", "life", seed=1, calls=CALLS, **NAMES_LOST)
    assert "gone" in await found_in(done, ground)


# ---------------------------------------------------------------- backup and restore


async def backed_up(project: Path) -> tuple[Path, tuple[int, str], tuple[int, str]]:
    """Make a project with a copy of its past; return the copy, and how the log ended then and ends now."""
    state, copy = open_state(project, create=True), project / "copy.db"
    async with team_door(state.root) as door:
        await set_scene(door)
        await back_up(project, copy, replace=False, clock=VirtualClock())
        await door.call("planner", "task_create", title="of the future")
        for name in ("coordinator.db", "coordinator.db-wal"):
            shutil.copy(state.root / name, project / f"{name}.kept")
    for name in ("coordinator.db", "coordinator.db-wal"):  # as after a kill: the journal is not settled
        (project / f"{name}.kept").rename(state.root / name)
        (state.root / name).chmod(0o600)
    return copy, log_of(copy).end, log_of(state.database).end


async def wrong_after_restore(
    image: Image, project: Path, old: tuple[int, str], copied: tuple[int, str]
) -> list[str]:
    """Say what is wrong with an image of a restore: it must hold the old or the new, and what was told."""
    found = await judged(image, project, [])
    if found:
        return found
    hashes, state = log_of(database_of(project)).hashes, open_state(project, create=False).root
    is_old, is_new = hashes.get(old[0]) == old[1], "engine.restored" in kinds_in(project)
    if hashes.get(copied[0]) != copied[1] or is_old == is_new:
        return ["it is neither the old nor the new database"]
    if is_new and old not in {log_of(kept).end for kept in state.glob("coordinator-before-restore-*.db")}:
        return ["the replaced database is not kept"]
    return ["the restore was told and is not there"] if image.facts and not is_new else []


def kinds_in(project: Path) -> set[str]:
    from supervisor.store.database import reading

    with reading(database_of(project)) as connection:
        return {row["kind"] for row in connection.execute("SELECT kind FROM event")}


async def test_a_power_cut_in_a_restore_leaves_the_old_or_the_new_whole(
    lives: Zygote, ground: Path, tmp_path: Path, long: int, campaign: Callable[[str], None]
) -> None:
    project = ground / "project"
    project.mkdir()
    copy, copied, old = await backed_up(project)
    done = record(lives, project, "restore", file=str(copy), now=LATER)
    for number, image in enumerate(done.images(1, IMAGES * long)):
        found = await wrong_after_restore(image, ground / "cut", old, copied)
        assert found == [], seen(image, number, tmp_path)
    campaign(f"power cuts in a restore: {number + 1} images, seed 1")


async def test_canary_a_restore_whose_names_were_not_made_durable_is_caught(
    lives: Zygote, ground: Path
) -> None:
    project = ground / "project"
    project.mkdir()
    copy, copied, old = await backed_up(project)
    done = record(lives, project, "restore", file=str(copy), now=LATER, **NAMES_LOST)
    for image in done.images(1, 100, last=6):
        if await wrong_after_restore(image, ground / "cut", old, copied):
            return
    pytest.fail("100 power cuts in a restore without directory syncs were not noticed")


async def test_a_power_cut_in_a_backup_leaves_a_whole_copy_or_none(
    lives: Zygote, ground: Path, tmp_path: Path, long: int, campaign: Callable[[str], None]
) -> None:
    project = ground / "project"
    project.mkdir()
    _, _, now = await backed_up(project)
    done = record(lives, project, "backup", file=str(project / "new.db"), now=LATER)
    for number, image in enumerate(done.images(1, IMAGES * long)):
        shutil.rmtree(ground / "cut", ignore_errors=True)
        image.write(ground / "cut")
        made = ground / "cut" / "new.db"
        assert made.exists() or not image.facts, seen(image, number, tmp_path)
        assert not made.exists() or log_of(made).end == now, seen(image, number, tmp_path)
    campaign(f"power cuts in a backup: {number + 1} images, seed 1")
