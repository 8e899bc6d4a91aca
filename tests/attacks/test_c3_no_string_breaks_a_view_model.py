"""C1 to C3: whatever an agent writes, view models make printable lines of it and never fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supervisor.model.world import World
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.testing.hostile import SEQUENCES, SINKS, fill_all
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import Line, text_of, width_of, wrap
from supervisor.ui.view_models import approvals, board, fleet, inbox, logs, status, task_details, votes
from supervisor.ui.view_models.banner import banner, nothing_known
from supervisor.ui.view_models.rows import Card, Row

fragments = st.sampled_from(sorted(SEQUENCES.values()))
hostile = st.lists(st.one_of(fragments, st.text(max_size=20)), min_size=1, max_size=4).map("".join)


def scene_of(engine: FakeEngine, text: str, link: Link = Link.LIVE) -> Scene:
    return Scene(
        world=engine.world,
        engine=an_engine(engine.clock, team=text, log_dir=text),
        recent=tuple(engine.events),
        link=link,
        link_reason=text,
        now=engine.clock.now(),
        heard_at=engine.clock.now(),
    )


def row_lines(rows: tuple[Row, ...]) -> Iterator[Line]:
    for row in rows:
        yield from row.cells
        yield row.heading or ()


def card_lines(columns: tuple[tuple[Card, ...], ...]) -> Iterator[Line]:
    for column in columns:
        for card in column:
            yield from card.lines


def everything_shown(scene: Scene) -> Iterator[Line]:
    """Yield every line that any screen would draw of this scene."""
    world: World = scene.world
    yield status.status_line(scene, 300)
    yield banner(scene)
    yield from nothing_known(scene)
    yield from row_lines(fleet.fleet_rows(scene))
    for name in [*world.agents, None]:
        yield from fleet.agent_details(scene, name)
        yield from fleet.agent_mail(scene, name)
        yield from fleet.agent_events(scene, name)
    yield from card_lines(board.BoardModel().columns(scene))
    for task in [*world.tasks, None]:
        yield from task_details.task_details(scene, task)
    yield from row_lines(inbox.mailbox_rows(scene))
    for mailbox in ("human", inbox.ALL_MAIL, *world.agents):
        yield from row_lines(inbox.message_rows(scene, mailbox))
    for message in [*world.messages, None]:
        yield from inbox.message_details(scene, message)
    yield from row_lines(votes.vote_rows(scene))
    for vote in [*world.votes, None]:
        yield from votes.vote_details(scene, vote)
    yield from row_lines(logs.source_rows(scene))
    yield from logs.event_lines(scene)
    for row in approvals.queue_rows(scene):
        yield from row.cells
        card = approvals.card_of(scene, row.key)
        yield from card.lines if card else ()


def assert_shows_itself(content: Line) -> None:
    for span in content:
        assert span.text.isprintable(), ascii(span.text)
    assert all(width_of(part) <= 78 for part in wrap(content, 78))


@pytest.mark.parametrize("sink", SINKS)
@given(text=hostile)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_text_in_any_field_reaches_a_line_unescaped(sink: str, text: str) -> None:
    engine = FakeEngine(VirtualClock())
    SINKS[sink](engine, text)
    for content in everything_shown(scene_of(engine, text)):
        assert_shows_itself(content)


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("link", Link)
def test_each_known_sequence_everywhere_at_once(name: str, link: Link) -> None:
    engine = FakeEngine(VirtualClock())
    fill_all(engine, SEQUENCES[name])
    for content in everything_shown(scene_of(engine, SEQUENCES[name], link)):
        assert_shows_itself(content)


@given(text=hostile)
@example(text="\x1b]0;evil\x07")
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_agents_reason_stays_in_its_frame(text: str) -> None:
    engine = FakeEngine(VirtualClock())
    SINKS["approval that waits"](engine, text)
    card = approvals.card_of(scene_of(engine, text), "A1")
    assert card is not None
    titles = [number for number, content in enumerate(card.lines) if "not checked" in text_of(content)]
    if not text.strip():
        return
    for content in card.lines[titles[-1] + 1 :]:
        for part in wrap(content, 40):
            assert text_of(part).startswith("│ ")


def test_the_scene_catches_a_view_model_that_forgets_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    raw: Callable[..., str] = lambda text, _limit=0: text  # noqa: E731 - the broken variant
    monkeypatch.setattr(board, "first_line", raw)
    with pytest.raises(AssertionError):
        test_each_known_sequence_everywhere_at_once("title", Link.LIVE)
