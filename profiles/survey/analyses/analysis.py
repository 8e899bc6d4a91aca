"""An analysis is done in parts, so that it can show progress, be stopped and be taken up again."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from effort import Effort
from findings import Findings
from tree import Entry, Tree


class Analysis(ABC):
    """Goes over its parts in order and keeps what it learns of each.

    A subclass names its `label`, lists its parts (usually files), takes one part after the other
    and says at the end what it found. `saved` and `restore` carry its learning over to whoever
    goes on; an analysis whose learning is too much for a checkpoint returns None and starts over.
    """

    label: ClassVar[str]

    def __init__(self, tree: Tree, effort: Effort) -> None:
        self.tree = tree
        self.effort = effort
        self.entries = self.chosen()
        self.position = 0
        self.unreadable = 0
        self.binary = 0

    def chosen(self) -> tuple[Entry, ...]:
        """Return the entries this analysis reads; all of them unless a subclass chooses."""
        return self.tree.entries

    @property
    def total(self) -> int:
        return len(self.entries)

    @property
    def is_complete(self) -> bool:
        return self.position >= self.total

    @property
    def percent(self) -> int:
        return 100 * self.position // self.total if self.total else 100

    def advance(self, slice_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take parts for about `slice_s` seconds, at least one."""
        end = clock() + slice_s
        while not self.is_complete:
            self.take(self.position)
            self.position += 1
            if clock() >= end:
                return

    @abstractmethod
    def take(self, index: int) -> None:
        """Analyse one part."""

    @abstractmethod
    def findings(self) -> Findings:
        """Say what was found in the parts taken so far."""

    def learning(self) -> dict[str, Any] | None:
        """Return what was learnt so far as JSON data, or None if that would be too much."""
        return None

    def relearn(self, learnt: dict[str, Any]) -> None:
        """Take over what an earlier holder learnt."""
        raise NotImplementedError(f"{type(self).__name__} keeps no learning: {sorted(learnt)}")

    def saved(self) -> dict[str, Any] | None:
        """Return the whole progress for a checkpoint, or None."""
        learnt = self.learning()
        if learnt is None:
            return None
        return {
            "tree": self.tree.digest,
            "position": self.position,
            "unreadable": self.unreadable,
            "binary": self.binary,
            "learnt": learnt,
        }

    def restore(self, saved: dict[str, Any]) -> bool:
        """Go on from a checkpoint if the tree is still the same; tell whether it was."""
        if saved.get("tree") != self.tree.digest:
            return False
        self.relearn(saved["learnt"])
        self.position = int(saved["position"])
        self.unreadable = int(saved["unreadable"])
        self.binary = int(saved["binary"])
        return True

    def text_of(self, entry: Entry) -> bytes | None:
        """Read a text file; count a binary or unreadable one."""
        content = self.tree.read(entry.path)
        if content is None:
            self.unreadable += 1
        elif b"\0" in content:
            self.binary += 1
        else:
            return content
        return None

    def coverage(self) -> dict[str, Any]:
        """Return the figures every analysis gives: of which tree, how much of it."""
        return {"tree": self.tree.digest, "parts": self.total, "parts_done": self.position}

    def left_out(self) -> list[str]:
        """Say in sentences what was passed over, and why."""
        sentences = [
            f"{kind}: {number} passed over" for kind, number in sorted(self.tree.passed_over.items())
        ]
        if self.binary:
            sentences.append(f"{self.binary} binary files (with a NUL byte): not read as text")
        if self.unreadable:
            sentences.append(f"{self.unreadable} files could not be read")
        if unread := len(self.entries) - min(self.position, len(self.entries)):
            sentences.append(
                f"{unread} of {len(self.entries)} files: not reached within {self.effort.budget_s:g} s"
            )
        return sentences
