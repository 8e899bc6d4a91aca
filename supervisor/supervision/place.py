"""Where a slot stands in the tree: whom it tells what became of its agent, and what lets it start."""

from __future__ import annotations

from typing import Protocol

from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.gate import Gate


class Place(Protocol):
    """What a slot knows of the pool and the branch that it is in. All return at once."""

    @property
    def gate(self) -> Gate:
        """Return what every start has to pass."""
        ...

    @property
    def words(self) -> str:
        """Name the branch, for people."""
        ...

    @property
    def in_motion(self) -> bool:
        """Tell whether the branch may soon start what rests in it."""
        ...

    @property
    def is_closed(self) -> bool:
        """Tell whether the branch is over, or about to be."""
        ...

    def moved(self, agent: str) -> None:
        """Hear that the slot of this agent has read its mail, or that it is over."""
        ...

    def may_restart(self, *, counts: bool) -> bool:
        """Hear that an agent is to be started again; False: it was one time too many for the branch.

        What its strategy takes down with it is so from now on; the gate may be shut.
        """
        ...

    def gave_up(self, agent: str) -> None:
        """Hear that an agent is parked and will not be started by itself."""
        ...

    def finished(self, spec: ChildSpec) -> None:
        """Hear that an agent rests after it ended by itself."""
        ...
