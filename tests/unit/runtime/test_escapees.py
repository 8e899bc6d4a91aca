"""Which programs may outlive their agent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.runtime.escapees import may_escape, program_of


@pytest.mark.parametrize(
    ("program", "globs", "may"),
    [
        ("/usr/bin/codex", ("codex",), True),
        ("/usr/bin/codex", ("codex*", "x"), True),
        ("/usr/bin/codex", ("/usr/bin/*",), True),
        ("/usr/bin/codex", ("/opt/*",), False),
        ("/usr/bin/codex", ("bin/codex",), False),
        ("/usr/bin/codex", ("CODEX",), False),
        ("/usr/bin/codex", (), False),
        ("", ("*",), False),
    ],
)
def test_a_program_may_escape_by_name_or_by_path(program: str, globs: tuple[str, ...], may: bool) -> None:
    assert may_escape(program, globs) is may


def test_the_program_is_the_file_not_the_name_it_gives(tmp_path: Path) -> None:
    assert program_of(os.getpid()) == str(Path("/proc/self/exe").readlink())
    assert program_of(2**22 + 1) == ""


def test_a_program_whose_file_is_gone_is_known_by_its_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "readlink", lambda path: "/opt/tool (deleted)")
    assert program_of(1) == "/opt/tool"
