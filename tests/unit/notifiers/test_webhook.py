"""What programs are posted: JSON whose signature anybody can check who knows the secret."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from supervisor.model.notify import NoticeKind
from supervisor.notifiers.aside import Aside
from supervisor.notifiers.http import Poster
from supervisor.notifiers.letter import letter_of, trial_letter
from supervisor.notifiers.queue import Batch
from supervisor.notifiers.sink import NotSent, Origin
from supervisor.notifiers.webhook import WebhookSink, signature
from supervisor.testing.clock import VirtualClock
from supervisor.testing.receiver import Received, Receiver
from tests.unit.notifiers.conftest import a_notice, a_spec

SECRET = "correct horse battery staple".replace(" ", "-")
LETTER = letter_of(Batch(notices=(a_notice(7, NoticeKind.APPROVAL, about="A3", at=12.5),)), "ops")


@pytest.fixture
def sink(clock: VirtualClock, server: Receiver) -> WebhookSink:
    return WebhookSink(
        spec=a_spec(secret_env="HOOK_SECRET"),
        origin=Origin(team="survey", project="web"),
        poster=Poster(clock=clock, aside=Aside()),
        environ={"HOOK_URL": server.url, "HOOK_SECRET": SECRET},
    )


def by_openssl(secret: str, signed: bytes) -> str:
    """Compute the HMAC with a program that shares no line with ours."""
    ended = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret, "-r"],
        input=signed,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return ended.stdout.decode().split(" ")[0]


def is_genuine(got: Received, secret: str) -> bool:
    """Check a signature as docs/notifications.md tells receivers to."""
    fields = dict(part.split("=", 1) for part in got.headers["x-supervisor-signature"].split(","))
    return by_openssl(secret, fields["t"].encode() + b"." + got.body) == fields["v1"]


async def test_the_body_tells_what_happened(sink: WebhookSink, server: Receiver) -> None:
    assert await sink.send(LETTER) == "status 200"
    (got,) = server.received
    assert json.loads(got.body) == {
        "v": 1,
        "id": LETTER.id,
        "kind": "approval",
        "sink": "ops",
        "team": "survey",
        "project": "web",
        "run": 1,
        "at": 12.5,
        "title": "notice 7",
        "body": "its body",
        "late": False,
        "dropped": 0,
        "more": 0,
        "events": [
            {
                "seq": 7,
                "at": 12.5,
                "run": 1,
                "kind": "approval",
                "event": "message.sent",
                "subject": "M7",
                "actor": "worker-1",
                "title": "notice 7",
                "body": "its body",
            }
        ],
    }
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-supervisor-id"] == LETTER.id


async def test_the_signature_is_what_an_independent_program_computes(
    sink: WebhookSink, server: Receiver, clock: VirtualClock
) -> None:
    await sink.send(LETTER)
    (got,) = server.received
    assert got.headers["x-supervisor-signature"].startswith(f"t={int(clock.now())},v1=")
    assert is_genuine(got, SECRET)


async def test_what_was_altered_is_not_genuine(sink: WebhookSink, server: Receiver) -> None:
    await sink.send(LETTER)
    (got,) = server.received
    later = got.headers["x-supervisor-signature"].replace("t=1", "t=2", 1)
    assert not is_genuine(got, SECRET + "x")
    assert not is_genuine(replace(got, body=got.body + b" "), SECRET)
    assert not is_genuine(replace(got, headers=got.headers | {"x-supervisor-signature": later}), SECRET)


async def test_a_second_try_is_signed_anew_under_the_same_id(
    sink: WebhookSink, server: Receiver, clock: VirtualClock
) -> None:
    await sink.send(LETTER)
    await clock.advance(600)
    await sink.send(LETTER)
    first, second = server.received
    assert first.body == second.body
    assert first.headers["x-supervisor-id"] == second.headers["x-supervisor-id"]
    assert first.headers["x-supervisor-signature"] != second.headers["x-supervisor-signature"]
    assert is_genuine(second, SECRET)


async def test_without_a_secret_nothing_is_signed(sink: WebhookSink, server: Receiver) -> None:
    await replace(sink, spec=a_spec()).send(LETTER)
    assert "x-supervisor-signature" not in server.received[0].headers


async def test_a_secret_that_is_missing_or_short_sends_nothing(sink: WebhookSink, server: Receiver) -> None:
    for environ in ({"HOOK_URL": server.url}, {"HOOK_URL": server.url, "HOOK_SECRET": "short"}):
        with pytest.raises(NotSent, match="secret"):
            await replace(sink, environ=environ).send(LETTER)
    assert server.received == []


async def test_headers_never_carry_foreign_words(sink: WebhookSink, server: Receiver) -> None:
    hostile = "x\r\nX-Injected: yes\r\n\r\nPOST / HTTP/1.1"
    notice = replace(a_notice(1), title=hostile, body=hostile, subject=hostile, actor=hostile, about=hostile)
    await sink.send(letter_of(Batch(notices=(notice,)), "ops"))
    (got,) = server.received
    assert set(got.headers) == {
        "host",
        "accept-encoding",
        "content-type",
        "content-length",
        "user-agent",
        "x-supervisor-id",
        "x-supervisor-signature",
    }
    assert got.body.isascii()


def test_the_worked_example_of_the_page_is_right() -> None:
    body = b'{"v":1,"kind":"test"}'
    assert (
        signature(b"0123456789abcdef", body, 1760000000)
        == f"t=1760000000,v1={by_openssl('0123456789abcdef', b'1760000000.' + body)}"
    )


def test_a_sink_shows_nothing_secret(sink: WebhookSink) -> None:
    assert SECRET not in repr(sink)
    assert "s3cr3t" not in repr(sink)


async def test_a_test_letter_carries_no_events(sink: WebhookSink, server: Receiver) -> None:
    await sink.send(trial_letter("ops", now=5.0, run=2))
    told = json.loads(server.received[0].body)
    assert (told["kind"], told["events"], told["run"]) == ("test", [], 2)
