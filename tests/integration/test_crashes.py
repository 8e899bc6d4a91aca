"""Kill -9 at any change of the disk: what was answered is there, nothing is half there, and it goes on."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.model.event import Event
from supervisor.store.database import connect_read_only, reading
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import event_of
from supervisor.testing.clock import VirtualClock
from supervisor.testing.examination import database_of, log_of, violations
from supervisor.testing.old_database import load_dump, schema_after, schema_of
from supervisor.testing.stage import STEPS
from supervisor.testing.zygote import Life, Zygote
from supervisor.transports.control.protocol import VERBS
from supervisor.transports.mcp.tools.table import TOOLS
from supervisor.workspace.state_dir import open_state
from tests.operator_calls import KILLED_ELSEWHERE, OPERATOR_CALLS, WRITES_NOTHING
from tests.team_door import SCENE_CALLS, set_scene, team_door

PROJECTS, LIVES = 10, 6
POINTS: Final = 200
OPENINGS: Final = 60
MOMENTS: Final = ("before", "half", "after")
NEVER: Final = 1_000_000

Operation = list[Any]
OPERATIONS: Final[list[tuple[Operation, tuple[Operation, ...]]]] = [
    *(
        (["call", agent, tool, more], ())
        for tool, (agent, more) in SCENE_CALLS.items()
        if TOOLS[tool].mutates
    ),
    *((["verb", verb, call.arguments], call.before) for verb, call in OPERATOR_CALLS.items()),
    *((["step", name], ()) for name in STEPS),
]
"""What is killed in its middle, and what is done before."""


def test_every_operation_that_writes_is_killed_in_its_middle() -> None:
    without_scene = {name for name, tool in TOOLS.items() if tool.mutates} - SCENE_CALLS.keys()
    assert not without_scene, f"give them a call in tests/team_door.py: {sorted(without_scene)}"
    without_call = set(VERBS) - OPERATOR_CALLS.keys() - WRITES_NOTHING - KILLED_ELSEWHERE
    assert not without_call, f"give them a call in tests/operator_calls.py: {sorted(without_call)}"


# ---------------------------------------------------------------- one operation, killed at its n-th change


@dataclass(kw_only=True)
class Scene:
    """A team in the middle of its work, as two copies on disk: closed well, and left with its journal."""

    places: dict[str, Path]
    now: float
    known: dict[str, tuple[int, tuple[int, str]]] = field(default_factory=dict)

    def lay_out(self, manner: str, project: Path) -> None:
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(self.places[manner], project)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    places = {manner: tmp_path_factory.mktemp(manner) for manner in ("closed", "cut off")}
    return asyncio.run(set_up(places))


async def set_up(places: dict[str, Path]) -> Scene:
    state = open_state(places["closed"], create=True)
    async with team_door(state.root) as door:
        await set_scene(door)
        shutil.copytree(places["closed"], places["cut off"], dirs_exist_ok=True)
        now = door.team.clock.now()
    assert not database_of(places["closed"]).with_name("coordinator.db-wal").exists()
    assert database_of(places["cut off"]).with_name("coordinator.db-wal").exists()
    return Scene(places=places, now=now)


def name_of(operation: Operation) -> str:
    """Return the name of the tool, verb or step."""
    return str(operation[2] if operation[0] == "call" else operation[1])


@dataclass(frozen=True, kw_only=True)
class Point:
    """One death: which operation, on which scene, at which of its changes."""

    number: int
    operation: Operation
    before: tuple[Operation, ...]
    manner: str
    pragmas: dict[str, str]
    watched: bool
    rng: random.Random

    def __str__(self) -> str:
        return (
            f"point {self.number}: {name_of(self.operation)}, the journal {self.manner}, "
            f"{self.pragmas}; repeat it with `pytest {Path(__file__).name} --point {self.number}`"
        )


def point(number: int) -> Point:
    rng = random.Random(number)
    operation, before = OPERATIONS[number % len(OPERATIONS)]
    return Point(
        number=number,
        operation=operation,
        before=before,
        manner=rng.choice(("closed", "cut off")),
        pragmas=rng.choice(({}, {"wal_autocheckpoint": "1"})),
        watched=rng.random() < 0.25,
        rng=rng,
    )


def unharmed(lives: Zygote, scene: Scene, at: Point, project: Path) -> tuple[int, tuple[int, str]]:
    """Return how many changes the operation makes when nobody kills it, and how the log ends then."""
    what = f"{at.operation} {at.manner} {at.pragmas}"
    if what not in scene.known:
        scene.lay_out(at.manner, project)
        order = {"operation": at.operation, "before": at.before, "now": scene.now, "pragmas": at.pragmas}
        _, facts = lives.run("operation", project, nth=NEVER, **order)
        scene.known[what] = (facts[-1]["count"], (facts[-1]["seq"], facts[-1]["hash"]))
    return scene.known[what]


async def verdict(
    lives: Zygote, scene: Scene, at: Point, project: Path, fault: str = ""
) -> tuple[list[str], str]:
    """Kill the operation at one of its changes; say what is wrong then, and where it died."""
    count, after = unharmed(lives, scene, at, project)
    nth, moment = at.rng.randrange(1, max(count, 1) + 1), at.rng.choice(MOMENTS)
    scene.lay_out(at.manner, project)
    reader = connect_read_only(database_of(project)) if at.watched else None
    if reader is not None:
        reader.execute("SELECT count(*) FROM event").fetchone()
    order = {"operation": at.operation, "before": at.before, "now": scene.now, "pragmas": at.pragmas}
    killed, facts = lives.run("operation", project, nth=nth, moment=moment, fault=fault, **order)
    before = (facts[0]["seq"], facts[0]["hash"])
    end = log_of(database_of(project)).end
    found = []
    if killed and end not in {before, after}:
        found.append(f"the log ends at {end[0]}: neither as before ({before[0]}) nor as after ({after[0]})")
    acknowledged = [{"seq": fact["seq"], "hash": fact["hash"]} for fact in facts]
    found += await violations(project, acknowledged, VirtualClock(now=scene.now))
    if reader is not None:
        reader.close()
    return found, f"{at}, killed {moment} change {nth} of {count}"


async def test_an_operation_killed_at_any_change_is_done_whole_or_not_at_all(
    lives: Zygote,
    scene: Scene,
    ground: Path,
    points: Callable[[int], range],
    campaign: Callable[[str], None],
) -> None:
    done: Counter[str] = Counter()
    for number in points(POINTS):
        at = point(number)
        found, where = await verdict(lives, scene, at, ground / "project")
        assert found == [], where
        done[name_of(at.operation)] += 1
    campaign(f"kill -9 in an operation: {done.total()} points in {len(done)} operations, seeds 0-{number}")


async def test_canary_an_answer_before_the_commit_is_caught(
    lives: Zygote, scene: Scene, ground: Path
) -> None:
    assert await caught(lives, scene, ground, "told before the commit")


async def test_canary_an_event_outside_the_transaction_is_caught(
    lives: Zygote, scene: Scene, ground: Path
) -> None:
    assert await caught(lives, scene, ground, "event apart")


async def caught(lives: Zygote, scene: Scene, ground: Path, fault: str) -> int | None:
    """Return after how many points a faulty writer was noticed."""
    for number in range(100):
        if (await verdict(lives, scene, point(number), ground / "project", fault))[0]:
            return number + 1
    return None


# ---------------------------------------------------------------- random work, killed anywhere


def after_some_answers(lives: Zygote, project: Path, seed: int, rng: random.Random) -> list[Any]:
    """Let it work for a while, so that the kill falls anywhere, also between two changes."""
    life = lives.begin("life", project, seed=seed, pragmas={"wal_autocheckpoint": "20"})
    life.go()
    life.hear(rng.randrange(60))
    time.sleep(rng.random() * 0.004)
    return life.kill()


def at_a_change(lives: Zygote, project: Path, seed: int, rng: random.Random) -> list[Any]:
    """Let it die at one of its first changes, those of its opening included."""
    order = {"seed": seed, "nth": rng.randrange(1, 400), "moment": rng.choice(MOMENTS)}
    killed, facts = lives.run("life", project, pragmas={"wal_autocheckpoint": "20"}, **order)
    assert killed
    return facts


WAYS: Final = (after_some_answers, at_a_change)


async def test_whatever_was_answered_survives_any_kill_and_the_next_start_goes_on(
    lives: Zygote, ground: Path, long: int, campaign: Callable[[str], None]
) -> None:
    points = answers = 0
    for number in range(PROJECTS * long):
        rng, acknowledged = random.Random(number), []
        project = ground / f"p{number}"
        project.mkdir()
        for turn in range(LIVES):
            acknowledged += WAYS[points % 2](lives, project, number * LIVES + turn, rng)
            assert await violations(project, acknowledged) == [], f"project {number}, life {turn}"
            points += 1
        answers += len(acknowledged)
        shutil.rmtree(project)
    assert answers > points * 5
    campaign(f"kill -9 in random work: {points} points, {answers} answers, seeds 0-{PROJECTS * long - 1}")


@pytest.mark.parametrize("fault", ["told before the commit", "event apart"])
async def test_canary_a_writer_that_breaks_its_promise_is_caught(
    lives: Zygote, ground: Path, fault: str
) -> None:
    rng = random.Random(7)
    for number in range(40):
        project = ground / f"p{number}"
        project.mkdir()
        life = lives.begin("life", project, seed=number, fault=fault)
        life.go()
        life.hear(rng.randrange(5, 40))
        if await violations(project, life.kill()):
            return
    pytest.fail("40 kills of a faulty writer were not noticed")


async def test_after_a_kill_nothing_is_shown_as_running(lives: Zygote, ground: Path) -> None:
    acknowledged = []
    for seed, answers in ((1, 60), (2, 1)):
        life: Life = lives.begin("life", ground, seed=seed)
        life.go()
        life.hear(answers)
        acknowledged += life.kill()
    with reading(database_of(ground)) as connection:
        rows = connection.execute(QUERIES["event.since"], {"since": 0, "limit": 10**9}).fetchall()
    freed: list[Event] = [event_of(row) for row in rows if "engine died" in row["reason"]]
    assert {event.kind for event in freed} >= {"agent.backoff"}
    assert await violations(ground, acknowledged) == []


def test_a_life_that_is_not_told_to_begin_does_nothing(lives: Zygote, ground: Path) -> None:
    assert lives.begin("life", ground, seed=1).kill() == []
    assert list(ground.iterdir()) == []


# ---------------------------------------------------------------- creation and migration

FIRST_SCHEMA: Final = Path(__file__).with_name("first_schema.sql")
WHEN: Final = 1_700_001_000.0


def old_project(project: Path) -> None:
    """Lay out a project whose database is of the first schema, in the middle of a run."""
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    load_dump(FIRST_SCHEMA, open_state(project, create=True).database, version=1)


def new_project(project: Path) -> None:
    """Lay out a project that has no database yet."""
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    open_state(project, create=True)


async def opened_at(
    lives: Zygote, project: Path, number: int, lay_out: Callable[[Path], None], fault: str = ""
) -> tuple[list[str], str]:
    """Kill an opening at one of its changes; say what is wrong then, and where it died."""
    rng = random.Random(number)
    lay_out(project)
    _, facts = lives.run("opening", project, nth=NEVER, fault=fault)
    count = facts[-1]["count"]
    lay_out(project)
    had = log_of_rows(project)
    nth, moment = rng.randrange(1, count + 1), rng.choice(MOMENTS)
    lives.run("opening", project, nth=nth, moment=moment, fault=fault)
    found = []
    if database_of(project).exists():
        version, schema = schema_of(database_of(project))
        if schema != schema_after(version):
            found.append(f"the schema is not that of version {version}")
    found += await violations(project, had, VirtualClock(now=WHEN))
    return found, f"{lay_out.__name__}, point {number}, killed {moment} change {nth} of {count}"


def log_of_rows(project: Path) -> list[dict[str, Any]]:
    """Return the events of a database of any version as facts that must stay."""
    if not database_of(project).exists():
        return []
    with closing(connect_read_only(database_of(project))) as connection:
        return [dict(row) for row in connection.execute("SELECT seq, hash FROM event")]


async def test_a_creation_or_migration_killed_at_any_change_is_completed_by_the_next_start(
    lives: Zygote, ground: Path, points: Callable[[int], range], campaign: Callable[[str], None]
) -> None:
    done = 0
    for number in points(OPENINGS):
        lay_out = (old_project, new_project)[number % 3 == 0]
        found, where = await opened_at(lives, ground / "project", number, lay_out)
        assert found == [], where
        done += 1
    campaign(f"kill -9 in creation and migration: {done} points, seeds 0-{number}")


async def test_canary_a_migration_outside_a_transaction_is_caught(lives: Zygote, ground: Path) -> None:
    for number in range(100):
        found, _ = await opened_at(
            lives, ground / "project", number, old_project, "migration outside a transaction"
        )
        if found:
            return
    pytest.fail("100 kills of a migration in pieces were not noticed")
