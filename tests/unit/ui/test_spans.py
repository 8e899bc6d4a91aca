"""Lines of toned text: fitted, wrapped, never wider than the room they get."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.ui.safe_text import safe
from supervisor.ui.spans import Span, Tone, fit, line, say, text_of, width_of, wrap

words = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=60)
lines = st.lists(
    st.builds(lambda text, tone: Span(safe(text), tone), words, st.sampled_from(Tone)), max_size=4
).map(lambda spans: line(*spans))


@given(lines, st.integers(1, 60), st.booleans())
def test_a_fitted_line_is_exactly_as_wide_as_asked(
    content: tuple[Span, ...], width: int, right: bool
) -> None:
    assert width_of(fit(content, width, right=right)) == width


@given(lines, st.integers(8, 60))
def test_no_part_of_a_wrapped_line_is_wider_than_the_room(content: tuple[Span, ...], width: int) -> None:
    assert all(width_of(part) <= width for part in wrap(content, width))


@given(words, st.integers(8, 40))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    content = line(Span(safe(text)))
    together = "".join(text_of(part) for part in wrap(content, width))
    assert together.replace(" ", "") == safe(text).replace(" ", "")


def test_lines_break_at_spaces() -> None:
    parts = wrap(line(say("one two three four")), 9)
    assert [text_of(part) for part in parts] == ["one two", "three", "four"]


def test_a_long_word_is_broken() -> None:
    assert [text_of(part) for part in wrap(line(say("abcdefghij")), 4)] == ["abcd", "efgh", "ij"]


def test_facts_hang_under_their_value() -> None:
    parts = wrap(line(say("name    "), say("a value of words")), 18)
    assert [text_of(part) for part in parts] == ["name    a value of", "        words"]


def test_a_frame_is_drawn_before_every_part() -> None:
    parts = wrap(line(say("| ", Tone.FRAME), say("words of an agent")), 10)
    assert all(text_of(part).startswith("| ") for part in parts)
    assert len(parts) > 1


def test_wide_letters_are_counted_by_cells() -> None:
    assert width_of(line(say("日本"))) == 4
    assert text_of(fit(line(say("日本語")), 4)) == "日 …"
