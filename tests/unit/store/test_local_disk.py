"""A database belongs on a disk of this machine: what the system says of the place decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.errors import DatabaseUnavailable
from supervisor.store import local_disk
from supervisor.store.local_disk import require_local


def mounted(tmp_path: Path, kind: str) -> Path:
    """Write a table of mounts in which the test's own disk is of this type."""
    device = tmp_path.stat().st_dev
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 0:999 / /proc rw - proc proc rw\nbroken line\n"
        f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw,noatime shared:1 - {kind} server:/x rw\n"
    )
    return table


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(local_disk, "_MOUNTS", mounted(tmp_path, kind))
    with pytest.raises(DatabaseUnavailable, match=rf"network file system \({kind}\)"):
        require_local(tmp_path)


def test_a_disk_of_this_machine_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_local(tmp_path)
    monkeypatch.setattr(local_disk, "_MOUNTS", mounted(tmp_path, "ext4"))
    require_local(tmp_path)


def test_what_the_system_does_not_tell_is_let_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = mounted(tmp_path, "nfs")
    table.write_text("")
    monkeypatch.setattr(local_disk, "_MOUNTS", table)
    require_local(tmp_path)
    monkeypatch.setattr(local_disk, "_MOUNTS", tmp_path / "none")
    require_local(tmp_path)
