"""What faults of a whole team in virtual time are tried on."""

from tests.unit.supervision.conftest import run_team

__all__ = ["run_team"]
