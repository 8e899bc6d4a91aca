"""Files of tasks on their way to the engine: whom each task is for, what came of pushing it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.cli.output import note, say
from supervisor.errors import InvalidArgument
from supervisor.model.milestone import Milestone

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View
    from supervisor.config.planned import Planned, PlannedTask
    from supervisor.model.task import Task

KEY_MAX: Final = 100
"""How many bytes a milestone's key may have."""

_AS_THEY_ARE: Final = (
    "key",
    "title",
    "description",
    "priority",
    "parent",
    "order",
    "wave",
    "complexity",
    "review",
)
_LISTS: Final = ("tags", "criteria", "depends_on")


def key_of_file(path: Path, project: Path) -> str:
    """Return the key under which a file's milestone is pushed: its path below the project, else its name."""
    place = path.resolve()
    key = str(place.relative_to(project)) if place.is_relative_to(project) else place.name
    if len(key.encode()) > KEY_MAX:
        key = f"{key.encode()[-60:].decode(errors='ignore')}#{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return key


def milestone_of(seen: View, key: str) -> Milestone | None:
    """Return the milestone of the current run that was pushed under a key."""
    of_run = (each for each in seen.world.milestones.values() if each.run == seen.world.run)
    return next((each for each in of_run if each.key == key), None)


def tasks_of(seen: View, milestone: Milestone | None) -> dict[str, Task]:
    """Return the tasks of a milestone by their keys."""
    if milestone is None:
        return {}
    return {each.key: each for each in seen.world.run_tasks() if each.milestone == milestone.id and each.key}


def plan_args(planned: Planned, seen: View, *, keep: Collection[str] = (), **more: Any) -> dict[str, Any]:
    """Spell a plan as the engine takes it; raise PlanInvalid if a task is for nobody.

    What the file calls finished is left out, unless its key is in `keep`.
    """
    from supervisor.cli.addressees import Addressees
    from supervisor.config.planned import Findings
    from supervisor.model.wire import to_wire

    team, findings = Addressees(seen.world.agents.values(), seen.engine), Findings(planned.shown_as)
    tasks = []
    for task in planned.without_met(keep=keep):
        wanted = {
            name: getattr(task, name) for name in _AS_THEY_ARE if getattr(task, name) not in (None, "", 0)
        }
        wanted |= {name: list(getattr(task, name)) for name in _LISTS if getattr(task, name)}
        if task.checks:
            wanted["checks"] = to_wire(task.checks)
        tags = list(task.required_tags)
        if task.whom is not None:
            try:
                meant = team.meant_by(task.whom)
            except InvalidArgument as error:
                findings.add(task.line, error.message)
                continue
            tags += meant.pop("required_tags", [])
            wanted |= meant
        if tags:
            wanted["required_tags"] = list(dict.fromkeys(tags))
        tasks.append(wanted | ({"track": task.track} if task.track else {}))
    findings.settle()
    return {"name": planned.name, "goal": planned.goal, "tasks": tasks, **more}


def unassigned(planned: Planned) -> Planned:
    """Return the plan with everything for anybody: for looking at it where no team is known."""
    tasks: tuple[PlannedTask, ...] = tuple(replace(each, whom=None) for each in planned.tasks)
    return replace(planned, tasks=tasks)


def show_pushed(pushed: dict[str, Any], planned: Planned, *, rehearsed: bool) -> None:
    """Tell line by line what pushing did, or would do."""
    titles = {task.key: task.title for task in planned.tasks}
    words = {
        "created": "would create" if rehearsed else "created",
        "updated": "would update" if rehearsed else "updated",
    }
    for what, word in words.items():
        for key, task in pushed[what].items():
            number = "" if rehearsed and what == "created" else f"{task} "
            say(f"{word} {number}{key}  {titles.get(key, '')}".rstrip())
    for key, why in pushed["conflicts"].items():
        say(f"conflict {key}: {why}")
    for key in pushed["only_here"]:
        say(f"only in the team, no longer in the file: {key}")
    met = [task.key for task in planned.tasks if task.is_met]
    changed = sum(len(pushed[what]) for what in words)
    counts = f"{len(pushed['unchanged'])} unchanged, {len(pushed['conflicts'])} conflicts"
    left_out = f", {len(met)} finished in the file" if met else ""
    milestone = pushed["milestone"]
    name = "a new milestone" if rehearsed and not _is_known(pushed) else milestone["id"]
    note(
        f"{name} {milestone['name']}: {changed} {'to change' if rehearsed else 'changed'}, {counts}{left_out}"
    )


def _is_known(pushed: dict[str, Any]) -> bool:
    """Tell whether the milestone was there before: one that is new has nothing but new tasks."""
    return any(pushed[what] for what in ("updated", "unchanged", "conflicts", "only_here"))
