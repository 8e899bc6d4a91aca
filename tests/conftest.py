"""What every test stands on: an environment without our own variables, and steady property tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,  # a busy machine is no failure
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

for name in [each for each in os.environ if each.startswith(("SUPERVISOR_", "SUP_"))]:
    del os.environ[name]
