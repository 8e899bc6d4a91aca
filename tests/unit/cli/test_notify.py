"""Sinks, as the command line shows and tests them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.checks import all_checks
from supervisor.cli.output import now
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]

SINK: dict[str, Any] = {
    "name": "ops",
    "kind": "webhook",
    "on": ["help"],
    "queued": 3,
    "sending": True,
    "sent": 12,
    "failed": 1,
    "dropped": 0,
    "last_sent_at": None,
    "last_error": "",
    "last_error_at": None,
}


def test_the_list_shows_what_waits_and_how_it_went(run: Run, engine: ScriptedEngine) -> None:
    at = now()
    failing = SINK | {
        "name": "chat",
        "sending": False,
        "last_sent_at": at - 125,
        "last_error": "status 500: \x1b[2J",
        "last_error_at": at - 60,
    }
    engine.answers["notify_list"] = {"sinks": [SINK, failing]}
    heads, first, second = run("notify", "list").stdout.splitlines()
    assert heads.split("  ")[0] == "NAME"
    assert first.split() == ["ops", "webhook", "4", "12", "1", "-", "-"]
    assert second.split()[:5] == ["chat", "webhook", "3", "12", "1"]
    assert "2m 5s ago" in second
    assert second.endswith("1m ago: status 500: \\x1b[2J")


def test_a_team_without_sinks_is_told_how_to_have_one(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["notify_list"] = {"sinks": []}
    assert "[[notify]]" in run("notify", "list").stdout


def test_as_json_the_list_says_whether_an_engine_gave_it(ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["notify_list"] = {"sinks": [SINK]}
    told = ask("notify", "list")
    assert (told["sinks"], told["live"]) == ([SINK], True)


def test_where_nothing_ever_ran_the_list_says_so(run: Run) -> None:
    nothing = run("notify", "list")
    assert nothing.exit_code == 5
    assert "no team has run" in nothing.stderr


@pytest.mark.parametrize(("ok", "word", "code"), [(True, "sent    ops: ", 0), (False, "FAILED  ops: ", 1)])
def test_a_test_says_what_happened_and_fails_if_it_did_not_arrive(
    run: Run, engine: ScriptedEngine, ok: bool, word: str, code: int
) -> None:
    result = {"sink": "ops", "ok": ok, "words": "status \x1b]0;x\x07", "took_s": 0.25}
    engine.answers["notify_test"] = {"results": [result]}
    ended = run("notify", "test", "ops")
    assert ended.exit_code == code
    assert ended.stdout == f"{word}status \\x1b]0;x\\x07 (0.25 s)\n"
    assert engine.asked[-1] == ("notify_test", {"sink": "ops"})


def test_without_a_name_every_sink_is_tested(run: Run, engine: ScriptedEngine) -> None:
    results = [{"sink": name, "ok": name == "a", "words": "x", "took_s": 0.0} for name in ("a", "b")]
    engine.answers["notify_test"] = {"results": results}
    ended = run("notify", "test")
    assert ended.exit_code == 1
    assert len(ended.stdout.splitlines()) == 2
    assert engine.asked[-1] == ("notify_test", {"sink": None})


def test_without_an_engine_nothing_can_be_tested(run: Run) -> None:
    assert run("notify", "test").exit_code == 5


def test_doctor_says_whether_the_desktop_can_be_told(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> str:
        return next(check.detail for check in all_checks(project) if check.name == "notices")

    monkeypatch.setenv("PATH", str(tmp_path))
    assert "none of notify-send, osascript is installed" in look()
    (tmp_path / "notify-send").write_text("#!/bin/sh\n")
    (tmp_path / "notify-send").chmod(0o755)
    assert look() == f"{tmp_path}/notify-send shows those for the desktop"
