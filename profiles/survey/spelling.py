"""Spell foreign bytes as plain printable text and back, and put such text into Markdown safely."""

from __future__ import annotations

import re
from typing import Final

_INVISIBLE: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
"""Code points that Python calls printable although nothing is seen of them."""

_ESCAPE: Final = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")


def spell(raw: bytes) -> str:
    r"""Spell any bytes so that every character is visible: `\n` becomes `\x0a`, a backslash is doubled."""
    return "".join(_spelled(character) for character in raw.decode("utf-8", "surrogateescape"))


def unspell(text: str) -> bytes:
    """Return the bytes that `spell` made this text of."""
    pieces: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(text):
        pieces.append(text[end : match.start()].encode())
        pieces.append(bytes([int(match[1], 16)]) if match[1] else b"\\")
        end = match.end()
    pieces.append(text[end:].encode())
    return b"".join(pieces)


def clipped(raw: bytes, limit: int) -> str:
    """Spell the bytes and cut the text to at most `limit` characters."""
    text = spell(raw[: 4 * limit])
    return text if len(text) <= limit and len(raw) <= 4 * limit else text[: limit - 1] + "…"


def code(text: str) -> str:
    """Write text as a Markdown code span that may also stand in a table cell."""
    flat = "".join(_spelled(character) if character != "\\" else character for character in text)
    if not flat.strip():
        return "` `"
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}".replace("|", "\\|")


def prose(text: str) -> str:
    """Write foreign text into a Markdown sentence so that nothing in it is markup."""
    flat = "".join(_spelled(character) if character != "\\" else character for character in text)
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", flat)


def _spelled(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable() and ord(character) not in _INVISIBLE:
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
