"""What a person can have done: commands to the engine, and the palette that finds any action by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message

from supervisor.ui.keymap import KEYMAP, PLACES, SCREENS, Key, spelled
from supervisor.ui.theme import DARK, LIGHT


@dataclass
class Command(Message):
    """One verb for the engine. `done` is said when it was carried out."""

    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)
    done: str = ""


@dataclass
class Inquiry(Message):
    """One verb whose answer the person wants to read: it is handed to `show`."""

    verb: str
    args: Mapping[str, Any]
    show: Callable[[Mapping[str, Any]], None]


@dataclass
class GoTo(Message):
    """Show another screen, and there the row of this key."""

    mode: str
    key: str = ""


class _Palettable(Protocol):
    """What the palette needs of the screen it was opened over."""

    @property
    def mode(self) -> str:
        """Return which of the six screens it is."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    title: str
    help: str
    action: str


def entries(mode: str) -> Iterable[Entry]:
    """List the actions of a screen, those that work everywhere, and where to find all others."""
    for place, scope in ((mode, "screen"), ("screens", "screen"), ("everywhere", "app")):
        for key in KEYMAP.get(place, ()):
            if key.id != "palette" and not key.decides:
                yield _entry(PLACES[place] if place == mode else "", key, scope)
    yield from _elsewhere(mode)
    yield Entry("Theme: dark", "Light letters on a dark ground", f"app.use_theme('{DARK.name}')")
    yield Entry("Theme: light", "Dark letters on a light ground", f"app.use_theme('{LIGHT.name}')")


def _elsewhere(mode: str) -> Iterable[Entry]:
    """List what other screens can do. It acts on a chosen row, so one is taken there to see which."""
    for place in SCREENS:
        for key in KEYMAP[place] if place != mode else ():
            if not key.decides:
                title = f"{PLACES[place]}: {key.description}"
                help_text = f"On the {PLACES[place]} screen: {key.tooltip} ({spelled(key.keys)})"
                yield Entry(title, help_text, f"app.go('{place}')")


def _entry(area: str, key: Key, scope: str) -> Entry:
    go = key.id.startswith("go.")
    title = f"Go to: {key.description}" if go else f"{area}: {key.description}" if area else key.description
    return Entry(title, f"{key.tooltip} ({spelled(key.keys)})", f"{scope}.{key.action}")


class TeamCommands(Provider):
    """Offer every action of the screen under the palette, and the way to those of the others."""

    def _entries(self) -> list[Entry]:
        mode = getattr(self.screen, "mode", "")
        return list(entries(cast("_Palettable", self.screen).mode if mode else ""))

    async def discover(self) -> Hits:
        """Offer everything while nothing is typed."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, self._run(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """Offer what fits the words typed."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.title), self._run(entry), help=entry.help)

    def _run(self, entry: Entry) -> Any:
        screen = self.screen

        async def run() -> None:
            await screen.run_action(entry.action)

        return run
