"""Keys by their names, and which patterns can match."""

from __future__ import annotations

import pytest

from supervisor.model.screen import KEYS, ScreenPatterns, typed


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ((), b""),
        (("enter",), b"\r"),
        (("ctrl+c", "ctrl+]", "ctrl+["), b"\x03\x1d\x1b"),
        (("up", "y", "ctrl+é"), "\x1b[Ayctrl+é".encode()),
    ],
)
def test_keys_are_what_a_terminal_sends(keys: tuple[str, ...], sent: bytes) -> None:
    assert typed(keys) == sent


def test_every_named_key_sends_something() -> None:
    assert all(typed((name,)) for name in KEYS)


def test_a_pattern_that_is_not_given_is_not_asked_for() -> None:
    assert ScreenPatterns(busy="b", ask="a").given() == {"busy": "b", "ask": "a"}
