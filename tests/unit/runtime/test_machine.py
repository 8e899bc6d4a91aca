"""How the machine stands, and what is said where the kernel does not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.runtime import machine
from supervisor.runtime.machine import read_machine


def test_this_machine_has_memory_and_a_load() -> None:
    here = read_machine()
    assert 0 < here.available_bytes <= here.memory_bytes
    assert here.load >= 0


def test_sizes_and_pressure_are_read_from_the_kernels_words(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  2048 kB\nMemFree: 5 kB\nMemAvailable:  1024 kB\n")
    (tmp_path / "pressure").mkdir()
    words = "some avg10=12.50 avg60=0 avg300=0 total=1\nfull avg10=3.25 avg60=0 avg300=0 total=1\n"
    (tmp_path / "pressure" / "memory").write_text(words)
    here = read_machine(tmp_path)
    assert (here.memory_bytes, here.available_bytes) == (2 << 20, 1 << 20)
    assert (here.pressure_some, here.pressure_full) == (12.5, 3.25)


def test_a_kernel_without_pressure_says_nothing_of_it(tmp_path: Path) -> None:
    here = read_machine(tmp_path)
    assert (here.memory_bytes, here.pressure_some, here.pressure_full) == (0, None, None)


def test_without_proc_the_memory_is_asked_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "HAS_PROC", False)
    here = read_machine()
    assert here.memory_bytes > 0
    assert here.pressure_some is None
