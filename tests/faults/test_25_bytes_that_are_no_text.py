"""Fault 25: an agent writes binary, broken UTF-8, colours, titles, the clipboard. The log has it byte for
byte; whatever shows it shows no byte that a terminal would obey."""

from __future__ import annotations

import asyncio
import sys
import unicodedata
from pathlib import Path

import pytest

from supervisor.headless.log_copy import safe_line
from supervisor.logs.tail import last_lines
from supervisor.logs.writer import AgentLog
from supervisor.model.escape import visible
from supervisor.testing.chaos import ChaosChild, ChaosTeam
from supervisor.ui.log_source import shown

HOSTILE = b"".join(
    (
        bytes(range(256)),
        b"\n\x1b[31mred\x1b[2J\x1b[H gone\n",
        b"\x1b]0;a title\x07\x1b]52;c;cm0gLXJmIH4=\x07\n",
        "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe \x9b31m \x85\n".encode(),
        b"half a character: \xe2\x82\n",
        b"\xff\xfe\x00\x00 end\r\n",
    )
)
WRITE = f"import os; os.write(1, bytes.fromhex('{HOSTILE.hex()}'))"


@pytest.fixture
async def lines(tmp_path: Path) -> list[bytes]:
    """Have a real child write it to a real log, and read that log's lines."""
    log = AgentLog(tmp_path / "a.log")
    async with ChaosTeam() as team:
        child = ChaosChild(team.launch(sys.executable, "-S", "-E", "-c", WRITE), log.write)
        async with asyncio.timeout(30):
            await child.process.wait()
        await child.process.clean_up()
    log.close()
    assert (tmp_path / "a.log").read_bytes() == HOSTILE
    return last_lines(tmp_path / "a.log", 100)


def obeyed(text: str) -> set[str]:
    """Return what of a text a terminal would act on, or turn round; a tab is only wide."""
    return {each for each in text if each != "\t" and unicodedata.category(each) in {"Cc", "Cf"}}


async def test_the_log_has_every_byte_and_the_screen_none_that_acts(lines: list[bytes]) -> None:
    for raw in lines:
        assert not obeyed(shown(raw)), raw


async def test_what_the_command_line_prints_acts_on_nothing_either(lines: list[bytes]) -> None:
    for raw in lines:
        assert not obeyed(safe_line(raw)), raw


async def test_last_words_are_made_safe_by_whoever_prints_them(lines: list[bytes]) -> None:
    for raw in lines:
        assert not obeyed(visible(raw.decode("utf-8", "replace"))), raw


async def test_printed_as_they_are_they_would_act(lines: list[bytes]) -> None:
    """The canary."""
    assert any(obeyed(raw.decode("utf-8", "replace")) >= {"\x1b"} for raw in lines)
