"""Scaled pools in the fleet: how many agents there are, how many there may be, and why so many."""

from __future__ import annotations

from supervisor.model.agent import ALIVE
from supervisor.model.scale import Pool, Scale
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import Line, Span, Tone, line, say
from supervisor.ui.view_models.words import count_of

WHY_MAX = 160


def scaled_headings(scene: Scene) -> dict[str, Line]:
    """Return the heading of each scaled pool by its name, whether it has agents or sleeps."""
    known = scene.engine.pools if scene.engine else ()
    return {
        info.name: _heading(scene, info.scale, pool)
        for info in known
        if info.scale is not None and (pool := scene.world.pools.get(info.name)) is not None
    }


def _heading(scene: Scene, scale: Scale, pool: Pool) -> Line:
    agents = scene.world.agents.values()
    alive = sum(agent.pool == pool.name and agent.state in ALIVE for agent in agents)
    of = f"  {count_of(alive, 'agent')} ({scale.min} to {scale.max})"
    changing = f", {pool.wanted} wanted" if pool.wanted != alive else ""
    by_hand = f", set to {pool.manual}" if pool.manual is not None else ""
    return line(
        Span(safe(pool.name), Tone.TITLE),
        say(f"{of}{changing}", Tone.FAINT),
        say(by_hand, Tone.NOTICE),
        say("  "),
        Span(first_line(pool.reason, WHY_MAX), Tone.FAINT),
    )
