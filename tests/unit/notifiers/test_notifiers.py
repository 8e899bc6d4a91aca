"""The whole way out: from a real commit over the queue to a real server, and across engines."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from supervisor.coordinator import approvals, handoffs, questions
from supervisor.errors import DatabaseUnavailable, NotFound
from supervisor.model.agent import AgentState
from supervisor.model.approval import Decision
from supervisor.model.event import Event
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.model.rule import ApprovalRule
from supervisor.notifiers import notifiers as room
from supervisor.notifiers.ledger import stored_states
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notifiers import Notifiers
from supervisor.testing.receiver import Receiver, receiver, status
from supervisor.testing.small_team import SmallTeam, small_team
from tests.unit.notifiers.conftest import a_spec

ROOT = Path(__file__).resolve().parents[3]
HOOK, CHAT = a_spec(), a_spec(SinkKind.SLACK, name="chat", url_env="CHAT_URL")


async def never() -> None:
    await asyncio.Event().wait()


def ways_out(team: SmallTeam, environ: dict[str, str], rung: list[Letter] | None = None) -> Notifiers:
    letters = [] if rung is None else rung
    return Notifiers(
        team.coordinator, team.clock, random.Random(1), ring=letters.append, project="web", environ=environ
    )


@asynccontextmanager
async def kept(way: Notifiers) -> AsyncIterator[Notifiers]:
    """Let it work, and cut it off without a word at the end, as a kill does."""
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(way.keep())
        async with asyncio.timeout(20):
            while not way._is_live:
                await asyncio.sleep(0)
        yield way
        keeping.cancel()


async def settled(holds: Callable[[], object]) -> None:
    """Wait for what other threads and the server do."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


async def ask_approval(team: SmallTeam, title: str = "delete it", agent: str = "worker-1") -> str:
    asked: Any = await team.do(
        lambda scope: approvals.request(
            scope, team[agent], kind="shell", tier=1, title=title, payload={"command": title}
        )
    )
    return str(asked.id)


def is_done(way: Notifiers, sent: int) -> Callable[[], object]:
    """Tell whether so many letters left and none is under way."""

    def look() -> bool:
        (state,) = way.states()
        return state["sent"] >= sent and not state["sending"]

    return look


def is_at_rest(way: Notifiers) -> Callable[[], object]:
    return way._couriers["ops"].rested.is_set


def titles(server: Receiver) -> list[str]:
    return [json.loads(got.body)["title"] for got in server.received]


def told_seqs(server: Receiver) -> list[int]:
    return [each["seq"] for got in server.received for each in json.loads(got.body)["events"]]


async def test_what_agents_want_of_people_arrives(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team, kept(ways_out(team, {"HOOK_URL": server.url})):
        await ask_approval(team)
        await server.until(1)
        await team.do(lambda scope: questions.ask(scope, team["worker-1"], question="Which port?"))
        await server.until(2)
        await team.do(lambda scope: handoffs.record(scope, sender="worker-1", to="role:judge", notes="look"))
        await server.until(3)
        await team.crash("worker-2", to=AgentState.PARKED)
        await server.until(4)
    assert titles(server) == [
        "worker-1 asks for approval: delete it",
        "worker-1 asks: Which port?",
        "worker-1 hands its work to role:judge",
        "Agent worker-2 is parked",
    ]


async def test_what_a_rule_of_the_profile_answers_is_not_told(tmp_path: Path, server: Receiver) -> None:
    rules = (ApprovalRule(decision=Decision.ALLOW, agents="worker-1"),)
    async with (
        small_team(tmp_path, notify=(HOOK,), approvals=rules) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})),
    ):
        await ask_approval(team, "allowed by the rule", agent="worker-1")
        await ask_approval(team, "a person must look", agent="worker-2")
        await server.until(1)
    assert titles(server) == ["worker-2 asks for approval: a person must look"]


