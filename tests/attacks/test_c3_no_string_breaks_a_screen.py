"""C1 to C3 on the running app: hostile text in every field, on every screen, under the mouse, in toasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.errors import InvalidArgument
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.testing.hostile import SEQUENCES, fill_all
from supervisor.testing.ui_stage import Stage, stage

DIGITS = "123456"


def hostile_engine(text: str, log_dir: Path) -> tuple[FakeEngine, VirtualClock]:
    clock = VirtualClock()
    engine = FakeEngine(clock, an_engine(clock, team=text, log_dir=str(log_dir)))
    fill_all(engine, text)
    return engine, clock


def assert_harmless(played: Stage) -> None:
    for line in played.frame.splitlines():
        assert line.isprintable(), ascii(line)


@pytest.mark.parametrize("first", range(0, len(SEQUENCES), 5))
async def test_every_screen_shows_it_harmlessly(first: int, tmp_path: Path) -> None:
    text = " ".join(list(SEQUENCES.values())[first : first + 5])
    engine, clock = hostile_engine(text, tmp_path)
    (tmp_path / "engine.log").write_bytes(text.encode("utf-8", "replace") * 3)
    async with stage(fill=False, engine=engine, clock=clock) as played:
        for digit in DIGITS:
            await played.go(digit)
            await played.press("j")
            assert_harmless(played)


async def test_dialogs_and_toasts_show_it_harmlessly(tmp_path: Path) -> None:
    text = "".join(SEQUENCES[name] for name in ("title", "markup", "bidi", "c1 control"))
    engine, clock = hostile_engine(text, tmp_path)
    engine.refusal = InvalidArgument(text)
    async with stage(fill=False, engine=engine, clock=clock, owns_engine=True) as played:
        await played.go("1")
        for key in ("X", "S", "m", "question_mark", "ctrl+q"):
            await played.press(key)
            assert_harmless(played)
            await played.press("escape")
        await played.press("X", "y")
        await played.settle()
        assert_harmless(played)
        await played.go("2")
        for key in ("C", "A"):
            await played.press(key)
            assert_harmless(played)
            await played.press("escape")


async def test_clicking_on_what_looks_like_a_link_does_nothing(tmp_path: Path) -> None:
    engine, clock = hostile_engine(SEQUENCES["click"], tmp_path)
    async with stage(fill=False, engine=engine, clock=clock) as played:
        for digit in DIGITS:
            await played.go(digit)
            for y, line in enumerate(played.frame.splitlines()):
                if "@click" in line:
                    await played.pilot.click(offset=(line.index("@click") + 3, y))
                    await played.pilot.click(offset=(min(line.index("@click") + 30, 79), y))
            await played.settle()
            assert played.app.is_running
            assert played.app.return_value is None
        assert played.answers == []


async def test_the_last_line_of_defence_holds_when_the_first_one_fails() -> None:
    from rich.segment import Segment
    from textual.color import Color

    async with stage(fill=False) as played:
        filters = played.app.get_line_filters()
        segments = [Segment("\x1b]52;c;aGk=\x07\x9b\u202e")]
        for each in filters:
            segments = each.apply(segments, Color(0, 0, 0))
        assert "".join(segment.text for segment in segments).isprintable()
