"""C1: the bytes that reach a real terminal, at several sizes, hold nothing that an agent wrote unescaped."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

PROGRAM = Path(__file__).with_name("screen_under_pty.py")
DEADLINE_S = 30

OSC = re.compile(rb"\x1b\][^\x07\x1b]*")
C1 = re.compile("[\u0080-\u009f]")
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060]")
SIGNS = {"1": b"seen", "2": b"blocked", "3": b"mailbox", "4": b"ballots", "5": b"log of", "6": b"what waits"}
OF_AGENTS = (b"owned", b"b3duZWQ", b"file:///etc/passwd")


def shown_in_terminal(size: tuple[int, int], log_dir: Path) -> bytes:
    """Run the program in a pty, look at every screen, leave, and return every byte it wrote."""
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM"}}
    columns, rows = size
    child: Any = pexpect.spawn(
        sys.executable,
        [str(PROGRAM), str(log_dir)],
        env={**environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        dimensions=(rows, columns),
        timeout=DEADLINE_S,
    )
    written = b""
    try:
        child.expect_exact(b"what waits")
        written += child.before
        for key, sign in SIGNS.items():
            child.send(key)
            child.expect_exact(sign)
            written += child.before + sign
        child.send("\x11")
        child.expect_exact(b"Leave the team")
        written += child.before
        child.send("l")
        child.expect_exact(b"left with leave")
        written += child.before
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
    return bytes(written)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_no_sequence_of_an_agent_reaches_the_terminal(size: tuple[int, int], tmp_path: Path) -> None:
    written = shown_in_terminal(size, tmp_path)
    text = written.decode("utf-8", "replace")
    for sequence in OSC.findall(written):
        assert not any(word in sequence for word in OF_AGENTS), sequence
    assert b"\x1b]52" not in written
    assert b"\x1b]8" not in written
    assert b"\x1bc" not in written
    assert b"\x1bP" not in written
    assert b"\x1b_" not in written
    assert b"\x1b[6n" not in written
    assert not C1.search(text)
    assert not BIDI.search(text)
    assert "\\x1b]0;owned" in text or "\\x1b" in text
