"""What the six screens share: status line, tabs, banner, filter bar, and how they are painted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Final, Protocol, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input

from supervisor.ui.arming import Arming
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import SafeText
from supervisor.ui.scene import Scene
from supervisor.ui.spans import line, say
from supervisor.ui.view_models.banner import banner, nothing_known
from supervisor.ui.view_models.status import status_line, tabs
from supervisor.ui.widgets.log_view import LogView
from supervisor.ui.widgets.one_line import OneLine, TabStrip
from supervisor.ui.widgets.row_view import RowView
from supervisor.ui.widgets.text_pane import TextPane

_LEAST_WIDTH: Final = 40
_LEAST_HEIGHT: Final = 10
_WIDTHS: Final = ((0, "-tiny"), (_LEAST_WIDTH, "-narrow"), (80, "-normal"), (120, "-wide"))
_HEIGHTS: Final = ((0, "-flat"), (_LEAST_HEIGHT, "-short"), (24, "-tall"))


class Desk(Protocol):
    """What a screen may ask of the app."""

    @property
    def glyphs(self) -> Glyphs:
        """Return the signs to draw with."""
        ...

    @property
    def arming(self) -> Arming:
        """Return the judge of decision keys."""
        ...

    @property
    def is_paused(self) -> bool:
        """Tell whether the person holds the display still."""
        ...

    def moment(self) -> float:
        """Return the monotonic time."""
        ...

    def scene(self) -> Scene:
        """Return what is known now."""
        ...


class Pane(Screen[None]):
    """One of the six screens. It is painted by the app's timer, and at once when its person moves."""

    BINDINGS = bindings("screens")
    AUTO_FOCUS = "RowView"

    mode: ClassVar[str]

    def __init__(self) -> None:
        """Begin without a scene."""
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = list(_WIDTHS)
        self.VERTICAL_BREAKPOINTS = list(_HEIGHTS)
        self.wanted = ""
        self._had_focus: Widget | None = None

    @property
    def desk(self) -> Desk:
        """Return the app, as far as a screen may see it."""
        return cast("Desk", self.app)

    def compose(self) -> ComposeResult:
        """Lay out what every screen has, around its own parts."""
        yield OneLine(dom_id="status")
        yield TabStrip(self.mode)
        yield OneLine(dom_id="banner")
        with Container(id="body"):
            yield from self.parts()
        yield TextPane(dom_id="nothing")
        yield Input(id="filter", placeholder=self.filter_hint, compact=True)
        yield Footer(compact=False, show_command_palette=False)
        yield OneLine(line(say("Too small: 40x10 is the least")), dom_id="too-small")

    filter_hint: ClassVar[str] = "show only rows with these words; enter keeps, esc clears"

    @abstractmethod
    def parts(self) -> Iterable[Widget]:
        """Lay out this screen's own widgets."""

    @abstractmethod
    def paint(self, scene: Scene) -> None:
        """Hand the view models of the scene to the widgets."""

    def beat(self) -> None:
        """Do what has to happen at every tick, such as looking for new log lines."""

    # Room

    @property
    def is_too_small(self) -> bool:
        """Tell whether the terminal has no room for this screen, and shows only a line that says so."""
        width, height = self.app.size
        return width < _LEAST_WIDTH or height < _LEAST_HEIGHT

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let no key of a screen act that cannot be seen."""
        return False if self.is_too_small else super().check_action(action, parameters)

    @on(events.DescendantFocus)
    def _remember_focus(self, event: events.DescendantFocus) -> None:
        if not self.is_too_small:
            self._had_focus = event.widget

    def _mend_focus(self) -> None:
        """Give the focus back to what lost it when the terminal was too small to show it."""
        if self.is_too_small or self.focused is not None:
            return
        if self._had_focus is not None and self._had_focus.is_attached:
            self.set_focus(self._had_focus)
        else:
            self._focus_list()

    # Painting

    def paint_all(self, scene: Scene) -> None:
        """Paint the frame, then the screen's own part or why there is nothing to show."""
        width = self.size.width
        self.query_one("#status", OneLine).show(status_line(scene, width))
        self.query_one(TabStrip).show_tabs(tabs(scene))
        says = banner(scene, paused=self.desk.is_paused)
        strip = self.query_one("#banner", OneLine)
        strip.show(says)
        strip.display = bool(says)
        self.set_class(not scene.is_known, "-nothing")
        if scene.is_known:
            self.paint(scene)
        else:
            self.query_one("#nothing", TextPane).show(nothing_known(scene))

    def repaint(self) -> None:
        """Paint now, because the person did something."""
        if self.is_mounted:
            self.paint_all(self.desk.scene())

    def on_screen_resume(self) -> None:
        """Paint before the person looks."""
        self._mend_focus()
        self.repaint()

    def on_resize(self) -> None:
        """Paint for the new size."""
        self._mend_focus()
        self.repaint()

    @on(RowView.Moved)
    def _row_moved(self, event: RowView.Moved) -> None:
        event.stop()
        self.repaint()

    # One pane at a time on small terminals

    @on(RowView.Chosen)
    def _row_chosen(self, event: RowView.Chosen) -> None:
        event.stop()
        self.open_details()

    def open_details(self) -> None:
        """Show the details; on a small terminal they take the place of the list."""
        details = self.query(".details")
        self.set_class(bool(details), "-details")
        for pane in self.query("TextPane.details, .details TextPane, .details LogView"):
            if pane.display and pane.focusable:
                self.set_focus(pane)
                break
        self.repaint()

    def action_back(self) -> None:
        """Go back one level: the filter, the maximised pane, the details."""
        filter_bar = self.query_one("#filter", Input)
        if self.maximized is not None:
            self.minimize()
        elif filter_bar.has_class("-open") or self.wanted:
            filter_bar.value = ""
            self._close_filter()
        elif self.has_class("-details"):
            self.remove_class("-details")
            self._focus_list()

    def _focus_list(self) -> None:
        for view in self.query(RowView):
            if view.display and view.focusable:
                self.set_focus(view)
                return

    # Filter

    def action_filter(self) -> None:
        """Open the filter bar."""
        bar = self.query_one("#filter", Input)
        bar.add_class("-open")
        self.set_focus(bar)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self.filter_by(event.value.strip())

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self) -> None:
        self.keep_filter()

    def keep_filter(self) -> None:
        """Go back to the list and leave the filter as it is."""
        if not self.wanted:
            self._close_filter()
        self._focus_list()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("-open")
        self._focus_list()

    def filter_by(self, words: str) -> None:
        """Show only what has these words."""
        if words != self.wanted:
            self.wanted = words
            self.repaint()

    # Small things

    def action_maximise(self) -> None:
        """Give the screen to the focused pane, and take it back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    def action_copy(self) -> None:
        """Copy what is chosen."""
        text = self.chosen_text()
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("Copied", markup=False, timeout=2)

    def chosen_text(self) -> str:
        """Return what `y` copies: the text in focus, else the chosen key."""
        focused = self.focused
        if isinstance(focused, TextPane | LogView):
            return focused.text
        return (focused.key or "") if isinstance(focused, RowView) else ""

    def show_key(self, key: str) -> None:
        """Put the cursor on the row of that key."""
        for view in self.query(RowView):
            if view.move_to_key(key):
                self.repaint()
                return

    def say(self, text: str) -> None:
        """Tell the person something short; every word of it must be safe."""
        self.notify(SafeText(text), markup=False, timeout=3, severity="warning")

    def on_key(self, event: events.Key) -> None:
        """Leave the details to the list by the arrow that points there."""
        if event.key == "backspace" and self.has_class("-details"):
            self.action_back()
