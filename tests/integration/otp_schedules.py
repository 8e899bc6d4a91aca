"""Random teams and random schedules of what befalls them; a schedule that fails is made shorter."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from tests.integration.otp_machine import DONE, ORDERS, LeftToChance, Step, Team, World
from tests.integration.otp_teams import random_team

STEPS: Final = 60

WEIGHTS: Final[dict[str, int]] = {
    "ready": 20,
    "ready all": 14,
    "exit": 14,
    "crash": 16,
    "wait": 16,
    "due": 16,
    "restart": 6,
    "stop": 4,
    "kill": 3,
    "pause": 6,
    "resume": 5,
    "drain": 3,
    "drained": 3,
    "disobey": 5,
    "obey": 2,
    "leave remains": 4,
    "clear remains": 5,
    "fail permanent": 1,
    "fail once more": 2,
    "fail kit": 2,
    "fail ": 5,
    "hold kits": 2,
    "give kits": 4,
    "hold reports": 2,
    "take reports": 4,
    "jump": 4,
    "ready wrong": 2,
    "line": 2,
    "condemn rate_limited": 2,
    "condemn auth": 1,
    "condemn watchdog": 2,
    "condemn stalled": 1,
    "retire": 1,
    "add": 2,
    "stop all": 1,
}
VERBS: Final = tuple(WEIGHTS)
NUMBERS: Final[dict[str, tuple[float, ...]]] = {
    "exit": (0, 0, 1, 1, 3, 75),
    "wait": (0.125, 1, 2, 5, 12, 31, 65, 130, 400, 1000),
    "ready wrong": (-1, 1),
    "line": (0, 0, -1),
    "condemn rate_limited": (0.5, 8, 40, -8),
    "condemn auth": (1, -1),
    "condemn watchdog": (1, 1, -1),
    "condemn stalled": (1, -1),
}


STORIES: Final[tuple[tuple[tuple[str, float], ...], ...]] = (
    (("ready", 0), ("drain", 0), ("pause", 0), ("resume", 0), ("drained", 0)),
    (("ready", 0), ("condemn rate_limited", 40), ("due", 0), ("due", 0), ("due", 0)),
    (("leave remains", 0), ("crash", 0), ("wait", 12), ("clear remains", 0), ("wait", 12)),
    (("ready all", 0), ("condemn auth", 1), ("wait", 31), ("ready all", 0)),
    (("ready all", 0), ("exit", 0), ("crash next", 0), ("due", 0), ("due", 0)),
    (("ready all", 0), ("line", 0), ("crash", 0), ("due", 0), ("line", -1), ("due", 0), ("restart", 0)),
    (*(("crash", 0.0), ("wait", 65.0)) * 2, ("ready all", 0)),
    (*(("crash all", 0.0), ("due", 0), ("due", 0)) * 3, ("wait", 65), ("ready all", 0), ("wait", 5)),
    (("ready all", 0), ("wait", 31), ("crash all", 0), ("due", 0), ("ready all", 0)),
    (("ready all", 0), ("condemn auth", 1), *(("crash next", 0.0), ("due", 0.0)) * 4, ("due", 0)),
    (
        ("ready all", 0),
        ("condemn auth", 1),
        *(("crash all", 0.0), ("due", 0.0), ("due", 0.0)) * 3,
        ("wait", 65),
    ),
    (("retire", 0), ("exit", 0), *(("crash next", 0.0), ("due", 0.0)) * 3, ("add", 0), ("wait", 5)),
    (("ready", 0), ("drain", 0), ("wait", 1000)),
    (("line", 0), ("crash", 0), ("due", 0), ("due", 0), ("line", -1), ("restart next", 0)),
    (("disobey", 0), ("stop", 0), ("restart next", 0), ("restart", 0), ("exit", 0)),
)
"""What befalls an agent in a row: chance alone seldom gets that far."""


SECONDS: Final = tuple(order for order in ORDERS if order not in {"kill", "pause", "retire"})
"""What may be ordered in the same moment as something else; what these find then is left to chance."""


class Schedule:
    """One random team and what happens to it, chosen step by step; the same for the same seed."""

    def __init__(self, seed: int | str) -> None:
        self.rng = random.Random(f"schedule {seed}")
        self.team = random_team(self.rng)
        self.names = [child.name for child in self.team.children]
        self.focus = self.rng.choice(self.names)

    def steps(self) -> list[Step]:
        """Choose all steps beforehand."""
        steps: list[Step] = []
        length = self.rng.randint(5, STEPS)
        while len(steps) < length:
            if self.rng.random() < 0.1:
                steps += self._story()
                continue
            verb = self.rng.choices(VERBS, tuple(WEIGHTS.values()))[0]
            steps.append((verb, self._whom(), self.rng.choice(NUMBERS.get(verb, (0,)))))
            if verb in {"exit", "crash"} and self.rng.random() < 0.15:
                steps[-1:] = [(f"{verb} {self.rng.choice(('both', 'all'))}", *steps[-1][1:])]
            if verb in ORDERS and self.rng.random() < 0.15:
                steps[-1:] = [(f"{verb} & {self.rng.choice(SECONDS)}", *steps[-1][1:])]
            if verb == "retire" and self.rng.random() < 0.7:
                steps[-1:] = [("disobey", steps[-1][1], 0.0), *steps[-1:], ("add", steps[-1][1], 0.0)]
        return steps

    def _story(self) -> list[Step]:
        whom = self._whom()
        after = self.names[(self.names.index(whom) + 1) % len(self.names)]
        return [
            (verb.removesuffix(" next"), after if verb.endswith(" next") else whom, number)
            for verb, number in self.rng.choice(STORIES)
        ]

    def _whom(self) -> str:
        if self.rng.random() < 0.1:
            self.focus = self.rng.choice(self.names)
        return self.focus if self.rng.random() < 0.5 else self.rng.choice(self.names)


async def live_through(team: Team, steps: Iterable[Step]) -> None:
    """Do everything to a team, compare after each step, and stop it in the end."""
    world = World(team)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.supervisor.run())
        await world.settle()
        for verb, named, number in steps:
            DONE["steps"] += 1
            name = world.aim(verb, named)
            if verb == "wait":
                await world.wait(number)
            elif verb == "due":
                await world.wait(world.until_due)
            elif verb == "stop all":
                await world.stop(tasks)
            elif " & " in verb:
                for order in verb.split(" & "):
                    world.do(order, name, number)
                await world.settle()
            elif verb.endswith((" both", " all")):
                what, whom = verb.split()
                await world.do_at_once(what, whom, name, number)
            else:
                world.do(verb, name, number)
                await world.settle()
            assert world.plain.over or not running.done(), "the team ended without an order"
        await world.finish(tasks)
        assert running.done(), "the team does not end"


class Failed(AssertionError):
    """A schedule that did not go as the model says, as short as it could be made."""


def fails(runner: asyncio.Runner, team: Team, steps: list[Step]) -> Exception | None:
    """Play a schedule, and give what went wrong."""
    try:
        runner.run(live_through(team, steps))
    except Exception as error:  # noqa: BLE001 - whatever it breaks down with is a finding
        if not isinstance(cause_of(error), LeftToChance):
            return error
        DONE["left to chance"] += 1
    return None


def cause_of(error: Exception) -> Exception:
    """Give what stands behind an exception that passed task groups."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def shrunk(runner: asyncio.Runner, team: Team, steps: list[Step]) -> list[Step]:
    """Cut a failing schedule to its shortest prefix, then leave out what it does not need."""
    least, most = 0, len(steps)
    while least < most:
        half = (least + most) // 2
        least, most = (least, half) if fails(runner, team, steps[:half]) else (half + 1, most)
    steps = steps[:most]
    at = len(steps)
    while at:
        at -= 1
        shorter = steps[:at] + steps[at + 1 :]
        if fails(runner, team, shorter):
            steps = shorter
    return steps


