"""What the coordinator promises, told a second time with plain dicts: each call says how it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.plain_team_mail import PEOPLE, Refused
from tests.integration.plain_team_plans import PlainPlans

CRASHES = ("backoff", "parked")


@dataclass
class PlainTeam(PlainPlans):
    """The whole state, and the rules that move it."""

    def ends(self, call: Callable[[], str]) -> str:
        """Say how a call ends, and do what it does."""
        try:
            return call()
        except Refused as refused:
            return refused.code

    def tick(self, alive: tuple[str, ...]) -> None:
        self.keep_leases(alive)
        self.begin_cycles()
        self.keep_polls()
        self.keep_mail()

    def die(self, who: str, *, to: str) -> None:
        """End an agent's incarnation: it crashed, was stopped, ended by itself or is parked."""
        self.lose_holder(who, failure=to in CRASHES)
        self.dead[who] = "exited" if to == "ended" else to
        self.withdraw(who)
        self.return_mail(who, failure=to in CRASHES)
        if to in {"ended", "parked"}:
            self.free_reserved(who)

    def lose_engine(self) -> None:
        """End everybody's incarnation; nobody is to blame."""
        for who in sorted(PEOPLE):
            if who not in self.dead:
                self.lose_holder(who, failure=False)
                self.withdraw(who)
                self.return_mail(who, failure=False)
        for who in PEOPLE:
            self.start(who)

    def start(self, who: str) -> None:
        self.dead.pop(who, None)
        self.lives[who] += 1

    def doing(self, who: str) -> tuple[str, str | None]:
        """Say what an agent's slot shows, and with which task."""
        if who in self.dead:
            return self.dead[who], None
        reviewed = [name for name, task in self.tasks.items() if task["state"] == "in_review"]
        mine = [*self.held_by(who), *(name for name in reviewed if self.tasks[name]["reviewer"] == who)]
        state = "working" if mine else "idle"
        return "waiting_human" if self.waits_for_person(who) else state, mine[0] if mine else None

    def everybody(self) -> dict[str, tuple[str, str | None, bool]]:
        return {who: (*self.doing(who), who in self.quarantined) for who in PEOPLE}
