"""What the protocol's conformance suite asks of a server, served beside our own tools by our own app.

The names, texts and shapes are the suite's: each of its scenarios describes the tool, resource or prompt
that it calls. None of it is in the product, which has tools only and asks its clients nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata

from supervisor.errors import SupervisorError
from supervisor.transports.mcp.sdk_app import Additions, Context
from tests.integration.conformance_contents import (
    EMBEDDED,
    METHODS,
    TEXT,
    embedded,
    form,
    given,
    image,
    one_sample,
    said,
)

Answer: TypeAlias = types.CallToolResult | types.InputRequiredResult
Fixture: TypeAlias = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]
Properties: TypeAlias = Mapping[str, Mapping[str, Any]]

PAUSE_S: Final = 0.05


def answering(*content: types.ContentBlock) -> Fixture:
    """Make a tool that always gives this."""

    async def fixture(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        return types.CallToolResult(content=[*content])

    return fixture


# ---------------------------------------------------------------- tools that tell something on the way


async def failing(_context: Context, _params: types.CallToolRequestParams) -> Answer:
    raise SupervisorError("This tool intentionally returns an error for testing")


async def logging_lines(context: Context, _params: types.CallToolRequestParams) -> Answer:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", line, related_request_id=context.request_id)
        await asyncio.sleep(PAUSE_S)
    return types.CallToolResult(content=[said("Tool with logging executed successfully")])


async def progressing(context: Context, _params: types.CallToolRequestParams) -> Answer:
    for step in (0, 50, 100):
        await context.session.report_progress(step, 100)
        await asyncio.sleep(PAUSE_S)
    return types.CallToolResult(content=[said("Tool with progress executed successfully")])


# ---------------------------------------------------------------- tools that ask the client: older protocol


def sample(prompt: str, max_tokens: int = 100) -> types.CreateMessageRequest:
    """Ask the model behind the client."""
    messages = [types.SamplingMessage(role="user", content=said(prompt))]
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=messages, max_tokens=max_tokens)
    )


async def sampling(context: Context, params: types.CallToolRequestParams) -> Answer:
    back = ServerMessageMetadata(related_request_id=context.request_id)
    request = sample((params.arguments or {})["prompt"])
    reply = await context.session.send_request(request, types.CreateMessageResult, metadata=back)
    words = reply.content.text if isinstance(reply.content, types.TextContent) else "nothing"
    return types.CallToolResult(content=[said(f"LLM response: {words}")])


def eliciting(properties: Properties, *, required: bool = True) -> Fixture:
    """Make a tool that asks for these fields while it is called."""

    async def fixture(context: Context, params: types.CallToolRequestParams) -> Answer:
        back = ServerMessageMetadata(related_request_id=context.request_id)
        request = form(
            (params.arguments or {}).get("message", "Please fill in"), properties, required=required
        )
        reply = await context.session.send_request(request, types.ElicitResult, metadata=back)
        return types.CallToolResult(
            content=[
                said(f"Elicitation completed: action={reply.action}, content={json.dumps(reply.content)}")
            ]
        )

    return fixture


DEFAULTS: Final[Properties] = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
TITLED: Final = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
ENUMS: Final[Properties] = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {
        "type": "array",
        "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
    },
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}

# ---------------------------------------------------------------- tools that ask the client: protocol of 2026

NAME: Final = form("What is your name?", {"name": TEXT})
CONFIRM: Final = form("Please confirm", {"ok": {"type": "boolean"}})
CAPITAL: Final = sample("What is the capital of France?")
GREETING: Final = sample("Generate a greeting", 50)
ROOTS: Final = types.ListRootsRequest(params=types.RequestParams())
NEEDED: Final[Mapping[type, types.ClientCapabilities]] = {
    types.ElicitRequest: types.ClientCapabilities(elicitation=types.ElicitationCapability()),
    types.CreateMessageRequest: types.ClientCapabilities(sampling=types.SamplingCapability()),
    types.ListRootsRequest: types.ClientCapabilities(roots=types.RootsCapability()),
}


def asking(state: str | None = None, /, **requests: types.InputRequest) -> Fixture:
    """Make a tool that needs these answers before it says that all is well."""

    async def fixture(_context: Context, params: types.CallToolRequestParams) -> Answer:
        if not given(params, *requests) or (state and params.request_state != state):
            return types.InputRequiredResult(input_requests={**requests}, request_state=state)
        return types.CallToolResult(content=[said(f"{state or 'all'}-ok")])

    return fixture


async def in_two_rounds(_context: Context, params: types.CallToolRequestParams) -> Answer:
    if params.request_state == "round-2" and given(params, "step2"):
        return types.CallToolResult(content=[said("Both steps are done")])
    if params.request_state == "round-1" and given(params, "step1"):
        step2 = form("Step 2: What is your favorite color?", {"color": TEXT})
        return types.InputRequiredResult(input_requests={"step2": step2}, request_state="round-2")
    step1 = form("Step 1: What is your name?", {"name": TEXT})
    return types.InputRequiredResult(input_requests={"step1": step1}, request_state="round-1")


async def within_capabilities(context: Context, params: types.CallToolRequestParams) -> Answer:
    wanted: dict[str, types.InputRequest] = {"user_name": NAME, "greeting": GREETING, "client_roots": ROOTS}
    able = context.session.check_client_capability
    wanted = {key: each for key, each in wanted.items() if able(NEEDED[type(each)])}
    return await asking(**wanted)(context, params)


async def needing_sampling(context: Context, _params: types.CallToolRequestParams) -> Answer:
    needed = NEEDED[types.CreateMessageRequest]
    if context.session.check_client_capability(needed):
        return types.CallToolResult(content=[said("The client can sample")])
    data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
    raise MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        "sampling is needed",
        data=data.model_dump(by_alias=True, mode="json", exclude_none=True),
    )


def fixtures(*, sessions: bool) -> Additions:
    """Give the app all that the suite calls."""
    bus = InMemorySubscriptionBus()

    async def change_tools(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        await bus.publish(ToolsListChanged())
        return types.CallToolResult(content=[said("changed")])

    async def change_prompts(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        await bus.publish(PromptsListChanged())
        return types.CallToolResult(content=[said("changed")])

    changing = {"test_trigger_tool_change": change_tools, "test_trigger_prompt_change": change_prompts}
    carried_out = {**TOOLS, **changing}

    async def call(context: Context, params: types.CallToolRequestParams) -> Answer:
        return await carried_out[params.name](context, params)

    def install(server: Server[Any]) -> None:
        sealed = RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name)
        server.middleware.append(sealed)
        for method, params_type, handler in METHODS:
            server.add_request_handler(method, params_type, handler)
        listen = ListenHandler(bus)
        server.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, listen)

    listed = tuple(
        types.Tool(name=name, description=f"{name}, for testing", input_schema=SCHEMAS.get(name, ANYTHING))
        for name in carried_out
    )
    return Additions(tools=listed, call=call, install=install, sessions=sessions)


TOOLS: Final[Mapping[str, Fixture]] = {
    "test_simple_text": answering(said("This is a simple text response for testing.")),
    "test_image_content": answering(image()),
    "test_audio_content": answering(
        types.AudioContent(type="audio", data=one_sample(), mime_type="audio/wav")
    ),
    "test_embedded_resource": answering(embedded(EMBEDDED, "This is an embedded resource content.")),
    "test_multiple_content_types": answering(
        said("Multiple content types test:"),
        image(),
        embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ),
    "json_schema_2020_12_tool": answering(said("The schema is what matters.")),
    "test_custom_headers": answering(said("The headers are what matters.")),
    "test_error_handling": failing,
    "test_tool_with_logging": logging_lines,
    "test_logging_tool": logging_lines,
    "test_tool_with_progress": progressing,
    "test_sampling": sampling,
    "test_elicitation": eliciting({"username": TEXT, "email": TEXT}),
    "test_elicitation_sep1034_defaults": eliciting(DEFAULTS, required=False),
    "test_elicitation_sep1330_enums": eliciting(ENUMS),
    "test_missing_capability": needing_sampling,
    "test_streaming_elicitation": asking(user_name=NAME),
    "test_input_required_result_elicitation": asking(user_name=NAME),
    "test_input_required_result_sampling": asking(capital_question=CAPITAL),
    "test_input_required_result_list_roots": asking(client_roots=ROOTS),
    "test_input_required_result_request_state": asking("state", confirm=CONFIRM),
    "test_input_required_result_tampered_state": asking("state", confirm=CONFIRM),
    "test_input_required_result_multiple_inputs": asking(
        "state", user_name=NAME, greeting=GREETING, client_roots=ROOTS
    ),
    "test_input_required_result_multi_round": in_two_rounds,
    "test_input_required_result_capabilities": within_capabilities,
}

ANYTHING: Final[dict[str, Any]] = {"type": "object"}
SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    "test_custom_headers": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": TEXT, "city": TEXT},
            }
        },
        "properties": {
            "name": TEXT,
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": TEXT,
            "email": TEXT,
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}
