"""Votes: what did they decide, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from supervisor.ui.scene import Scene
from supervisor.ui.screens.pane import Pane
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.view_models.votes import COLUMNS, EMPTY, vote_details, vote_rows
from supervisor.ui.widgets.line_table import LineTable
from supervisor.ui.widgets.text_pane import TextPane


class VotesScreen(Pane):
    """The votes, and the chosen one with every ballot."""

    mode: ClassVar[str] = "votes"

    def parts(self) -> Iterable[Widget]:
        """Lay out the list and the details."""
        yield LineTable(COLUMNS, glyphs=self.desk.glyphs, empty=EMPTY, dom_id="votes")
        with Vertical(classes="details"):
            yield TextPane(dom_id="vote")

    def paint(self, scene: Scene) -> None:
        """Show the votes and the chosen one."""
        table = self.query_one("#votes", LineTable)
        table.set_empty(nothing_here(EMPTY, self.wanted))
        table.set_rows(vote_rows(scene, self.wanted))
        self.query_one("#vote", TextPane).show(vote_details(scene, table.key), table.key)
