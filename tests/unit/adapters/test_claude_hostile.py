"""Whatever Claude says and whatever is asked of it: nothing raises, and nothing stays open or ends twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.adapters.claude_dialect import CLAUDE, QWEN, Dialect
from supervisor.adapters.claude_driver import ClaudeDriver
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    Broken,
    Permission,
    Question,
    RequestGone,
    ToolEnd,
    ToolStart,
    TurnEnd,
)
from supervisor.errors import WrongState
from tests.unit.adapters.claude_partner import Played, ready

NAMES = st.sampled_from(["r1", "r2", "initialize-1", "interrupt-3", "c1", "c2", "s2", ""])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    "subtype session_id request_id request response message content is_error result errors uuid state "
    "command_uuid mcp_servers model usage modelUsage model_usage_since_last_result parent_tool_use_id".split()
)
KINDS = st.sampled_from(
    "system assistant user result control_request control_response control_cancel_request "
    "command_lifecycle rate_limit_event other".split()
)
SUBTYPES = st.sampled_from(
    "init success error_during_execution can_use_tool elicitation api_retry compact_boundary".split()
)
NOISE = st.builds(
    lambda kind, subtype, more: {"subtype": subtype, **more, "type": kind},
    KINDS,
    SUBTYPES,
    st.dictionaries(KEYS, JUNK, max_size=4),
)
SENSE = st.one_of(
    st.builds(
        lambda r, tool: {
            "type": "control_request",
            "request_id": r,
            "request": {"subtype": "can_use_tool", "tool_name": tool, "input": {"command": "x"}},
        },
        NAMES,
        st.sampled_from(["Bash", "AskUserQuestion", "mcp__supervisor__x"]),
    ),
    st.builds(
        lambda c: {
            "type": "assistant",
            "message": {"content": [{"type": "tool_use", "id": c, "name": "Bash", "input": {}}]},
        },
        NAMES,
    ),
    st.builds(
        lambda c: {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": c}]}},
        NAMES,
    ),
    st.builds(lambda bad: {"type": "result", "is_error": bad, "session_id": "s2"}, st.booleans()),
    st.builds(lambda r: {"type": "control_cancel_request", "request_id": r}, NAMES),
    st.just({"type": "system", "subtype": "init", "session_id": "s1"}),
)
DEEDS = st.sampled_from(
    ["prompt", "fresh", "inject", "interrupt", "allow r1", "deny r2", "greet", "queued", "started", "deaf"]
)
PLAY = st.lists(st.one_of(SENSE, NOISE, DEEDS), max_size=30)


def do(played: Played, deed: str) -> int:
    """Do one thing as the owner of the driver would; return how many prompts were taken."""
    driver = played.driver
    match deed.split():
        case ["prompt" | "fresh"]:
            try:
                driver.prompt("/x", fresh=deed == "fresh")
            except WrongState:
                return 0
            return 1
        case ["inject"]:
            driver.inject("more")
        case ["interrupt"]:
            driver.interrupt()
        case ["allow" | "deny", request]:
            if driver.answer(request, Answer(allow=deed.startswith("allow"))):
                played.events.append(RequestGone(request=request, why="answered"))
        case ["greet"] if not played.sent and not played.is_deaf:
            played.greet()
        case ["queued" | "started"] if played.said():
            played.lifecycle(deed)
        case ["deaf"]:
            played.is_deaf = not played.is_deaf
    return 0


def play(played: Played, script: list[Any], *, ends: bool = True) -> None:
    prompts = 0
    for step in script:
        if isinstance(step, str):
            prompts += do(played, step)
        else:
            played.driver.hear(json.dumps(step).encode() + b"\n")
    if ends:
        played.driver.close()
    assert len(played.told(TurnEnd)) == prompts
    started = Counter(event.call for event in played.told(ToolStart))
    assert started == Counter(event.call for event in played.told(ToolEnd))
    asked = Counter(event.request for event in played.told(Permission, Question))
    assert set(asked.values()) <= {1}, "a name is used once"
    assert asked == Counter(event.request for event in played.told(RequestGone))


@pytest.mark.parametrize("dialect", [CLAUDE, QWEN], ids=lambda dialect: dialect.name)
@settings(max_examples=80, deadline=None)
@given(script=PLAY)
def test_whatever_happens_all_that_began_ends_once(dialect: Dialect, script: list[Any]) -> None:
    play(Played(dialect), script)


@settings(max_examples=60, deadline=None)
@given(script=PLAY)
def test_whatever_happens_after_the_greeting_all_that_began_ends_once(script: list[Any]) -> None:
    play(ready(), script)


def test_canary_a_conversation_that_is_not_closed_leaves_things_open() -> None:
    with pytest.raises(AssertionError):
        play(ready(), ["prompt"], ends=False)


@pytest.mark.parametrize("broken", ["_end_open", "_finish"])
def test_canary_a_driver_that_forgets_what_is_open_is_caught(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = {"content": [{"type": "tool_use", "id": "c1", "name": "x"}]}
    script: list[Any] = ["prompt", {"type": "assistant", "message": tool}]
    play(ready(), script)
    monkeypatch.setattr(ClaudeDriver, broken, lambda *_: None)
    with pytest.raises(AssertionError):
        play(ready(), script)


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.binary(max_size=60), max_size=20))
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    played = ready()
    played.begin()
    for piece in pieces:
        played.driver.hear(piece)
    played.driver.close()
    assert len(played.told(TurnEnd)) == 1


def test_a_message_may_be_cut_anywhere() -> None:
    played = ready()
    played.begin()
    line = json.dumps({"type": "result", "subtype": "success", "result": "äöü"}, ensure_ascii=False).encode()
    for number in range(len(line)):
        played.driver.hear(line[number : number + 1])
    played.driver.hear(b"\r\n")
    assert played.told(TurnEnd)[0].final_text == "äöü"


def test_a_line_of_5_mib_is_a_line() -> None:
    played = ready()
    played.begin()
    played.result("x" * (5 << 20))
    assert len(played.told(TurnEnd)[0].final_text) == 5 << 20
    assert played.told(Broken) == []


def test_a_line_that_is_too_long_is_told_and_the_turn_goes_on() -> None:
    played = ready()
    played.begin()
    for _ in range(33):
        played.driver.hear(b"x" * (1 << 20))
    played.driver.hear(b"\n")
    played.result()
    assert len(played.told(Broken)) == 1
    assert played.told(TurnEnd)[0].ok
