"""The few names in braces that are replaced inside single elements of a command.

Nothing else is special: no shell, no `$VARIABLE`, no `~`, no splitting. `{{agent}}` stands for a
literal `{agent}`; braces around anything that is no plain word are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

PLACEHOLDERS: Final = ("python", "project", "profile_dir", "report_dir", "agent")

_WORD: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_BRACES: Final = re.compile(rf"\{{\{{(?P<literal>{_WORD})\}}\}}|\{{(?P<name>{_WORD})\}}")


def names_in(element: str) -> tuple[str, ...]:
    """List the placeholders in `element`, known or not, in their order."""
    return tuple(match["name"] for match in _BRACES.finditer(element) if match["name"] is not None)


def unknown_in(element: str) -> tuple[str, ...]:
    """List the words in braces that no placeholder is called."""
    return tuple(name for name in names_in(element) if name not in PLACEHOLDERS)


def fill(argv: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Replace the placeholders of each element; as many elements come out as went in.

    A value is inserted once and never read again. A placeholder without a value is a KeyError:
    `parse_profile` let only known ones through.
    """

    def replacement(match: re.Match[str]) -> str:
        literal = match["literal"]
        return f"{{{literal}}}" if literal is not None else values[match["name"]]

    return tuple(_BRACES.sub(replacement, element) for element in argv)
