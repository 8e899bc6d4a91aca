"""Logs: what exactly happened."""

from __future__ import annotations

from typing import Final

from supervisor.ui.safe_text import safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import Line, Span, Tone, line, say
from supervisor.ui.view_models.board import event_line
from supervisor.ui.view_models.rows import Column, Row

EVENTS: Final = "events of the team"
ENGINE: Final = "engine"

SOURCE_COLUMNS: Final = (Column(title="log of", width=12, grow=1),)
EMPTY: Final = (
    line(say("Nothing written yet", Tone.TITLE)),
    line(say("What is written here appears line by line.", Tone.MUTED)),
)


def source_rows(scene: Scene) -> tuple[Row, ...]:
    """List what can be read: the team's events, the engine, each agent."""
    return (
        Row(key=EVENTS, cells=(line(say("events", Tone.STRONG)),)),
        Row(key=ENGINE, cells=(line(say("engine")),)),
        Row(key="agents", heading=line(say("agents", Tone.TITLE))),
        *(
            Row(
                key=name,
                cells=(line(Span(safe(name), Tone.PLAIN if scene.world.agents[name].pid else Tone.MUTED)),),
            )
            for name in sorted(scene.world.agents)
        ),
    )


def log_file_of(scene: Scene, source: str) -> str | None:
    """Return the path of the source's file; None for a source without one."""
    if scene.engine is None or source == EVENTS:
        return None
    return f"{scene.engine.log_dir}/{source}.log"


def event_lines(scene: Scene) -> tuple[Line, ...]:
    """Tell the events heard since the UI was opened."""
    return tuple(event_line(event) for event in scene.recent)
