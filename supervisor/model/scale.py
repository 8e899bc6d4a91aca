"""Autoscaling as a profile defines it, and what a pool is scaled to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PER_WORKER: Final = 2
"""How many waiting tasks a worker is expected to get through; beyond it more workers help."""

STEP_MAX: Final = 3
"""How many workers the plain rule adds at one look."""


def wanted_workers(waiting: int, workers: int) -> int:
    """Return how many workers the plain rule adds for so many waiting tasks, 0 to 3."""
    return min(STEP_MAX, waiting - workers) if waiting > PER_WORKER * workers else 0


class ScalePreset(StrEnum):
    """How quickly a pool shrinks: `eager` 60 s window and 30 s idle, `balanced` 120/60, `warm` 300/60.

    `seed` is the plain rule: beyond two waiting tasks a worker, as many more as there are more tasks
    than workers, at most three at once.
    """

    EAGER = "eager"
    BALANCED = "balanced"
    WARM = "warm"
    SEED = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The bounds within which a pool's number of agents follows its work."""

    min: int = 0
    max: int = 1
    preset: ScalePreset = ScalePreset.BALANCED
    target_backlog: float = 1.0
    cooldown_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What a scaled pool is set to: `wanted` agents, and why.

    `manual` is a person's number, which the autoscaler leaves alone until it is given back; None: it
    decides. `since` is epoch seconds.
    """

    name: str
    wanted: int
    manual: int | None = None
    reason: str = ""
    since: float = 0.0
