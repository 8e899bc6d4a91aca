"""Rules about mail, votes, approvals, questions and memory."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from supervisor.coordinator import approvals, dead_letters, questions, votes
from tests.integration.plain_team_mail import OK
from tests.integration.team_machine_work import WORKERS, WorkRules, numbers, workers

COUNCIL: Final = ("voter-1", "voter-2", "voter-3")
READERS: Final = ("worker-1", "judge", "voter-1")
ADDRESSES: Final = (
    "worker-1",
    "group:council",
    "role:judge",
    "role:worker",
    "all",
    "human",
    "self",
    "role:solo",
)
PLACES: Final = ("team/a", "team/b", "project/a", "agent:worker-1/a")


class PollRules(WorkRules):
    """What agents say to each other and ask of each other."""

    # ---- mail

    @rule(
        who=st.sampled_from(("planner", "worker-1", "solo", "watcher")),
        to=st.sampled_from(ADDRESSES),
        urgent=st.booleans(),
        priority=st.sampled_from((("normal", 2), ("high", 1), ("low", 3))),
        ttl=st.sampled_from((86_400.0, 86_400.0, 60.0)),
    )
    def send(self, who: str, to: str, priority: tuple[str, int], ttl: float, *, urgent: bool) -> None:
        word, rank = priority
        more = {"to": to, "body": "b", "urgent": urgent, "priority": word, "ttl_s": ttl}
        self.both(
            who,
            lambda: self.plain.send(who, to, urgent=urgent, priority=rank, ttl=ttl),
            "message_send",
            **more,
        )

    @rule(who=st.sampled_from(READERS))
    def fetch(self, who: str) -> None:
        self.plain.now = self.clock.now() + 1
        told = [] if who in self.plain.dead else self.plain.fetch(who)
        answer = self.ends(OK, who, "inbox", limit=200)
        assert [each["id"] for each in answer.get("messages", [])] == told

    @precondition(lambda self: self.plain.mail)
    @rule(who=st.sampled_from(READERS), number=st.integers(1, 6), by=st.sampled_from(("id", "id", "planner")))
    def ack(self, who: str, number: int, by: str) -> None:
        self.plain.now = self.clock.now() + 1
        named = {"number": f"M{number}"} if by == "id" else {"sender": by}
        counted = 0 if who in self.plain.dead else self.plain.ack(who, **named)
        said: dict[str, Any] = {"ids": [f"M{number}"]} if by == "id" else {"sender": by}
        answer = self.ends(OK, who, "message_ack", **said)
        assert answer.get("acked", 0) == counted

    @precondition(lambda self: self.plain.mail)
    @rule(again=st.booleans())
    def dig_up(self, *, again: bool) -> None:
        dead = self.plain.dead_letters() or list(self.plain.mail)[-1:]
        if dead:
            act = dead_letters.requeue if again else dead_letters.drop
            self.by_person(
                lambda: self.plain.dig_up(dead[0], again=again), lambda scope: act(scope, (dead[0],))
            )

    @rule(again=st.booleans())
    def poison(self, *, again: bool) -> None:
        """Let a reader die over its mail again and again."""
        self.both(
            "planner",
            lambda: self.plain.send("planner", "worker-1", urgent=True),
            "message_send",
            to="worker-1",
            body="b",
            urgent=True,
        )
        for _ in range(3):
            if "worker-1" in self.plain.dead:
                self.start("worker-1")
            self.fetch("worker-1")
            self.die("worker-1", "backoff")
        self.pass_time(1.0)
        self.dig_up(again=again)

    def pass_time(self, seconds: float, *, silent: bool = False) -> None:
        """Let time pass, and the engine do what is due."""
        raise NotImplementedError

    # ---- votes

    @rule(
        who=st.sampled_from(("planner", "worker-1", "solo")),
        seconds=st.sampled_from((5.0, 300.0, 300.0)),
        electorate=st.sampled_from(
            (
                ["group:council"],
                ["group:council", "self"],
                ["judge", "worker-1", "solo"],
                ["worker-1", "worker-2"],
            )
        ),
        options=st.sampled_from((["yes", "no"], ["yes", "no", "later"])),
        law=st.sampled_from(("plurality", "plurality", "majority", "two_thirds", "unanimous")),
        tie=st.sampled_from(("human", "first", "opener", "none")),
        quorum=st.sampled_from(("majority", "all", "any")),
        early=st.sampled_from((True, True, False)),
    )
    def open_vote(self, who: str, seconds: float, electorate: list[str], *, early: bool, **more: Any) -> None:
        rules = {
            "options": more["options"],
            "rule": more["law"],
            "tie": more["tie"],
            "quorum": more["quorum"],
        }
        self.both(
            who,
            lambda: self.plain.open_vote(who, seconds, electorate, early=early, **rules),
            "vote_open",
            **{"question": "?", "electorate": electorate, "deadline_s": seconds, "early": early, **rules},
        )

    @precondition(lambda self: self.plain.votes)
    @rule(
        number=st.integers(0, 1),
        choices=st.lists(
            st.sampled_from(("yes", "yes", "no", "no", "abstain", "later")), min_size=1, max_size=3
        ),
        stranger=st.sampled_from((False, False, False, True)),
    )
    def cast(self, number: int, choices: list[str], *, stranger: bool) -> None:
        """Let some of those vote who have not, or somebody who may not."""
        known = [name for name, vote in self.plain.votes.items() if vote["state"] == "open"] or list(
            self.plain.votes
        )
        name = known[-1 - number % len(known)]
        vote = self.plain.votes[name]
        missing = [who for who in vote["electorate"] if who not in vote["ballots"]]
        voters = ["voter-1", "planner"] if stranger or not missing else missing
        for who, choice in zip(voters, choices, strict=False):
            self.vote_once(who, name, choice)

    def vote_once(self, who: str, name: str, choice: str) -> None:
        more = {"vote_id": name, "choice": choice}
        self.both(who, lambda: self.plain.cast(who, name, choice), "vote_cast", **more)

    @precondition(lambda self: self.plain.votes)
    @rule(
        who=st.sampled_from(("planner", "worker-1")), tie=st.booleans(), option=st.sampled_from(("yes", "no"))
    )
    def end_vote(self, who: str, option: str, *, tie: bool) -> None:
        tied = [name for name, vote in self.plain.votes.items() if vote["outcome"] == "tie"]
        name = tied[-1] if tie and tied else next(reversed(self.plain.votes), None)
        if name is None:
            return
        if tie:
            self.by_person(
                lambda: self.plain.settle_tie(name, option),
                lambda scope: votes.settle_tie(scope, name, option),
            )
        else:
            self.both(who, lambda: self.plain.end_vote(who, name), "vote_close", vote_id=name)

    # ---- approvals

    @rule(who=workers, number=numbers)
    def ask(self, who: str, number: int) -> None:
        more = {"kind": "k", "title": "t", "payload": {"n": number}}
        self.both(who, lambda: self.plain.ask(who, {"n": number}), "approval_request", **more)

    def asked(self) -> None:
        """See to it that somebody who lives has asked for something."""
        pending = [each for each in self.plain.approvals.values() if each["state"] in {"pending", "approved"}]
        if not pending and (who := self.living(*WORKERS)):
            self.ask(who, 1)

    @rule(allow=st.booleans(), shown=st.sampled_from((True, True, False)), times=st.integers(1, 2))
    def answer(self, *, allow: bool, shown: bool, times: int) -> None:
        self.asked()
        for turn in range(times):
            self.answered(allow=allow != bool(turn), shown=shown)

    def answered(self, *, allow: bool, shown: bool) -> None:
        if not self.plain.approvals:
            return
        number = list(self.plain.approvals)[-1]

        def decide(scope: Any) -> Any:
            digest = approvals.the_approval(scope, number).digest if shown else "0" * 64
            return approvals.answer(scope, number, digest=digest, allow=allow)

        self.by_person(lambda: self.plain.answer(number, allow=allow, shown=shown), decide)

    @rule(who=st.none() | workers, same=st.booleans(), first=st.booleans())
    def use(self, who: str | None, *, same: bool, first: bool) -> None:
        self.asked()
        if not self.plain.approvals:
            return
        if first:
            self.answered(allow=True, shown=True)
        number = list(self.plain.approvals)[-1]
        asked = self.plain.approvals[number]
        user = asked["by"][0] if who is None else who
        payload = asked["payload"] if same else {"n": -1}
        more = {"approval_id": number, "payload": payload}
        self.both(user, lambda: self.plain.use(user, number, payload), "approval_use", **more)

    # ---- questions

    @rule(
        who=workers,
        seconds=st.sampled_from((60.0, 3600.0)),
        choice=st.sampled_from((None, "this", "other")),
        times=st.integers(1, 2),
    )
    def question(self, who: str, seconds: float, choice: str | None, times: int) -> None:
        more = {"question": "?", "options": ["this", "that"], "timeout_s": seconds}
        self.both(who, lambda: self.plain.ask_person(who, seconds), "ask_human", **more)
        if choice is not None and self.plain.questions:
            number = list(self.plain.questions)[-1]
            for _ in range(times):
                self.by_person(
                    lambda: self.plain.reply(number, choice),
                    lambda scope: questions.answer(scope, number, choice=choice),
                )

    # ---- memory

    @rule(
        who=st.sampled_from(("worker-1", "worker-2")),
        place=st.sampled_from(PLACES),
        ttl=st.sampled_from((None, 30.0)),
        known=st.sampled_from((None, True, False)),
        delete=st.sampled_from((False, False, True)),
    )
    def remember(self, who: str, place: str, ttl: float | None, *, known: bool | None, delete: bool) -> None:
        where, _, key = place.rpartition("/")
        row = self.plain.remembers(place)
        expected = None if known is None else (row["version"] if row else 0) + (not known)
        more: dict[str, Any] = {"scope": where, "key": key}
        more |= {} if expected is None else {"expect_version": expected}
        if delete:
            self.both(who, lambda: self.plain.forget(who, place, expected), "memory_delete", **more)
            return
        value = f"{self.calls}"
        more |= {"value": value} | ({} if ttl is None else {"ttl_s": ttl})
        self.both(who, lambda: self.plain.remember(who, place, value, expected, ttl), "memory_set", **more)

    @rule(
        who=st.sampled_from(("judge", "watcher")),
        place=st.sampled_from(PLACES),
        exact=st.booleans(),
        late=st.sampled_from((0.0, 0.0, 40.0)),
    )
    def recall(self, who: str, place: str, late: float, *, exact: bool) -> None:
        """Read what is remembered, some of it after its time and before the engine noticed."""
        self.clock.pass_by(late)
        where, _, key = place.rpartition("/")
        self.plain.now = self.clock.now() + 1
        chain = (
            (where,)
            if exact
            else {"project": ("project", "team"), "team": ("team",)}.get(where, (where, "team"))
        )
        found = next((row for each in chain if (row := self.plain.remembers(f"{each}/{key}"))), None)
        answer = self.ends(OK, who, "memory_get", scope=where, key=key, exact=exact)
        if who not in self.plain.dead:
            entry = answer["entry"]
            assert (entry and entry["value"]) == (found and found["value"])
