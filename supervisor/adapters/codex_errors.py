"""Why a turn of Codex failed, and what can be done about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from supervisor.adapters.codex_fields import table_in, text_in, whole_in
from supervisor.adapters.events import LoginNeeded, RateLimited, Retry, TurnReason

_ATTEMPT: Final = re.compile(r"(\d{1,4})/\d{1,4}")
_STATUS: Final = re.compile(r"\bstatus:? (\d{3})\b")
_AT: Final = re.compile(
    r"try again at (?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th)?, (\d{4}) )?(\d{1,2}):(\d{2}) ([AP])M",
    re.IGNORECASE,
)
_IN: Final = re.compile(
    r"try again in (\d{1,9}(?:\.\d{1,9})?) ?(ms|s|seconds?|m|minutes?|h|hours?)\b", re.IGNORECASE
)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - twelve short words
_DETAIL_MAX: Final = 2_000

_LIMITED: Final = frozenset({"usageLimitExceeded", "rateLimitExceeded"})
_SPENT: Final = frozenset({"contextWindowExceeded", "sessionBudgetExceeded"})
_REFUSED: Final = frozenset({"cyberPolicy", "misalignmentPolicyViolation"})
_STATUS_OF: Final = {
    "unauthorized": 401,
    "usageLimitExceeded": 429,
    "rateLimitExceeded": 429,
    "serverOverloaded": 503,
    "internalServerError": 500,
    "badRequest": 400,
}


def retry_of(error: dict[str, Any]) -> Retry:
    """Tell that Codex tries again; it does not say when."""
    attempt = _ATTEMPT.search(text_in(error, "message"))
    return Retry(
        status=status_of(error),
        attempt=int(attempt[1]) if attempt else 1,
        after_s=0.0,
        detail=text_in(error, "additionalDetails")[:_DETAIL_MAX] or detail_of(error),
    )


def reason_of(error: dict[str, Any]) -> TurnReason:
    """Say for which reason a turn failed."""
    name = _name_of(error)
    if name in _REFUSED:
        return TurnReason.REFUSED
    return TurnReason.LIMIT if name in _SPENT or _is_limited(error) else TurnReason.ERROR


def trouble_of(
    error: dict[str, Any], *, limits: dict[str, Any], now: int | None
) -> RateLimited | LoginNeeded | None:
    """Tell what a person has to know of a failure beyond its words.

    `limits` is what Codex said last about the account's, `now` the epoch second at which the turn ended.
    """
    if status_of(error) == 401:
        return LoginNeeded(detail=detail_of(error))
    if not _is_limited(error):
        return None
    return RateLimited(until=_reset_of(limits) or _told_time(detail_of(error), now), detail=detail_of(error))


def detail_of(error: dict[str, Any]) -> str:
    """Return what Codex says about a failure."""
    return text_in(error, "message")[:_DETAIL_MAX]


def status_of(error: dict[str, Any]) -> int:
    """Return the HTTP status behind a failure, 0 if there is none."""
    for fields in table_in(error, "codexErrorInfo").values():
        if isinstance(fields, dict) and (status := whole_in(fields, "httpStatusCode")):
            return status
    if known := _STATUS_OF.get(_name_of(error)):
        return known
    told = _STATUS.search(f"{detail_of(error)} {text_in(error, 'additionalDetails')[:_DETAIL_MAX]}")
    return int(told[1]) if told else 0


def _name_of(error: dict[str, Any]) -> str:
    return text_in(error, "codexErrorInfo")


def _is_limited(error: dict[str, Any]) -> bool:
    return _name_of(error) in _LIMITED or status_of(error) == 429


def _reset_of(limits: dict[str, Any]) -> float | None:
    """Return when the last of the account's limits that are used up begins anew."""
    resets = [
        float(reset)
        for window in (table_in(limits, "primary"), table_in(limits, "secondary"))
        if (whole_in(window, "usedPercent") or 0) >= 100 and (reset := whole_in(window, "resetsAt"))
    ]
    return max(resets, default=None)


def _told_time(words: str, now: int | None) -> float | None:
    """Read the time out of the words; Codex writes it in the time zone that it shares with us."""
    try:
        if (span := _IN.search(words)) and now is not None:
            unit = span[2].lower()
            return now + float(span[1]) * _SECONDS["ms" if unit == "ms" else unit[0]]
        clock = _AT.search(words)
        return None if clock is None else _local_time(clock, now)
    except (ValueError, OverflowError, OSError):  # a date that does not exist
        return None


def _local_time(clock: re.Match[str], now: int | None) -> float | None:
    hour = int(clock[4]) % 12 + (12 if clock[6].upper() == "P" else 0)
    if clock[1] is not None:
        month = _MONTHS.index(clock[1].lower()) + 1
        bare = datetime(int(clock[3]), month, int(clock[2]), hour, int(clock[5]))  # noqa: DTZ001 - local
        return bare.timestamp()
    if now is None:
        return None
    today = datetime.fromtimestamp(now, tz=UTC).astimezone()
    then = today.replace(hour=hour, minute=int(clock[5]), second=0, microsecond=0)
    return (then if then >= today - timedelta(minutes=1) else then + timedelta(days=1)).timestamp()
