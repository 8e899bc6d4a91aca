"""Mail of a small team, in few words: tests send, fetch and look."""

from __future__ import annotations

from typing import Any

from supervisor.coordinator import mailboxes, messages, upkeep
from supervisor.coordinator.mailboxes import Letter, Wanted
from supervisor.coordinator.messages import Sent
from supervisor.model.message import VISIBILITY_S, Delivery
from supervisor.testing.small_team import SmallTeam


async def sent(team: SmallTeam, sender: str | None, to: str, body: str = "hello", **more: Any) -> Sent:
    """Send as an agent, or as the person."""
    actor = None if sender is None else team[sender]
    answer: Sent = await team.do(lambda scope: messages.send(scope, actor, to=to, body=body, **more))
    return answer


async def fetched(team: SmallTeam, name: str, **wanted: Any) -> list[str]:
    """Fetch an agent's unread mail and return the bodies."""
    letters: tuple[Letter, ...] = await team.do(
        lambda scope: mailboxes.fetch(scope, team[name], Wanted(**wanted))
    )
    return [message.body for message, _ in letters]


async def waiting(team: SmallTeam, name: str) -> int:
    """Return how much unread mail an agent has."""
    count: int = await team.coordinator.read(lambda scope: mailboxes.unread_count(scope, team[name]))
    return count


async def acked(team: SmallTeam, name: str, **which: Any) -> int:
    """Acknowledge and return how many copies it was."""
    count: int = await team.do(lambda scope: mailboxes.ack(scope, name, **which))
    return count


async def copies(team: SmallTeam) -> dict[str, str]:
    """Return the state of every copy."""
    stored = await team.store.read(lambda tx: tx.values(Delivery, "delivery.all"))
    return {copy.key: copy.state.value for copy in stored}


async def persons_mail(team: SmallTeam) -> list[str]:
    """Return what waits for the person."""
    letters: tuple[Letter, ...] = await team.coordinator.read(
        lambda scope: mailboxes.unread(scope, "human", Wanted(limit=100))
    )
    return [message.body for message, _ in letters]


async def ticked(team: SmallTeam, seconds: float = 0.0) -> None:
    """Let time pass and do what is due."""
    await team.clock.advance(seconds)
    await team.do(lambda scope: upkeep.tick(scope, {}))


async def buried(team: SmallTeam, sender: str | None, to: str, body: str = "poison") -> str:
    """Send a message to one agent that fetches it until it is a dead letter; return its copy's name."""
    message = (await sent(team, sender, to, body)).message
    for _ in range(3):
        assert body in await fetched(team, to)
        await team.clock.advance(VISIBILITY_S)
    await ticked(team)
    return f"{message.id}/{to}"
