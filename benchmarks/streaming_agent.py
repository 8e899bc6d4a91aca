"""An agent in JSON lines that writes as a model streams: `streaming_agent.py LINES_PER_SECOND`."""

from __future__ import annotations

import json
import sys
import time

TEXT = "The grammar is in docs/grammar.md now, with three examples; the tests of section 4 still fail."


def main() -> None:
    """Write lines of text and a tool call now and then, at a steady pace."""
    pause = 1.0 / float(sys.argv[1])
    sys.stdout.write(json.dumps({"type": "started", "session": "streaming", "model": "none"}) + "\n")
    number = 0
    while True:
        number += 1
        kind = number % 20
        message: dict[str, object] = {"type": "text", "text": TEXT}
        if kind == 0:
            message = {
                "type": "tool_start",
                "call": str(number),
                "tool": "shell",
                "kind": "shell",
                "title": "ls",
            }
        elif kind == 1 and number > 1:
            message = {"type": "tool_end", "call": str(number - 1), "ok": True, "summary": "done"}
        elif kind == 2:
            message = {"type": "usage", "model": "none", "input_tokens": 100, "output_tokens": 10}
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
        time.sleep(pause)


if __name__ == "__main__":
    main()
