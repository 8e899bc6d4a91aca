"""The plain team's votes, approvals, questions and memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tests.integration.plain_team_mail import LEASE_S, OK, PlainMail, Refused, Row, lineage

Ballots = dict[str, str]
Ending = tuple[str, str | None]


def ending(vote: Row, ballots: Ballots) -> Ending:
    """Say how a vote ends with these ballots."""
    counts = [list(ballots.values()).count(option) for option in vote["options"]]
    cast, best = sum(counts), max(counts)
    leading = [option for option, count in zip(vote["options"], counts, strict=True) if count == best]
    if len(ballots) < vote["quorum"]:
        return "no_quorum", None
    if cast == 0:
        return "tie", None
    halves = vote["rule"] == "majority" and best * 2 == cast
    if len(leading) > 1 and (vote["rule"] == "plurality" or halves):
        own = ballots.get(vote["by"])
        if vote["tie"] == "first":
            return "decided", leading[0]
        return ("decided", own) if vote["tie"] == "opener" and own in leading else ("tie", None)
    needed = {"plurality": 1, "majority": cast // 2 + 1, "two_thirds": -(-2 * cast // 3), "unanimous": cast}
    return ("decided", leading[0]) if best >= needed[vote["rule"]] else ("rule_not_met", None)


def is_certain(vote: Row) -> bool:
    """Try every way in which the others might still vote, or not."""
    ballots, now = vote["ballots"], ending(vote, vote["ballots"])
    if now[0] == "no_quorum":
        return False
    missing = [name for name in vote["electorate"] if name not in ballots]
    ways = product((*vote["options"], "abstain", None), repeat=len(missing))
    return all(
        ending(vote, ballots | {name: way for name, way in zip(missing, each, strict=True) if way}) == now
        for each in ways
    )


@dataclass
class PlainPolls(PlainMail):
    """Everything that somebody asks of others."""

    votes: dict[str, Row] = field(default_factory=dict)
    approvals: dict[str, Row] = field(default_factory=dict)
    questions: dict[str, Row] = field(default_factory=dict)
    memory: dict[str, Row] = field(default_factory=dict)

    # ---- votes

    def open_vote(self, who: str, seconds: float, electorate: list[str], **rules: Any) -> str:
        named = list(dict.fromkeys(name for to in electorate for name in self.meant(to, who)))
        nearest: dict[str, str] = {}
        for name in sorted(named, key=lambda each: (len(lineage(each)), each)):
            nearest.setdefault(lineage(name)[-1], name)
        voters = [name for name in named if name in nearest.values()]
        if rules["tie"] == "opener" and who not in voters:
            raise Refused("invalid_argument")
        quorum = {"majority": len(voters) // 2 + 1, "all": len(voters), "any": 1}[rules.pop("quorum")]
        self.votes[f"V{len(self.votes) + 1}"] = {
            "by": who,
            "until": self.now + seconds,
            "state": "open",
            "outcome": None,
            "winner": None,
            "ballots": {},
            "electorate": voters,
            "quorum": quorum,
            **rules,
        }
        return OK

    def cast(self, who: str, number: str, choice: str) -> str:
        vote = self.votes[number]
        if vote["state"] == "closed" or self.now > vote["until"]:
            raise Refused("vote_closed")
        if who not in vote["electorate"]:
            raise Refused("forbidden")
        if choice not in {*vote["options"], "abstain"}:
            raise Refused("invalid_argument")
        if who in vote["ballots"]:
            raise Refused("wrong_state")
        vote["ballots"][who] = choice
        if len(vote["ballots"]) == len(vote["electorate"]) or (vote["early"] and is_certain(vote)):
            self.close_vote(vote)
        return OK

    def end_vote(self, who: str, number: str) -> str:
        vote = self.votes[number]
        if who != vote["by"]:
            raise Refused("forbidden")
        if vote["state"] == "closed":
            raise Refused("wrong_state")
        self.close_vote(vote)
        return OK

    def close_vote(self, vote: Row) -> None:
        outcome, winner = ending(vote, vote["ballots"])
        vote |= {"state": "closed", "outcome": outcome, "winner": winner}
        asked = ("human",) if outcome != "decided" and vote["tie"] != "none" else ()
        self.post((vote["by"], *vote["electorate"], *asked))

    def settle_tie(self, number: str, option: str) -> str:
        vote = self.votes[number]
        if vote["outcome"] != "tie" or vote["tie"] == "none":
            raise Refused("wrong_state")
        counts = {each: list(vote["ballots"].values()).count(each) for each in vote["options"]}
        if counts.get(option) != max(counts.values()):
            raise Refused("invalid_argument")
        vote |= {"outcome": "decided", "winner": option}
        self.post((vote["by"], *vote["electorate"]))
        return OK

    # ---- approvals

    def ask(self, who: str, payload: Row) -> str:
        self.approvals[f"A{len(self.approvals) + 1}"] = {
            "by": (who, self.lives[who]),
            "payload": payload,
            "state": "pending",
            "until": self.now + LEASE_S,
        }
        return OK

    def answer(self, number: str, *, allow: bool, shown: bool) -> str:
        approval = self.approvals[number]
        if approval["state"] != "pending" or self.now > approval["until"]:
            raise Refused("already_answered")
        if not shown:
            raise Refused("digest_mismatch")
        approval["state"] = "approved" if allow else "denied"
        if allow:
            approval["until"] = self.now + LEASE_S
        return OK

    def use(self, who: str, number: str, payload: Row) -> str:
        approval = self.approvals[number]
        if approval["by"] != (who, self.lives[who]):
            raise Refused("not_found")
        if approval["state"] != "approved" or self.now > approval["until"]:
            raise Refused("wrong_state")
        if payload != approval["payload"]:
            raise Refused("digest_mismatch")
        approval["state"] = "used"
        return OK

    # ---- questions

    def ask_person(self, who: str, seconds: float) -> str:
        mine = [each for each in self.questions.values() if each["by"] == who and each["state"] == "asked"]
        if len(mine) >= 10:
            raise Refused("too_many")
        row = {"by": who, "state": "asked", "until": self.now + seconds, "choice": None}
        self.questions[f"Q{len(self.questions) + 1}"] = row
        return OK

    def reply(self, number: str, choice: str) -> str:
        question = self.questions[number]
        if question["state"] != "asked" or self.now > question["until"]:
            raise Refused("already_answered")
        if choice not in {"this", "that"}:
            raise Refused("invalid_argument")
        question |= {"state": "answered", "choice": choice}
        return OK

    # ---- memory

    def remembers(self, place: str) -> Row | None:
        row = self.memory.get(place)
        live = row is not None and not row["deleted"] and (row["until"] is None or self.now < row["until"])
        return row if live else None

    def remember(self, who: str, place: str, value: str, expected: int | None, ttl: float | None) -> str:
        self._check_version(who, place, expected)
        self._put(place, who, value=value, until=None if ttl is None else self.now + ttl, deleted=False)
        return OK

    def forget(self, who: str, place: str, expected: int | None) -> str:
        self._check_place(who, place)
        if self.remembers(place) is None:
            raise Refused("not_found")
        self._check_version(who, place, expected)
        self._put(place, who, value="", until=None, deleted=True)
        return OK

    def _check_place(self, who: str, place: str) -> None:
        if place.startswith("agent:") and not place.startswith(f"agent:{who}/"):
            raise Refused("forbidden")

    def _check_version(self, who: str, place: str, expected: int | None) -> None:
        self._check_place(who, place)
        row = self.remembers(place)
        if expected is not None and expected != (row["version"] if row else 0):
            raise Refused("wrong_state")

    def _put(self, place: str, who: str, **more: Any) -> None:
        version = self.memory[place]["version"] + 1 if place in self.memory else 1
        self.memory[place] = {"version": version, "author": who, **more}

    # ---- time and death

    def keep_polls(self) -> None:
        for vote in self.votes.values():
            if vote["state"] == "open" and self.now > vote["until"]:
                self.close_vote(vote)
        for approval in self.approvals.values():
            if approval["state"] in {"pending", "approved"} and approval["until"] <= self.now:
                approval["state"] = "expired"
        for question in self.questions.values():
            if question["state"] == "asked" and question["until"] <= self.now:
                question["state"] = "expired"
        for place, row in self.memory.items():
            if row["until"] is not None and row["until"] <= self.now:
                self._put(place, "supervisor", value="", until=None, deleted=True)

    def withdraw(self, who: str) -> None:
        for approval in self.approvals.values():
            if approval["by"][0] == who and approval["state"] in {"pending", "approved"}:
                approval["state"] = "withdrawn"
        for question in self.questions.values():
            if question["by"] == who and question["state"] == "asked":
                question["state"] = "withdrawn"

    def waits_for_person(self, who: str) -> bool:
        asked = any(
            each["by"] == (who, self.lives[who]) and each["state"] == "pending"
            for each in self.approvals.values()
        )
        return asked or any(
            each["by"] == who and each["state"] == "asked" for each in self.questions.values()
        )