async def test_each_sink_hears_what_it_wants_and_none_waits_for_another(
    tmp_path: Path, server: Receiver
) -> None:
    async with receiver() as chat:
        chat.manner = chat.hanging()
        only_parked = replace(HOOK, on=(NoticeKind.PARKED,))
        environ = {"HOOK_URL": server.url, "CHAT_URL": chat.url}
        async with small_team(tmp_path, notify=(only_parked, CHAT)) as team, kept(ways_out(team, environ)):
            await ask_approval(team)
            await chat.until(1)
            await team.crash("worker-2", to=AgentState.PARKED)
            await server.until(1)
    assert titles(server) == ["Agent worker-2 is parked"]


async def test_the_bell_rings_for_what_it_is_asked(tmp_path: Path) -> None:
    bell = NotifySpec(name="bell", kind=SinkKind.BELL)
    rung: list[Letter] = []
    async with small_team(tmp_path, notify=(bell,)) as team, kept(ways_out(team, {}, rung)):
        await ask_approval(team)
        await settled(lambda: rung)
    assert [letter.kind for letter in rung] == ["approval"]


async def test_a_profile_without_sinks_costs_nothing(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        before = len(team.store._listeners)
        way = ways_out(team, {})
        await way.keep()
        await way.last_words(never)
        assert (way.states(), len(team.store._listeners)) == ([], before)
        with pytest.raises(NotFound, match=r"\[\[notify\]\]"):
            await way.test(None)


def test_an_engine_loads_the_ways_out_only_for_a_team_that_has_one() -> None:
    program = "import sys, supervisor.engine.main; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(ended.stdout.split())
    assert "supervisor.notifiers.notifiers" in loaded
    assert not loaded & {"supervisor.notifiers.http", "supervisor.notifiers.sinks", "httpx2", "email.utils"}


# Never blocking


async def slowest_commit(team: SmallTeam, count: int = 30) -> float:
    """Commit things that are news, and return how long the slowest answer took."""
    slowest = 0.0
    for number in range(count):
        began = time.perf_counter()
        await ask_approval(team, f"step {number}")
        slowest = max(slowest, time.perf_counter() - began)
    return slowest


async def longest_silence(over: asyncio.Event) -> float:
    """Return the longest time in which the loop came to nothing else."""
    longest, last = 0.0, time.perf_counter()
    while not over.is_set():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


async def test_a_sink_that_hangs_slows_neither_commits_nor_the_loop(tmp_path: Path, server: Receiver) -> None:
    server.manner = server.hanging()
    environ = {"HOOK_URL": server.url, "CHAT_URL": server.url}
    async with small_team(tmp_path, notify=(HOOK, CHAT)) as team, kept(ways_out(team, environ)):
        await ask_approval(team)
        await server.until(2)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            silence = tasks.create_task(longest_silence(over))
            slowest = await slowest_commit(team)
            over.set()
        assert slowest < 1.0
        assert silence.result() < 1.0


async def test_canary_a_sink_that_is_awaited_in_the_commit_is_caught(
    tmp_path: Path, server: Receiver
) -> None:
    server.manner = server.hanging()

    def post_and_wait(events: list[Event]) -> None:
        for event in events:
            if event.kind == "approval.requested":
                with pytest.raises(httpx2.TimeoutException):
                    httpx2.post(server.url, json={"title": event.kind}, timeout=1.2)

    async with small_team(tmp_path) as team:
        team.store.listen(post_and_wait)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            silence = tasks.create_task(longest_silence(over))
            slowest = await slowest_commit(team, count=1)
            over.set()
        assert slowest > 1.0
        assert silence.result() > 1.0


async def test_an_event_of_a_form_not_foreseen_does_not_stop_the_writer(
    tmp_path: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(event: Event) -> None:
        raise TypeError("unforeseen")

    async with small_team(tmp_path, notify=(HOOK,)) as team, kept(ways_out(team, {"HOOK_URL": server.url})):
        with monkeypatch.context() as patched:
            patched.setattr(room, "notice_of", stumble)
            await ask_approval(team, "not told")
        await ask_approval(team, "told")
        await server.until(1)
    assert titles(server) == ["worker-1 asks for approval: told"]
    assert "cannot be told" in caplog.text


# Across engines


async def test_what_was_not_sent_when_the_engine_died_is_sent_by_the_next(
    tmp_path: Path, server: Receiver
) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        server.manner = server.hanging()
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            await ask_approval(team, "first")
            await server.until(1)
            await ask_approval(team, "second")
        await ask_approval(team, "third, while nobody listens")
        server.manner = status(200)
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            await server.until(4)
    bodies = [json.loads(got.body) for got in server.received]
    assert [body["title"].split(": ")[1] for body in bodies] == [
        "first",
        "first",
        "second",
        "third, while nobody listens",
    ]
    ids = [got.headers["x-supervisor-id"] for got in server.received]
    assert ids[0] == ids[1], "the one that may have left twice says so by its id"
    assert len(set(ids)) == 3


async def test_what_arrived_is_not_sent_again(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        for sent, title in enumerate(("first", "second"), start=1):
            async with kept(ways_out(team, {"HOOK_URL": server.url})) as way:
                await ask_approval(team, title)
                await settled(is_done(way, sent))
                await way.last_words(never)
        async with kept(ways_out(team, {"HOOK_URL": server.url})) as way:
            await way.last_words(never)
    assert titles(server) == ["worker-1 asks for approval: first", "worker-1 asks for approval: second"]


async def test_what_was_answered_meanwhile_is_not_sent_by_the_next_engine(
    tmp_path: Path, server: Receiver
) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            pass
        asked = await ask_approval(team, "answered")
        approval = await team.coordinator.read(lambda scope: approvals.the_approval(scope, asked))
        await team.do(lambda scope: approvals.answer(scope, asked, digest=approval.digest, allow=False))
        await ask_approval(team, "open")
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            await server.until(1)
    assert titles(server) == ["worker-1 asks for approval: open"]


async def test_what_is_older_than_an_hour_comes_as_one_digest(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            pass
        await ask_approval(team, "old one")
        await ask_approval(team, "old two")
        team.clock.jump(3601)
        await ask_approval(team, "new")
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            await server.until(2)
    late, fresh = [json.loads(got.body) for got in server.received]
    assert (late["kind"], late["late"], late["title"]) == ("digest", True, "2 notices, late: 2 approval")
    assert (fresh["kind"], fresh["late"]) == ("approval", False)


async def test_a_new_sink_begins_with_the_next_event(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        await ask_approval(team, "before")
        async with kept(ways_out(team, {"HOOK_URL": server.url})):
            await ask_approval(team, "after")
            await server.until(1)
    assert titles(server) == ["worker-1 asks for approval: after"]


async def test_a_repeat_across_engines_is_known(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        for _ in range(2):
            async with kept(ways_out(team, {"HOOK_URL": server.url})) as way:
                await team.start("worker-2")
                await team.crash("worker-2", to=AgentState.PARKED)
                await server.until(1)
                await settled(is_done(way, 1))
                await way.last_words(never)
    assert titles(server) == ["Agent worker-2 is parked"]


async def test_a_sink_that_left_the_profile_is_forgotten(tmp_path: Path, server: Receiver) -> None:
    environ = {"HOOK_URL": server.url, "CHAT_URL": server.url}
    async with small_team(tmp_path, notify=(HOOK, CHAT)) as team:
        async with kept(ways_out(team, environ)):
            assert [state.name for state in await team.store.read(stored_states)] == ["chat", "ops"]
        team.coordinator.team = replace(team.coordinator.team, notify=(CHAT,))
        async with kept(ways_out(team, environ)):
            assert [state.name for state in await team.store.read(stored_states)] == ["chat"]


async def test_the_bucket_is_not_refilled_by_a_restart(tmp_path: Path, server: Receiver) -> None:
    hook = replace(HOOK, burst=2)
    async with small_team(tmp_path, notify=(hook,)) as team:
        for number in range(4):
            async with kept(ways_out(team, {"HOOK_URL": server.url})) as way:
                await ask_approval(team, f"step {number}")
                await settled(is_at_rest(way))
    assert len(server.received) == 2


async def test_a_database_that_is_busy_at_the_start_is_tried_again(
    tmp_path: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        way = ways_out(team, {"HOOK_URL": server.url})
        opened, faults = way._ledger.open, [DatabaseUnavailable("busy")]

        async def open_at_second(specs: Any) -> Any:
            if faults:
                raise faults.pop()
            return await opened(specs)

        monkeypatch.setattr(way._ledger, "open", open_at_second)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(way.keep())
            await settled(lambda: team.clock.next_wake is not None)
            await team.clock.advance(5.0)
            await settled(lambda: way._is_live)
            await ask_approval(team)
            await server.until(1)
            keeping.cancel()


async def test_a_place_that_cannot_be_written_stops_no_notice(
    tmp_path: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):

        async def refuse(_use_case: Any) -> None:
            raise DatabaseUnavailable("disk full")

        await ask_approval(team, "one")
        with monkeypatch.context() as patched:
            patched.setattr(way._ledger._coordinator, "write", refuse)
            await server.until(1)
            await way._ledger.tell_failure("ops", "gave up")
            await settled(lambda: "could not be written" in caplog.text)
        await ask_approval(team, "two")
        await server.until(2)


# The end of an engine


async def test_the_end_waits_a_moment_for_what_is_about_to_leave(tmp_path: Path, server: Receiver) -> None:
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):
        await ask_approval(team)
        await way.last_words(never)
        assert len(server.received) == 1
        assert way.states()[0]["sent"] == 1


async def test_the_end_does_not_wait_for_a_sink_that_hangs(
    tmp_path: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LAST_WORDS_S", 0.2)
    server.manner = server.hanging()
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):
        await ask_approval(team)
        began = time.monotonic()
        await way.last_words(never)
        assert 0.1 < time.monotonic() - began < 5.0


async def test_the_end_waits_for_nothing_when_somebody_will_not_wait(
    tmp_path: Path, server: Receiver
) -> None:
    async def at_once() -> None:
        return None

    server.manner = server.hanging()
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):
        await ask_approval(team)
        began = time.monotonic()
        await way.last_words(at_once)
        assert time.monotonic() - began < 2.0


async def test_the_end_keeps_how_far_each_sink_has_come(tmp_path: Path, server: Receiver) -> None:
    async with small_team(tmp_path, notify=(HOOK,)) as team:
        async with kept(ways_out(team, {"HOOK_URL": server.url})) as way:
            await team.add_task("nothing to people elsewhere")
            end = team.store.last_seq
            await way.last_words(never)
        (state,) = await team.store.read(stored_states)
        assert state.cursor == end


# What people ask


async def test_a_test_tells_how_each_sink_fares(tmp_path: Path, server: Receiver) -> None:
    async with receiver() as chat:
        chat.manner = status(404, b"no_service")
        environ = {"HOOK_URL": server.url, "CHAT_URL": chat.url}
        async with small_team(tmp_path, notify=(HOOK, CHAT)) as team, kept(ways_out(team, environ)) as way:
            both = await way.test(None)
            assert [(each.sink, each.ok, each.words) for each in both] == [
                ("ops", True, "status 200"),
                ("chat", False, "status 404: no_service"),
            ]
            assert [each.sink for each in await way.test("ops")] == ["ops"]
            with pytest.raises(NotFound, match="ops, chat"):
                await way.test("nobody")


async def test_failures_are_events_and_states_that_hold_nothing_secret(
    tmp_path: Path, server: Receiver
) -> None:
    server.manner = status(410, f"gone {server.url}".encode())
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):
        await ask_approval(team)
        await settled(lambda: way.states()[0]["failed"] == 1)
        states = json.dumps(way.states())
        await settled(lambda: team.store.last_seq > way._couriers["ops"].state.cursor)
        events = await team.events()
    (failed,) = [event for event in events if event.kind == "notify.failed"]
    assert (failed.subject, failed.actor) == ("ops", "supervisor")
    assert failed.reason.startswith("gave up after 1 try: status 410: gone …")
    database = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("s3cr3t-t0ken", "another-secret"):
        assert secret not in states
        assert secret not in str(events)
        assert secret.encode() not in database


async def test_a_failure_is_no_news_that_fails_again(tmp_path: Path, server: Receiver) -> None:
    server.manner = status(410)
    async with (
        small_team(tmp_path, notify=(HOOK,)) as team,
        kept(ways_out(team, {"HOOK_URL": server.url})) as way,
    ):
        await ask_approval(team)
        await settled(lambda: way.states()[0]["failed"] == 1)
        await way.last_words(never)
    assert len(server.received) == 1
