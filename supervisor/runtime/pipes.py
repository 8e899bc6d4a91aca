"""The pipes between us and one child: opened together, and none of them left when the start fails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

from supervisor.runtime.terminal import TerminalSize, open_terminal


@dataclass(frozen=True, slots=True)
class Pipe:
    """Both ends of one pipe, by whose they are."""

    ours: int
    theirs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipes:
    """What one child gets: always `output`; `stdin` if it is told things; `errors` if they come apart.

    At a terminal `output` and `stdin` are its two ends, each opened twice. The others are by its confinement.

    On `status` its PID namespace says how the agent ended. At `gate` it waits for us to close our end.
    """

    output: Pipe
    stdin: Pipe | None = None
    errors: Pipe | None = None
    status: Pipe | None = None
    gate: Pipe | None = None

    @classmethod
    def open(
        cls,
        *,
        stdin: bool,
        errors: bool = False,
        terminal: TerminalSize | None = None,
        status: bool,
        gate: bool,
    ) -> Self:
        """Open what is asked for; when there are not enough descriptors, nothing, and OSError is raised."""
        opened: list[Pipe] = []
        stdin = stdin or terminal is not None
        ends = ((True, True), (stdin, False), (errors, True), (status, True), (gate, False))
        try:
            opened += [] if terminal is None else _terminal(terminal)
            for is_asked, is_to_us in ends[len(opened) :]:
                opened += [_pipe(is_to_us=is_to_us)] if is_asked else []
        except OSError:
            for pipe in opened:
                os.close(pipe.ours)
                os.close(pipe.theirs)
            raise
        more = iter(opened[1:])
        return cls(
            output=opened[0],
            stdin=next(more) if stdin else None,
            errors=next(more) if errors else None,
            status=next(more) if status else None,
            gate=next(more) if gate else None,
        )

    @property
    def passed(self) -> tuple[int, ...]:
        """List the descriptors that the child gets beside the three usual ones."""
        return tuple(pipe.theirs for pipe in (self.status, self.gate) if pipe is not None)

    def close_theirs(self) -> None:
        """Close the child's ends, once it has them."""
        for pipe in self._all:
            os.close(pipe.theirs)

    def close_ours(self) -> None:
        """Close our ends, after a start that failed."""
        for pipe in self._all:
            os.close(pipe.ours)

    def unblock(self) -> None:
        """Make our ends such that nobody waits for the child."""
        for pipe in self._all:
            os.set_blocking(pipe.ours, False)

    @property
    def _all(self) -> list[Pipe]:
        pipes = (self.output, self.stdin, self.errors, self.status, self.gate)
        return [pipe for pipe in pipes if pipe is not None]


def _pipe(*, is_to_us: bool) -> Pipe:
    reader, writer = os.pipe()
    return Pipe(reader, writer) if is_to_us else Pipe(writer, reader)


def _terminal(size: TerminalSize) -> tuple[Pipe, Pipe]:
    """Open a terminal as if it were the pipes of output and input."""
    reader, writer, *theirs = open_terminal(size)
    return Pipe(reader, theirs[0]), Pipe(writer, theirs[1])
