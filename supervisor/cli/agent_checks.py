"""What `doctor` says of the known agents: which are installed, whether they work with us, the next step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from supervisor.adapters.driver import Capabilities
from supervisor.adapters.registry import load_adapter
from supervisor.cli.checks import Check, Verdict
from supervisor.config.presets import PRESETS, Preset
from supervisor.config.program_versions import Version, ask_version, install_command, numbers_of, too_old
from supervisor.errors import ProfileInvalid
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec

_LOGIN_FILES: Final[dict[str, tuple[str, ...]]] = {
    "claude": ("$CLAUDE_CONFIG_DIR/.credentials.json", "~/.claude/.credentials.json"),
    "codex": ("$CODEX_HOME/auth.json", "~/.codex/auth.json"),
    "opencode": ("$XDG_DATA_HOME/opencode/auth.json", "~/.local/share/opencode/auth.json"),
    "gemini": ("~/.gemini/oauth_creds.json",),
    "qwen": ("~/.qwen/oauth_creds.json",),
    "kimi": ("~/.kimi/credentials.json",),
}
"""Where each keeps that somebody is logged in; only whether a file is there is looked at."""

_WORDS: Final = {
    "turns": "one task a turn",
    "inject": "words during a turn",
    "next_turn": "words for the next turn",
    "interrupt": "interrupt",
    "fresh_session": "new conversations",
    "resume": "resume",
    "permissions": "permissions",
    "rewrite": "changed permissions",
    "questions": "questions",
    "usage": "usage",
    "cost": "cost",
    "context": "context",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFound:
    """One known agent as it is here; empty words for what is not known. `can` is in words."""

    name: str
    verdict: Verdict
    path: str
    version: str
    minimum: str
    tried: str
    login: str
    can: tuple[str, ...]
    detail: str
    step: str

    @property
    def check(self) -> Check:
        """Return it as a line among the other checks."""
        return Check(name=self.name, verdict=self.verdict, detail=self.detail, step=self.step)


def all_agents(environ: Mapping[str, str] | None = None) -> list[AgentFound]:
    """Look at every known agent, all at a time: some take seconds to say their version."""
    here = dict(os.environ if environ is None else environ)
    with ThreadPoolExecutor(max_workers=len(PRESETS)) as pool:
        return list(pool.map(lambda preset: _look(preset, here), PRESETS.values()))


def _look(preset: Preset, environ: Mapping[str, str]) -> AgentFound:
    path = environ.get("PATH", os.defpath)
    program = shutil.which(preset.command[0], path=path)
    if program is None:
        return _found(preset, verdict=Verdict.OK, detail="not installed", step=install_command(preset))
    version = ask_version(Path(program), preset.version_args, path=path)
    login = login_of(preset, environ)
    can = _abilities(preset)
    verdict, words, step = _judged(preset, version)
    if verdict is Verdict.OK and not login:
        step = f"log in by starting `{preset.command[0]}` once, or set {preset.key_variables[0]}"
    detail = "; ".join(
        (
            words,
            login or "not known to be logged in",
            f"can: {', '.join(can)}" if can else "no adapter for it",
        )
    )
    return _found(
        preset,
        verdict=verdict,
        path=program,
        version=version.words,
        login=login,
        can=can,
        detail=detail,
        step=step,
    )


def _found(
    preset: Preset,
    *,
    verdict: Verdict,
    detail: str,
    step: str,
    path: str = "",
    version: str = "",
    login: str = "",
    can: tuple[str, ...] = (),
) -> AgentFound:
    return AgentFound(
        name=preset.name,
        verdict=verdict,
        path=path,
        version=version,
        minimum=preset.minimum,
        tried=preset.tried,
        login=login,
        can=can,
        detail=detail,
        step=step,
    )


def _judged(preset: Preset, version: Version) -> tuple[Verdict, str, str]:
    if not version.words:
        return Verdict.WARN, version.why, install_command(preset)
    if too_old(version, preset):
        words = f"{version.words} is too old: {preset.minimum} is the oldest that works"
        return Verdict.WARN, words, install_command(preset)
    if version.numbers > numbers_of(preset.tried):
        return Verdict.OK, f"{version.words}, newer than {preset.tried}, which was tried", ""
    return Verdict.OK, version.words, ""


def login_of(preset: Preset, environ: Mapping[str, str]) -> str:
    """Say by what it is logged in, as far as files and variables tell; empty if nothing does."""
    for variable in preset.key_variables:
        if environ.get(variable):
            return f"key in {variable}"
    for spelled in _LOGIN_FILES.get(preset.name, ()):
        place = _place(spelled, environ)
        if place is not None and place.is_file():
            return f"logged in, by {place}"
    return ""


def _place(spelled: str, environ: Mapping[str, str]) -> Path | None:
    first, _, rest = spelled.partition("/")
    base = environ.get("HOME") if first == "~" else environ.get(first[1:])
    return Path(base, rest) if base else None


def _abilities(preset: Preset) -> tuple[str, ...]:
    """Say what one can ask of it, in words; nothing if its adapter does not load."""
    pool = PoolSpec(
        name=preset.name,
        role=Role.WORKER,
        command=preset.command,
        adapter=preset.adapter,
        agent=preset.name,
    )
    try:
        can = load_adapter(preset.adapter, plugins=()).capabilities(pool)
    except (ProfileInvalid, ImportError):
        return ()
    names = (field.name for field in fields(Capabilities))
    return tuple(_WORDS.get(name, name) for name in names if getattr(can, name))
