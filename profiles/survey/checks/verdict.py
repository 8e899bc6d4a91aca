"""What the judge has seen so far of one result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from findings import Findings
from tree import Tree


@dataclass(slots=True)
class Verdict:
    """Gathers shortfalls, each with the word that tells the worker what to do about it, and what was seen.

    The words: `shape` (the result cannot be read), `evidence` (too little), `coverage` (too much was
    left out), `recount` (a figure is not confirmed).
    """

    shortfalls: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def short(self, word: str, what: str) -> None:
        self.shortfalls.append(f"{word}: {what}")

    def saw(self, what: str) -> None:
        self.seen.append(what)

    def compare(self, what: str, given: Any, counted: Any, means: str) -> None:
        """Note that a figure was counted again; a different count is a shortfall."""
        if counted is None:
            self.saw(f"{what} not counted again: {means} is not to be had")
        elif given == counted:
            self.saw(f"{means} gives the same {what}: {counted}")
        else:
            self.short(
                "recount", f"{what} is {given}, but {means} gives {counted}. Count again from the start."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A result to judge, beside the tree as the judge sees it. `round` is 0 for a first attempt."""

    findings: Findings
    tree: Tree
    round: int

    @property
    def is_of_this_tree(self) -> bool:
        """Tell whether the files are still those that were measured."""
        return bool(self.findings.figures.get("tree") == self.tree.digest)

    @property
    def is_whole(self) -> bool:
        """Tell whether every part was done."""
        figures = self.findings.figures
        return bool(figures["parts"] == figures["parts_done"])
