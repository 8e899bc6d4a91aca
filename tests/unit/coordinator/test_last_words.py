"""What an ended incarnation wrote last stands once in the event log, beside how it ended."""

from __future__ import annotations

from pathlib import Path

from supervisor.coordinator.agents import LAST_WORDS
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.testing.small_team import SmallTeam, small_team

WORDS = ("Traceback …", "\x1b]52;c;hostile\x07")
CRASH = ExitInfo(kind=ExitClass.FAIL, code=3, detail="exited with code 3")


async def test_they_are_kept_once_with_the_incarnation_they_are_of(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        actor = await team.start("worker-1")
        for reason in ("exited with code 3", "again"):
            await team.news(
                "worker-1",
                AgentState.BACKOFF,
                incarnation=actor.incarnation,
                last_exit=CRASH,
                last_words=WORDS,
                reason=reason,
            )
        (event,) = [event for event in await team.events() if event.kind == LAST_WORDS]
        assert (event.subject, event.reason) == ("worker-1", "exited with code 3")
        assert event.after == {"incarnation": actor.incarnation, "lines": list(WORDS)}
        assert await _words_without_an_exit(team) == 2


async def _words_without_an_exit(team: SmallTeam) -> int:
    actor = await team.start("worker-2")
    await team.news("worker-2", AgentState.EXITED, incarnation=actor.incarnation, last_words=("bye",))
    told = [event for event in await team.events() if event.kind == LAST_WORDS]
    assert told[-1].reason == ""
    return len(told)
