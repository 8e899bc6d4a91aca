"""The scripted model's server, asked as clients ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from supervisor.testing.scripted_model import ScriptedModel, serving_apart
from supervisor.testing.scripted_player import NOTHING_TO_PLAY

SHELL = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


def anthropic(prompt: str, *tail: dict[str, Any], stream: bool = False, **more: Any) -> dict[str, Any]:
    tools = [
        {"name": "Bash", "input_schema": SHELL},
        {"name": "mcp__supervisor__task_claim", "input_schema": {"type": "object"}},
    ]
    messages = [{"role": "user", "content": prompt}, *tail]
    return {"model": "m", "stream": stream, "messages": messages, "tools": tools, **more}


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel().serving() as serving:
        yield serving


@pytest.fixture
async def ask(model: ScriptedModel) -> AsyncIterator[Callable[..., Any]]:
    async with httpx2.AsyncClient(base_url=model.address, timeout=20) as client:

        async def _ask(body: dict[str, Any], path: str = "/v1/messages") -> httpx2.Response:
            return await client.post(path, json=body)

        yield _ask


async def test_a_tool_call_is_followed_by_the_next_step_once_its_result_is_there(
    ask: Callable[..., Any],
) -> None:
    prompt = 'SCRIPT: note first ;; sh echo hi ;; mcp task_claim {"task": "$task_id"} ;; say all done'
    first = (await ask(anthropic(prompt))).json()
    assert [block["type"] for block in first["content"]] == ["text", "tool_use"]
    call = first["content"][1]
    assert (call["name"], call["input"], first["stop_reason"]) == ("Bash", {"command": "echo hi"}, "tool_use")
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": '{"task_id": "T7"}'}
    told = [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
    second = (await ask(anthropic(prompt, *told))).json()["content"][0]
    assert (second["name"], second["input"]) == ("mcp__supervisor__task_claim", {"task": "T7"})
    told += [{"role": "assistant", "content": [second]}, {"role": "user", "content": [result]}]
    last = (await ask(anthropic(prompt, *told))).json()
    assert (last["content"][0]["text"], last["stop_reason"]) == ("all done", "end_turn")


async def test_an_answer_streams_as_events_with_its_usage(ask: Callable[..., Any]) -> None:
    answer = await ask(anthropic("SCRIPT: usage 900 40 100 ;; drip 3 0 tick ;; say end", stream=True))
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    texts = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert texts == ["tick ", "tick ", "tick ", "end"]
    assert events[0]["message"]["usage"]["input_tokens"] == 800
    assert events[-2]["usage"]["output_tokens"] == 40
    assert events[-1]["type"] == "message_stop"


async def test_a_refusal_comes_as_often_as_it_says_and_then_the_answer(
    ask: Callable[..., Any], model: ScriptedModel
) -> None:
    body = anthropic("SCRIPT: http 529 2 ;; http 429 1 30 ;; say at last")
    answers = [await ask(body) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [529, 529, 429, 200, 529]
    assert answers[0].json()["error"]["type"] == "overloaded_error"
    assert "retry-after" not in answers[0].headers
    assert answers[2].headers["retry-after"] == "30"
    assert [call.status for call in model.calls] == [529, 529, 429, 200, 529]


async def test_words_without_a_script_are_answered_too(ask: Callable[..., Any]) -> None:
    assert (await ask(anthropic("hello"))).json()["content"][0]["text"] == NOTHING_TO_PLAY
    wrong = (await ask(anthropic("SCRIPT: dance"))).json()["content"][0]["text"]
    assert "there is no step `dance`" in wrong


async def test_a_hidden_tool_is_searched_for_first(ask: Callable[..., Any]) -> None:
    deferred = {"name": "mcp__supervisor__wait", "input_schema": {}, "defer_loading": True}
    search = {"name": "ToolSearch", "input_schema": {"properties": {"query": {}}, "required": ["query"]}}
    body = anthropic("SCRIPT: mcp wait {}", tools=[deferred, search])
    call = (await ask(body)).json()["content"][0]
    assert (call["name"], call["input"]) == ("ToolSearch", {"query": "select:mcp__supervisor__wait"})
    found = [{"type": "tool_reference", "tool_name": "mcp__supervisor__wait"}]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": found}
    body["messages"] += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert (await ask(body)).json()["content"][0]["name"] == "mcp__supervisor__wait"


async def test_a_hanging_answer_ends_with_the_server(model: ScriptedModel) -> None:
    async def _ask() -> int:
        async with httpx2.AsyncClient(timeout=20) as client:
            body = anthropic("SCRIPT: hang", stream=True)
            return (await client.post(f"{model.address}/v1/messages", json=body)).status_code

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_ask())
        assert (await model.calls.until(lambda call: call.step == "hang")).number == 1
        assert not asking.done()
        model.end()
    assert asking.result() == 200


async def test_codex_gets_its_namespace_back(ask: Callable[..., Any]) -> None:
    tools = [
        {"type": "function", "name": "shell", "parameters": {"properties": {"command": {"type": "array"}}}},
        {"type": "namespace", "name": "mcp__supervisor", "tools": [{"type": "function", "name": "whoami"}]},
    ]
    message = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "SCRIPT: mcp whoami {}"}],
    }
    body = {"model": "m", "input": [message], "tools": tools}
    output = (await ask(body, "/v1/responses")).json()["output"]
    assert (output[0]["namespace"], output[0]["name"]) == ("mcp__supervisor", "whoami")
    message["content"] = [{"type": "input_text", "text": "SCRIPT: note a ;; sh echo hi"}]
    output = (await ask(body, "/v1/responses")).json()["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]
    assert json.loads(output[1]["arguments"]) == {"command": ["bash", "-lc", "echo hi"]}
    items = [*output, {"type": "function_call_output", "call_id": output[1]["call_id"], "output": "hi"}]
    streamed = await ask({**body, "input": [message, *items], "stream": True}, "/v1/responses")
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "done"


async def test_chat_completions_call_and_end(ask: Callable[..., Any]) -> None:
    function = {"name": "supervisor_whoami", "parameters": {"type": "object"}}
    body: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": "SCRIPT: par mcp whoami {} && mcp whoami {} ;; say bye"}],
        "tools": [{"type": "function", "function": function}],
    }
    path = "/v1/chat/completions"
    choice = (await ask(body, path)).json()["choices"][0]
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["supervisor_whoami"] * 2
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"}
        for call in choice["message"]["tool_calls"]
    ]
    body["messages"] += [choice["message"], *results]
    streamed = await ask({**body, "stream": True}, path)
    assert '"content": "bye"' in streamed.text
    assert streamed.text.rstrip().endswith("[DONE]")


async def test_gemini_calls_and_ends(ask: Callable[..., Any]) -> None:
    body: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": "SCRIPT: mcp whoami {} ;; say bye"}]}],
        "tools": [{"functionDeclarations": [{"name": "mcp_supervisor_whoami"}]}],
    }
    first = (await ask(body, "/v1beta/models/gemini-2.5-pro:generateContent")).json()
    called = first["candidates"][0]["content"]
    assert called["parts"][0]["functionCall"]["name"] == "mcp_supervisor_whoami"
    answered = {"functionResponse": {"name": "mcp_supervisor_whoami", "response": {"output": "x"}}}
    body["contents"] += [called, {"role": "user", "parts": [answered]}]
    streamed = await ask(body, "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse")
    assert '"text": "bye"' in streamed.text
    assert '"finishReason": "STOP"' in streamed.text


async def test_what_a_client_asks_for_itself_takes_no_step(
    ask: Callable[..., Any], model: ScriptedModel
) -> None:
    schema = {"type": "object", "properties": {"next_speaker": {"type": "STRING", "enum": ["model", "user"]}}}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    body = {
        "contents": [{"role": "user", "parts": [{"text": "SCRIPT: http 500"}]}],
        "generationConfig": config,
    }
    answer = (await ask(body, "/v1beta/models/g:generateContent")).json()
    assert json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]) == {"next_speaker": "user"}
    title = {"model": "m", "system": "You are a title generator.", "messages": body["contents"]}
    assert (await ask(title)).status_code == 200
    counted = await ask(anthropic("x"), "/v1/messages/count_tokens")
    assert counted.json()["input_tokens"] > 0
    assert [call.is_side for call in model.calls] == [True, True, True]


def test_it_serves_apart_and_tells_what_it_was_asked() -> None:
    with serving_apart() as model:
        asked = httpx2.post(f"{model.address}/v1/messages", json=anthropic("SCRIPT: say hi"))
        assert asked.json()["content"][0]["text"] == "hi"
        assert httpx2.get(f"{model.address}/v1/models").json()["data"]
        assert httpx2.get(f"{model.address}/nowhere").status_code == 404
        told = httpx2.get(f"{model.address}/_calls").json()
    assert [(call["api"], call["status"], call["counts"]) for call in told] == [
        ("anthropic", 200, True),
        ("", 200, False),
        ("", 404, False),
    ]
