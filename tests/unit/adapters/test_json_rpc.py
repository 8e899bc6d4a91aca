"""JSON-RPC both ways: every call ends once, every request gets an answer, nonsense harms nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor.adapters.json_rpc import ENDED, METHOD_NOT_FOUND, JsonRpc, RpcError


class Handler:
    """One side of a connection; it knows the request `known` only."""

    def __init__(self, *, with_version: bool = True, takes: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[tuple[Any, str, dict[str, Any]]] = []
        self.broken: list[str] = []
        self.results: list[tuple[Any, RpcError | None]] = []
        self.takes = takes
        self.rpc = JsonRpc(self.send, self, with_version=with_version)

    def send(self, data: bytes) -> bool:
        self.sent += [json.loads(line) for line in data.splitlines()]
        return self.takes

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        self.notes.append((method, params))

    def on_request(self, number: Any, method: str, params: dict[str, Any]) -> bool:
        self.requests.append((number, method, params))
        return method == "known"

    def on_broken(self, detail: str) -> None:
        self.broken.append(detail)

    def on_result(self, result: Any, error: RpcError | None) -> None:
        self.results.append((result, error))

    def say(self, message: Any) -> None:
        self.rpc.feed(json.dumps(message).encode() + b"\n")


@pytest.mark.parametrize(("with_version", "head"), [(True, {"jsonrpc": "2.0"}), (False, {})])
def test_a_call_is_answered_under_its_number(with_version: bool, head: dict[str, str]) -> None:
    side = Handler(with_version=with_version)
    side.rpc.call("a", {"x": 1}, side.on_result)
    side.rpc.call("b", {}, side.on_result)
    assert side.sent[0] == {**head, "id": 1, "method": "a", "params": {"x": 1}}
    side.say({"id": 2, "result": "second"})
    side.say({"id": 1, "result": None})
    assert side.results == [("second", None), (None, None)]


def test_notifications_are_said_with_and_without_parameters() -> None:
    side = Handler()
    assert side.rpc.notify("ready")
    assert side.rpc.notify("more", {"x": 1})
    assert side.sent == [
        {"jsonrpc": "2.0", "method": "ready"},
        {"jsonrpc": "2.0", "method": "more", "params": {"x": 1}},
    ]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ({"code": -1, "message": "no", "data": [1]}, -1, "no"),
        ({"code": "x", "message": 7}, 0, ""),
        ("plain words", 0, "plain words"),
        ([[[]]], 0, ""),
        (False, 0, ""),
    ],
)
def test_a_refusal_is_handed_on_whatever_its_form(error: Any, code: int, message: str) -> None:
    side = Handler()
    side.rpc.call("a", {}, side.on_result)
    side.say({"id": 1, "error": error})
    [(result, told)] = side.results
    assert result is None
    assert told is not None
    assert (told.code, told.message, told.is_end) == (code, message, False)


@pytest.mark.parametrize("number", [7, "1", None, 1.0, True, [1], {"id": 1}, "x" * 10_000])
def test_an_answer_to_nothing_is_told_and_answers_nothing(number: Any) -> None:
    side = Handler()
    side.rpc.call("a", {}, side.on_result)
    side.say({"id": number, "result": 1})
    assert not side.results
    assert len(side.broken) == 1
    assert len(side.broken[0]) < 200


def test_a_second_answer_to_the_same_call_is_an_answer_to_nothing() -> None:
    side = Handler()
    side.rpc.call("a", {}, side.on_result)
    side.say({"id": 1, "result": 1})
    side.say({"id": 1, "result": 2})
    assert side.results == [(1, None)]
    assert len(side.broken) == 1


@pytest.mark.parametrize("number", [0, 7, "text"])
def test_a_request_is_answered_or_refused_under_its_number(number: Any) -> None:
    side = Handler()
    side.say({"id": number, "method": "known", "params": {"x": 1}})
    assert side.requests == [(number, "known", {"x": 1})]
    assert not side.sent
    assert side.rpc.reply(number, {"y": 2})
    assert side.rpc.refuse(number, -5, "no")
    assert side.sent[0] == {"jsonrpc": "2.0", "id": number, "result": {"y": 2}}
    assert side.sent[1] == {"jsonrpc": "2.0", "id": number, "error": {"code": -5, "message": "no"}}


def test_an_unknown_request_is_refused_at_once() -> None:
    side = Handler()
    side.say({"id": 3, "method": "x" * 1_000})
    assert side.sent[0]["error"]["code"] == METHOD_NOT_FOUND
    assert len(side.sent[0]["error"]["message"]) < 300


@pytest.mark.parametrize("number", [None, True, 1.5, [0], {"a": 1}])
def test_a_request_that_cannot_be_answered_is_told(number: Any) -> None:
    side = Handler()
    side.say({"id": number, "method": "known"})
    assert not side.requests
    assert not side.sent
    assert len(side.broken) == 1


@pytest.mark.parametrize("params", [None, 7, "x", [1, 2]])
def test_parameters_of_another_form_count_as_none(params: Any) -> None:
    side = Handler()
    side.say({"method": "note", "params": params})
    assert side.notes == [("note", {})]


def test_the_end_of_the_other_side_ends_every_call_once() -> None:
    side = Handler()
    side.rpc.call("a", {}, side.on_result)
    side.rpc.call("b", {}, side.on_result)
    side.rpc.feed(b'{"id": 1, "result": "in the last line"}')
    side.rpc.close()
    side.rpc.close()
    assert side.results[0] == ("in the last line", None)
    error = side.results[1][1]
    assert error is not None
    assert (error.code, error.is_end, len(side.results)) == (ENDED, True, 2)


def test_a_refusal_with_the_code_of_an_end_is_no_end() -> None:
    side = Handler()
    side.rpc.call("a", {}, side.on_result)
    side.say({"id": 1, "error": {"code": ENDED, "message": "busy"}})
    error = side.results[0][1]
    assert error is not None
    assert not error.is_end


def test_a_call_that_cannot_be_sent_ends_at_once() -> None:
    side = Handler(takes=False)
    side.rpc.call("a", {}, side.on_result)
    error = side.results[0][1]
    assert error is not None
    assert error.is_end
    assert not side.rpc.notify("x")
    side.rpc.close()
    assert len(side.results) == 1


def test_a_call_made_in_answer_to_an_end_is_not_lost_in_it() -> None:
    side = Handler()

    def again(_result: Any, _error: RpcError | None) -> None:
        side.rpc.call("again", {}, side.on_result)

    side.rpc.call("a", {}, again)
    side.rpc.close()
    assert len(side.sent) == 1, "nothing is said to who is gone"
    assert [error.is_end for _, error in side.results if error is not None] == [True]


def test_lines_that_are_no_messages_are_told() -> None:
    side = Handler()
    side.rpc.feed(b'{"id": 1, "method": 7}\n{}\nnoise\n{"jsonrpc": "2.0"}\n')
    assert len(side.broken) == 4
