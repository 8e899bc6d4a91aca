"""A goal in words, as the beginning of a team's work: for who plans, else for who works alone."""

from __future__ import annotations

from typing import Final

from supervisor.coordinator import messages, planning
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.agent import Role
from supervisor.model.message import MessageKind
from supervisor.model.task import TITLE_MAX

PLANNERS: Final = (Role.PLANNER, Role.ORCHESTRATOR)
WORKERS: Final = (Role.SOLO, Role.WORKER)


def set_goal(scope: Scope, goal: str) -> str:
    """Give the team a goal; return who has it.

    Who plans claims no tasks: it gets the goal as a message from the person, and makes tasks of it. In
    a team without a planner it is a task itself.
    """
    words = goal.strip()
    if not words:
        raise InvalidArgument("the goal says nothing; write what is to be reached")
    for role in PLANNERS:
        for pool in scope.team.pools:
            if pool.role is role and pool.first_names:
                name = pool.first_names[0]
                body = f"The goal: {words}\n\nMake the tasks that reach it, for the others to work on."
                messages.send(scope, None, to=name, body=body, kind=MessageKind.TASK)
                return name
    roles = [each for each in WORKERS if any(pool.role is each for pool in scope.team.pools)]
    if not roles:
        raise InvalidArgument("nobody of this team can take a goal: it has no planner, no solo, no worker")
    title = words.splitlines()[0].encode()[:TITLE_MAX].decode(errors="ignore")
    wanted = NewTask(title=title, description=words, required_role=roles[0].value)
    return str(planning.create_task(scope, None, wanted).id)
