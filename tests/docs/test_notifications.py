"""The page on notifications says what the code does, and what a receiver would copy from it works."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.config.parse import parse_profile
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.notifiers import courier, http, letter, notice, queue, secrets
from supervisor.notifiers.letter import letter_of
from supervisor.notifiers.queue import Batch
from supervisor.notifiers.sink import Origin
from supervisor.notifiers.webhook import ID, SIGNATURE, signature, webhook_body

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_part_of_a_profile_and_shows_every_kind_of_sink() -> None:
    pool = '[[pools]]\nname = "w"\nrole = "worker"\ncommand = ["true"]\n'
    team = parse_profile(f'name = "t"\n{pool}{block("toml")}', "t.toml")

    assert {sink.kind for sink in team.notify} == set(SinkKind)


def test_the_table_lists_every_kind_of_notice() -> None:
    table = PAGE.split("## What is told")[1].split("\n## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)[1:] == [kind.value for kind in NoticeKind]


def test_the_ways_out_are_all_explained() -> None:
    ways = PAGE.split("## The ways out")[1].split("\n## ")[0]

    assert re.findall(r"^- `(\w+)`", ways, re.MULTILINE) == [kind.value for kind in SinkKind]


def test_the_body_on_the_page_has_the_fields_that_are_sent() -> None:
    shown = json.loads(block("json"))
    told = notice.Notice(
        kind=NoticeKind.APPROVAL,
        **{name: shown["events"][0][name] for name in ("seq", "at", "run", "event", "subject", "actor")},
        **{name: shown["events"][0][name] for name in ("title", "body")},
        about="A3",
    )
    sent = webhook_body(letter_of(Batch(notices=(told,)), "ops"), "ops", Origin(team="survey", project="web"))

    assert sent | {"id": ""} == shown | {"id": ""}


def test_the_headers_on_the_page_are_those_that_are_sent() -> None:
    assert f"{ID}: " in PAGE
    assert f"{SIGNATURE}: t=" in PAGE


@pytest.fixture
def is_genuine() -> Callable[[str, bytes, str], bool]:
    scope: dict[str, Any] = {}
    exec(block("python"), scope)  # the page's own text
    function: Callable[[str, bytes, str], bool] = scope["is_genuine"]
    return function


def test_the_check_on_the_page_knows_genuine_from_forged_and_old(
    is_genuine: Callable[[str, bytes, str], bool],
) -> None:
    body, now = b'{"v":1}', int(time.time())
    header = signature(b"a-secret-of-sixteen", body, now)

    assert is_genuine(header, body, "a-secret-of-sixteen")
    assert not is_genuine(header, body + b" ", "a-secret-of-sixteen")
    assert not is_genuine(header, body, "another-secret-of-sixteen")
    assert not is_genuine(signature(b"a-secret-of-sixteen", body, now - 301), body, "a-secret-of-sixteen")


def test_the_worked_example_is_right() -> None:
    worked = signature(b"0123456789abcdef", b'{"v":1,"kind":"test"}', 1760000000)

    assert f"prints `{worked.partition('v1=')[2]}`" in PAGE


SAID: Final = (
    f"at most {queue.QUEUE_MAX:,}",
    f"no answer within {http.DEADLINE_S:.0f} s",
    f"cut to {notice.TITLE_MAX} characters of title and {notice.BODY_MAX:,} of body",
    f"more than {('zero', 'one', 'two', 'three')[queue.SEPARATE_MAX]} wait",
    f"at least {secrets.SECRET_MIN}\ncharacters",
    f"the first {letter.ENCLOSED_MAX}",
    f"{NotifySpec.__dataclass_fields__['burst'].default} at once, then",
    f"then {NotifySpec.__dataclass_fields__['per_hour'].default:.0f} an hour",
)


@pytest.mark.parametrize("words", SAID)
def test_a_figure_on_the_page_is_the_one_that_holds(words: str) -> None:
    assert words in PAGE


def test_the_words_about_time_are_those_of_the_code() -> None:
    assert (queue.REPEAT_S, queue.STALE_S) == (300.0, 3600.0)
    assert (courier.TRIES_MAX, courier.RETRY_AFTER_MAX_S, courier.TELL_EVERY_S) == (5, 3600.0, 60.0)
    waits = sum(courier.BACKOFF_BASE_S * courier.BACKOFF_FACTOR**number for number in range(4))
    assert 150 <= waits <= 200  # about three minutes
    for words in ("once in five minutes", "older than an hour", "five times over about three minutes"):
        assert words in PAGE
