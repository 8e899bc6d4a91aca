"""What every driver must do, tried with a real process: for our adapters and for those of other packages.

    SUBJECT = Subject(name="mine", adapter=MyAdapter(), pool=PoolSpec(…), is_fake=True)

    @pytest.mark.parametrize("case", cases_for(SUBJECT), ids=lambda case: case.name)
    async def test_my_driver_conforms(case, tmp_path):
        await examine(case, SUBJECT, tmp_path, url=coordinator.url)

The agent must play the scripts in its prompts (`supervisor.testing.script`): a program that speaks its
protocol and plays them itself (`is_fake`), or the real one, whose model is the scripted model. Each case
raises AssertionError with the whole story.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from supervisor.testing import driver_cases_requests, driver_cases_trouble, driver_cases_turns
from supervisor.testing.driver_exam import Case, Exam, Subject

__all__ = ["CASES", "Case", "Exam", "Subject", "cases_for", "examine"]

CASES: Final[tuple[Case, ...]] = (
    *driver_cases_turns.case.all,
    *driver_cases_requests.case.all,
    *driver_cases_trouble.case.all,
)
"""All cases, in the order in which they are worth reading."""


def cases_for(subject: Subject, only: Iterable[str] | None = None) -> list[Case]:
    """Return the cases that apply to an agent; of these the ones of `only`, if given."""
    names = None if only is None else set(only)
    if names is not None and (unknown := names - {case.name for case in CASES}):
        raise ValueError(f"there is no case {', '.join(sorted(unknown))}")
    return [case for case in CASES if case.fits(subject) and (names is None or case.name in names)]


async def examine(case: Case, subject: Subject, directory: Path, *, url: str) -> None:
    """Try one case in a directory of its own; `url` is a coordinator that takes `driver_exam.KEY`."""
    await case.run(Exam(subject=subject, directory=directory, url=url))
