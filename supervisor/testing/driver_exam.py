"""The examination of a driver: who is examined, how a conversation begins, and what holds in all of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from supervisor.adapters.adapter import Adapter
from supervisor.adapters.driver import Capabilities
from supervisor.adapters.events import (
    Broken,
    Permission,
    Question,
    RequestGone,
    Started,
    ToolEnd,
    ToolStart,
    TurnEnd,
    Usage,
)
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec
from supervisor.testing.conversation import STOP, Conversation, context_in, conversing
from supervisor.testing.scripted_calls import CallLog

KEY: Final = "key-of-the-examined-agent-4711"
NOWHERE: Final = "http://127.0.0.1:1/mcp"
"""An address at which nobody listens."""

CANARY: Final = "SUPERVISOR_CANARY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An agent under examination: its adapter and a pool that plays the scripts in its prompts.

    `is_fake`: it plays its protocol itself, and so can break it by the steps `line`, `flood` and `die`.
    `calls` is what its model was asked, if it has one. `not_for` names the cases that do not apply, and why.
    `says_link`: it tells whether it reached the coordinator. `free` are the variables by which it is told
    to run commands unasked, where `allowed = "all"` is not enough.
    """

    name: str
    adapter: Adapter
    pool: PoolSpec
    is_fake: bool = False
    says_link: bool = True
    calls: CallLog | None = None
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    free: Mapping[str, str] = field(default_factory=dict)
    not_for: Mapping[str, str] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        """Return what one can ask of it."""
        return self.adapter.capabilities(self.pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """One examination, in a directory of its own."""

    subject: Subject
    directory: Path
    url: str

    @asynccontextmanager
    async def talking(
        self,
        *,
        asks: bool = True,
        resume: str = "",
        incarnation: int = 1,
        url: str = "",
        breaks: bool = False,
    ) -> AsyncIterator[Conversation]:
        """Start the agent; at the end stop it, and check what holds for every conversation.

        Without `asks` it may do all. `breaks`: it is told to break its protocol.
        """
        pool = self.subject.pool
        if not asks:
            pool = replace(pool, allowed=Allowed.ALL, env={**pool.env, **self.subject.free})
        context = context_in(
            self.directory,
            pool,
            url=url or self.url,
            key=KEY,
            environ=self._environ(),
            incarnation=incarnation,
            resume=resume,
        )
        async with conversing(self.subject.adapter, context) as talk:
            yield talk
            end = await talk.stop(STOP)
            require(end.empty, talk, "processes are left")
            check_ledger(talk, breaks=breaks)

    def _environ(self) -> dict[str, str]:
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": self.subject.path, "HOME": str(home), CANARY: "seen", "LANG": "C.UTF-8"}


Run = Callable[[Exam], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; `needs` are the capabilities without which it does not apply."""

    name: str
    run: Run
    needs: tuple[str, ...] = ()
    only_fakes: bool = False

    def fits(self, subject: Subject) -> bool:
        """Say whether the case applies to an agent."""
        if self.name in subject.not_for or (self.only_fakes and not subject.is_fake):
            return False
        able = subject.capabilities
        return able.turns and all(getattr(able, need) for need in self.needs)


class Cases:
    """A list of cases, each added by its own function."""

    def __init__(self) -> None:
        """Begin with none."""
        self.all: Final[list[Case]] = []

    def __call__(self, *needs: str, only_fakes: bool = False) -> Callable[[Run], Run]:
        """Add a function as a case."""

        def add(run: Run) -> Run:
            name = getattr(run, "__name__", "")
            self.all.append(Case(name=name, run=run, needs=needs, only_fakes=only_fakes))
            return run

        return add


def require(holds: object, talk: Conversation, problem: str) -> None:
    """Raise AssertionError with the whole story if something does not hold."""
    if not holds:
        raise AssertionError(talk.story(problem))


def check_ledger(talk: Conversation, *, breaks: bool = False) -> None:
    """Check what every driver promises, of a conversation that is closed."""
    ends = talk.all(TurnEnd)
    require(len(ends) == talk.prompts, talk, f"{talk.prompts} prompts had {len(ends)} ends")
    require(not talk.faults, talk, f"the driver raised: {talk.faults}")
    _check_calls(talk)
    _check_requests(talk)
    require(all(one.session_id for one in talk.all(Started)), talk, "a conversation has no name")
    require(breaks or not talk.all(Broken), talk, "the protocol was broken though nobody broke it")
    for used in talk.all(Usage):
        counts = (used.input_tokens, used.output_tokens, used.cached_tokens, used.cost_usd)
        require(all(count is None or count >= 0 for count in counts), talk, f"used less than nothing: {used}")


def _check_calls(talk: Conversation) -> None:
    running: set[str] = set()
    for event in talk.events:
        if isinstance(event, ToolStart):
            require(event.call and event.call not in running, talk, f"{event.call} begins twice")
            running.add(event.call)
        elif isinstance(event, ToolEnd):
            require(event.call in running, talk, f"{event.call} ends, but does not run")
            running.discard(event.call)
        elif isinstance(event, TurnEnd):
            require(not running, talk, f"the turn ends before {running}")
    require(not running, talk, f"never ended: {running}")


def _check_requests(talk: Conversation) -> None:
    asked = [event.request for event in talk.events if isinstance(event, Permission | Question)]
    require(len(set(asked)) == len(asked), talk, "two requests have one name")
    closed = [*talk.answered, *(gone.request for gone in talk.all(RequestGone))]
    require(sorted(closed) == sorted(asked), talk, f"asked {asked}, answered or gone {closed}")


class Begun:
    """A named pipe by which a test hears at once that a command of the agent runs."""

    def __init__(self, talk: Conversation) -> None:
        """Make it in the agent's directory; `command` is what the agent runs."""
        self._path: Final = talk.project / "begun"
        self._talk: Final = talk
        if not self._path.exists():
            os.mkfifo(self._path)

    @property
    def forever(self) -> str:
        """Return a command that says that it runs, and then never ends."""
        return "echo x > begun; exec tail -f /dev/null"

    async def heard(self, timeout_s: float = 30.0) -> None:
        """Wait until the command runs."""
        loop, seen = asyncio.get_running_loop(), asyncio.Event()
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        loop.add_reader(descriptor, seen.set)
        try:
            async with asyncio.timeout(timeout_s):
                await seen.wait()
        except TimeoutError:
            raise AssertionError(self._talk.story("the command never ran")) from None
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
