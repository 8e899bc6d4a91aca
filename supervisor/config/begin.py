"""A profile of one's own, begun as a copy of another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from supervisor.config.parse import parse_profile
from supervisor.config.problems import shown
from supervisor.config.profile import profile_path
from supervisor.errors import InvalidArgument
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.team import TeamSpec

_NAME: Final = re.compile(r'^name\s*=\s*"[^"\n]*"', re.MULTILINE)
_BESIDE: Final = "{profile_dir}"


def begin_profile(file: Path, source: str) -> TeamSpec:
    """Write a copy of the profile `source` to `file`, named as the file is; return the team it defines.

    Raises InvalidArgument, and writes nothing, if the file is there, its name cannot be a team's, or the
    source needs programs that lie beside it.
    """
    if file.suffix != ".toml" or NAME_PATTERN.match(file.stem) is None:
        raise InvalidArgument(
            f"{shown(str(file), limit=4096)} cannot name a team: call it like my-team.toml, in small letters"
        )
    origin = profile_path(source)
    text = origin.read_text(encoding="utf-8")
    if _BESIDE in text:
        raise InvalidArgument(
            f"{source} needs programs that lie beside it; copy the folder of {origin} by hand"
        )
    copy = _NAME.sub(f'name = "{file.stem}"', text, count=1)
    team = parse_profile(copy, str(file.absolute()))
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(copy)
    except FileExistsError as there:
        raise InvalidArgument(f"{file} is there already; give another name") from there
    except OSError as problem:
        raise InvalidArgument(f"{file} cannot be written: {problem.strerror}") from problem
    return team
