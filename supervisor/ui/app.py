"""The app: it wires the live picture to the screens, ticks, and sends commands. It decides nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.timer import Timer

from supervisor.clock import Clock, SystemClock
from supervisor.errors import SupervisorError
from supervisor.model.team import RunState
from supervisor.transports.control.client import ControlClient
from supervisor.ui.arming import Arming
from supervisor.ui.commands import Command, GoTo, Inquiry, TeamCommands
from supervisor.ui.departure import Departure
from supervisor.ui.feed import Connect, LiveTeam
from supervisor.ui.glyphs import ASCII, glyphs_for
from supervisor.ui.key_order import LOOK_AGAIN_S, Follower, KeyOrder
from supervisor.ui.keymap import bindings
from supervisor.ui.safe_text import Scrub, safe
from supervisor.ui.scene import Link, Scene
from supervisor.ui.screens.approvals import ApprovalsScreen
from supervisor.ui.screens.board import BoardScreen
from supervisor.ui.screens.dialogs import QUIT_CHOICES, AskDialog, HelpDialog
from supervisor.ui.screens.fleet import FleetScreen
from supervisor.ui.screens.inbox import InboxScreen
from supervisor.ui.screens.logs import LogsScreen
from supervisor.ui.screens.pane import Pane
from supervisor.ui.screens.votes import VotesScreen
from supervisor.ui.size_order import SizeOrder
from supervisor.ui.theme import DARK, LIGHT, fallback_tokens, theme_for
from supervisor.ui.view_models.approvals import waiting_count
from supervisor.ui.widgets.one_line import TabStrip

TICK_S: Final = 0.25
COMMAND_TIMEOUT_S: Final = 15.0


class SupervisorApp(App[str], inherit_bindings=False):
    """Show one engine's team.

    `run()` returns `stop`, `leave`, `lost` when no engine answers any more, or `signal`.
    """

    TITLE = "supervisor"
    CSS_PATH = "supervisor.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {TeamCommands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")
    DEFAULT_MODE = "fleet"
    MODES: ClassVar = {
        "fleet": FleetScreen,
        "board": BoardScreen,
        "inbox": InboxScreen,
        "votes": VotesScreen,
        "logs": LogsScreen,
        "approvals": ApprovalsScreen,
    }

    def __init__(
        self,
        socket: Path,
        *,
        owns_engine: bool = False,
        connect: Connect | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] = os.environ,
        departure: Departure | None = None,
        tick_s: float | None = TICK_S,
    ) -> None:
        """Show the engine at `socket`; tests bring their own connection and clock, and tick by hand."""
        self.glyphs = glyphs_for(environ)
        self.clock = clock or SystemClock()
        self.arming = Arming()
        self.live = LiveTeam(self.clock)
        self.is_paused = False
        super().__init__()
        self._connect = connect or (lambda: ControlClient.connect(socket))
        self._owns_engine = owns_engine
        self._departure = departure
        self._tick_s = tick_s
        self._painted: tuple[int, int] | None = None
        self._waiting = 0
        self._rung = 0
        self._has_moved = False
        self._keys = KeyOrder()
        self._sizes = SizeOrder()
        self._next_look: Timer | None = None
        self._filters.append(Scrub())
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = theme_for(environ)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Let the toolkit's own themes work, too, and draw edges with the signs chosen."""
        ascii_only = self.glyphs is ASCII
        return fallback_tokens() | {
            "edge": "ascii" if ascii_only else "solid",
            "frame": "ascii" if ascii_only else "round",
        }

    def on_mount(self) -> None:
        """Start listening and ticking."""
        if self._departure is not None:
            self._departure.begin(self)
        self.app_resume_signal.subscribe(self, lambda _app: self._came_back())
        self.run_worker(self.live.follow(self._connect), group="feed", exit_on_error=True)
        if self._tick_s is not None:
            self.set_interval(self._tick_s, self.tick)

    # What the screens ask for

    def moment(self) -> float:
        """Return the monotonic time."""
        return self.clock.monotonic()

    def scene(self) -> Scene:
        """Return what is known now."""
        return self.live.scene(self.glyphs)

    # Painting

    @property
    def pane(self) -> Pane | None:
        """Return the screen of the current mode, also when a dialog lies over it."""
        base = self.screen_stack[0] if self.screen_stack else None
        return base if isinstance(base, Pane) and base.is_mounted else None

    def tick(self) -> None:
        """Paint what has changed since the last tick; nothing else ever paints by itself."""
        pane = self.pane
        if pane is None:
            return
        stamp = (self.live.version, int(self.clock.now()))
        if stamp != self._painted and not self.is_paused:
            self._painted = stamp
            scene = self.scene()
            self._call_for_attention(scene)
            pane.paint_all(scene)
        pane.beat()

    def _call_for_attention(self, scene: Scene) -> None:
        """Ring when more waits than before, or the engine asks for it; open on what waits; take no focus."""
        waiting = waiting_count(scene)
        if waiting > self._waiting or self.live.rings > self._rung:
            self.bell()
        self._waiting, self._rung = waiting, self.live.rings
        if scene.is_known and not self._has_moved:
            self._has_moved = True
            if waiting and len(self.screen_stack) == 1:
                self.switch_mode("approvals")

    # Keys

    async def on_event(self, event: events.Event) -> None:
        """Take keys one by one, and let the arming see each before anything is done with it."""
        if isinstance(event, events.Key | events.Paste):
            if not event.is_forwarded:
                self._keys.hold(event)
                await self._hand_on()
            elif self._keys.is_meant_for(event, self.screen):
                await super().on_event(event)
            return
        if isinstance(event, events.AppFocus):
            self.arming.disturb(self.moment())
        if (
            isinstance(event, events.Resize)
            and (wait_s := self._sizes.take(event, self.moment())) is not None
        ):
            if wait_s:
                self.set_timer(wait_s, self._take_size)
            return
        await super().on_event(event)

    async def _take_size(self) -> None:
        """Lay out for the newest of the sizes that came too fast one after the other."""
        event = self._sizes.release(self.moment())
        if event is not None:
            await super().on_event(event)

    async def _hand_on(self) -> None:
        """Hand the next key on if it is its turn; else look again in a moment."""
        screen = self.screen
        is_open = screen.focused is not None or (isinstance(screen, Pane) and screen.is_mounted)
        event = self._keys.next(screen, is_open=is_open)
        if isinstance(event, events.Key):
            self._has_moved = self._has_moved or self.live.scene(self.glyphs).is_known
            self.arming.press(self._made_at(event))
        elif event is not None:
            self.arming.disturb(self.moment())
        if event is not None:
            await super().on_event(event)
            self._keys.follow()
        if self._keys.is_holding and self._next_look is None:
            self._next_look = self.set_timer(LOOK_AGAIN_S, self._look_again)

    async def _look_again(self) -> None:
        self._next_look = None
        self._keys.look()
        await self._hand_on()

    @on(Follower)
    async def _key_was_handled(self, event: Follower) -> None:
        self._keys.returned(event)
        await self._hand_on()

    def _made_at(self, event: events.Event) -> float:
        """Return when the terminal delivered the event, which may be before we got round to it."""
        return self.moment() - max(SystemClock().monotonic() - event.time, 0.0)

    def action_go(self, mode: str) -> None:
        """Show another screen."""
        if mode != self.current_mode:
            self.switch_mode(mode)

    @on(TabStrip.Picked)
    def _tab_picked(self, event: TabStrip.Picked) -> None:
        self.action_go(event.mode)

    @on(GoTo)
    async def _go_to(self, event: GoTo) -> None:
        await self.switch_mode(event.mode)
        if self.pane is not None:
            self.pane.repaint()
            self.pane.show_key(event.key)

    def action_pause_display(self) -> None:
        """Hold the display still, or let it go on."""
        self.is_paused = not self.is_paused
        self._painted = None
        if self.pane is not None:
            self.pane.repaint()

    def action_help(self) -> None:
        """Show all keys of this screen."""
        self.push_screen(HelpDialog(self.current_mode))

    def action_use_theme(self, name: str) -> None:
        """Change the theme."""
        self.theme = name

    def action_suspend_process(self) -> None:
        """Go back to the shell until it brings the UI back; the card has then to be looked at anew."""
        self.arming.hide()
        super().action_suspend_process()

    def _came_back(self) -> None:
        """Draw everything: the shell has used the terminal meanwhile."""
        self.refresh(layout=True)

    # Commands

    @on(Command)
    def _command(self, event: Command) -> None:
        self.run_worker(self._carry_out(event), group="commands", exit_on_error=False)

    @on(Inquiry)
    def _inquiry(self, event: Inquiry) -> None:
        self.run_worker(self._look_up(event), group="commands", exit_on_error=False)

    async def _carry_out(self, command: Command) -> None:
        """Have the engine do it, and say how that went."""
        if await self._asked(command.verb, command.args) is not None:
            self._toast(command.done, bad=False)

    async def _look_up(self, inquiry: Inquiry) -> None:
        """Have the engine answer, and the one who asked show it."""
        answer = await self._asked(inquiry.verb, inquiry.args)
        if answer is not None:
            inquiry.show(answer)

    async def _asked(self, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the engine's answer; if there is none, say why and return None."""
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                engine = await self._connect()
                try:
                    return await engine.call(verb, **args) or {}
                finally:
                    await engine.close()
        except TimeoutError:
            self._toast(
                "The engine did not answer in time; look whether it was done before you try again", bad=True
            )
        except SupervisorError as error:
            self._toast(error.message, bad=True)
        return None

    def _toast(self, text: str, *, bad: bool) -> None:
        self.notify(
            safe(text, 300), markup=False, timeout=8 if bad else 3, severity="error" if bad else "information"
        )

    # Leaving

    def action_leave(self) -> None:
        """Close the UI; ask first what becomes of the team if it was started here."""
        if isinstance(self.screen, AskDialog):
            return
        scene = self.scene()
        if scene.link is not Link.LIVE:
            self.exit("lost")
        elif not self._owns_engine:
            self.exit("leave")
        else:
            self._ask_what_becomes_of_the_team(scene)

    def _ask_what_becomes_of_the_team(self, scene: Scene) -> None:
        run = scene.world.current_run
        ended = run is not None and run.state is not RunState.ACTIVE
        text = (
            "Its run has ended; nothing is lost."
            if ended
            else "Its work is kept either way and goes on at the next start."
        )
        self.push_screen(AskDialog("Leave the team?", (safe(text),), QUIT_CHOICES), self._left)

    def _left(self, answer: str | None) -> None:
        if answer in {"stop", "leave"}:
            self.exit(answer)
