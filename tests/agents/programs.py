"""Where the real programs are that these tests speak with, exactly as the presets name them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent / "clis"
PROGRAMS: Final = HERE / "node_modules" / ".bin"
INSTALL: Final = "npm ci --silent --prefix tests/agents/clis"


def program(name: str) -> Path:
    """Return where a program is; a missing one is an error, never a reason to skip."""
    found = PROGRAMS / name
    if not os.access(found, os.X_OK):
        raise FileNotFoundError(f"these tests need the real {name}; install it: {INSTALL}")
    return found


def search_path() -> str:
    """Return the PATH for an agent: the programs and their own node come first."""
    program("node")
    return f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def pinned() -> dict[str, str]:
    """Return each package and the version that is installed."""
    packages = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert isinstance(packages, dict)
    return packages
