"""Take the README's picture: the survey team at work on this checkout, drawn by the real screens.

`python -m scripts.picture` writes docs/board.svg. It runs the team on a copy, so nothing here changes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from supervisor.ui.app import SupervisorApp

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "board.svg"
SIZE: Final = (120, 30)
SUPERVISOR: Final = (sys.executable, "-m", "supervisor")
LOOK_EVERY_S: Final = 0.1
PATIENCE_S: Final = 120.0


async def take(socket: Path, tasks_done: int) -> str:
    """Return the board as SVG at the moment when so many tasks are done."""
    app = SupervisorApp(socket, owns_engine=False)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(PATIENCE_S):
        await pilot.press("2")
        while f"{tasks_done}/" not in app.export_screenshot():
            await pilot.pause(LOOK_EVERY_S)
        return app.export_screenshot(title="supervisor up survey")


def main() -> None:
    """Run the team on a copy of the checkout and save what its board shows."""
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / ROOT.name
        subprocess.run(["git", "clone", "--quiet", ROOT, project], check=True)
        where = ("--project", str(project))
        subprocess.run([*SUPERVISOR, "up", "survey", "--detach", *where], check=True, cwd=ROOT)
        try:
            engine = json.loads((project / ".supervisor" / "engine.json").read_text())
            PICTURE.write_text(asyncio.run(take(Path(engine["socket"]), tasks_done=4)))
        finally:
            subprocess.run([*SUPERVISOR, "down", "--now", *where], check=False, cwd=ROOT)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
