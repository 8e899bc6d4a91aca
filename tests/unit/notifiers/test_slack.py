"""What chat servers are posted: plain words, within their bounds, that mention and link nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.notify import SinkKind
from supervisor.notifiers.aside import Aside
from supervisor.notifiers.http import Poster
from supervisor.notifiers.letter import Letter, trial_letter
from supervisor.notifiers.sink import NotSent, Origin
from supervisor.notifiers.slack import SECTION_MAX, SlackSink, plain, slack_message
from supervisor.testing.clock import VirtualClock
from supervisor.testing.receiver import Receiver, status
from tests.unit.notifiers.conftest import a_spec

ORIGIN = Origin(team="survey", project="web")


def a_letter(title: str = "Agent w is parked", body: str = "because") -> Letter:
    return replace(trial_letter("ops", now=1.0, run=3), title=title, body=body)


def words_of(message: dict[str, Any]) -> list[str]:
    """Every text of a message that a chat server would show."""
    texts = [message["text"]]
    for block in message["blocks"]:
        parts = block.get("elements") or [block["text"]]
        assert all(part["type"] == "plain_text" and part["emoji"] is False for part in parts)
        texts += [part["text"] for part in parts]
    return texts


def test_a_notice_is_a_title_a_body_and_where_it_comes_from() -> None:
    assert words_of(slack_message(a_letter(), ORIGIN)) == [
        "Agent w is parked\nbecause\nteam survey on web, run 3",
        "Agent w is parked",
        "because",
        "team survey on web, run 3",
    ]
    assert len(words_of(slack_message(a_letter(body=""), ORIGIN))) == 3


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<!channel> look", "&lt;!channel&gt; look"),
        ("<!here|here> & <!everyone>", "&lt;!here|here&gt; &amp; &lt;!everyone&gt;"),
        ("<@U012ABCDEF> <#C0123> <!subteam^S1>", "&lt;＠U012ABCDEF&gt; &lt;#C0123&gt; &lt;!subteam^S1&gt;"),
        ("<https://evil.example|your bank>", "&lt;https://evil.example|your bank&gt;"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("@channel @here @all @everyone", "＠channel ＠here ＠all ＠everyone"),
        ("[your bank](https://evil.example)", "[your bank] (https://evil.example)"),
        ("![](https://evil.example/pixel.png)", "![] (https://evil.example/pixel.png)"),
        ("[a][b]\n[b]: https://evil.example", "[a] [b]\n[b] : https://evil.example"),
        ("<!date^0^{date}^https://evil.example|x>", "&lt;!date^0^{date}^https://evil.example|x&gt;"),
    ],
)
def test_mentions_and_hidden_links_lose_their_sense(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@given(st.text(st.sampled_from("<>&@!#|[](): \n*_~`chanelhr")))
def test_no_words_of_others_can_mention_link_or_form(text: str) -> None:
    message = slack_message(a_letter(title=text, body=text), ORIGIN)
    assert message["mrkdwn"] is False
    assert message["link_names"] is False
    assert message["parse"] == "none"
    for shown in words_of(message):
        assert not {"<", ">", "@"} & set(shown)
        assert "](" not in shown
        assert "][" not in shown


@given(st.text(max_size=4000), st.sampled_from(["&", "<", "@", "x", "]("]))
def test_the_longest_words_fit_slack_with_their_entities_whole(text: str, filler: str) -> None:
    shown = plain(text + filler * 3000)
    assert len(shown) <= SECTION_MAX
    assert shown.endswith("…")
    assert not shown[:-1].endswith(("&", "&a", "&am", "&amp", "&l", "&lt", "&g", "&gt"))


@pytest.fixture
def sink(clock: VirtualClock, server: Receiver) -> SlackSink:
    poster = Poster(clock=clock, aside=Aside())
    return SlackSink(
        spec=a_spec(SinkKind.SLACK), origin=ORIGIN, poster=poster, environ={"HOOK_URL": server.url}
    )


async def test_it_arrives_as_json(sink: SlackSink, server: Receiver) -> None:
    assert await sink.send(a_letter()) == "status 200"
    (got,) = server.received
    assert got.headers["content-type"] == "application/json"
    assert json.loads(got.body) == slack_message(a_letter(), ORIGIN)


async def test_a_refusal_says_what_slack_said(sink: SlackSink, server: Receiver) -> None:
    server.manner = status(400, b"invalid_blocks")
    with pytest.raises(NotSent, match="status 400: invalid_blocks"):
        await sink.send(a_letter())


async def test_without_its_variable_it_says_which_one_is_missing(sink: SlackSink) -> None:
    with pytest.raises(NotSent, match="HOOK_URL"):
        await replace(sink, environ={}).send(a_letter())
    assert "s3cr3t" not in repr(sink)
