"""The planner: looks at the tree, writes the inventory to memory, makes the tasks, and is done."""

from __future__ import annotations

import os
from typing import Any

from agent import read_mail, run, say
from coordinator import Tools
from findings import dump
from plan import Template, inventory_of, survey_plan
from spelling import clipped
from tree import Tree, list_tree

INVENTORY = "inventory"
SKIPPED = "skipped"


async def plan_survey(tools: Tools) -> None:
    """Make every task of the survey once, however often the planner is started."""
    me = await tools.call("whoami")
    await read_mail(tools)
    project = os.fsencode(me["project"])
    tree = list_tree(project)
    inventory = inventory_of(tree)
    plan = survey_plan(inventory)
    say(f"{inventory['files']} files; {len(plan.templates)} tasks; skipped: {plan.skipped or 'nothing'}")
    await tools.call("memory_set", key=INVENTORY, value=dump(inventory))
    await tools.call("memory_set", key=SKIPPED, value=dump(plan.skipped))
    known = await _known(tools, int(me["run"]))
    for template in plan.templates:
        if template.label not in known:
            known[template.label] = await _create(tools, template, known, int(me["run"]))
    await _announce(tools, tree, plan.templates, int(me["run"]))


async def _known(tools: Tools, run_number: int) -> dict[str, str]:
    """Return the tasks of this run that are made already, by label."""
    known: dict[str, str] = {}
    after: dict[str, str] = {}
    while True:
        page = await tools.call("task_list", tag="survey", **after)
        for task in page["tasks"]:
            labels = [tag for tag in task["tags"] if tag != "survey"]
            if task["run"] == run_number and labels:
                known.setdefault(labels[0], task["id"])
        if not page.get("next"):
            return known
        after = {"after": page["next"]}


async def _create(tools: Tools, template: Template, known: dict[str, str], run_number: int) -> str:
    answer = await tools.call(
        "task_create",
        title=template.title,
        description=template.description,
        priority=template.priority,
        tags=["survey", template.label],
        criteria=list(template.criteria),
        depends_on=[known[label] for label in template.needs if label in known],
        review=True,
        idempotency_key=f"run-{run_number}-{template.label}",
    )
    task: dict[str, Any] = answer["task"]
    say(f"{task['id']}: {template.title}")
    return str(task["id"])


async def _announce(tools: Tools, tree: Tree, templates: tuple[Template, ...], run_number: int) -> None:
    what = (
        f"{len(tree.entries)} files of {clipped(os.path.basename(tree.root), 80)}"
        if tree.entries
        else "an empty tree"
    )
    body = f"Surveying {what} in {len(templates)} tasks. The report asks for leave before it is written."
    await tools.call(
        "message_send",
        to="human",
        body=body,
        idempotency_key=f"run-{run_number}-announce",
    )


if __name__ == "__main__":
    run(plan_survey)
