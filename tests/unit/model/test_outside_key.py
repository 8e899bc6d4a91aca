"""The life of a key: what it can become, and that nothing in it opens anything."""

from __future__ import annotations

from dataclasses import fields

from supervisor.model.agent import Role
from supervisor.model.ids import RESERVED_NAMES, key_hash, new_call_key, new_outside_key
from supervisor.model.outside_key import KEY_MOVES, OUTSIDE, OUTSIDE_ROLES, KeyState, OutsideKey


def test_every_state_has_a_row_and_no_key_ends_so_that_its_name_is_lost() -> None:
    assert set(KEY_MOVES) == set(KeyState)
    assert all(nexts and state not in nexts for state, nexts in KEY_MOVES.items())
    assert KeyState.EXPIRED not in KEY_MOVES[KeyState.REVOKED]


def test_what_is_known_of_a_key_has_no_place_for_it() -> None:
    assert not [field.name for field in fields(OutsideKey) if "hash" in field.name or "secret" in field.name]


def test_nobody_outside_plans_and_judges_alone_and_no_pool_takes_their_place() -> None:
    assert set(OUTSIDE_ROLES) == set(Role) - {Role.SOLO}
    assert OUTSIDE in RESERVED_NAMES


def test_keys_are_long_and_new_each_time() -> None:
    made = {new_outside_key() for _ in range(100)}
    assert len(made) == len({key_hash(key) for key in made}) == 100
    assert {len(key) for key in made} == {68}
    assert len({new_call_key() for _ in range(100)}) == 100
