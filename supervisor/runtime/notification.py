"""What a program may say on NOTIFY_SOCKET, read from bytes that anybody may have sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MESSAGE_MAX: Final = 4096
"""Bytes of one message, as systemd has it; a longer one is not read at all."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_ERRNO_MAX: Final = 4095
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message of the sd_notify protocol, as far as it means something here.

    `beat`: WATCHDOG=1. `trigger`: WATCHDOG=trigger, the sender asks to be ended as if it had missed a beat.
    `extend_s`: the seconds that it asks for. `status` is foreign text.
    """

    ready: bool = False
    beat: bool = False
    trigger: bool = False
    stopping: bool = False
    extend_s: float | None = None
    status: str | None = None
    errno: int | None = None


NOTHING: Final = Notification()


def read_notification(message: bytes) -> Notification:
    """Read one message; what is unknown, malformed or not text is passed over. Never raises.

    Of a word that stands there twice the first counts.
    """
    if b"\0" in message.rstrip(b"\0"):
        return NOTHING
    said: dict[str, str] = {}
    for line in message.rstrip(b"\0").split(b"\n"):
        word, equals, value = line.partition(b"=")
        if equals:
            said.setdefault(word.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
    extend_us = _number(said.get("EXTEND_TIMEOUT_USEC"))
    errno = _number(said.get("ERRNO"))
    return Notification(
        ready=said.get("READY") == "1",
        beat=said.get("WATCHDOG") == "1",
        trigger=said.get("WATCHDOG") == "trigger",
        stopping=said.get("STOPPING") == "1",
        extend_s=None if extend_us is None else extend_us / _US,
        status=said.get("STATUS"),
        errno=errno if errno is not None and 0 < errno <= _ERRNO_MAX else None,
    )


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and _NUMBER.fullmatch(value) else None
