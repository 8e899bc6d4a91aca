"""Dead letters and groups on the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.model.message import Delivery, DeliveryState
from supervisor.testing.scripted_engine import ScriptedEngine
from tests.unit.cli.conftest import Run


@pytest.fixture
def copies(engine: ScriptedEngine) -> list[str]:
    """Two dead letters of one message, and one of another."""
    story = engine.team
    names = []
    for body in ("poison\x1b[31m\nwith lines", "again"):
        message = story.message("planner", "worker-2", body)
        for name in ("worker-2", "worker-1") if body != "again" else ("worker-1",):
            copy = Delivery(message=message.id, recipient=name, state=DeliveryState.DEAD, attempts=3)
            story.record("delivery.died", copy)
            names.append(copy.key)
    engine.answers["dead_requeue"] = lambda args: {"requeued": args["ids"]}
    engine.answers["dead_drop"] = lambda args: {"dropped": args["ids"]}
    return sorted(names)


def test_dead_letters_are_listed_by_both_verbs_and_as_json(run: Run, ask: Any, copies: list[str]) -> None:
    lines = run("dead", "list").stdout.splitlines()
    assert lines[0].split() == ["COPY", "FROM", "KIND", "AGE", "FETCHED", "MESSAGE"]
    assert [each.split()[0] for each in lines[1:]] == copies
    assert "poison\\x1b[31m with lines" in lines[1]
    assert run("inbox", "--dead").stdout.splitlines()[0] == lines[0]
    assert [each["delivery"]["recipient"] for each in ask("dead", "list")["dead"]] == [
        "worker-1",
        "worker-2",
        "worker-1",
    ]


def test_without_dead_letters_the_verbs_say_so(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    assert run("dead", "list").stdout == "no dead letters\n"
    assert run("dead", "requeue", "all").stdout == "no dead letters\n"
    assert run("dead", "drop", "all").stdout == "no dead letters\n"
    assert ask("inbox", "--dead")["dead"] == []
    assert engine.asked == []


def test_dead_letters_need_the_person(run: Run, copies: list[str]) -> None:
    assert "needs you: 3 dead letters: supervisor dead list" in run("status").stdout


def test_dead_letters_are_put_back_by_name_or_all(
    run: Run, ask: Any, engine: ScriptedEngine, copies: list[str]
) -> None:
    assert run("dead", "requeue", "M5", "--reason", "mended").stdout == "put back M5\n"
    assert ask("dead", "requeue", "all")["requeued"] == copies
    assert engine.asked == [
        ("dead_requeue", {"ids": ["M5"], "reason": "mended"}),
        ("dead_requeue", {"ids": copies, "reason": ""}),
    ]
    assert run("dead", "requeue", "all", "M5").exit_code == 1


def test_dropping_asks_first(
    run: Run, ask: Any, engine: ScriptedEngine, copies: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run("dead", "drop", copies[0])
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)
    assert run("dead", "drop", copies[0], keys="n\n").exit_code == 2
    assert engine.asked == []
    agreed = run("dead", "drop", copies[0], keys="y\n")
    assert agreed.stdout == f"dropped {copies[0]}\n"
    assert copies[0] in agreed.stderr
    assert ask("dead", "drop", "all", "--yes", "--reason", "old")["dropped"] == copies
    assert engine.asked[-1] == ("dead_drop", {"ids": copies, "reason": "old"})


def test_showing_the_dead_stands_alone(run: Run, engine: ScriptedEngine) -> None:
    assert run("inbox", "--dead", "--ack", "all").exit_code == 2


def test_groups_are_listed_with_their_members(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    agents = engine.team.world.agents
    for name in ("worker-1", "worker-2"):
        engine.team.record("agent.enrolled", replace(agents[name], pool="worker", groups=("builders",)))
    engine.team.record("agent.enrolled", replace(agents["worker-1"], name="leaver", pool="gone"))

    told = ask("group", "list")["groups"]
    assert told[-1] == {"address": "group:builders", "members": ["worker-1", "worker-2"]}
    assert told[0]["address"] == "all"
    assert "leaver" not in told[0]["members"]
    assert run("group", "list").stdout.splitlines()[-1].split(None, 1) == [
        "group:builders",
        "worker-1, worker-2",
    ]


def test_what_a_message_is_can_be_said(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["send"] = {"message": {"id": "M9"}, "recipients": ["worker-1"], "mailboxes": []}
    more = ("--kind", "stage", "--priority", "high", "--ttl", "60", "--correlation-id", "j")

    assert run("send", "worker-1", "x", *more, "--payload", '{"a": 1}').exit_code == 0
    assert engine.asked[-1][1] == {
        "to": "worker-1",
        "body": "x",
        "urgent": False,
        "thread": "",
        "kind": "stage",
        "priority": "high",
        "ttl_s": 60.0,
        "correlation_id": "j",
        "payload": {"a": 1},
    }
    assert run("send", "worker-1", "x", "--payload", "[1]").exit_code == 2
    assert run("send", "worker-1", "x", "--payload", "{").exit_code == 1
    assert len(engine.asked) == 1
