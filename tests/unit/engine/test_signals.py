"""Signals to the engine, sent for real."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from supervisor.engine import signals
from supervisor.engine.signals import EngineSignals
from supervisor.engine.stopping import StopSwitch


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return tmp_path / "engine-dump.txt"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_one_stops_and_the_second_one_at_once(dump: Path, number: signal.Signals) -> None:
    switch = StopSwitch()
    with EngineSignals(switch, foreground=False, dump_file=dump).taken(str):
        os.kill(os.getpid(), number)
        assert (await switch.asked()).exit_code == 128 + number
        os.kill(os.getpid(), number)
        await switch.hurried()


async def test_a_hang_up_stops_a_team_in_the_foreground(dump: Path) -> None:
    switch = StopSwitch()
    with EngineSignals(switch, foreground=True, dump_file=dump).taken(str):
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await switch.asked()).exit_code == 128 + signal.SIGHUP


async def test_a_hang_up_asks_a_team_in_the_background_to_read_its_profile_again(dump: Path) -> None:
    switch = StopSwitch()
    taken = EngineSignals(switch, foreground=False, dump_file=dump)
    with taken.taken(str):
        os.kill(os.getpid(), signal.SIGHUP)
        await taken.reload_asked.wait()
    assert switch.reason is None


async def test_a_dump_has_the_stacks_of_all_threads_and_what_the_loop_tells(
    dump: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dump.write_text("of an earlier engine")
    with EngineSignals(StopSwitch(), foreground=False, dump_file=dump).taken(lambda: "what\udc80 goes on"):
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(10):
            while str(dump) not in caplog.text:
                await asyncio.sleep(0.01)
    text = dump.read_text()
    assert "thread" in text.lower()
    assert __name__.rpartition(".")[2] in text
    assert text.endswith("what\\udc80 goes on")
    assert dump.stat().st_mode & 0o777 == 0o600


async def test_stacks_are_written_though_the_loop_hangs(dump: Path) -> None:
    with EngineSignals(StopSwitch(), foreground=False, dump_file=dump).taken(str):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "most recent call first" in dump.read_text()  # the loop had no turn


async def test_a_dump_that_fails_ends_nothing_and_its_file_does_not_grow_for_ever(
    dump: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "DUMP_MAX", 0)

    def describe() -> str:
        if "could not be shown" in caplog.text:
            return "short"
        raise OSError

    with EngineSignals(StopSwitch(), foreground=False, dump_file=dump).taken(describe):
        for words in ("could not be shown", str(dump)):
            os.kill(os.getpid(), signal.SIGUSR1)
            async with asyncio.timeout(10):
                while words not in caplog.text:
                    await asyncio.sleep(0.01)
    assert dump.read_text() == "short"
