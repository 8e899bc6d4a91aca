"""What holds between the keys of a profile's sinks, and the sinks they make."""

from __future__ import annotations

from typing import Any, Final

from supervisor.config.problems import Problems
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind

_POSTING: Final = frozenset({SinkKind.SLACK, SinkKind.WEBHOOK})


def check_sinks(values: dict[str, Any], problems: Problems) -> None:
    """Hold that each sink has its own name, one place for its URL, and no secret that agents are given."""
    handed_on = {name for pool in values.get("pools") or () for name in pool.get("env_allow") or ()}
    names: set[str] = set()
    for index, sink in enumerate(values.get("notify") or ()):
        path = ("notify", index)
        name, kind = sink.get("name"), sink.get("kind")
        if name in names:
            problems.add((*path, "name"), f'another sink is called "{name}" already; each needs its own')
        names.add(name or "")
        if kind is not None:
            _check_url(sink, kind, path, problems)
            _check_secret(sink, kind, path, problems)
        for key in ("url_env", "secret_env"):
            if sink.get(key) in handed_on:
                problems.add(
                    (*path, key),
                    f"{sink[key]} is handed on to agents by `env_allow`; they must not have it",
                )


def sink_of(values: dict[str, Any]) -> NotifySpec:
    """Make the sink of checked values."""
    words = {"on": tuple(NoticeKind(word) for word in values["on"])} if "on" in values else {}
    return NotifySpec(**(values | words))


def _check_url(sink: dict[str, Any], kind: SinkKind, path: tuple[str, int], problems: Problems) -> None:
    given = [key for key in ("url_env", "url_file") if key in sink]
    if kind not in _POSTING:
        for key in (*given, *(["allow_private"] if sink.get("allow_private") else [])):
            problems.add((*path, key), f'has no effect on a sink of kind "{kind.value}"; remove it')
    elif not given:
        problems.add((*path, "url_env"), "is missing: give `url_env` or `url_file`; a URL itself is a secret")
    elif len(given) > 1:
        problems.add((*path, "url_file"), "stands beside `url_env`; keep one of them")


def _check_secret(sink: dict[str, Any], kind: SinkKind, path: tuple[str, int], problems: Problems) -> None:
    given = [key for key in ("secret_env", "secret_file") if key in sink]
    if kind is not SinkKind.WEBHOOK:
        for key in given:
            problems.add((*path, key), f'has no effect on a sink of kind "{kind.value}"; remove it')
    elif len(given) > 1:
        problems.add((*path, "secret_file"), "stands beside `secret_env`; keep one of them")
