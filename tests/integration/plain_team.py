"""What the coordinator promises, told a second time with plain dicts: each call says how it must end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

OK: Final = "ok"
LEASE_S: Final = 900.0
MAIL_S: Final = 24 * 3600.0
HIDDEN_S: Final = 300.0
ATTEMPTS: Final = 3
ENDED: Final = ("done", "failed", "cancelled")
UNREAD: Final = ("queued", "delivered")
WORKERS: Final = ("worker-1", "worker-2", "solo")
JUDGES: Final = ("judge", "solo")
COUNCIL: Final = ("voter-1", "voter-2", "voter-3")
TEAM: Final = ("planner", *WORKERS, "judge", *COUNCIL, "watcher", "chief")
ADDRESSES: Final = {
    "worker-1": ("worker-1",),
    "group:council": COUNCIL,
    "role:judge": ("judge", *COUNCIL),
    "human": ("human",),
}

Row = dict[str, Any]


@dataclass
class PlainTeam:
    """The whole state, and the rules that move it."""

    now: float
    tasks: dict[str, Row] = field(default_factory=dict)
    mail: dict[tuple[str, str], Row] = field(default_factory=dict)
    messages: int = 0
    votes: dict[str, Row] = field(default_factory=dict)
    approvals: dict[str, Row] = field(default_factory=dict)
    lives: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TEAM, 1))
    dead: set[str] = field(default_factory=set)

    # ---- tasks

    def create(self, *, deps: tuple[str, ...], review: bool, high: bool) -> str:
        number = f"T{len(self.tasks) + 1}"
        self.tasks[number] = {
            "state": "pending",
            "blocked_by": (),
            "rank": (1 if high else 2, len(self.tasks)),
            "deps": tuple(dict.fromkeys(deps)),
            "review": review,
            "holder": None,
            "author": None,
            "reviewer": None,
            "assignee": None,
            "token": 0,
            "lease": None,
            "failures": 0,
            "releases": 0,
            "rounds": 0,
        }
        self._block(self.tasks[number])
        return OK

    def _block(self, task: Row) -> None:
        states = [self.tasks[dep]["state"] for dep in task["deps"]]
        reasons = ["dependency"] if any(state not in ENDED for state in states) else []
        reasons += ["dependency_failed"] if {"failed", "cancelled"} & set(states) else []
        reasons += ["needs_human"] if "needs_human" in task["blocked_by"] else []
        task |= {"blocked_by": tuple(reasons), "state": "blocked" if reasons else "pending"}

    def _end(self, number: str, state: str) -> None:
        self.tasks[number] |= {"state": state, "holder": None, "lease": None}
        for task in self.tasks.values():
            if number in task["deps"] and task["state"] == "blocked":
                self._block(task)

    def best(self, state: str, suits: Any) -> str | None:
        ranked = sorted(self.tasks, key=lambda number: self.tasks[number]["rank"])
        return next(
            (each for each in ranked if self.tasks[each]["state"] == state and suits(self.tasks[each])), None
        )

    def claim(self, who: str, number: str | None) -> str:
        if number is None:
            number = self.best("pending", lambda task: task["assignee"] in {None, who})
        if number is None:
            return "nothing_to_do"
        task = self.tasks[number]
        if task["state"] == "in_progress":
            return OK if task["holder"] == who else "already_claimed"
        if task["state"] != "pending":
            return "wrong_state"
        if task["assignee"] not in {None, who}:
            return "forbidden"
        task |= {"state": "in_progress", "holder": who, "author": who, "token": task["token"] + 1}
        task["lease"] = self.now + LEASE_S
        return OK

    def write(self, who: str, number: str, token: int, tool: str, *, permanent: bool = False) -> str:
        task = self.tasks[number]
        if (task["token"], task["state"], task["holder"]) != (token, "in_progress", who):
            return "stale_token"
        match tool:
            case "task_progress":
                task["lease"] = self.now + LEASE_S
            case "task_complete" if task["review"]:
                task |= {"state": "in_review", "holder": None, "lease": None, "assignee": None}
            case "task_complete":
                task["assignee"] = None
                self._end(number, "done")
            case "task_fail":
                self._failed(number, permanent=permanent)
            case "task_release":
                task["releases"] += 1
                self._give_back(task, to_human=task["releases"] >= 3)
            case "help":
                self._give_back(task, to_human=True)
                task["assignee"] = who
        return OK

    def _failed(self, number: str, *, permanent: bool) -> None:
        task = self.tasks[number]
        task["failures"] += 1
        if permanent or task["failures"] >= 3:
            self._end(number, "failed")
        else:
            task |= {"state": "pending", "holder": None, "lease": None}

    def _give_back(self, task: Row, *, to_human: bool) -> None:
        task |= {"state": "blocked" if to_human else "pending", "holder": None, "lease": None}
        task["blocked_by"] = ("needs_human",) if to_human else ()

    def link(self, number: str, dep: str) -> str:
        task = self.tasks[number]
        if task["state"] not in {"pending", "blocked"}:
            return "wrong_state"
        if number == dep or number in self._below(dep):
            return "dependency_cycle"
        task["deps"] = tuple(dict.fromkeys((*task["deps"], dep)))
        self._block(task)
        return OK

    def _below(self, number: str) -> set[str]:
        seen: set[str] = set()
        waiting = [number]
        while waiting:
            for dep in self.tasks[waiting.pop()]["deps"]:
                if dep not in seen and self.tasks[dep]["state"] not in ENDED:
                    seen.add(dep)
                    waiting.append(dep)
        return seen

    def cancel(self, number: str) -> str:
        if self.tasks[number]["state"] in ENDED:
            return "wrong_state"
        self.tasks[number] |= {"blocked_by": (), "reviewer": None}
        self._end(number, "cancelled")
        return OK

    # ---- reviews

    def judge(self, who: str, number: str | None, how: str) -> str:
        if number is None:
            number = self.best(
                "in_review", lambda task: task["reviewer"] in {None, who} and task["author"] != who
            )
        if number is None:
            return "nothing_to_do"
        task = self.tasks[number]
        if task["state"] != "in_review":
            return "wrong_state"
        if task["author"] == who and who != "solo":
            return "forbidden"
        if task["reviewer"] not in {None, who}:
            return "already_claimed"
        match how:
            case "review_take":
                task["reviewer"] = who
            case "task_approve":
                task["reviewer"] = who
                self._end(number, "done")
            case _:
                task["rounds"] += 1
                self._give_back(task, to_human=task["rounds"] > 3)
                task |= {
                    "reviewer": None,
                    "assignee": None if task["author"] in self.dead else task["author"],
                }
        return OK

    # ---- mail

    def send(self, who: str, to: str, *, urgent: bool = False) -> str:
        recipients = tuple(name for name in ADDRESSES[to] if name != who or to == who)
        self._post(recipients, by=who, urgent=urgent)
        return OK

    def _post(self, recipients: tuple[str, ...], *, by: str = "supervisor", urgent: bool = False) -> None:
        self.messages += 1
        for name in dict.fromkeys(recipients):
            self.mail[f"M{self.messages}", name] = {
                "state": "queued",
                "until": self.now + MAIL_S,
                "by": (by, self.lives.get(by)),
                "rank": (not urgent, self.messages),
                "attempts": 0,
                "hidden_from": None,
                "visible": 0.0,
            }

    def fetch(self, who: str) -> list[str]:
        me = (who, self.lives[who])
        unread = [
            (copy["rank"], number, copy)
            for (number, name), copy in self.mail.items()
            if name == who
            and copy["state"] in UNREAD
            and copy["attempts"] < ATTEMPTS
            and copy["by"] != me
            and (copy["hidden_from"] != me or copy["visible"] <= self.now)
        ]
        for _, _, copy in unread:
            copy |= {"state": "delivered", "hidden_from": me, "visible": self.now + HIDDEN_S}
            copy["attempts"] += 1
        return [number for _, number, _ in sorted(unread, key=lambda each: each[0])]

    def ack(self, who: str, number: str) -> int:
        copy = self.mail.get((number, who))
        if copy is None or copy["state"] not in {*UNREAD, "dead"}:
            return 0
        copy["state"] = "acked"
        return 1

    def _keep_mail(self) -> None:
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
            self._post((name,))

    def _return_mail(self, who: str, *, failure: bool) -> None:
        for (_, name), copy in self.mail.items():
            if name == who and copy["state"] == "delivered" and copy["visible"] > self.now:
                copy["visible"] = self.now
                copy["attempts"] -= not failure

    # ---- votes

    def open_vote(self, who: str, seconds: float) -> str:
        self.votes[f"V{len(self.votes) + 1}"] = {
            "by": who,
            "until": self.now + seconds,
            "state": "open",
            "winner": None,
            "ballots": {},
        }
        return OK

    def cast(self, who: str, number: str, choice: str) -> str:
        vote = self.votes[number]
        if vote["state"] == "closed" or self.now > vote["until"]:
            return "vote_closed"
        if who not in COUNCIL:
            return "forbidden"
        if choice not in {"yes", "no", "abstain"}:
            return "invalid_argument"
        if who in vote["ballots"]:
            return "wrong_state"
        vote["ballots"][who] = choice
        yes, no = (list(vote["ballots"].values()).count(option) for option in ("yes", "no"))
        missing = len(COUNCIL) - len(vote["ballots"])
        if not missing or (missing == 1 and abs(yes - no) > missing):
            self._close(vote)
        return OK

    def _close(self, vote: Row) -> None:
        counts = [list(vote["ballots"].values()).count(option) for option in ("yes", "no")]
        decided = len(vote["ballots"]) >= 2 and counts[0] != counts[1]
        vote |= {"state": "closed", "winner": ("yes" if counts[0] > counts[1] else "no") if decided else None}
        self._post((vote["by"], *COUNCIL) if decided else (vote["by"], *COUNCIL, "human"))

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
        if approval["state"] == "pending" and self.now > approval["until"]:
            return "already_answered"
        if not shown:
            return "digest_mismatch"
        if approval["state"] != "pending":
            return "already_answered"
        approval["state"] = "approved" if allow else "denied"
        if allow:
            approval["until"] = self.now + LEASE_S
        return OK

    def use(self, who: str, number: str, payload: Row) -> str:
        approval = self.approvals[number]
        if approval["by"] != (who, self.lives[who]):
            return "not_found"
        if approval["state"] != "approved" or self.now > approval["until"]:
            return "wrong_state"
        if payload != approval["payload"]:
            return "digest_mismatch"
        approval["state"] = "used"
        return OK

    # ---- time and death

    def tick(self, alive: tuple[str, ...]) -> None:
        for task in self.tasks.values():
            if task["state"] == "in_progress":
                self._keep_lease(task, alive)
        for vote in self.votes.values():
            if vote["state"] == "open" and self.now > vote["until"]:
                self._close(vote)
        for approval in self.approvals.values():
            if approval["state"] in {"pending", "approved"} and approval["until"] <= self.now:
                approval["state"] = "expired"
        self._keep_mail()

    def _keep_lease(self, task: Row, alive: tuple[str, ...]) -> None:
        left = task["lease"] - self.now
        if left < LEASE_S * 2 / 3 and task["holder"] in alive:
            task["lease"] = self.now + LEASE_S
        elif left <= 0:
            self._give_back(task, to_human=False)

    def die(self, who: str, *, failure: bool) -> None:
        self.dead.add(who)
        for number, task in self.tasks.items():
            if task["state"] == "in_progress" and task["holder"] == who:
                if failure:
                    self._failed(number, permanent=False)
                else:
                    self._give_back(task, to_human=False)
            if task["state"] == "in_review" and task["reviewer"] == who:
                task["reviewer"] = None
        for approval in self.approvals.values():
            if approval["by"][0] == who and approval["state"] in {"pending", "approved"}:
                approval["state"] = "withdrawn"
        self._return_mail(who, failure=failure)

    def start(self, who: str) -> None:
        self.dead.discard(who)
        self.lives[who] += 1
