"""Errors cross the wire by their code and come out as the class they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import AlreadyClaimed, ProfileInvalid, SupervisorError
from supervisor.model.agent import Role
from supervisor.transports.error_wire import error_from_wire, error_to_wire


def every_class(root: type[SupervisorError] = SupervisorError) -> Iterator[type[SupervisorError]]:
    yield root
    for kind in root.__subclasses__():
        yield from every_class(kind)


@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
def test_every_error_comes_out_as_it_went_in(kind: type[SupervisorError]) -> None:
    sent = kind("words", until=5)
    got = error_from_wire(json.loads(json.dumps(error_to_wire(sent))))
    assert type(got) is kind
    assert (got.message, got.details, got.exit_code) == ("words", sent.details, sent.exit_code)


def test_details_that_json_cannot_spell_become_text() -> None:
    error = AlreadyClaimed("held", role=Role.JUDGE, where=Path("/x"), both=(1, {"k": b"b"}))
    assert error_to_wire(error)["details"] == {"role": "judge", "where": "/x", "both": [1, {"k": "b'b'"}]}


def test_the_problems_of_a_profile_come_along() -> None:
    got = error_from_wire(error_to_wire(ProfileInvalid("bad", problems=("a:1: x", "a:2: y"))))
    assert isinstance(got, ProfileInvalid)
    assert got.problems == ("a:1: x", "a:2: y")


@pytest.mark.parametrize("data", [None, 3, {}, {"code": "of_tomorrow", "message": "m", "details": 4}])
def test_an_unknown_code_is_still_an_error(data: object) -> None:
    assert type(error_from_wire(data)) is SupervisorError


def test_a_detail_named_like_a_parameter_does_no_harm() -> None:
    data = {"code": "not_found", "message": "m", "details": {"message": "x", "self": 1}}
    assert error_from_wire(data).details == {"message": "x", "self": 1}
