"""The closer look: what a tree shares out, moved and holds open, and who may not be asked."""

from __future__ import annotations

import os

from supervisor.runtime.close_look import CloseLook, look_closely
from supervisor.testing.chaos import ChaosTeam, gone


def test_we_ourselves_use_memory_and_files_and_have_moved_bytes() -> None:
    look = look_closely([os.getpid()])
    assert look.pss_bytes is not None
    assert look.pss_bytes > 1_000_000
    assert look.open_files is not None
    assert look.open_files >= 1
    assert look.moved_bytes is not None
    assert look.read_bytes is not None
    assert look.written_bytes is not None


def test_a_tree_is_the_sum_of_its_processes() -> None:
    one, two = look_closely([os.getpid()]), look_closely([os.getpid(), os.getpid()])
    assert one.open_files is not None
    assert two.open_files == 2 * one.open_files


async def test_who_is_gone_does_not_count() -> None:
    async with ChaosTeam() as team:
        child = team.start("crash")
        await child.process.wait()
        await child.process.clean_up()
        assert await gone(child.process.pid, within_s=5)
        assert look_closely([child.process.pid]) == CloseLook()
