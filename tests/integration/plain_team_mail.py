"""The plain team's people and their mail: who is there, who is meant, what is read, hidden and buried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

OK: Final = "ok"
LEASE_S: Final = 900.0
MAIL_S: Final = 24 * 3600.0
HIDDEN_S: Final = 300.0
ATTEMPTS: Final = 3
UNREAD: Final = ("queued", "delivered")

Row = dict[str, Any]

PEOPLE: Final[dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "planner": ("planner", (), ()),
    "worker-1": ("worker", ("builders",), ("python",)),
    "worker-2": ("worker", ("builders",), ("python",)),
    "judge": ("judge", (), ()),
    "voter-1": ("judge", ("council",), ()),
    "voter-2": ("judge", ("council",), ()),
    "voter-3": ("judge", ("council",), ()),
    "watcher": ("monitor", (), ()),
    "solo": ("solo", (), ("python", "rust")),
    "chief": ("orchestrator", (), ()),
}
"""Each agent's role, groups and tags."""

WIP: Final = {"worker-1": 2, "worker-2": 2, "solo": 3}
CALLED_BY: Final = {"judge": "worker-1"}
"""Whose work called for whom: these are of one line."""


class Refused(Exception):
    """The call must end with this code and change nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def lineage(name: str) -> list[str]:
    line = [name]
    while line[-1] in CALLED_BY:
        line.append(CALLED_BY[line[-1]])
    return line


def role_of(name: str) -> str:
    return PEOPLE[name][0]


@dataclass
class PlainMail:
    """Agents and mail, and the rules that move them."""

    now: float
    mail: dict[str, Row] = field(default_factory=dict)
    messages: int = 0
    lives: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 1))
    dead: dict[str, str] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)

    def meant(self, to: str, by: str) -> tuple[str, ...]:
        kind, _, value = to.partition(":")
        match kind:
            case "human" | "all" | "self":
                named: Any = {"human": ("human",), "self": (by,)}.get(kind, (n for n in PEOPLE if n != by))
            case "role":
                named = (name for name in PEOPLE if name != by and role_of(name) == value)
            case "group":
                named = (name for name in PEOPLE if name != by and value in PEOPLE[name][1])
            case _:
                named = (to,)
        names = tuple(named)
        if not names:
            raise Refused("not_found")
        return names

    def send(self, who: str, to: str, *, urgent: bool = False, priority: int = 2, ttl: float = MAIL_S) -> str:
        self.post(self.meant(to, who), by=who, urgent=urgent, priority=priority, ttl=ttl)
        return OK

    def post(
        self,
        recipients: tuple[str, ...],
        *,
        by: str = "supervisor",
        urgent: bool = False,
        priority: int = 2,
        ttl: float = MAIL_S,
    ) -> None:
        self.messages += 1
        for name in dict.fromkeys(recipients):
            self.mail[f"M{self.messages}/{name}"] = {
                "state": "queued",
                "until": self.now + ttl,
                "life": ttl,
                "by": (by, self.lives.get(by, 0)),
                "rank": ((not urgent) * 4 + priority, self.messages),
                "to": name,
                "attempts": 0,
                "hidden_from": None,
                "visible": 0.0,
            }

    def fetch(self, who: str) -> list[str]:
        me = (who, self.lives[who])
        unread = sorted(
            (copy["rank"], key)
            for key, copy in self.mail.items()
            if copy["to"] == who
            and copy["state"] in UNREAD
            and copy["attempts"] < ATTEMPTS
            and copy["by"] != me
            and (copy["hidden_from"] != me or copy["visible"] <= self.now)
        )
        for _, key in unread:
            copy = self.mail[key]
            copy |= {"state": "delivered", "hidden_from": me, "visible": self.now + HIDDEN_S}
            copy["attempts"] += 1
        return [key.partition("/")[0] for _, key in unread]

    def ack(self, who: str, *, number: str | None = None, sender: str | None = None) -> int:
        copies = [
            copy
            for key, copy in self.mail.items()
            if copy["to"] == who
            and (
                (key == f"{number}/{who}" and copy["state"] in {*UNREAD, "dead"})
                or (copy["by"][0] == sender and copy["state"] in UNREAD)
            )
        ]
        for copy in copies:
            copy["state"] = "acked"
        return len(copies)

    def dead_letters(self) -> list[str]:
        return [key for key, copy in self.mail.items() if copy["state"] == "dead"]

    def dig_up(self, key: str, *, again: bool) -> str:
        """Let the person put a dead letter back, or take it as dealt with."""
        copy = self.mail[key]
        if copy["state"] != "dead":
            raise Refused("wrong_state")
        copy["state"] = "acked"
        if again:
            copy |= {"state": "queued", "attempts": 0, "hidden_from": None, "visible": 0.0}
            copy["until"] = self.now + copy["life"]
        return OK

    def keep_mail(self) -> None:
        losers = set()
        for copy in self.mail.values():
            spent = copy["attempts"] >= ATTEMPTS and copy["visible"] <= self.now
            if copy["state"] in UNREAD and copy["until"] <= self.now:
                copy["state"] = "expired"
            elif copy["state"] == "delivered" and spent:
                copy["state"] = "dead"
            else:
                continue
            losers.add(copy["by"][0])
        for name in sorted(losers - {"supervisor"}):
            self.post((name,))

    def return_mail(self, who: str, *, failure: bool) -> None:
        for copy in self.mail.values():
            if copy["to"] == who and copy["state"] == "delivered" and copy["visible"] > self.now:
                copy["visible"] = self.now
                copy["attempts"] -= not failure
