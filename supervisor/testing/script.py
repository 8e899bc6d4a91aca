"""The little language in which scripted models and scripted agents are told what to do.

A prompt that contains a line `SCRIPT: step ;; step` is played step by step, one model answer each:

    say TEXT                 end the turn with this text
    note TEXT                write this text, and go on
    think TEXT               think aloud, and go on
    sh COMMAND               run a shell command with the agent's own shell tool
    write PATH TEXT          write a file, with the shell
    mcp TOOL JSON            call a tool of the coordinator; `$name` in it is a value of an earlier answer
    tool NAME JSON           call any other tool of the agent
    par STEP && STEP         do several tool calls in one answer
    sleep SECONDS            answer nothing for so long
    http CODE [TIMES] [RETRY_AFTER]   refuse so many requests with this status
    drip COUNT GAP TEXT      write the text so often, with so many seconds between
    hang                     never answer
    die [CODE]               only a scripted agent: end the process at once
    line TEXT                only a scripted agent: write this line as it is, whatever the protocol
    flood BYTES              only a scripted agent: write one line that long

A script that comes to its end without `say` ends the turn with `done`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MARK: Final = "SCRIPT:"
_BETWEEN: Final = ";;"

VERBS: Final = frozenset(
    "say note think sh write mcp tool par sleep http drip hang die line flood".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its verb and the rest of its text."""

    verb: str
    rest: str


def script_in(text: str) -> tuple[Step, ...] | None:
    """Return the last script that a text contains, None if it contains none; ValueError for a bad step."""
    lines = [line for line in text.splitlines() if line.lstrip().startswith(MARK)]
    if not lines:
        return None
    return tuple(steps_of(lines[-1].split(MARK, 1)[1]))


def steps_of(script: str) -> Iterator[Step]:
    """Read `step ;; step`; ValueError names a step that does not exist."""
    for part in script.split(_BETWEEN):
        words = part.strip()
        if not words:
            continue
        verb, _, rest = words.partition(" ")
        if verb not in VERBS:
            raise ValueError(f"there is no step `{verb}` in a script; there are: {', '.join(sorted(VERBS))}")
        yield Step(verb, rest.strip())
