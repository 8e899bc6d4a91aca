"""Run benchmarks and print their tables: `python -m benchmarks [--quick] [NAME …]`."""

from __future__ import annotations

import argparse
import compileall
import os
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks import (
    agents,
    autoscaling,
    events,
    growth,
    held_waits,
    imports,
    machine,
    mail,
    mcp_calls,
    memory,
    pairs,
    reopen,
    send,
    start,
    store,
    supervision,
)
from benchmarks.table import Table
from benchmarks.team import ROOT

BENCHMARKS: Final[dict[str, Callable[[int], Iterator[Table]]]] = {
    "imports": imports.tables,
    "start": start.tables,
    "memory": memory.tables,
    "mcp": mcp_calls.tables,
    "waits": held_waits.tables,
    "store": store.tables,
    "claim": growth.tables,
    "pairs": pairs.tables,
    "mail": mail.tables,
    "send": send.tables,
    "reopen": reopen.tables,
    "events": events.tables,
    "supervision": supervision.tables,
    "autoscaling": autoscaling.tables,
    "agents": agents.tables,
}
FULL_ROUNDS: Final = 9
QUICK_ROUNDS: Final = 3


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: for a look, not for a record")
    wanted = parser.parse_args()
    strangers = sorted(set(wanted.names) - set(BENCHMARKS))
    if strangers:
        parser.error(f"no benchmark is called {strangers[0]}; there are: {', '.join(BENCHMARKS)}")

    compileall.compile_dir(ROOT / "supervisor", quiet=1)  # else a new source is compiled at every start
    print(f"{machine.described()}\n")
    for name in wanted.names or BENCHMARKS:
        for table in BENCHMARKS[name](QUICK_ROUNDS if wanted.quick else FULL_ROUNDS):
            print(f"{table.markdown()}\n", flush=True)
        print(f"load after {name}: {os.getloadavg()[0]:.1f}\n", flush=True)


if __name__ == "__main__":
    main()
