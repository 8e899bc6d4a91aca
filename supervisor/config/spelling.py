"""How names and patterns are spelled in a profile, and where defaults come from."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Final

from supervisor.config.kinds import Text

DAY_S: Final = 86_400

NAME: Final = Text(
    pattern=r"[a-z0-9][a-z0-9_-]{0,62}",
    rule="lower-case letters, digits, `-` and `_`, not beginning with `-` or `_`, at most 63",
)
"""Spells `model.ids.NAME_PATTERN` for schema and messages; a test holds the two together."""

ENV_NAME: Final = Text(
    pattern=r"(?!SUPERVISOR_|SUP_)[A-Za-z_][A-Za-z0-9_]{0,127}",
    rule="letters, digits and `_`, not beginning with a digit, nor with `SUPERVISOR_` or `SUP_`",
)
SETTING_NAME: Final = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
    rule="letters, digits, `.`, `-` and `_`, beginning with a letter or digit, at most 63",
)
GLOB: Final = Text(min_length=1, max_length=200)


def default_of(owner: type, name: str) -> Any:
    """Return the model's own default, so that no value is written twice."""
    found = next(item for item in fields(owner) if item.name == name)
    if found.default_factory is not MISSING:
        return found.default_factory()
    return found.default
