"""By which variables each known program comes to a scripted model instead of its vendor."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

KEY: Final = "scripted"
"""Any key will do; this one says what it is for."""

MODEL: Final = "scripted"

KNOWN: Final = ("claude", "codex", "opencode", "gemini", "qwen")


def variables_for(name: str, address: str) -> dict[str, str]:
    """Return what stands in the `env` of a pool of this program; KeyError for one that is not known."""
    return {
        "claude": {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": KEY},
        "codex": {"OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": KEY},
        "opencode": {
            "OPENCODE_CONFIG_CONTENT": json.dumps(_opencode(address)),
            "OPENCODE_DISABLE_MODELS_FETCH": "1",  # else it waits for a list of models from the net
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        },
        "gemini": {"GOOGLE_GEMINI_BASE_URL": address, "GEMINI_API_KEY": KEY},
        "qwen": {"OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": MODEL},
    }[name]


def arguments_for(name: str, address: str) -> tuple[str, ...]:
    """Return what Codex, started by hand, needs besides: it reads no address from a variable."""
    if name != "codex":
        return ()
    settings = {
        "model": MODEL,
        "model_provider": "scripted",
        "model_providers.scripted.name": "scripted",
        "model_providers.scripted.base_url": f"{address}/v1",
        "model_providers.scripted.wire_api": "responses",
        "model_providers.scripted.env_key": "OPENAI_API_KEY",
        "model_providers.scripted.request_max_retries": 2,
        "model_providers.scripted.stream_max_retries": 2,
    }
    return tuple(word for key, value in settings.items() for word in ("-c", f"{key}={json.dumps(value)}"))


def _opencode(address: str) -> dict[str, Any]:
    limit = {"context": 200_000, "output": 8_000}
    models = {name: {"name": name, "limit": limit} for name in (MODEL, f"{MODEL}-small")}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "scripted",
        "options": {"baseURL": f"{address}/v1", "apiKey": KEY},
        "models": models,
    }
    return {
        "model": f"scripted/{MODEL}",
        "small_model": f"scripted/{MODEL}-small",
        "provider": {"scripted": provider},
    }


def how_to_come(address: str) -> str:
    """Say it to people, ready to be pasted into a shell."""
    lines = [f"A scripted model serves at {address} (what it was asked: {address}/_calls)."]
    for name in KNOWN:
        variables = [f"{key}={shlex.quote(value)}" for key, value in variables_for(name, address).items()]
        arguments = [shlex.quote(word) for word in arguments_for(name, address)]
        lines.append(" ".join((*variables, name, *arguments)))
    return "\n".join(lines)
