"""A state machine of calls on a real team, each compared with the plain team."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from supervisor.coordinator import approvals, runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews, begin_incarnation
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.views import whole_world
from supervisor.errors import SupervisorError
from supervisor.model.agent import AgentState
from supervisor.model.approval import Approval, Mode
from supervisor.model.world import World
from supervisor.store.store import Store
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam
from supervisor.transports.mcp.team_desk import TeamDesk
from tests.integration.plain_team import ADDRESSES, COUNCIL, JUDGES, OK, TEAM, WORKERS, PlainTeam

numbers = st.integers(0, 3)
workers = st.sampled_from(WORKERS)


class TeamMachine(RuleBasedStateMachine):
    """Each rule asks the plain team how a call must end, makes it, and compares the whole state."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp(prefix="model-"))
        self.clock = VirtualClock()
        self.plain = PlainTeam(now=self.clock.now())
        self.openings = 0
        self.calls = 0
        self.path = self.root / "0.db"
        self.crashed_at = 0
        self._open()
        self._start(*TEAM)

    def run(self, work_to_do: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work_to_do)

    def _open(self) -> None:
        self.store = Store(self.path, self.clock)
        self.run(self.store.__aenter__())
        coordinator = Coordinator(self.store, self.clock, SMALL_TEAM, Mode.INTERACTIVE)
        self.team = SmallTeam(coordinator=coordinator, clock=self.clock)
        self.desk = TeamDesk(coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        begun = self.run(self.team.do(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=False)))
        self.store.run = begun.run.id

    def _start(self, *names: str) -> None:
        """Begin the next incarnation of some agents, ready for work, in one transaction."""

        def begin(scope: Scope) -> None:
            for name in names:
                number = begin_incarnation(
                    scope, name, key_hash=f"{name}{self.clock.now()}", session="s", boot_id="b"
                )
                for state in (AgentState.STARTING, AgentState.IDLE):
                    upkeep.slot_changed(scope, SlotNews(agent=name, state=state, incarnation=number))
                pool = SMALL_TEAM.pool_of(name)
                self.team.actors[name] = Actor(
                    name=name, role=pool.role, incarnation=number, run=1, groups=pool.groups
                )

        self.run(self.clock.advance(1))
        self.run(self.team.do(begin))

    def ends(self, expected: str, who: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Make a call twice under one key; it must end as expected, and the second time change nothing."""
        self.calls += 1
        self.run(self.clock.advance(1))
        self.plain.now = self.clock.now()
        expected = "unauthenticated" if who in self.plain.dead else expected
        keyed = arguments | {"idempotency_key": f"call-{self.calls}"}
        answer: dict[str, Any] = {}
        code = OK
        try:
            answer = self.run(self.desk.call(self.team[who], tool, keyed))
        except SupervisorError as error:
            code = error.code
        assert code == expected, f"{who} {tool} {arguments} ended as {code}, not as {expected}"
        assert code != OK or self.run(self.desk.call(self.team[who], tool, keyed)) == answer
        return answer

    def expect(self, who: str, promised: Callable[[], str]) -> str:
        """Let time pass as the call will, and ask the plain team, unless the caller is dead."""
        self.plain.now = self.clock.now() + 1
        return OK if who in self.plain.dead else promised()

    def task(self, number: int) -> str | None:
        known = list(self.plain.tasks)
        return known[-1 - number] if number < len(known) else None

    @rule(dep=st.none() | numbers, review=st.booleans(), high=st.booleans())
    def create(self, dep: int | None, *, review: bool, high: bool) -> None:
        deps = tuple(filter(None, [None if dep is None else self.task(dep)]))
        expected = self.expect("planner", lambda: self.plain.create(deps=deps, review=review, high=high))
        wanted = {"depends_on": list(deps), "review": review, "priority": "high" if high else "normal"}
        self.ends(expected, "planner", "task_create", title="t", **wanted)

    @rule(who=workers, number=st.none() | numbers)
    def claim(self, who: str, number: int | None) -> None:
        task = None if number is None else self.task(number)
        expected = self.expect(who, lambda: self.plain.claim(who, task))
        self.ends(expected, who, "task_claim", **({} if task is None else {"task_id": task}))

    @precondition(lambda self: self.plain.tasks)
    @rule(
        who=workers,
        number=numbers,
        late=st.sampled_from((0, 0, 0, 1)),
        tool=st.sampled_from(("task_progress", "task_complete", "task_fail", "task_release", "help")),
        permanent=st.booleans(),
        held=st.booleans(),
    )
    def write(self, who: str, number: int, late: int, tool: str, *, permanent: bool, held: bool) -> None:
        mine = [each for each, task in self.plain.tasks.items() if task["holder"] == who]
        if (task := mine[0] if held and mine else self.task(number)) is not None:
            self._write(who, task, late, tool, permanent=permanent)

    def _write(self, who: str, task: str, late: int, tool: str, *, permanent: bool) -> None:
        token = max(self.plain.tasks[task]["token"] - late, 0)
        more: dict[str, dict[str, Any]] = {
            "task_progress": {"percent": 5},
            "task_complete": {"result": "r"},
            "task_fail": {"error": "e", "permanent": permanent},
            "task_release": {"reason": "r"},
            "help": {"body": "b"},
        }
        expected = self.expect(who, lambda: self.plain.write(who, task, token, tool, permanent=permanent))
        self.ends(expected, who, tool, task_id=task, token=token, **more[tool])
        if tool == "help" and expected == OK and who not in self.plain.dead:
            self.plain._post(("human",), by=who, urgent=True)

    @rule(who=workers, tool=st.sampled_from(("task_complete", "task_complete", "task_fail", "task_release")))
    def work_off(self, who: str, tool: str) -> None:
        """Claim what is best and end it: random calls alone seldom get that far."""
        if self.plain.best("pending", lambda task: task["assignee"] in {None, who}) is not None:
            self.claim(who, None)
            if held := [number for number, task in self.plain.tasks.items() if task["holder"] == who]:
                self._write(who, held[-1], 0, tool, permanent=False)

    @rule(who=workers, how=st.sampled_from(("task_complete", "task_fail", "cancel")))
    def chain(self, who: str, how: str) -> None:
        """End a task that another waits for."""
        self.create(None, review=False, high=True)
        self.create(0, review=False, high=False)
        if how == "cancel":
            self.cancel(1)
        else:
            self.claim(who, 1)
            self.write(who, 1, 0, how, permanent=True, held=False)

    @rule(number=numbers, dep=numbers)
    def link(self, number: int, dep: int) -> None:
        task, on = self.task(number), self.task(dep)
        if task is not None and on is not None:
            expected = self.expect("planner", lambda: self.plain.link(task, on))
            self.ends(expected, "planner", "task_link", task_id=task, depends_on=[on])

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        if (task := self.task(number)) is not None:
            expected = self.expect("planner", lambda: self.plain.cancel(task))
            self.ends(expected, "planner", "task_cancel", task_id=task, reason="r")

    @rule(
        who=st.sampled_from(JUDGES),
        number=st.none() | numbers,
        how=st.sampled_from(("review_take", "task_approve", "task_reject")),
    )
    def judge(self, who: str, number: int | None, how: str) -> None:
        handed_in = [each for each, task in self.plain.tasks.items() if task["state"] == "in_review"]
        task = None if number is None else (self.task(number) if number else next(iter(handed_in), None))
        if task is None and how != "review_take":
            return
        expected = self.expect(who, lambda: self.plain.judge(who, task, how))
        more = ({} if task is None else {"task_id": task}) | (
            {"feedback": "f"} if how == "task_reject" else {}
        )
        self.ends(expected, who, how, **more)

    @rule(
        who=st.sampled_from(("planner", "worker-1")),
        to=st.sampled_from(tuple(ADDRESSES)),
        urgent=st.booleans(),
    )
    def send(self, who: str, to: str, *, urgent: bool) -> None:
        expected = self.expect(who, lambda: self.plain.send(who, to, urgent=urgent))
        self.ends(expected, who, "message_send", to=to, body="b", urgent=urgent)

    @rule(who=st.sampled_from(("worker-1", "judge", *COUNCIL)))
    def fetch(self, who: str) -> None:
        self.plain.now = self.clock.now() + 1
        told = [] if who in self.plain.dead else self.plain.fetch(who)
        answer = self.ends(OK, who, "inbox", limit=200)
        assert [each["id"] for each in answer.get("messages", [])] == told

    @rule(who=st.sampled_from(("worker-1", "judge", *COUNCIL)), number=st.integers(1, 6))
    def ack(self, who: str, number: int) -> None:
        self.plain.now = self.clock.now() + 1
        counted = 0 if who in self.plain.dead else self.plain.ack(who, f"M{number}")
        answer = self.ends(OK, who, "message_ack", ids=[f"M{number}"])
        assert answer.get("acked", 0) == counted

    @rule(seconds=st.sampled_from((5.0, 300.0)))
    def open_vote(self, seconds: float) -> None:
        expected = self.expect("planner", lambda: self.plain.open_vote("planner", seconds))
        council = {"options": ["yes", "no"], "electorate": ["group:council"], "deadline_s": seconds}
        self.ends(expected, "planner", "vote_open", question="?", **council)

    @rule(
        who=st.sampled_from((*COUNCIL, *COUNCIL, "worker-1")),
        choice=st.sampled_from(("yes", "no", "abstain", "maybe")),
        times=st.integers(1, 2),
    )
    def cast(self, who: str, choice: str, times: int) -> None:
        if not self.plain.votes:
            self.open_vote(300.0)
        vote = list(self.plain.votes)[-1]
        for _ in range(times):
            expected = self.expect(who, lambda: self.plain.cast(who, vote, choice))
            self.ends(expected, who, "vote_cast", vote_id=vote, choice=choice)

    @rule(who=workers, number=numbers)
    def ask(self, who: str, number: int) -> None:
        expected = self.expect(who, lambda: self.plain.ask(who, {"n": number}))
        self.ends(expected, who, "approval_request", kind="k", title="t", payload={"n": number})

    @rule(allow=st.booleans(), shown=st.sampled_from((True, True, False)), times=st.integers(1, 2))
    def answer(self, *, allow: bool, shown: bool, times: int) -> None:
        self._asked()
        for turn in range(times):
            self._answer(allow=allow != bool(turn), shown=shown)

    def _asked(self) -> None:
        """See to it that somebody who lives has asked for something."""
        if not self.plain.approvals and (living := [who for who in WORKERS if who not in self.plain.dead]):
            self.ask(living[0], 1)

    def _answer(self, *, allow: bool, shown: bool) -> None:
        if not self.plain.approvals:
            return
        number = list(self.plain.approvals)[-1]

        def decide(scope: Any) -> Approval:
            digest = approvals.the_approval(scope, number).digest if shown else "0" * 64
            return approvals.answer(scope, number, digest=digest, allow=allow)

        code = OK
        try:
            self.run(self.team.do(decide))
        except SupervisorError as error:
            code = error.code
        assert code == self.plain.answer(number, allow=allow, shown=shown)

    @rule(who=st.none() | workers, same=st.booleans(), answered=st.booleans())
    def use(self, who: str | None, *, same: bool, answered: bool) -> None:
        self._asked()
        if not self.plain.approvals:
            return
        if answered:
            self._answer(allow=True, shown=True)
        number = list(self.plain.approvals)[-1]
        asked = self.plain.approvals[number]
        user = asked["by"][0] if who is None else who
        payload = asked["payload"] if same else {"n": -1}
        expected = self.expect(user, lambda: self.plain.use(user, number, payload))
        self.ends(expected, user, "approval_use", approval_id=number, payload=payload)

    def _holder(self) -> str | None:
        """See to it that somebody holds a task, and say who."""
        if not any(task["holder"] for task in self.plain.tasks.values()):
            self.create(None, review=False, high=True)
            self.claim("worker-1", 0)
        return next((task["holder"] for task in self.plain.tasks.values() if task["holder"]), None)

    @rule(
        seconds=st.sampled_from((1.0, 400.0, 1000.0, 90_000.0)), silent=st.booleans(), pending=st.booleans()
    )
    def tick(self, seconds: float, *, silent: bool, pending: bool) -> None:
        if pending:
            self._holder()
            self._asked()
        self.run(self.clock.advance(seconds))
        self.plain.now = now = self.clock.now()
        alive = () if silent else tuple(name for name in TEAM if name not in self.plain.dead)
        self.plain.tick(alive)
        self.run(self.team.do(lambda scope: upkeep.tick(scope, dict.fromkeys(alive, now))))

    @rule(who=workers | st.just("judge"), holder=st.booleans())
    def die_or_start(self, who: str, *, holder: bool) -> None:
        who = (self._holder() or who) if holder else who
        self.plain.now = self.clock.now()
        if who in self.plain.dead:
            self._start(who)
            self.plain.start(who)
        else:
            self.run(self.team.crash(who))
            self.plain.die(who, failure=True)

    @rule()
    def poison(self) -> None:
        """Let a reader die over its mail again and again."""
        self.send("planner", "worker-1", urgent=True)
        for _ in range(3):
            if "worker-1" in self.plain.dead:
                self.die_or_start("worker-1", holder=False)
            self.fetch("worker-1")
            self.die_or_start("worker-1", holder=False)
        self.tick(1.0, silent=False, pending=False)

    @precondition(lambda self: self.calls > self.crashed_at + 4)
    @rule()
    def crash_and_reopen(self) -> None:
        """Go on with a copy of the files as a killed process leaves them."""
        self.openings += 1
        self.crashed_at = self.calls
        path = self.root / f"{self.openings}.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", f"{path}{suffix}")
        self.run(self.store.__aexit__(None, None, None))
        self.path = path
        self._open()
        self.run(self.team.do(upkeep.engine_was_lost))
        self.plain.now = self.clock.now()
        for name in TEAM:
            if name not in self.plain.dead:
                self.plain.die(name, failure=False)
            self.plain.start(name)
        self._start(*TEAM)

    @invariant()
    def the_state_is_what_the_plain_team_says(self) -> None:
        world: World = self.run(self.store.read(whole_world))
        assert {each.id: task_row(each) for each in world.tasks.values()} == {
            number: {key: value for key, value in task.items() if key != "rank"}
            for number, task in self.plain.tasks.items()
        }
        assert {(each.message, each.recipient): each.state.value for each in world.deliveries.values()} == {
            key: copy["state"] for key, copy in self.plain.mail.items()
        }
        assert {
            each.id: (each.state, each.winner, {b.voter: b.choice for b in world.ballots_of(each.id)})
            for each in world.votes.values()
        } == {
            number: (vote["state"], vote["winner"], vote["ballots"])
            for number, vote in self.plain.votes.items()
        }
        assert {each.id: each.state.value for each in world.approvals.values()} == {
            number: approval["state"] for number, approval in self.plain.approvals.items()
        }

    def teardown(self) -> None:
        try:
            self.run(self.team.check_invariants())
        finally:
            self.run(self.store.__aexit__(None, None, None))
            self.loop.close()
            shutil.rmtree(self.root)


def task_row(task: Any) -> dict[str, Any]:
    same = ("review", "holder", "author", "reviewer", "assignee", "token", "failures", "releases")
    return {key: getattr(task, key) for key in same} | {
        "state": task.state.value,
        "blocked_by": tuple(reason.value for reason in task.blocked_by),
        "deps": task.depends_on,
        "lease": task.lease_until,
        "rounds": task.review_round,
    }
