"""The app on a fake engine full of hostile text, as a program of its own for the terminal tests."""

from __future__ import annotations

import sys
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.testing import sample_team
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.testing.hostile import SEQUENCES, fill_all
from supervisor.ui.app import SupervisorApp


def main(log_dir: str) -> None:
    """Show it until it is left; then say how."""
    clock = SystemClock()
    text = " ".join(SEQUENCES[name] for name in SEQUENCES if name not in {"huge", "wide", "surrogate"})
    engine = FakeEngine(clock, an_engine(clock, team="pty " + text, log_dir=log_dir))
    sample_team.fill(engine)
    fill_all(engine, text)
    Path(log_dir, "engine.log").write_bytes(text.encode() * 5)
    outcome = SupervisorApp(Path("/nowhere"), owns_engine=True, connect=engine.connect, environ={}).run()
    print(f"left with {outcome}", file=sys.stderr)  # noqa: T201 - the test reads this


if __name__ == "__main__":
    main(sys.argv[1])
