"""A model that plays scripts behind the APIs of the vendors, on this machine: real agents need no key.

`python -m supervisor.testing.scripted_model --port 8100 --scenes scenes.toml` serves Anthropic Messages,
OpenAI Responses and Chat Completions, and Gemini; what it can be told is in `supervisor.testing.script`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from supervisor.clock import SystemClock
from supervisor.testing.loopback import in_thread, serving
from supervisor.testing.scripted_anthropic import AnthropicApi
from supervisor.testing.scripted_calls import Call, CallLog
from supervisor.testing.scripted_chat import ChatApi
from supervisor.testing.scripted_environment import KNOWN, how_to_come, variables_for
from supervisor.testing.scripted_gemini import GeminiApi
from supervisor.testing.scripted_openai import ResponsesApi
from supervisor.testing.scripted_player import Player
from supervisor.testing.scripted_request import Api, Asked, BeatKind, Refusal, Reply, Speaker, Voice
from supervisor.testing.scripted_scenes import read_scenes

MODELS: Final = ("scripted", "scripted-small")

_PROMPT_MAX: Final = 2_000
_BODY_MAX: Final = 64 << 20


class ScriptedModel:
    """The server: `address` is there once it serves, `calls` is all that it was asked."""

    def __init__(self, player: Player | None = None) -> None:
        """Begin with nothing asked."""
        self.calls: Final = CallLog()
        self.address = ""
        self._player: Final = player or Player()
        self._ending = asyncio.Event()

    @property
    def app(self) -> Starlette:
        """Return the application that serves all APIs."""
        return Starlette(
            routes=[
                Route("/v1/messages/count_tokens", self._count_anthropic, methods=["POST"]),
                Route("/v1/messages", self._route(AnthropicApi()), methods=["POST"]),
                Route("/v1/responses", self._route(ResponsesApi()), methods=["POST"]),
                Route("/v1/chat/completions", self._route(ChatApi()), methods=["POST"]),
                Route("/v1beta/models/{asked:path}", self._gemini, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
                Route("/_calls", self._told, methods=["GET"]),
                Route("/{rest:path}", self._unknown, methods=["GET", "POST", "HEAD", "PUT", "DELETE"]),
            ]
        )

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[ScriptedModel]:
        """Serve on this loop for as long as the block lasts."""
        self._ending = asyncio.Event()
        async with serving(self.app, port=port) as self.address:
            try:
                yield self
            finally:
                self.end()

    def end(self) -> None:
        """End every answer that still waits or hangs."""
        self._ending.set()

    def _route(self, api: Api) -> Any:
        async def answer(request: Request) -> Response:
            body = await _body_of(request)
            return self._answer(api, api.read(body, request.headers, request.url.path), body, request)

        return answer

    async def _gemini(self, request: Request) -> Response:
        if request.url.path.endswith(":countTokens"):
            return await self._counted(request, "totalTokens")
        return await self._route(GeminiApi())(request)  # type: ignore[no-any-return]  # made just above

    def _answer(self, api: Api, asked: Asked, body: dict[str, Any], request: Request) -> Response:
        number = self.calls.next_number()
        reply = self._player.reply(asked, number)
        prompt = next((one.text for one in reversed(asked.said) if one.speaker is Speaker.USER), "")
        self.calls.add(
            Call(
                number=number,
                api=api.name,
                path=request.url.path,
                model=asked.model,
                session=asked.session,
                prompt=prompt[-_PROMPT_MAX:],
                step=reply.step,
                status=reply.status if isinstance(reply, Refusal) else 200,
                is_side=isinstance(reply, Reply) and reply.is_side,
                tools=len(asked.tools),
            ),
            body,
        )
        if isinstance(reply, Refusal):
            refused, headers = api.refusal(reply, SystemClock().now())
            return JSONResponse(refused, status_code=reply.status, headers=headers)
        voice = api.voice(asked, reply, number)
        if asked.streams:
            return StreamingResponse(self._stream(voice, reply), media_type="text/event-stream")
        return StreamingResponse(self._whole(voice, reply), media_type="application/json")

    async def _stream(self, voice: Voice, reply: Reply) -> AsyncIterator[str]:
        for spelled in voice.begin():
            yield spelled
        for beat in reply.beats:
            if beat.kind in {BeatKind.WAIT, BeatKind.HANG}:
                await self._wait(beat.wait_s if beat.kind is BeatKind.WAIT else None)
                continue
            for spelled in voice.beat(beat):
                yield spelled
        for spelled in voice.end():
            yield spelled

    async def _whole(self, voice: Voice, reply: Reply) -> AsyncIterator[str]:
        for beat in reply.beats:
            if beat.kind in {BeatKind.WAIT, BeatKind.HANG}:
                await self._wait(beat.wait_s if beat.kind is BeatKind.WAIT else None)
        spoken = tuple(beat for beat in reply.beats if beat.kind not in {BeatKind.WAIT, BeatKind.HANG})
        yield json.dumps(voice.whole(spoken))

    async def _wait(self, seconds: float | None) -> None:
        """Let time pass, without end for None; an end of the server ends this too."""
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return

    async def _count_anthropic(self, request: Request) -> Response:
        return await self._counted(request, "input_tokens")

    async def _counted(self, request: Request, key: str) -> Response:
        body = await _body_of(request)
        self._note(request, "counting", body)
        return JSONResponse({key: max(1, len(json.dumps(body)) // 4)})

    async def _models(self, request: Request) -> Response:
        self._note(request, "", {})
        models = [
            {
                "id": name,
                "type": "model",
                "object": "model",
                "display_name": name,
                "created": 0,
                "owned_by": "us",
            }
            for name in MODELS
        ]
        return JSONResponse({"object": "list", "data": models, "has_more": False})

    async def _told(self, request: Request) -> Response:
        return JSONResponse(self.calls.told())

    async def _unknown(self, request: Request) -> Response:
        self._note(request, "", {}, status=404)
        return JSONResponse({"error": {"message": f"there is no {request.url.path} here"}}, status_code=404)

    def _note(self, request: Request, api: str, body: dict[str, Any], *, status: int = 200) -> None:
        number = self.calls.next_number()
        self.calls.add(Call(number=number, api=api, path=request.url.path, status=status, is_side=True), body)


async def _body_of(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


@contextmanager
def serving_apart(player: Player | None = None, port: int = 0) -> Iterator[ScriptedModel]:
    """Serve in a thread with a loop of its own: for fixtures that outlive the loop of one test."""
    with in_thread(lambda: ScriptedModel(player).serving(port)) as model:
        yield model


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; say where, and by which variables each program comes here."""
    parser = argparse.ArgumentParser(prog="python -m supervisor.testing.scripted_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--scenes", type=Path, help="a file of scenes, for prompts without a script")
    parser.add_argument("--json", action="store_true", help="say the address as JSON")
    asked = parser.parse_args(arguments)
    try:
        player = Player(read_scenes(asked.scenes) if asked.scenes else ())
    except ValueError as problem:
        parser.error(str(problem))
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(ScriptedModel(player), asked.port, as_json=asked.json))
    return 0


async def _serve(model: ScriptedModel, port: int, *, as_json: bool) -> None:
    async with model.serving(port):
        if as_json:
            told = {
                "url": model.address,
                "environment": {name: variables_for(name, model.address) for name in KNOWN},
            }
            print(json.dumps(told), flush=True)  # noqa: T201 - it is what this program is asked for
        else:
            print(how_to_come(model.address), flush=True)  # noqa: T201 - as above
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
