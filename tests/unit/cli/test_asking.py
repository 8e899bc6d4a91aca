"""A line from a real terminal, and a signal that comes at the worst moment."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from supervisor.cli.asking import answer_to


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Put a terminal in the place of stdin; return the side on which one types."""
    master, slave = pty.openpty()
    with os.fdopen(slave, encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield master
    os.close(master)


@pytest.mark.parametrize(("typed", "line"), [(b" yes \n", "yes"), (b"\x04", ""), (b"\n", "")])
def test_a_line_or_the_end_of_input_is_the_answer(
    typed: bytes, line: str, keyboard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "echo", lambda *_words, **_how: os.write(keyboard, typed))
    assert answer_to("?") == line


def test_what_was_typed_before_the_question_does_not_count(
    keyboard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.write(keyboard, b"y\n")
    assert select.select([sys.stdin], [], [], 5)[0]
    monkeypatch.setattr(click, "echo", lambda *_words, **_how: os.write(keyboard, b"n\n"))
    assert answer_to("?") == "n"


@pytest.mark.usefixtures("keyboard")
def test_a_signal_between_the_last_look_and_the_wait_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler only takes note, as Python's own does until the next instruction; the wait must end."""
    heard: list[int] = []
    former = signal.signal(signal.SIGINT, lambda signum, _frame: heard.append(signum))
    wait = select.select

    class Enough(Exception):
        """End the loop that waits for a line."""

    def come_too_early(*descriptors: Any) -> Any:
        if heard:
            raise Enough
        os.kill(os.getpid(), signal.SIGINT)
        assert heard  # it is over and done with, so that nothing will interrupt the system call
        return wait(descriptors[0], [], [], 20)

    monkeypatch.setattr(select, "select", come_too_early)
    try:
        with pytest.raises(Enough):
            answer_to("?")
    finally:
        signal.signal(signal.SIGINT, former)
