"""The launch kit: the files that give one incarnation its key, its coordinator and its role."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from supervisor.errors import StateUnsafe
from supervisor.model.agent import Role

MCP_CONFIG: Final = "mcp.json"
ROLE_PROMPT: Final = "prompt.md"
SERVER_NAME: Final = "supervisor"

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchKit:
    """Where the files of one agent's kit are, and what stands in them, for those who are told by stdin."""

    directory: Path
    mcp_config: Path
    role_prompt: Path
    url: str = ""
    key: str = field(default="", repr=False)
    role_text: str = field(default="", repr=False)


def write_kit(
    directory: Path, *, url: str, key: str, agent: str, incarnation: int, role: Role, prompt: str
) -> LaunchKit:
    """Write an incarnation's kit over that of the last one, each file at once and for its owner only.

    The directory must be the user's own, no link, and closed to others (StateUnsafe).
    """
    mcp = {
        "mcpServers": {
            SERVER_NAME: {
                "type": "http",
                "url": url,
                "headers": {"Authorization": f"Bearer {key}"},
                "alwaysLoad": True,  # else Claude Code hides the tools behind a search
            },
        }
    }
    role_text = _role_text(agent, incarnation, role, prompt)
    folder = _open_private(directory)
    try:
        _write_whole(folder, MCP_CONFIG, json.dumps(mcp, indent=2) + "\n")
        _write_whole(folder, ROLE_PROMPT, role_text)
    finally:
        os.close(folder)
    return LaunchKit(
        directory=directory,
        mcp_config=directory / MCP_CONFIG,
        role_prompt=directory / ROLE_PROMPT,
        url=url,
        key=key,
        role_text=role_text,
    )


def add_to_kit(kit: LaunchKit, name: str, text: str, *, link: Path | None = None) -> Path:
    """Write a further file of a kit, its folders included, as the others are; StateUnsafe as there.

    With `link` it becomes a symbolic link to that place instead.
    """
    place = kit.directory / name
    folder = place.parent
    if not folder.is_relative_to(kit.directory) or ".." in place.parts:
        raise StateUnsafe(f"{name} is not inside the kit")
    inner = folder.relative_to(kit.directory)
    for part in (*reversed(inner.parents), inner):
        with suppress(FileExistsError):
            (kit.directory / part).mkdir(mode=0o700)
    descriptor = _open_private(folder)
    try:
        if link is None:
            _write_whole(descriptor, place.name, text)
        else:
            _link(descriptor, place.name, link)
    finally:
        os.close(descriptor)
    return place


def _role_text(agent: str, incarnation: int, role: Role, prompt: str) -> str:
    head = f"You are `{agent}`, in the role `{role}`, incarnation {incarnation} of this name."
    tools = f"The tools of the MCP server `{SERVER_NAME}` connect you with your team."
    return f"{head}\n{tools}\n" + (f"\n{prompt.strip()}\n" if prompt.strip() else "")


def _open_private(directory: Path) -> int:
    """Open the directory and keep it open, so that what was checked is what is written to."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as problem:
        raise StateUnsafe(f"{directory} cannot hold a kit: {problem.strerror}") from problem
    facts = os.fstat(folder)
    if facts.st_uid != os.geteuid() or facts.st_mode & _OTHERS:
        os.close(folder)
        raise StateUnsafe(f"{directory} holds a key and must be yours alone: `chmod 700 {directory}`")
    return folder


def _link(folder: int, name: str, target: Path) -> None:
    """Put the link in place of what is there."""
    draft = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    os.symlink(target, draft, dir_fd=folder)
    os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)


def _write_whole(folder: int, name: str, text: str) -> None:
    """Put the file in place complete or not at all.

    It is not synced to the disk: after a power cut no incarnation lives that could use it.
    """
    draft = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
