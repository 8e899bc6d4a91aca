"""What is said of an end: by whose doing, for want of memory, and what lives on by permission."""

from __future__ import annotations

from supervisor.model.agent import ExitClass, ExitInfo
from supervisor.supervision.incarnation import Incarnation
from supervisor.testing.processes import PaperExit, PaperProcess, PaperTree


def ended(how: PaperExit, tree: PaperTree | None = None, cause: ExitClass | None = None) -> ExitInfo:
    live = Incarnation(number=1, process=PaperProcess(7), cause=cause, cause_detail="because")
    live.exit, live.tree = how, tree
    return live.ending()


def test_a_kill_by_the_kernel_for_memory_is_no_mere_signal() -> None:
    assert ended(PaperExit(signal=9)).kind is ExitClass.SIGNAL
    told = ended(PaperExit(signal=9, oom=True))
    assert (told.kind, told.signal) == (ExitClass.OOM, 9)
    assert told.detail == "killed by the kernel: out of memory"


def test_what_we_ended_for_a_cause_is_told_by_that_cause() -> None:
    assert ended(PaperExit(signal=9, oom=True), cause=ExitClass.STALLED).kind is ExitClass.STALLED


def test_programs_that_live_on_by_permission_are_named_with_the_end() -> None:
    assert ended(PaperExit(code=0), PaperTree()).detail == "exited with code 0"
    tree = PaperTree(escaped=("/usr/bin/one (12)", "/usr/bin/two (13)"))
    told = ended(PaperExit(code=0), tree)
    assert told.kind is ExitClass.OK
    assert told.detail == "exited with code 0; it left running: /usr/bin/one (12), /usr/bin/two (13)"
