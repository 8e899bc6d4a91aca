"""Points in the log as people write them: an event's number, a date, a time of today, or how long ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import click

NUMBER: Final = "an event's number"
TIMES: Final = "`2026-10-01`, `2026-10-01T12:30`, `12:30`, or `2h` ago (s, m, h, d)"

_AGO: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])\Z")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in the log: after an event's number, or at a time, epoch seconds."""

    seq: int | None = None
    at: float | None = None


def read_moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Moment | None:
    """Read an option's moment."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", value):
        return Moment(seq=int(value))
    return Moment(at=_time(value, f"{NUMBER}, {TIMES}"))


def read_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Read an option's time as epoch seconds."""
    return None if value is None else _time(value, TIMES)


def _time(value: str, forms: str) -> float:
    from supervisor.cli.output import now

    found = time_of(value, now())
    if found is None:
        raise click.BadParameter(f"{value[:60]!r} is no time; give {forms}")
    return found


def time_of(text: str, now: float) -> float | None:
    """Read a time as epoch seconds, local where it names no zone; None if it is none."""
    ago = _AGO.match(text)
    if ago is not None:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", text):
        text = f"{datetime.fromtimestamp(now).astimezone().date().isoformat()}T{text:0>5}"
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None
