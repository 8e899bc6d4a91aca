"""The page on the control API lists what the engine answers, and its examples are what goes over the wire."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, cast

import pytest

from supervisor.engine.backend import Backend
from supervisor.errors import NotFound
from supervisor.transports.control import protocol

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "control-api.md").read_text(encoding="utf-8")
LINES: Final = [
    json.loads(line)
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its two head lines."""
    lines = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]


def test_the_page_lists_every_verb_and_no_other() -> None:
    assert [cells[0].strip("`") for cells in table("Verbs")] == list(protocol.VERBS)


def test_the_engine_answers_every_listed_verb_and_no_other() -> None:
    nothing = cast("Any", None)
    backend = Backend(
        coordinator=nothing,
        supervisor=nothing,
        hub=nothing,
        switch=nothing,
        info=nothing,
        archivist=nothing,
    )
    assert {*backend.verbs, protocol.SNAPSHOT, protocol.SUBSCRIBE} == set(protocol.VERBS)


def test_the_page_lists_every_frame_and_no_other() -> None:
    assert {cells[0].strip("`") for cells in table("The feed")} == set(protocol._FRAME_KINDS)


@pytest.mark.parametrize(
    "line", [line for line in LINES if "verb" in line], ids=lambda line: str(line["verb"])
)
def test_a_request_on_the_page_is_one(line: dict[str, Any]) -> None:
    assert protocol.parse_request(json.dumps(line).encode()).verb in protocol.VERBS


@pytest.mark.parametrize(
    "line", [line for line in LINES if "frame" in line], ids=lambda line: str(line["frame"])
)
def test_a_frame_on_the_page_is_one(line: dict[str, Any]) -> None:
    frame = protocol.parse_frame(line)
    assert json.loads(protocol.frame_line(frame)) == line


def test_the_refusal_on_the_page_is_what_the_engine_writes() -> None:
    assert json.loads(protocol.refusal_line(2, NotFound())) in LINES


def test_the_parts_on_the_page_make_one_text() -> None:
    text = "".join(line["part"] for line in LINES if "part" in line)
    assert json.loads(text) == {"version": 88, "at": 1760000000.0}


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert protocol.REQUEST_MAX == 1024 * 1024
    assert protocol.LINE_MAX == 8 * 1024 * 1024
    for said in (
        "at most 1 MiB",
        "at most 8 MiB",
        "over 1,000 frames",
        "nothing for 30 s",
        "At most 64 connections",
    ):
        assert said in PAGE
