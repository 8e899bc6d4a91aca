"""Logs: any length, read only where one looks."""

from __future__ import annotations

from pathlib import Path

from supervisor.testing.ui_stage import Stage, stage
from supervisor.ui.spans import text_of
from supervisor.ui.widgets.log_view import LogView


async def reading(played: Stage, agent: str = "worker-1") -> LogView:
    await played.go("1")
    while agent not in played.app.pane.query_one("#agents").key:  # type: ignore[union-attr]
        await played.press("j")
    await played.press("o")
    await played.settle()
    await played.settle()
    return played.app.screen.query_one("#log", LogView)


async def test_a_log_opens_at_its_end_and_follows(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        assert "line 4999" in played.frame
        with log.open("a") as file:
            file.write("the newest line\n")
        await played.settle()
        await played.settle()
        assert "the newest line" in played.frame


async def test_a_log_that_is_scrolled_back_stays_where_it_is_read(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    async with stage(log_dir=tmp_path) as played:
        view = await reading(played)
        view.focus()
        await played.press("g")
        with log.open("a") as file:
            file.write("the newest line\n")
        await played.settle()
        await played.settle()
        assert "line 0" in played.frame
        assert "the newest line" not in played.frame
        await played.press("f")
        assert "the newest line" in played.frame


async def test_a_search_goes_to_the_next_and_the_previous_match(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(3000)]
    lines[100] = "the Needle, first"
    lines[2000] = "the needle, second"
    (tmp_path / "worker-1.log").write_text("\n".join(lines))
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        await played.press("slash", *"needle", "enter")
        await played.settle()
        assert "the Needle, first" in played.frame
        await played.press("n")
        await played.settle()
        assert "the needle, second" in played.frame
        await played.press("N")
        await played.settle()
        assert "the Needle, first" in played.frame


async def test_long_lines_can_be_wrapped_or_looked_along(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log").write_text("short\n" + "word " * 40 + "END\n")
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        assert "END" not in played.frame
        await played.press("w")
        assert "END" in played.frame
        await played.press("w")
        for _ in range(20):
            await played.press("l")
        assert "END" in played.frame


async def test_a_log_that_is_truncated_is_shown_from_its_new_start(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    log.write_text("old line\n" * 100)
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        log.write_text("fresh line\n")
        await played.settle()
        await played.settle()
        assert "fresh line" in played.frame
        assert "old line" not in played.frame


async def test_a_log_that_is_rotated_goes_on_below_what_was_read(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    log.write_text("old line\n" * 100)
    async with stage(log_dir=tmp_path) as played:
        view = await reading(played)
        log.rename(tmp_path / "worker-1.log.1")
        log.write_text("fresh line\n")
        await played.settle()
        await played.settle()
        assert "fresh line" in played.frame
        assert "old line" in played.frame
        assert view.line_count == 101


async def test_a_search_finds_what_was_rotated_away_before_the_log_was_opened(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log.1").write_text("the needle\n" + "hay\n" * 200)
    (tmp_path / "worker-1.log").write_text("hay\n" * 200)
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        assert "the needle" not in played.frame
        await played.press("slash", *"needle", "enter")
        await played.settle()
        assert "the needle" in played.frame


async def test_a_line_that_was_cut_says_that_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log").write_bytes(b"x" * 2_500_000 + b"\nlast\n")
    async with stage(log_dir=tmp_path) as played:
        view = await reading(played)
        assert view.line_count == 4
        assert text_of(view._source.lines(1, 2)[0]).endswith("the line goes on below")
        assert not text_of(view._source.lines(2, 3)[0]).endswith("below")


async def test_bytes_that_are_no_text_are_shown_and_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log").write_bytes(
        b"\xff\xfe\x00 \x1b]52;c;aGk=\x07 \x9b2J [/bold]\n" + b"x" * 100_000 + b"\n"
    )
    async with stage(log_dir=tmp_path) as played:
        await reading(played)
        assert "\\x1b]52;c;aGk=\\x07" in played.frame
        assert "[/bold]" in played.frame


async def test_the_past_of_the_team_can_be_read_although_the_ui_came_later() -> None:
    async with stage() as played:
        await played.go("5")
        assert "approval.changed" in played.frame
