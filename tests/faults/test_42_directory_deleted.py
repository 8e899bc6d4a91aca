"""Fault 42: an agent deletes the directory it works in.

Its next start fails with a cause that names the directory, and is not tried again and again; when the
directory is there again, a person's restart succeeds.
"""

from __future__ import annotations

from pathlib import Path

from supervisor.model.agent import AgentState, ExitClass
from supervisor.testing.chaos import chaos_argv
from tests.workshop import Workshop, agent, at_work


async def test_the_cause_is_told_and_a_person_can_mend_it(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    vandal = ("sh", "-c", 'cd / && rmdir "$1" && exit 3', "sh", str(work))
    shop = Workshop(agent("a"), commands={"a": vandal}, cwd=str(work))
    async with at_work(shop):
        await shop.until(lambda: bool(shop.changes) and shop.last("a").state is AgentState.PARKED)
        parked = shop.last("a")
        assert parked.reason == f"cannot be started: there is no working directory {work}"
        assert parked.last_exit is not None
        assert parked.last_exit.kind is ExitClass.SPAWN_ERROR
        assert shop.numbers == {"a": 2}, "it ended once by itself, and could not be started once"
        work.mkdir()
        shop.commands["a"] = chaos_argv("idle")
        shop.supervisor.restart("a")
        await shop.tree("a#3")
