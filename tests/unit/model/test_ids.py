from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import InvalidArgument
from supervisor.model import ids


@pytest.mark.parametrize(
    ("spell", "letter"),
    [(ids.task_id, "T"), (ids.message_id, "M"), (ids.vote_id, "V"), (ids.approval_id, "A")],
)
@given(number=st.integers(0, 10**18 - 1))
def test_an_id_reads_back_as_its_number(spell: Callable[[int], str], letter: str, number: int) -> None:
    assert spell(number) == f"{letter}{number}"
    assert ids.number_of(spell(number), letter) == number


@pytest.mark.parametrize("spelled", ["T12", "t12", "12"])
def test_people_may_leave_the_letter_out_or_small(spelled: str) -> None:
    assert ids.number_of(spelled, "T") == 12


@pytest.mark.parametrize(
    "spelled",
    ["", "T", "V12", "T-1", "T1.0", "T 1", "T1\n", "１２", "T" + "9" * 19, "TT1", "T1 OR 1=1"],
)
def test_anything_else_is_no_id(spelled: str) -> None:
    with pytest.raises(InvalidArgument, match="is not an id; expected one like `T12`"):
        ids.number_of(spelled, "T")


def test_a_refused_id_is_quoted_only_in_part() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        ids.number_of("x" * 10_000, "T")

    assert len(refusal.value.message) < 120


@pytest.mark.parametrize("name", ["a", "0", "worker-1", "a_b", "x" * 63])
def test_a_well_formed_name_is_returned(name: str) -> None:
    assert ids.checked_name(name, "agent") == name


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "A", "a b", "a/b", "..", "a.b", "é", "a\n", "x" * 64, "a\u202eb", "a\x00"]
)
def test_an_ill_formed_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="must match"):
        ids.checked_name(name, "agent")


def test_names_with_a_meaning_of_their_own_are_reserved() -> None:
    assert {ids.HUMAN, ids.SUPERVISOR, "all", "self", "engine"} <= ids.RESERVED_NAMES


def test_keys_are_256_bits_and_never_twice_the_same() -> None:
    keys = {ids.new_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)


def test_a_key_is_stored_as_its_sha256() -> None:
    assert ids.key_hash("secret") == hashlib.sha256(b"secret").hexdigest()


def test_sessions_are_128_bits() -> None:
    assert len(bytes.fromhex(ids.new_session())) == 16
