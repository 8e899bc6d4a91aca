"""The port that outside agents are configured with, kept from one engine to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.errors import StateUnsafe
from supervisor.workspace.remembered_port import remember_port, remembered_port
from supervisor.workspace.state_dir import StateDir, open_state


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return open_state(tmp_path, create=True)


def test_a_port_is_remembered_for_its_owner_only(state: StateDir) -> None:
    assert remembered_port(state) is None
    remember_port(state, 40123)
    remember_port(state, 40124)
    assert remembered_port(state) == 40124
    assert state.port_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "0", "80", "65536", "-1", "4O123", "99999999999999999999", "٤٠١٢٣"])
def test_what_is_no_port_is_no_memory(state: StateDir, text: str) -> None:
    state.port_file.write_text(text)
    assert remembered_port(state) is None


def test_a_link_and_a_directory_in_its_place_are_no_memory(state: StateDir, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("40123")
    state.port_file.symlink_to(elsewhere)
    assert remembered_port(state) is None
    state.port_file.unlink()
    state.port_file.mkdir()
    assert remembered_port(state) is None


def test_one_that_others_can_write_makes_the_state_unsafe(state: StateDir) -> None:
    remember_port(state, 40123)
    state.port_file.chmod(0o666)
    with pytest.raises(StateUnsafe, match="can be written by others"):
        open_state(state.project, create=False)
