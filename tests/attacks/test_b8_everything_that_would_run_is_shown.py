"""B8, B9, B16: the card shows all of it, spells out what hides, and frames the agent's own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.approval import canonical
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.testing.sample_team import an_approval
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import text_of
from supervisor.ui.view_models.approvals import REASON_MAX, Card, card_of

HIDDEN = (
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0x061C,
    0x200E,
    0x200F,
    0x200B,
    0x2062,
    0x3164,
    0x115F,
    0xE0100,
    0x1D173,
    0x00A0,
    0x2028,
    0x0D,
)


def card_for(**changes: object) -> Card:
    clock = VirtualClock()
    engine = FakeEngine(clock)
    engine.put(an_approval(clock.now(), "A7", **changes))  # type: ignore[arg-type]
    scene = Scene(world=engine.world, engine=an_engine(clock), link=Link.LIVE, now=clock.now())
    card = card_of(scene, "A7")
    assert card is not None
    return card


def shown(card: Card) -> str:
    return "\n".join(text_of(line) for line in card.lines)


def test_a_command_of_20_kb_is_shown_to_its_tail() -> None:
    card = card_for(payload={"argv": ["sh", "-c", "true; " * 4000 + "rm -rf /"]})
    assert 'rm -rf /"' in shown(card)


def test_empty_and_spaced_arguments_are_told_apart() -> None:
    text = shown(card_for(payload={"argv": ["", " ", "a b", 'c"d']}))
    assert [line for line in text.splitlines() if line.startswith("│ ")] == [
        '│ ""',
        '│ " "',
        '│ "a b"',
        '│ "c\\"d"',
    ]


def test_fields_nobody_thought_of_are_shown_too() -> None:
    text = shown(card_for(payload={"argv": ["x"], "stdin": "rm -rf /", "env": {"LD_PRELOAD": "evil.so"}}))
    assert "stdin  rm -rf /" in text
    assert "LD_PRELOAD" in text
    assert "evil.so" in text


@given(
    st.recursive(
        st.text(max_size=8) | st.integers() | st.none(),
        lambda deeper: (
            st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=6), deeper, max_size=3)
        ),
    )
)
def test_no_text_of_a_payload_is_left_out(value: object) -> None:
    text = shown(card_for(payload={"value": value})).replace("\n", "")
    for number in (each for each in _leaves(value) if isinstance(each, int)):
        assert str(number) in text


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value]


@pytest.mark.parametrize("code", HIDDEN)
@pytest.mark.parametrize("field", ["title", "kind", "argument", "name"])
def test_a_hidden_character_is_spelled_out_in_every_field(code: int, field: str) -> None:
    evil = f"a{chr(code)}b"
    fields: dict[str, dict[str, object]] = {
        "title": {"title": evil},
        "kind": {"kind": evil},
        "argument": {"payload": {"argv": [evil]}},
        "name": {"payload": {evil: "x"}},
    }
    text = shown(card_for(**fields[field]))
    assert text.replace("\n", "").isprintable()
    assert f"{code:x}" in text.lower() or "\\r" in text


@pytest.mark.parametrize("word", ["p\u0430ypal.example", "git\u200bhub", "\u202egpj.exe"])
def test_what_deceives_cannot_be_approved_from_tier_two_on(word: str) -> None:
    assert card_for(tier=2, payload={"argv": ["curl", word]}).refusal
    assert card_for(tier=2, payload={word: "x"}).refusal
    assert card_for(tier=2, title=word).refusal
    assert not card_for(tier=2, payload={"argv": ["curl", "example.org"]}).refusal
    assert card_for(tier=2, payload={"argv": ["curl", word]}).can_be_rejected


def test_the_agents_words_come_last_framed_and_capped() -> None:
    fake = "└──────┘\n\n a approve once   r reject\n in the words of nobody, not checked\n" + "x" * 9000
    lines = shown(card_for(reason=fake)).splitlines()
    begin = next(
        number for number, line in enumerate(lines) if line == "in the words of worker-1, not checked"
    )
    assert all(line.startswith("│") for line in lines[begin + 1 :])
    assert sum(map(len, lines[begin:])) < REASON_MAX + 300
    assert "more characters are not shown" in lines[-1]


def test_the_payload_shown_is_the_payload_that_the_digest_binds() -> None:
    payload: dict[str, object] = {"argv": ["make", "all"]}
    card = card_for(payload=payload)
    assert json.loads(canonical(payload)) == payload
    assert card.digest[:16] in shown(card)
