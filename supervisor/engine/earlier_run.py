"""Whether there is a run to go on with; cheap to ask, before anything is made or started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from supervisor.errors import ProfileNotFound
from supervisor.workspace.state_dir import open_state

NOTHING_TO_CONTINUE: Final = "no run is unfinished here: name a team, e.g. `supervisor up survey`"


def require_earlier_run(project: Path) -> None:
    """Raise ProfileNotFound for a directory that no team has run on, and leave it as it is."""
    if not os.path.lexists(open_state(project, create=False).database):
        raise ProfileNotFound(NOTHING_TO_CONTINUE)
