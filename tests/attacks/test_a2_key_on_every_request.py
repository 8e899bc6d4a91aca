"""A2: no request is served without a living key, and whoever has none learns nothing from the answer.

A7 and A5 meet here too: a revoked key is no key, and a session id of somebody else's opens nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from supervisor.transports.mcp import gate
from tests.attacks.door import (
    JUDGE,
    JUDGE_KEY,
    OLD_KEY,
    WORKER,
    WORKER_KEY,
    Answer,
    Desk,
    Door,
    Ungated,
    call_body,
    serving,
)

KEYLESS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "scheme only": "Bearer",
    "no key": "Bearer ",
    "wrong": f"Bearer {'x' * 43}",
    "old": f"Bearer {OLD_KEY}",
    "short by one": f"Bearer {WORKER_KEY[:-1]}",
    "long by one": f"Bearer {WORKER_KEY}w",
    "spaces": f"Bearer  {WORKER_KEY}",
    "basic": f"Basic {WORKER_KEY}",
    "bare": WORKER_KEY,
    "not ascii": "Bearer \xfc\xfc\xfc",
    "huge": "Bearer " + "w" * 10_000,
    "upper case": f"Bearer {WORKER_KEY.upper()}",
}


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "GUESS_DELAY_S", 0.0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    async with serving(desk) as opened:
        yield opened


def without_date(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    return answer.status, answer.headers, answer.body


async def test_every_way_of_having_no_key_gets_the_same_answer(door: Door, desk: Desk) -> None:
    answers = [await door.call("echo", {"text": "x"}, {"Authorization": value}) for value in KEYLESS.values()]
    assert {answer.status for answer in answers} == {401}
    assert all(without_date(answer) == without_date(answers[0]) for answer in answers)
    assert desk.calls == []


@pytest.mark.parametrize(
    "target",
    [
        f"POST /mcp?key={WORKER_KEY} HTTP/1.1",
        f"POST /mcp?Authorization=Bearer%20{WORKER_KEY} HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /health HTTP/1.1",
        "GET /mcp HTTP/1.1",
        "DELETE /mcp HTTP/1.1",
        "OPTIONS /mcp HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /.well-known/oauth-protected-resource HTTP/1.1",
        "POST /mcp/../health HTTP/1.1",
    ],
)
async def test_no_method_and_no_path_is_open_to_whoever_has_no_key(
    door: Door, desk: Desk, target: str
) -> None:
    plain = await door.call("echo", {}, {"Authorization": None})
    answer = await door.post(call_body("echo", {}), {"Authorization": None}, target=target)
    assert without_date(answer) == without_date(plain)
    assert answer.status == 401
    assert desk.calls == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 1_000, b"x" * 2_000_000], ids=["empty", "cut", "deep", "2 MB"]
)
async def test_the_key_is_looked_at_before_the_body(door: Door, desk: Desk, body: bytes) -> None:
    answer = await door.post(body[:1_000], {"Authorization": None, "Content-Length": str(len(body))})
    assert answer.status == 401


async def test_two_keys_are_no_key(door: Door, desk: Desk) -> None:
    body = call_body("echo", {})
    head = door.head({"Content-Length": str(len(body))}) + f"Authorization: Bearer {JUDGE_KEY}\r\n"
    answer = await door.send(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
    assert answer.status == 401
    assert desk.calls == []


async def test_a_key_revoked_between_two_calls_of_one_connection_stops_the_second(
    door: Door, desk: Desk
) -> None:
    assert (await door.call("echo")).status == 200
    del desk.living[WORKER_KEY]
    answer = await door.call("echo")
    never = await door.call("echo", {}, {"Authorization": None})
    assert without_date(answer) == without_date(never)
    assert len(desk.calls) == 1


async def test_a5_a_session_id_changes_nothing_about_who_asks(door: Door, desk: Desk) -> None:
    first = await door.call("echo", {}, {"Authorization": f"Bearer {JUDGE_KEY}"})
    assert "mcp-session-id" not in first.headers
    answer = await door.call("echo", {}, {"Mcp-Session-Id": "judge-1"})
    assert answer.status == 200
    assert [actor for actor, _, _ in desk.calls] == [JUDGE, WORKER]


async def test_guesses_are_slowed_down_and_nobody_else_is(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "GUESS_DELAY_S", 0.05)
    guesses = 4 * gate.GUESSES_AT_ONCE

    async def guess(number: int) -> int:
        return (await door.call("echo", {}, {"Authorization": f"Bearer {number:043}"})).status

    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        guessing = [tasks.create_task(guess(number)) for number in range(guesses)]
        assert (await door.call("echo")).status == 200
        assert not all(each.done() for each in guessing)
    assert time.monotonic() - begun >= 4 * 0.05
    assert {each.result() for each in guessing} == {401}


async def test_calls_of_one_key_at_once_are_counted(
    door: Door, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "IN_FLIGHT_MAX", 2)
    async with asyncio.TaskGroup() as tasks:
        held = [tasks.create_task(door.call("hold")) for _ in range(2)]
        await desk.until(held=2)
        refused = await door.call("echo")
        judge = await door.call("echo", {}, {"Authorization": f"Bearer {JUDGE_KEY}"})
        for each in held:
            each.cancel()
    assert (refused.status, judge.status) == (429, 200)
    await desk.until(abandoned=2)
    assert (await door.call("echo")).status == 200


async def test_canary_without_the_gate_a_request_without_a_key_is_served(desk: Desk) -> None:
    async with serving(desk, Ungated) as door:
        answer = await door.call("echo", {"text": "x"}, {"Authorization": None})
    assert answer.status == 200
    assert len(desk.calls) == 1
