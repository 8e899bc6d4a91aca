"""The snippets that tell programs how to say that they are ready do what the page says."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from supervisor.engine.readiness_watch import TELL_EVERY_S
from supervisor.runtime import line_matcher, line_matcher_main, notify_socket
from supervisor.runtime.launch import Launch
from supervisor.runtime.notification import MESSAGE_MAX, Notification
from supervisor.runtime.notify_fd import NotifyPipe
from supervisor.runtime.notify_socket import NotifySocket
from supervisor.runtime.proc_table import read_stat
from supervisor.supervision.errands import ABORT_S
from supervisor.supervision.readiness import EXTEND_MAX_S
from supervisor.testing.chaos import ChaosChild, ChaosTeam

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "supervision.md").read_text(encoding="utf-8")
READY: Final = PAGE[PAGE.index("\n## Ready") : PAGE.index("\n## Alive")]
SNIPPETS: Final = re.findall(r"```(sh|python)\n(.*?)```", READY, re.DOTALL)
WARM: Final = Notification(ready=True, status="warmed up")


@pytest.fixture
async def team() -> AsyncIterator[ChaosTeam]:
    async with ChaosTeam() as made:
        yield made


def program(language: str, text: str) -> tuple[str, ...]:
    if language == "python":
        return (sys.executable, "-S", "-c", f"{text}\nimport time\ntime.sleep(60)")
    return ("/bin/sh", "-c", f"{text}\nexec sleep 60")


@pytest.mark.parametrize(("language", "text"), SNIPPETS[:2])
async def test_a_snippet_for_the_socket_makes_ready(
    team: ChaosTeam, tmp_path: Path, language: str, text: str
) -> None:
    if language == "sh" and shutil.which("systemd-notify") is None:
        language, text = SNIPPETS[1]  # a system without systemd has the other one only
    heard: asyncio.Queue[Notification] = asyncio.Queue()
    sock = NotifySocket(tmp_path, agent="worker-1#1")
    launch = team.launch(*program(language, text))
    launch.env["NOTIFY_SOCKET"] = str(sock.path)
    child = ChaosChild(launch, None)
    leader = read_stat(child.process.pid)
    assert leader is not None
    sock.listen(leader.ref, heard.put_nowait)
    async with asyncio.timeout(20):
        assert await heard.get() == WARM
    sock.close()


async def test_the_snippet_for_the_descriptor_makes_ready(team: ChaosTeam) -> None:
    (language, text), pipe, came = SNIPPETS[2], NotifyPipe(), asyncio.Event()
    plain = team.launch(*program(language, text))
    launch = Launch(
        argv=plain.argv,
        cwd=plain.cwd,
        env={**plain.env, "NOTIFY_FD": str(pipe.child_end)},
        session=plain.session,
        agent=plain.agent,
        pass_fds=(pipe.child_end,),
    )
    _child = ChaosChild(launch, None)
    pipe.give_up_child_end()
    pipe.listen(came.set)
    async with asyncio.timeout(20):
        await came.wait()
    pipe.close()


def test_the_python_snippet_does_nothing_without_a_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    exec(compile(SNIPPETS[1][1], "docs", "exec"), {})


def test_the_numbers_are_those_of_the_code() -> None:
    rate = notify_socket.MESSAGES_PER_WINDOW / notify_socket.WINDOW_S
    assert f"{rate:.0f} messages a second" in READY
    assert f"{MESSAGE_MAX:,} bytes in all" in READY
    assert f"first {line_matcher.LINE_MAX:,} bytes" in READY
    assert (EXTEND_MAX_S, ABORT_S, TELL_EVERY_S, line_matcher_main.TURN_S) == (3600, 5, 1, 0.1)
