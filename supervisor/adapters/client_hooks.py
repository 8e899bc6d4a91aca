"""What a client needs so that its permission requests come to our queue: settings, and where the key stands.

The key never stands in it: Claude Code reads it from a variable, Codex' curl from a file.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.adapters.client_config import KEY_VARIABLE, Client
from supervisor.errors import InvalidArgument

HOOK_PATH: Final = "/hook"
WAIT_S: Final = 600
CURL_FILE: Final = "hook.curl"
"""The file of mode 0600, beside the key, from which Codex' curl reads it."""
HOOKED: Final = (Client.CLAUDE, Client.CODEX)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookConfig:
    """One client's hooks: `text` is the whole of `file`; `start` says how the client is started with it."""

    client: Client
    file: str
    settings: dict[str, Any]
    start: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the whole file."""
        return json.dumps(self.settings, indent=2, ensure_ascii=False) + "\n"

    def merged(self, present: str) -> str:
        """Return the file with our hooks in it; raise InvalidArgument if it has others."""
        try:
            settings = json.loads(present)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"it is no plain JSON ({error}); add the hooks by hand") from error
        if settings == self.settings:
            return present
        if not isinstance(settings, dict) or "hooks" in settings:
            raise InvalidArgument("it has `hooks` already; add ours by hand: leave out --write to see them")
        return json.dumps(settings | self.settings, indent=2, ensure_ascii=False) + "\n"


def hook_config(client: Client, endpoint: str, curl_file: Path) -> HookConfig:
    """Have a client's permission requests sent to the engine that serves `endpoint`."""
    url = endpoint.rpartition("/")[0] + HOOK_PATH
    if client is Client.CLAUDE:
        return _claude(url)
    if client is Client.CODEX:
        return _codex(url, curl_file)
    known = ", ".join(HOOKED)
    raise InvalidArgument(f"{client} has no hooks for permission requests; there are some for: {known}")


def curl_text(key: str) -> str:
    """Return what curl reads the key from."""
    return f'header = "Authorization: Bearer {key}"\n'


def _claude(url: str) -> HookConfig:
    hook = {
        "type": "http",
        "url": url,
        "headers": {"Authorization": f"Bearer ${KEY_VARIABLE}"},
        "allowedEnvVars": [KEY_VARIABLE],
        "timeout": WAIT_S,
    }
    file = "supervisor-hooks.json"
    return HookConfig(
        client=Client.CLAUDE,
        file=f".claude/{file}",
        settings=_hooks(hook),
        start=f"claude --settings .claude/{file}",
        notes=("Without an engine, and after 10 minutes without an answer, Claude Code asks by itself.",),
    )


def _codex(url: str, curl_file: Path) -> HookConfig:
    curl = ("curl", "-sSf", "--max-time", str(WAIT_S), "-K", str(curl_file))
    sent = ("-H", "Content-Type: application/json", "--data-binary", "@-", url)
    return HookConfig(
        client=Client.CODEX,
        file=".codex/hooks.json",
        settings=_hooks({"type": "command", "command": shlex.join((*curl, *sent)), "timeout": WAIT_S}),
        start="codex",
        notes=(
            "Codex reads hooks of its home (~/.codex/hooks.json) and asks once whether it may run them.",
            "Without an engine, and after 10 minutes without an answer, Codex asks by itself.",
        ),
    )


def _hooks(hook: dict[str, Any]) -> dict[str, Any]:
    return {"hooks": {"PermissionRequest": [{"matcher": "*", "hooks": [hook]}]}}
