"""The agent itself: it reads a line, says it again, and ends each answer with a line of a single dot."""

from __future__ import annotations

import sys


def main() -> None:
    """Say everything again."""
    print("parrot 1.0", flush=True)
    for line in sys.stdin:
        print(f"awk! {line.strip()}\n.", flush=True)


if __name__ == "__main__":
    main()
