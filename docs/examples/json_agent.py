"""A tiny agent that speaks in JSON lines: the whole of what `output = "json"` asks of a program.

    [[pools]]
    name = "parrot"
    role = "worker"
    command = ["{python}", "{profile_dir}/json_agent.py"]
    output = "json"

It repeats what it is told. A prompt that contains "ask" makes it ask for permission first.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def say(**message: Any) -> None:
    """Write one line, at once."""
    print(json.dumps(message), flush=True)


def hear() -> dict[str, Any]:
    """Read one line; the end of the input is the end of the agent."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message: dict[str, Any] = json.loads(line)
    return message


def allowed(what: str) -> bool:
    """Ask, and wait for the answer to this request."""
    say(type="permission", request="1", kind="shell", tool="shell", title=what, payload={"command": what})
    while True:
        message = hear()
        if message["type"] == "answer" and message["request"] == "1":
            return bool(message["allow"])
        if message["type"] == "interrupt":
            return False


def turn(prompt: str) -> None:
    """Work on one prompt, and end with exactly one `turn_end`."""
    say(type="text", text="I was told: " + prompt.splitlines()[0])
    if "ask" in prompt:
        if not allowed("date"):
            say(type="turn_end", ok=False, reason="refused", text="I may not.")
            return
        say(type="tool_start", call="c1", tool="shell", kind="shell", title="date")
        say(type="tool_end", call="c1", ok=True, summary="Thursday")
    say(type="usage", model="parrot", input_tokens=len(prompt), output_tokens=1)
    say(type="turn_end", ok=True, text=prompt)


def main() -> None:
    """Work until the input ends."""
    say(type="started", session="parrot-1", model="parrot")
    while True:
        message = hear()
        if message["type"] == "prompt":
            turn(message["text"])


if __name__ == "__main__":
    main()
