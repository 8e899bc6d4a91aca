"""An agent in JSON lines that asks for permission again and again and writes down when.

`asking_agent.py COUNT FILE`: each entry is when it asked and when it had its answer, epoch seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def say(**message: Any) -> None:
    """Write one line, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Ask so often in the first turn, then end it."""
    count, file = int(sys.argv[1]), Path(sys.argv[2])
    say(type="started", session="asking", model="none")
    for line in sys.stdin:
        if json.loads(line)["type"] != "prompt":
            continue
        times = []
        for number in range(count):
            asked = time.time()
            payload = {"command": f"touch {number}"}
            say(
                type="permission",
                request=str(number),
                kind="shell",
                tool="shell",
                title=f"touch {number}",
                payload=payload,
            )
            while json.loads(sys.stdin.readline()).get("request") != str(number):
                pass
            times.append((asked, time.time()))
        file.write_text(json.dumps(times), encoding="utf-8")
        say(type="turn_end", ok=True, text="asked enough")


if __name__ == "__main__":
    main()
