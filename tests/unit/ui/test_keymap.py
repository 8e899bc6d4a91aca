"""Every key is data: named, explained, documented, and free of clashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.ui.commands import entries
from supervisor.ui.keymap import KEYMAP, PLACES, SCREENS
from supervisor.ui.keys_page import keys_page

DOCS = Path(__file__).parents[3] / "docs"
ALL_KEYS = [key for keys in KEYMAP.values() for key in keys]


def test_the_page_of_keys_is_up_to_date() -> None:
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    assert page == keys_page(), "run `python -m supervisor.ui.keys_page > docs/keys.md`"


def test_every_key_has_an_id_of_its_own_a_description_and_a_tooltip() -> None:
    assert len({key.id for key in ALL_KEYS}) == len(ALL_KEYS)
    assert all(key.description and key.tooltip for key in ALL_KEYS)
    assert set(KEYMAP) == set(PLACES)


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_means_two_things_at_once(screen: str) -> None:
    keys = [
        one
        for place in (screen, "screens", "everywhere")
        for key in KEYMAP[place]
        for one in key.keys.split(",")
    ]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("screen", SCREENS)
def test_a_focused_list_hides_no_key_of_its_screen(screen: str) -> None:
    taken = {one for key in KEYMAP["lists"] for one in key.keys.split(",")}
    of_screen = {
        one
        for place in (screen, "screens", "everywhere")
        for key in KEYMAP[place]
        for one in key.keys.split(",")
    }
    assert not taken & of_screen


def test_no_key_that_terminals_or_multiplexers_take_is_the_only_one() -> None:
    risky = {"ctrl+s", "ctrl+z", "ctrl+b", "ctrl+a", "ctrl+enter", "shift+enter", "ctrl+p"}
    for key in ALL_KEYS:
        means_just_that = key.id == "suspend"
        assert means_just_that or set(key.keys.split(",")) - risky, key.id
        assert "alt+" not in key.keys


def test_enter_answers_no_approval() -> None:
    deciding = [key for key in ALL_KEYS if key.decides]
    assert {key.keys for key in deciding} == {"a", "A", "r", "R"}
    assert not any("enter" in key.keys.split(",") for key in KEYMAP["approvals"])


@pytest.mark.parametrize("screen", SCREENS)
def test_the_palette_has_every_action_of_a_screen_but_those_that_decide(screen: str) -> None:
    actions = {entry.action for entry in entries(screen)}
    for key in KEYMAP[screen]:
        assert (f"screen.{key.action}" in actions) is not key.decides


@pytest.mark.parametrize("screen", SCREENS)
def test_the_palette_leads_to_the_actions_of_the_other_screens_and_runs_none_of_them(screen: str) -> None:
    offered = {entry.title: entry.action for entry in entries(screen)}
    for other in set(SCREENS) - {screen}:
        for key in KEYMAP[other]:
            title = f"{PLACES[other]}: {key.description}"
            assert offered.get(title) == (None if key.decides else f"app.go('{other}')")
