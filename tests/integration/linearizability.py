"""Whether a history of overlapping calls can be explained by doing them one after the other.

After Wing and Gong: take away, again and again, an operation that no other had to come before, if the plain
object could have answered so; a state that was met before with the same operations left is not tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

S = TypeVar("S", bound=Hashable)
NEVER = 1 << 63
STEPS_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One call on one object: when it began and ended; one that never ended may have happened or not."""

    who: str
    what: str
    said: tuple[Any, ...] = ()
    code: str = ""
    told: tuple[Any, ...] = ()
    began: int
    ended: int = NEVER

    @property
    def is_pending(self) -> bool:
        return self.ended == NEVER


Step = Callable[[S, Op], S | None]
"""Return the state after an operation, or None if the object could not have answered so."""


def explains(ops: Sequence[Op], state: S, step: Step[S]) -> bool:
    """Tell whether some order of the operations, each within its time, is what the plain object answers."""
    ops = sorted(ops, key=lambda op: op.began)
    every = (1 << len(ops)) - 1
    must = sum(1 << place for place, op in enumerate(ops) if not op.is_pending)
    seen: set[tuple[int, S]] = set()
    waiting: list[tuple[int, S]] = [(every, state)]
    while waiting:
        left, now = waiting.pop()
        if not left & must:
            return True
        if (left, now) in seen:
            continue
        seen.add((left, now))
        if len(seen) > STEPS_MAX:
            raise AssertionError(f"a history of {len(ops)} operations is too entangled to be judged")
        rest = [place for place in range(len(ops)) if left >> place & 1]
        first_end = min(ops[place].ended for place in rest)
        for place in rest:
            if ops[place].began > first_end:
                break
            after = step(now, ops[place])
            if after is not None:
                waiting.append((left & ~(1 << place), after))
    return False
