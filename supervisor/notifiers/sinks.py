"""Which sink a profile's entry makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from supervisor.clock import Clock
from supervisor.model.notify import NotifySpec, SinkKind
from supervisor.notifiers.aside import Aside
from supervisor.notifiers.bell import BellSink, Ring
from supervisor.notifiers.desktop import DesktopSink
from supervisor.notifiers.http import Poster
from supervisor.notifiers.sink import Origin, Sink
from supervisor.notifiers.slack import SlackSink
from supervisor.notifiers.webhook import WebhookSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What sinks are made of."""

    origin: Origin
    aside: Aside
    poster: Poster
    ring: Ring
    environ: Mapping[str, str] = field(repr=False)


def ways(origin: Origin, clock: Clock, *, ring: Ring, environ: Mapping[str, str]) -> Ways:
    """Gather what the sinks of one team share."""
    aside = Aside()
    poster = Poster(clock=clock, aside=aside)
    return Ways(origin=origin, aside=aside, poster=poster, ring=ring, environ=environ)


def sink_of(spec: NotifySpec, ways: Ways) -> Sink:
    """Make the sink that a profile describes."""
    match spec.kind:
        case SinkKind.SLACK:
            return SlackSink(spec=spec, origin=ways.origin, poster=ways.poster, environ=ways.environ)
        case SinkKind.WEBHOOK:
            return WebhookSink(spec=spec, origin=ways.origin, poster=ways.poster, environ=ways.environ)
        case SinkKind.DESKTOP:
            return DesktopSink(aside=ways.aside, environ=ways.environ)
        case SinkKind.BELL:
            return BellSink(ring=ways.ring)
        case _:
            assert_never(spec.kind)
