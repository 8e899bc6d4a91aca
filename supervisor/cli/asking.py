"""Questions to the person at the terminal; a Ctrl-C is never missed while an answer is waited for."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios

import click

from supervisor.errors import UsageInvalid


def somebody_is_here() -> bool:
    """Tell whether a person can type an answer."""
    return sys.stdin.isatty()


def answer_to(question: str) -> str:
    """Ask on stderr and return one line, stripped; what was typed before the question does not count.

    Raises KeyboardInterrupt whenever Ctrl-C comes.
    """
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    click.echo(question, nl=False, err=True)
    if is_terminal:
        _await_line()
    return sys.stdin.readline().strip()


def confirm(question: str) -> None:
    """Have the person say that this is meant; raise UsageInvalid if nobody can be asked."""
    if not somebody_is_here():
        raise UsageInvalid("nobody can be asked here; nothing was done. Give --yes if it is meant")
    if answer_to(question).lower() not in {"y", "yes"}:
        raise UsageInvalid("not confirmed; nothing was done")


def _await_line() -> None:
    """Wait until the terminal has a line or its end.

    A signal between Python's last look and a blocking read would be noticed only with the next key: its
    handler is to run, but nothing ends the read. The descriptor that the signal writes to does.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, reader], [], [])[0]:
            os.read(reader, 1)
    finally:
        signal.set_wakeup_fd(former)
        os.close(reader)
        os.close(writer)
