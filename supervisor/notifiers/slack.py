"""Slack's incoming webhook, and chat servers that speak like it: words as plain text, nobody mentioned."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.model.notify import NotifySpec
from supervisor.notifiers.http import Poster
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.secrets import secret_from
from supervisor.notifiers.sink import Origin

SECTION_MAX: Final = 2900
"""Slack refuses a section of over 3,000 characters, spelled-out entities included."""

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "\uff20"}
_LINKS: Final = re.compile(r"\](?=[(\[:])")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSink:
    """Posts each letter as one chat message."""

    spec: NotifySpec
    origin: Origin
    poster: Poster
    environ: Mapping[str, str] = field(repr=False)

    async def send(self, letter: Letter) -> str:
        """Post the letter; raise NotSent."""
        spec = self.spec
        url = await self.poster.aside.run(
            lambda: secret_from(spec.url_env, spec.url_file, self.environ, what="URL")
        )
        body = json.dumps(slack_message(letter, self.origin), separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        return await self.poster.post(url, body, headers, allow_private=spec.allow_private)


def slack_message(letter: Letter, origin: Origin) -> dict[str, Any]:
    """Build the message: `text` for servers without blocks, and for the line on a locked phone."""
    title, body = plain(letter.title), plain(letter.body)
    footer = plain(f"team {origin.team} on {origin.project}, run {letter.run}")
    sections = [_section(title)] + ([_section(body)] if body else [])
    return {
        "text": f"{title}\n{body}\n{footer}" if body else f"{title}\n{footer}",
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [*sections, {"type": "context", "elements": [_plain_text(footer)]}],
    }


def plain(text: str, limit: int = SECTION_MAX) -> str:
    """Escape by Slack's rules, and take the sense out of mentions and links of all that speak like it.

    `@` becomes its full-width look-alike: some servers ring everybody for `@channel` in plain text.
    """
    parts: list[str] = []
    left = limit
    for character in _LINKS.sub("] ", text):
        spelled = _ENTITIES.get(character, character)
        left -= len(spelled)
        if left < 1:
            parts.append("…")
            break
        parts.append(spelled)
    return "".join(parts)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain_text(text)}


def _plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
