"""Random schedules of a supervised team against a small model of OTP, in virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.integration.otp_machine import DONE
from tests.integration.otp_schedules import play

SCHEDULES: Final = 100


@pytest.fixture(scope="module")
def told(campaign: Callable[[str], None]) -> Iterator[None]:
    """Say at the end how much was played."""
    DONE.clear()
    began = time.monotonic()
    yield
    campaign(
        f"supervision: {DONE['schedules']} schedules, {DONE['steps']} steps, {DONE['instants']} instants "
        f"compared with the model of OTP in {time.monotonic() - began:.0f} s"
    )


@pytest.mark.usefixtures("told")
def test_random_schedules_go_as_the_model_of_otp_says(batch: int) -> None:
    play(range(batch * SCHEDULES, (batch + 1) * SCHEDULES))