def play(numbers: Iterable[int], *, shrink: bool = True) -> None:
    """Play the schedules of these numbers; raise for the first that fails."""
    with asyncio.Runner() as runner:
        for number in numbers:
            DONE["schedules"] += 1
            schedule = Schedule(number)
            steps = schedule.steps()
            error = fails(runner, schedule.team, steps)
            if error is None:
                continue
            if shrink:
                steps = shrunk(runner, schedule.team, steps)
                error = fails(runner, schedule.team, steps) or error
            raise Failed(story(number, schedule.team, steps, error)) from error


def shown(spec: Any) -> str:
    """Say of a spec what is not as usual."""
    usual = type(spec)(**{name: getattr(spec, name) for name in ("name", "pool") if hasattr(spec, name)})
    names = [each.name for each in fields(spec)]
    parts = [f"{each}={getattr(spec, each)}" for each in names if getattr(spec, each) != getattr(usual, each)]
    return f"{spec.name or 'the top'}: {', '.join(parts)}"


def story(number: int, team: Team, steps: list[Step], error: Exception) -> str:
    """Tell a failing schedule."""
    specs = "\n".join(
        f"  {shown(spec)}" for spec in (team.top, *team.branches, *team.children, *team.restored)
    )
    what = "\n".join(f"  {verb}, {name}, {number:g}" for verb, name, number in steps)
    return f"schedule {number}: {cause_of(error)!r}\n{specs}\n{what}"
