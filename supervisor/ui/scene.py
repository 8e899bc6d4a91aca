"""Everything that a view model may look at, at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from supervisor.model.agent import Agent, AgentMetrics
from supervisor.model.event import Event
from supervisor.model.world import EngineInfo, World
from supervisor.ui.glyphs import UNICODE, Glyphs


class Link(StrEnum):
    """How the UI stands with the engine."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The team as last heard of. `heard_at` is when the last frame came, `now` when this is painted."""

    world: World = field(default_factory=World)
    engine: EngineInfo | None = None
    metrics: Mapping[str, AgentMetrics] = field(default_factory=dict)
    recent: Sequence[Event] = ()
    link: Link = Link.CONNECTING
    link_reason: str = ""
    heard_at: float = 0.0
    now: float = 0.0
    glyphs: Glyphs = UNICODE

    @property
    def is_known(self) -> bool:
        """Tell whether a snapshot ever came."""
        return self.engine is not None

    def last_sign_of(self, agent: Agent) -> float | None:
        """Return when the agent last wrote or called, else when its state changed; None before any."""
        metrics = self.metrics.get(agent.name)
        signs = [agent.since]
        if metrics is not None:
            signs += [sign for sign in (metrics.last_output_at, metrics.last_call_at) if sign is not None]
        return max(signs) or None
