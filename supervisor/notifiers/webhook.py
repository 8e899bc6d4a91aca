"""The generic webhook: a JSON summary, signed, with an id by which a second copy is known."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor import __version__
from supervisor.model.notify import NotifySpec
from supervisor.notifiers.http import Poster
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notice import Notice
from supervisor.notifiers.secrets import secret_from, signing_key
from supervisor.notifiers.sink import Origin

VERSION: Final = 1
SIGNATURE: Final = "X-Supervisor-Signature"
ID: Final = "X-Supervisor-Id"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSink:
    """Posts each letter as one JSON object."""

    spec: NotifySpec
    origin: Origin
    poster: Poster
    environ: Mapping[str, str] = field(repr=False)

    async def send(self, letter: Letter) -> str:
        """Post the letter; raise NotSent."""
        url, secret = await self.poster.aside.run(self._secrets)
        body = json.dumps(webhook_body(letter, self.spec.name, self.origin), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"supervisor/{__version__}",
            ID: letter.id,
        }
        if secret is not None:
            headers[SIGNATURE] = signature(signing_key(secret), body, int(self.poster.clock.now()))
        hide = () if secret is None else (secret,)
        return await self.poster.post(url, body, headers, allow_private=self.spec.allow_private, hide=hide)

    def _secrets(self) -> tuple[str, str | None]:
        spec = self.spec
        url = secret_from(spec.url_env, spec.url_file, self.environ, what="URL")
        if spec.secret_env is None and spec.secret_file is None:
            return url, None
        return url, secret_from(spec.secret_env, spec.secret_file, self.environ, what="secret")


def signature(key: bytes, body: bytes, at: int) -> str:
    """Sign `at` and the body as they are sent: `t=<unix>,v1=<hex>` over `t.body`."""
    mac = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def webhook_body(letter: Letter, sink: str, origin: Origin) -> dict[str, Any]:
    """Spell the letter as `docs/notifications.md` describes it."""
    return {
        "v": VERSION,
        "id": letter.id,
        "kind": letter.kind,
        "sink": sink,
        "team": origin.team,
        "project": origin.project,
        "run": letter.run,
        "at": letter.at,
        "title": letter.title,
        "body": letter.body,
        "late": letter.late,
        "dropped": letter.dropped,
        "more": letter.more,
        "events": [_event(notice) for notice in letter.notices],
    }


def _event(notice: Notice) -> dict[str, Any]:
    return {
        "seq": notice.seq,
        "at": notice.at,
        "run": notice.run,
        "kind": notice.kind.value,
        "event": notice.event,
        "subject": notice.subject,
        "actor": notice.actor,
        "title": notice.title,
        "body": notice.body,
    }
