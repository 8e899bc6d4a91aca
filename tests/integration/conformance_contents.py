"""Contents, prompts and resources that the protocol's conformance suite reads."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcp import types
from mcp.shared.exceptions import MCPError

from supervisor.transports.mcp.sdk_app import Context

EMBEDDED: Final = "test://embedded-resource"
TEXT_URI: Final = "test://static-text"
BINARY_URI: Final = "test://static-binary"
TEMPLATE: Final = "test://template/{id}/data"
TEXT: Final = {"type": "string"}


def one_pixel() -> str:
    """Spell the smallest picture: a red dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def one_sample() -> str:
    """Spell the shortest sound."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0")
    return base64.b64encode(file.getvalue()).decode()


def said(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=one_pixel(), mime_type="image/png")


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.EmbeddedResource(type="resource", resource=contents)


def form(
    message: str, properties: Mapping[str, Mapping[str, Any]], *, required: bool = True
) -> types.ElicitRequest:
    """Ask the person behind the client for these fields."""
    schema: dict[str, Any] = {"type": "object", "properties": {**properties}}
    if required:
        schema["required"] = [*properties]
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def given(params: types.InputResponseRequestParams, *keys: str) -> bool:
    """Tell whether the client answered all that it was asked under these keys."""
    return set(keys) <= (params.input_responses or {}).keys()


CONTEXT: Final = form("What context should the prompt use?", {"context": TEXT})
PROMPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def list_prompts(_context: Context, _params: types.PaginatedRequestParams) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=f"{name}, for testing",
                arguments=[
                    types.PromptArgument(name=each, description=each, required=True) for each in names
                ],
            )
            for name, names in PROMPTS.items()
        ]
    )


async def get_prompt(
    _context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    asked = params.arguments or {}
    if params.name == "test_input_required_result_prompt" and not given(params, "user_context"):
        return types.InputRequiredResult(input_requests={"user_context": CONTEXT})
    contents: Mapping[str, list[types.ContentBlock]] = {
        "test_simple_prompt": [said("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            said(f"Prompt with arguments: arg1='{asked.get('arg1')}', arg2='{asked.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            embedded(asked.get("resourceUri", EMBEDDED), "Embedded resource content for testing."),
            said("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [image(), said("Please analyze the image above.")],
        "test_input_required_result_prompt": [said("The context was given.")],
    }
    if params.name not in contents:
        raise MCPError(types.INVALID_PARAMS, "there is no such prompt")
    messages = [types.PromptMessage(role="user", content=each) for each in contents[params.name]]
    return types.GetPromptResult(messages=messages)


async def list_resources(
    _context: Context, _params: types.PaginatedRequestParams
) -> types.ListResourcesResult:
    uris = (TEXT_URI, BINARY_URI, "test://watched-resource")
    return types.ListResourcesResult(
        resources=[types.Resource(uri=uri, name=uri, description="for testing") for uri in uris]
    )


async def list_templates(
    _context: Context, _params: types.PaginatedRequestParams
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(uri_template=TEMPLATE, name="template", description="for testing")
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    _context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = params.uri
    contents: types.TextResourceContents | types.BlobResourceContents
    before, after = TEMPLATE.split("{id}")
    if uri == TEXT_URI:
        text = "This is the content of the static text resource."
        contents = types.TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    elif uri == BINARY_URI:
        contents = types.BlobResourceContents(uri=uri, mime_type="image/png", blob=one_pixel())
    elif uri.startswith(before) and uri.endswith(after):
        number = uri.removeprefix(before).removesuffix(after)
        filled = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        contents = types.TextResourceContents(uri=uri, mime_type="application/json", text=filled)
    else:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", data={"uri": uri})
    return types.ReadResourceResult(contents=[contents])


async def complete(_context: Context, _params: types.CompleteRequestParams) -> types.CompleteResult:
    return types.CompleteResult(
        completion=types.Completion(values=["test1", "test2"], total=2, has_more=False)
    )


async def agree(_context: Context, _params: types.RequestParams) -> types.EmptyResult:
    return types.EmptyResult()


METHODS: Final[tuple[tuple[str, type[Any], Callable[..., Awaitable[Any]]], ...]] = (
    ("prompts/list", types.PaginatedRequestParams, list_prompts),
    ("prompts/get", types.GetPromptRequestParams, get_prompt),
    ("resources/list", types.PaginatedRequestParams, list_resources),
    ("resources/templates/list", types.PaginatedRequestParams, list_templates),
    ("resources/read", types.ReadResourceRequestParams, read_resource),
    ("resources/subscribe", types.SubscribeRequestParams, agree),
    ("resources/unsubscribe", types.UnsubscribeRequestParams, agree),
    ("logging/setLevel", types.SetLevelRequestParams, agree),
    ("completion/complete", types.CompleteRequestParams, complete),
)
