"""Who is in the team: agents come, go, and take over each other's names, while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from supervisor.errors import WrongState
from supervisor.supervision.branch import Branch
from supervisor.supervision.breaker import Breaker
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.notices import Order
from supervisor.supervision.pool import Pool
from supervisor.supervision.slot import Slot
from supervisor.supervision.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Successor:
    """Who takes a name over once its former owner is gone."""

    child: ChildSpec
    at_rest: bool = False


class Roster:
    """Holds the slots by name, and runs them and the branches. A name has one owner at a time."""

    def __init__(
        self,
        tree: Tree,
        breaker: Breaker,
        *,
        slot_for: Callable[[ChildSpec, Pool], Slot],
        note: Callable[[str], None],
    ) -> None:
        """Begin with nobody; `note` is called, with "", when somebody has come or gone."""
        self.slots: dict[str, Slot] = {}
        self.is_closed = False
        self._tree = tree
        self._breaker = breaker
        self._slot_for = slot_for
        self._note = note
        self._tasks: asyncio.TaskGroup | None = None
        self._successors: dict[str, _Successor] = {}
        self._running: set[Branch] = set()

    @property
    def has_begun(self) -> bool:
        """Tell whether slots and branches run."""
        return self._tasks is not None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Run everybody in this task group from now on."""
        self._tasks = tasks
        self._run_branches(tasks)
        for slot in tuple(self.slots.values()):
            self._run(slot, tasks)

    def add(self, child: ChildSpec) -> None:
        """Take an agent in, now or when a leaving owner of its name is gone."""
        former = self.slots.get(child.name)
        if former is None:
            self.take_in(child)
        elif former.leaving:
            self._successors[child.name] = _Successor(child=child)
        else:
            raise WrongState(f"{child.name} is in the team already")

    def follow(self, children: Sequence[ChildSpec], *, changed: Collection[str]) -> None:
        """Be those of a new plan; the tree is laid out for it already."""
        if self._tasks is not None:
            self._run_branches(self._tasks)
        plan = {child.name: child for child in children}
        for name, slot in tuple(self.slots.items()):
            if name in plan:
                self._become(slot, plan[name], changed=name in changed)
            else:
                self.dismiss(slot, Order.QUIT)
        for name, child in plan.items():
            if name not in self.slots:
                self.take_in(child)

    def dismiss(self, slot: Slot, order: Order) -> None:
        """Let an agent go, and nobody take its name."""
        self._successors.pop(slot.spec.name, None)
        slot.order(order)
        if self._tasks is None:
            self._forget(slot)

    def take_in(self, child: ChildSpec) -> Slot:
        """Give a name that is free to an agent, which runs if the others do."""
        slot = self._tree.take_in(lambda pool: self._slot_for(child, pool), child)
        self.slots[child.name] = slot
        self._breaker.resize(len(self.slots))
        if self._tasks is not None:
            self._run_branches(self._tasks)
            self._run(slot, self._tasks)
        self._note("")
        return slot

    def _become(self, slot: Slot, child: ChildSpec, *, changed: bool) -> None:
        """Replace the owner of a name, if it is to be another."""
        if not slot.leaving and not changed and slot.spec == replace(child, branch=slot.spec.branch):
            slot.spec = child
            return
        former = self._successors.get(child.name)
        at_rest = slot.stays_down or (former is not None and former.at_rest)
        self.dismiss(slot, Order.QUIT)
        if child.name in self.slots:
            self._successors[child.name] = _Successor(child=child, at_rest=at_rest)
        else:
            self.take_in(child)

    def _run_branches(self, tasks: asyncio.TaskGroup) -> None:
        for branch in self._tree.downwards():
            if branch not in self._running:
                self._running.add(branch)
                tasks.create_task(self._live_branch(branch), name=f"branch {branch.name}")

    async def _live_branch(self, branch: Branch) -> None:
        await branch.run()
        self._running.discard(branch)

    def _run(self, slot: Slot, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._live(slot), name=f"slot {slot.spec.name}")

    async def _live(self, slot: Slot) -> None:
        await slot.run()
        if slot.leaving and not self.is_closed:
            self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        name = slot.spec.name
        del self.slots[name]
        self._tree.let_go(slot)
        self._breaker.resize(len(self.slots))
        self._note("")
        successor = self._successors.pop(name, None)
        if successor is not None:
            self.take_in(successor.child).succeed(slot, at_rest=successor.at_rest)
