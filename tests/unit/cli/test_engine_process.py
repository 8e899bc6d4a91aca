"""Starting an engine: it tells by one line whether it came up, and every other end is explained."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path

import pytest

from supervisor.cli import engine_program
from supervisor.cli.engine_log import NAME, EngineLogFile, logging_to, open_log
from supervisor.cli.engine_process import EngineOrder, StartedEngine, StatusPipe
from supervisor.engine.main import EngineOptions
from supervisor.errors import EngineStartFailed, LockHeld, ProfileInvalid, StateUnsafe


def started(tmp_path: Path, program: str) -> StartedEngine:
    """Start a program that has the status pipe at descriptor argv[1]."""
    status, status_end = os.pipe2(os.O_CLOEXEC)
    process = subprocess.Popen([sys.executable, "-c", program, str(status_end)], pass_fds=(status_end,))
    os.close(status_end)
    return StartedEngine(process=process, status=status, log=tmp_path / NAME)


PIPE = "import sys; from pathlib import Path; from supervisor.cli.engine_process import StatusPipe;"
PIPE += "from supervisor.errors import *; pipe = StatusPipe(int(sys.argv[1]));"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))


def test_a_ready_engine_tells_its_socket(tmp_path: Path) -> None:
    engine = started(tmp_path, f"{PIPE} pipe.ready(Path('/run/x.sock'))")

    assert engine.ready() == Path("/run/x.sock")
    engine.process.wait(20)


def test_the_error_that_kept_an_engine_from_coming_up_is_raised_as_itself(tmp_path: Path) -> None:
    engine = started(tmp_path, f"{PIPE} pipe.failed(ProfileInvalid('bad', problems=('a:1: x',)))")

    with pytest.raises(ProfileInvalid, match="bad") as caught:
        engine.ready()
    assert caught.value.problems == ("a:1: x",)
    engine.process.wait(20)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit(9)", "ended with code 9"),
        ("import os, sys; os.write(int(sys.argv[1]), b'nonsense\\n')", "ended with code 0"),
        ("import os, sys; os.write(int(sys.argv[1]), b'[1]\\n')", "ended with code 0"),
        ("import os, sys; os.write(int(sys.argv[1]), b'{\"half')", "ended with code 0"),
    ],
)
def test_an_engine_that_dies_without_a_word_is_reported_with_its_log(
    tmp_path: Path, program: str, words: str
) -> None:
    engine = started(tmp_path, program)

    with pytest.raises(EngineStartFailed, match=words) as caught:
        engine.ready()
    assert str(tmp_path / NAME) in caught.value.message


def test_an_engine_that_takes_too_long_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    engine = started(tmp_path, "import signal; signal.pause()")

    with pytest.raises(EngineStartFailed, match="did not answer in time"):
        engine.ready(timeout_s=0.05)
    engine.process.kill()
    engine.process.wait(20)


def test_only_the_first_word_of_an_engine_counts_and_its_agents_cannot_hold_the_pipe() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # noqa: FBT003 - os gives it no name
    pipe = StatusPipe(writer)
    assert not os.get_inheritable(writer)

    pipe.ready(Path("/first"))
    pipe.failed(LockHeld("late"))
    StatusPipe(None).ready(Path("/nobody listens"))

    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b'{"socket": "/first"}\n'


def test_a_parent_that_left_does_not_disturb_the_engine() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    StatusPipe(writer).ready(Path("/x"))


@pytest.mark.parametrize(
    "order",
    [
        EngineOrder(project=Path("/p")),
        EngineOrder(
            project=Path("/p é"), profile="survey", report_dir=Path("/r"), deadline_s=1.5, new_run=True
        ),
    ],
)
def test_an_order_is_read_as_it_was_spelled(order: EngineOrder) -> None:
    assert EngineOrder.read(order.spelled()) == order


def test_an_order_spells_only_what_was_asked_for() -> None:
    assert EngineOrder(project=Path("/p")).spelled() == '{"project": "/p"}'


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (LockHeld("by 7"), LockHeld.exit_code, "by 7"),
        (ExceptionGroup("", [LockHeld("by 7")]), LockHeld.exit_code, "by 7"),
        (ZeroDivisionError(), 70, ""),
    ],
)
def test_an_engine_that_fails_tells_its_parent_what_it_can_and_ends_with_the_code(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, told: str
) -> None:
    async def serve(options: EngineOptions) -> int:
        raise error

    monkeypatch.setattr(engine_program, "serve", serve)
    reader, writer = os.pipe()

    status = StatusPipe(writer)
    assert engine_program.main(EngineOrder(project=Path("/p")), status) == code

    status.ready(Path("/too late"))
    with os.fdopen(reader, "rb") as stream:
        assert told.encode() in stream.read()


def test_the_engines_log_is_private_and_spells_out_what_is_hidden(tmp_path: Path) -> None:
    with logging_to(EngineLogFile(tmp_path)):
        assert list(tmp_path.iterdir()) == []
        logging.getLogger("supervisor.x").info("said \x1b[31m%s", "\u202e")
        logging.getLogger("library").info("not ours")
        logging.getLogger("library").warning("a warning")
    logging.getLogger("supervisor.x").warning("after the end")

    log = tmp_path / NAME
    lines = log.read_text().splitlines()
    assert log.stat().st_mode & 0o777 == 0o600
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        "INFO supervisor.x: said \\x1b[31m\\u202e",
        "WARNING library: a warning",
    ]


def test_a_log_that_is_a_link_is_refused_and_a_large_one_makes_way(tmp_path: Path) -> None:
    log, elsewhere = tmp_path / NAME, tmp_path / "elsewhere"
    log.symlink_to(elsewhere)
    with pytest.raises(StateUnsafe, match=NAME):
        open_log(tmp_path)
    assert not elsewhere.exists()

    log.unlink()
    log.touch()
    os.truncate(log, (10 << 20) + 1)
    os.close(open_log(tmp_path))

    assert log.stat().st_size == 0
    assert (tmp_path / f"{NAME}.1").stat().st_size == (10 << 20) + 1


def test_on_a_full_disk_the_lost_log_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = EngineLogFile(tmp_path)
    full = os.fdopen(os.open("/dev/full", os.O_WRONLY), "ab", buffering=0)
    log.stream = TextIOWrapper(full, write_through=True)
    with logging_to(log):
        for number in range(3):
            logging.getLogger("supervisor").warning("news %d", number)

    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "engine.log cannot be written: No space left on device. Make room" in told[0]
