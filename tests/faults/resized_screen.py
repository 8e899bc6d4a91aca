"""The app on a fake engine, as a program that counts how often it lays itself out for a new size."""

from __future__ import annotations

import sys
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.testing import sample_team
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.ui import size_order
from supervisor.ui.app import SupervisorApp
from supervisor.ui.screens.pane import Pane


class CountedApp(SupervisorApp):
    """The app, with its style found from here."""

    CSS_PATH = str(Path(size_order.__file__).with_name("supervisor.tcss"))


def main(last_width: int) -> None:
    """Show it until it was laid out for `last_width`; then say how often it was laid out."""
    clock = SystemClock()
    engine = FakeEngine(clock, an_engine(clock, team="pty"))
    sample_team.fill(engine)
    widths: list[int] = []
    as_ever = Pane.on_resize

    def counted(self: Pane) -> None:
        if widths[-1:] != [self.size.width]:
            widths.append(self.size.width)
        if self.size.width == last_width:
            self.app.exit("leave")
        as_ever(self)

    setattr(Pane, "on_resize", counted)  # noqa: B010 - the type says that a method stays what it is
    app = CountedApp(Path("/nowhere"), connect=engine.connect, environ={})
    app.run()
    print(f"laid out {len(widths)} times for {widths[-1]} columns at last", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
