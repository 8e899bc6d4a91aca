"""A gate before a child's exec, for one that must do nothing before it is in its control group."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_PROGRAM: Final = Path(__file__).resolve().with_name("gate_main.py")


def behind_gate(program: str, argv: tuple[str, ...], gate: int) -> tuple[str, ...]:
    """Return the command that becomes `program` with `argv` at the end of file of descriptor `gate`."""
    return (sys.executable, "-I", "-S", str(_PROGRAM), str(gate), program, *argv)
