"""The tree of a team: its branches and pools in their order, laid out anew when the plan changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from supervisor.clock import Clock
from supervisor.errors import NotFound
from supervisor.model.branch import ROOT_BRANCH, BranchSpec
from supervisor.supervision.branch import Branch, Child
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.dependencies import Dependencies
from supervisor.supervision.pool import Pool
from supervisor.supervision.slot import Slot

_LAST: Final = 1_000_000


class Tree:
    """Holds the nodes by name; `top` is above all. Nothing happens in it before its branches run."""

    def __init__(self, *, clock: Clock, rng: random.Random, note: Callable[[str], None]) -> None:
        """Begin empty; `note` is called when an agent may have changed, with "" when any may have."""
        self.branches: dict[str, Branch] = {}
        self.pools: dict[str, Pool] = {}
        self.dependencies = Dependencies(self._agents_of)
        self._clock = clock
        self._rng = rng
        self._note = note
        self._ranks: dict[str, int] = {}
        self._specs: dict[str, BranchSpec] = {}

    @property
    def top(self) -> Branch:
        """Return the team's own branch."""
        return self.branches[ROOT_BRANCH]

    # ------------------------------------------------------------ laying out

    def lay_out(self, top: BranchSpec, branches: Sequence[BranchSpec], pools: Mapping[str, str]) -> None:
        """Make the tree what the plan says; `pools` names the branch of each pool, in start order.

        What is there already stays what it is, at its new place. A pool that is not in the plan stays,
        as the last, until its agents are gone.
        """
        self._specs = {ROOT_BRANCH: top} | {branch.name: branch for branch in branches}
        for name in (*(spec.under for spec in self._specs.values()), *pools.values()):
            if name not in self._specs:
                raise NotFound(f"no branch of this team is called `{name[:70]}`")
        for name in self.branches.keys() - self._specs.keys():
            self.branches.pop(name).seal()
        for name, spec in self._specs.items():
            if name not in self.branches:
                self.branches[name] = Branch(spec, clock=self._clock, rng=self._rng, note=self._branch_moved)
        self._ranks = {name: rank for rank, name in enumerate(pools)}
        for name, branch in pools.items():
            self._pool(name).branch = self.branches[branch]
        for pool in tuple(self.pools.values()):
            if pool.name not in pools:
                pool.branch = self.branches.get(pool.branch.name, self.top)
                self._drop_if_left(pool)
        self._arrange()

    def take_in(self, slot_of: Callable[[Pool], Slot], spec: ChildSpec) -> Slot:
        """Give an agent its place, as the last of its pool; a pool that is new is the last of all."""
        if spec.pool not in self.pools:
            if spec.branch not in self.branches:
                raise NotFound(f"no branch of this team is called `{spec.branch[:70]}`")
            self._pool(spec.pool).branch = self.branches[spec.branch]
            self._arrange()
        pool = self.pools[spec.pool]
        slot = slot_of(pool)
        pool.slots[spec.name] = slot
        if pool.branch.is_closed:
            slot.take_down(why=f"{pool.branch.words} is over", again=False)
        return slot

    def let_go(self, slot: Slot) -> None:
        """Forget an agent that has ended, and its pool if that is in no plan and was left by all."""
        pool = self.pools[slot.spec.pool]
        del pool.slots[slot.spec.name]
        self._drop_if_left(pool)
        pool.moved(slot.spec.name)

    def _pool(self, name: str) -> Pool:
        if name not in self.pools:
            self.pools[name] = Pool(name, self.top, note=self._pool_moved)
        return self.pools[name]

    def _drop_if_left(self, pool: Pool) -> None:
        if not pool.slots and pool.name not in self._ranks:
            del self.pools[pool.name]
            self._arrange()

    def _arrange(self) -> None:
        """Put the children of each branch in start order: a branch stands where its first pool does."""
        ranked = sorted(self.pools.values(), key=lambda pool: self._ranks.get(pool.name, _LAST))
        under: dict[str, list[Child]] = {name: [] for name in self._specs}
        for pool in ranked:
            child: Child = pool
            branch = pool.branch.name
            while child not in under[branch]:
                under[branch].append(child)
                if branch != ROOT_BRANCH:
                    child, branch = self.branches[branch], self._specs[branch].under
        for name, spec in self._specs.items():
            if name != ROOT_BRANCH and self.branches[name] not in under[spec.under]:
                under[spec.under].append(self.branches[name])
        for name, spec in self._specs.items():
            above = None if name == ROOT_BRANCH else self.branches[spec.under]
            self.branches[name].rearrange(spec, above, under[name])

    # ------------------------------------------------------------ orders of the tree

    def downwards(self) -> list[Branch]:
        """List the branches, each before those below it, in start order."""
        return _downwards(self.top)

    def stop_order(self) -> list[Pool]:
        """List the pools in reverse start order, but those that depend on one before it."""
        started: list[Pool] = []
        seen: set[str] = set()

        def start(pool: Pool) -> None:
            if pool.name not in seen:
                seen.add(pool.name)
                for want in pool.depends_on:
                    if want.pool in self.pools:
                        start(self.pools[want.pool])
                started.append(pool)

        for pool in self._pools_below(self.top):
            start(pool)
        return started[::-1]

    def _pools_below(self, branch: Branch) -> list[Pool]:
        pools: list[Pool] = []
        for child in branch.children:
            if isinstance(child, Branch):
                pools.extend(self._pools_below(child))
            else:
                pools.append(self.pools[child.name])
        return pools

    # ------------------------------------------------------------ what moves

    def _agents_of(self, pool: str) -> list[Slot]:
        if pool not in self.pools:
            return []
        return [slot for slot in self.pools[pool].slots.values() if not slot.leaving]

    def _pool_moved(self, pool: Pool, agent: str) -> None:
        self.dependencies.changed(pool.name)
        self._note(agent)

    def _branch_moved(self, branch: Branch) -> None:
        """Hear that a branch changed its mode: what rests in it may not be at rest any more, or be so now."""
        for pool in self._pools_below(branch):
            self.dependencies.changed(pool.name)
        self._note("")


def _downwards(branch: Branch) -> list[Branch]:
    below = [child for child in branch.children if isinstance(child, Branch)]
    return [branch, *(each for child in below for each in _downwards(child))]
