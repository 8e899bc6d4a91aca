"""What faults are tried on: a whole team in virtual time, or a project with a real engine."""

from tests.acceptance.conftest import project
from tests.unit.supervision.conftest import run_team

__all__ = ["project", "run_team"]
