"""The programs we know by name: how each is started, and what of it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One known program. `command` is how its adapter starts it; the adapter adds what it needs.

    `minimum` is the oldest version that works with the adapter, `tried` the one that our tests run.
    `package` is its name in the npm registry. `model_args` stand before a model's name, where
    the model is chosen by arguments. `key_variables` hold its API key.
    """

    name: str
    adapter: str
    command: tuple[str, ...]
    package: str
    tried: str
    minimum: str
    key_variables: tuple[str, ...]
    model_args: tuple[str, ...] = ()
    version_args: tuple[str, ...] = ("--version",)


_ALL: Final = (
    Preset(
        name="claude",
        adapter="claude",
        command=("claude",),
        package="@anthropic-ai/claude-code",
        tried="2.1.328",
        minimum="2.1.197",
        key_variables=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        model_args=("--model",),
    ),
    Preset(
        name="codex",
        adapter="codex",
        command=("codex", "app-server"),
        package="@openai/codex",
        tried="0.169.0",
        minimum="0.140.0",
        key_variables=("OPENAI_API_KEY", "CODEX_API_KEY"),
    ),
    Preset(
        name="opencode",
        adapter="acp",
        command=("opencode", "acp"),
        package="opencode-ai",
        tried="1.18.33",
        minimum="1.18.0",
        key_variables=("OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
    ),
    Preset(
        name="gemini",
        adapter="acp",
        command=("gemini", "--acp"),
        package="@google/gemini-cli",
        tried="0.61.0",
        minimum="0.61.0",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model_args=("-m",),
    ),
    Preset(
        name="qwen",
        adapter="claude",
        command=("qwen",),
        package="@qwen-code/qwen-code",
        tried="0.24.4",
        minimum="0.24.0",
        key_variables=("OPENAI_API_KEY", "DASHSCOPE_API_KEY"),
        model_args=("-m",),
    ),
    Preset(
        name="kimi",
        adapter="acp",
        command=("kimi", "acp"),
        package="@moonshot-ai/kimi-code",
        tried="2.1.0",
        minimum="2.1.0",
        key_variables=("MOONSHOT_API_KEY", "KIMI_API_KEY"),
    ),
)

PRESETS: Final[dict[str, Preset]] = {preset.name: preset for preset in _ALL}
"""By the name that a profile's `agent` takes."""
