"""A pool in the tree: the slots of its agents, behind one gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from supervisor.model.agent import AgentState
from supervisor.model.branch import Dependency
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.gate import Gate
from supervisor.supervision.notices import Order
from supervisor.supervision.slot import Slot

if TYPE_CHECKING:
    from supervisor.supervision.branch import Branch


class Pool:
    """A child of a branch. One with several agents is a `simple_one_for_one`: each for itself, all at once.

    It is the place of its slots: what they tell goes on to the branch.
    """

    def __init__(self, name: str, branch: Branch, *, note: Callable[[Pool, str], None]) -> None:
        """Begin with nobody, behind a shut gate; `note` is called whenever an agent may have changed."""
        self.name = name
        self.branch = branch
        self.gate = Gate()
        self.slots: dict[str, Slot] = {}
        self._note = note

    # ------------------------------------------------------------ a slot's place

    @property
    def words(self) -> str:
        """Name the branch, for people."""
        return self.branch.words

    @property
    def in_motion(self) -> bool:
        """Tell whether the branch may soon start what rests in it."""
        return self.branch.in_motion

    @property
    def is_closed(self) -> bool:
        """Tell whether the branch is over, or about to be."""
        return self.branch.is_closed

    def moved(self, agent: str) -> None:
        """Hear that the slot of this agent has read its mail, or that it is over."""
        self._note(self, agent)
        self.branch.poke()

    def may_restart(self, *, counts: bool) -> bool:
        """Ask the branch, if the agent is itself its child."""
        return self.is_simple or self.branch.may_restart(self, counts=counts)

    def gave_up(self, agent: str) -> None:
        """Tell the branch."""
        self.branch.gave_up(self, agent)

    def finished(self, spec: ChildSpec) -> None:
        """Tell the branch, if it may end with this agent."""
        if spec.significant:
            self.branch.finished(spec.name)

    # ------------------------------------------------------------ a branch's child

    @property
    def is_simple(self) -> bool:
        """Tell whether it supervises its agents itself."""
        return len(self.slots) > 1 or any(not slot.spec.single for slot in self.slots.values())

    @property
    def is_down(self) -> bool:
        """Tell whether nothing of it runs, except what is stuck."""
        return all(slot.is_down for slot in reversed(self.slots.values()))

    @property
    def has_risen(self) -> bool:
        """Tell whether all its agents have begun, or cannot."""
        return all(slot.has_risen for slot in reversed(self.slots.values()))

    @property
    def is_awaited(self) -> bool:
        """Tell whether a significant agent of it has not ended yet."""
        over = {AgentState.EXITED, AgentState.PARKED}
        return any(slot.spec.significant and slot.state not in over for slot in self.slots.values())

    @property
    def is_asked_for(self) -> bool:
        """Tell whether a person has ordered to start an agent of it, which is not done yet."""
        return any(slot.is_asked_for for slot in self.slots.values())

    @property
    def depends_on(self) -> tuple[Dependency, ...]:
        """List what any of its agents depends on."""
        return tuple(want for slot in self.slots.values() for want in slot.spec.depends_on)

    def open(self) -> None:
        """Let its agents start."""
        self.gate.open()

    def shut(self, why: str) -> None:
        """Let none of its agents start from now on."""
        self.gate.shut(why)

    def take_down(self, *, why: str, again: bool) -> None:
        """End all its agents at once."""
        for slot in self.slots.values():
            slot.take_down(why=why, again=again)

    def begin_afresh(self) -> None:
        """Let all its agents begin anew, once the gate is open."""
        for slot in self.slots.values():
            slot.order(Order.BEGIN)
