"""Fleet: who is doing what, who is stuck."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.containers import Vertical
from textual.widget import Widget

from supervisor.model.agent import AgentState
from supervisor.ui.commands import Command, GoTo
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.dialogs import confirm
from supervisor.ui.screens.letters import write_letter
from supervisor.ui.screens.log_follower import LogFollower
from supervisor.ui.screens.pane import Pane
from supervisor.ui.spans import Line, Tone, line, say
from supervisor.ui.view_models.fleet import (
    COLUMNS,
    EMPTY,
    agent_details,
    agent_events,
    agent_mail,
    fleet_rows,
)
from supervisor.ui.view_models.logs import EMPTY as NO_OUTPUT
from supervisor.ui.view_models.rows import nothing_here
from supervisor.ui.widgets.line_table import LineTable
from supervisor.ui.widgets.log_view import LogView
from supervisor.ui.widgets.one_line import OneLine
from supervisor.ui.widgets.text_pane import TextPane

_ROOMY: Final = 36
_TABS: Final = ("about", "output", "mail", "events")


class FleetScreen(Pane):
    """The agents by pool, and everything about the chosen one."""

    BINDINGS = bindings("fleet")
    mode: ClassVar[str] = "fleet"

    def __init__(self) -> None:
        """Begin with the first tab."""
        super().__init__()
        self._tab = 0

    def parts(self) -> Iterable[Widget]:
        """Lay out the table and the details."""
        glyphs = self.desk.glyphs
        yield LineTable(COLUMNS, glyphs=glyphs, empty=EMPTY, dom_id="agents")
        with Vertical(classes="details"):
            yield OneLine(dom_id="agent-tabs")
            yield TextPane(dom_id="about")
            yield LogView(glyphs=glyphs, empty=NO_OUTPUT, dom_id="output")

    def on_mount(self) -> None:
        """Set up the reader of the chosen agent's log."""
        self._follower = LogFollower(self.query_one("#output", LogView))

    def paint(self, scene: Scene) -> None:
        """Show the agents and the open tab of the chosen one."""
        table = self.query_one("#agents", LineTable)
        table.set_empty(nothing_here(EMPTY, self.wanted))
        table.set_rows(fleet_rows(scene, self.wanted))
        name, tab = table.key, _TABS[self._tab]
        self.query_one("#agent-tabs", OneLine).show(_tab_line(name or "", tab))
        about, output = self.query_one("#about", TextPane), self.query_one("#output", LogView)
        about.display, output.display = tab != "output", self._shows_output
        output.set_class(tab != "output", "-below")
        if self._shows_output:
            self._follower.read(scene, name)
        if tab != "output":
            about.show(_TAB_TEXTS[tab](scene, name), (tab, name))

    @property
    def _shows_output(self) -> bool:
        """Tell whether the log is on screen: on its own tab, and under the first one where there is room."""
        tab = _TABS[self._tab]
        return tab == "output" or (tab == "about" and self.has_class("-wide") and self.size.height > _ROOMY)

    def beat(self) -> None:
        """Look for new output."""
        if self._shows_output:
            self._follower.beat()

    def action_tab(self, step: int) -> None:
        """Show another tab."""
        self._tab = (self._tab + step) % len(_TABS)
        self.repaint()

    def _agent(self) -> str | None:
        return self.query_one("#agents", LineTable).key

    def action_message(self) -> None:
        """Write to the chosen agent."""
        write_letter(self, self.desk.scene(), to=self._agent() or "")

    def action_open_log(self) -> None:
        """Read the chosen agent's log."""
        if name := self._agent():
            self.post_message(GoTo("logs", name))

    def action_restart(self) -> None:
        """Restart the chosen agent, if the person means it."""
        if name := self._agent():
            self._confirmed(
                "restart", name, "Restart", "It is stopped and starts anew; its task is given back."
            )

    def action_stop(self) -> None:
        """Stop the chosen agent, if the person means it."""
        if name := self._agent():
            self._confirmed("stop_agent", name, "Stop", "It stays stopped until you restart it (X).")

    def action_kill(self) -> None:
        """Kill the chosen agent at once, if the person means it."""
        if name := self._agent():
            self._confirmed("kill", name, "Kill", "At once, without asking it; what it holds is given back.")

    def action_drain(self) -> None:
        """Let the chosen agent finish what it holds and stop it then."""
        if name := self._agent():
            self.post_message(Command("drain", {"agent": name}, done=f"Draining: {safe(name)}"))

    def action_pause(self) -> None:
        """Freeze the chosen agent, or let it go on."""
        name = self._agent()
        agent = self.desk.scene().world.agents.get(name) if name else None
        if agent is not None and name is not None:
            verb, word = ("resume", "Resumed") if agent.state is AgentState.PAUSED else ("pause", "Paused")
            self.post_message(Command(verb, {"agent": name}, done=f"{word}: {safe(name)}"))

    def _confirmed(self, verb: str, name: str, word: str, text: str) -> None:
        def answered(answer: str | None) -> None:
            if answer == "yes":
                self.post_message(Command(verb, {"agent": name}, done=f"{word}: {safe(name)}"))

        self.app.push_screen(confirm(f"{word} {safe(name)}?", safe(text), yes=word), answered)


_TAB_TEXTS: Final = {"about": agent_details, "mail": agent_mail, "events": agent_events}


def _tab_line(name: str, tab: str) -> Line:
    tabs = [say(f" {each} ", Tone.TITLE if each == tab else Tone.FAINT) for each in _TABS]
    return line(say(f" {safe(name)} ", Tone.STRONG), *tabs, say("  [ ]", Tone.FAINT))
