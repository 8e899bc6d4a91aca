"""The little language in which scripted models and scripted agents are told what to do.

A prompt that contains a line `SCRIPT: step ;; step` is played step by step:

    say TEXT                 end the turn with this text
    note TEXT                write this text, and go on
    think TEXT               think aloud, and go on
    sh COMMAND               run a shell command with the agent's own shell tool
    write PATH TEXT          write a file, with the shell
    mcp TOOL JSON            call a tool of the coordinator
    tool NAME JSON           call any other tool of the agent
    par STEP && STEP         do several tool calls in one answer
    sleep SECONDS            answer nothing for so long
    http CODE [TIMES] [RETRY_AFTER]   refuse so many requests with this status
    usage INPUT OUTPUT [CACHED]   say that this answer has used so many tokens
    drip COUNT GAP TEXT      write the text so often, with so many seconds between
    hang                     never answer
    die [CODE]               only a scripted agent: end the process at once
    line TEXT                only a scripted agent: write this line as it is, whatever the protocol
    flood BYTES              only a scripted agent: write one line that long

`$name` is what the prompt says by that name (`task_id` "T3"), else what a tool has answered, newest first.
A model gives one answer for each tool call (or `par`); what stands before it belongs to the same answer.
A script that comes to its end without `say` ends the turn with `done`. A line may be quoted (`> SCRIPT: …`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MARK: Final = "SCRIPT:"
_BETWEEN: Final = ";;"
_QUOTING: Final = " \t>|*-`"

VERBS: Final = frozenset(
    "say note think sh write mcp tool par sleep http usage drip hang die line flood".split()  # noqa: SIM905
)

CALLS: Final = frozenset({"sh", "write", "mcp", "tool"})
"""The steps that are one tool call."""

_ENDS_ANSWER: Final = CALLS | {"par", "say", "hang", "die"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its verb and the rest of its text."""

    verb: str
    rest: str

    @property
    def calls(self) -> tuple[Step, ...]:
        """Return the tool calls that this step makes."""
        if self.verb in CALLS:
            return (self,)
        if self.verb != "par":
            return ()
        return tuple(step for part in self.rest.split("&&") for step in steps_of(part) if step.verb in CALLS)


def script_in(text: str) -> tuple[Step, ...] | None:
    """Return the last script that a text contains, None if it contains none; ValueError for a bad step."""
    lines = [line for line in text.splitlines() if line.lstrip(_QUOTING).startswith(MARK)]
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


def answers_of(script: tuple[Step, ...]) -> tuple[tuple[Step, ...], ...]:
    """Cut a script into the answers of a model: each has at most one step that calls tools, its last."""
    answers: list[tuple[Step, ...]] = []
    group: list[Step] = []
    for step in script:
        group.append(step)
        if step.verb in _ENDS_ANSWER:
            answers.append(tuple(group))
            group = []
    if group or not answers or answers[-1][-1].verb != "say":
        answers.append((*group, Step("say", "done")))
    return tuple(answers)
