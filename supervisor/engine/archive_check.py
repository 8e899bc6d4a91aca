"""What must hold of the archive: its files are what the log sealed, and led to the state that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.errors import StoreError
from supervisor.model.event import GENESIS, Event, verify_chain
from supervisor.model.world import ENTITIES, World
from supervisor.store.archive import ARCHIVED, Segment, events_in, sha256_of
from supervisor.store.event_log import EventLog


@dataclass(slots=True)
class ArchiveCheck:
    """Looks at the files, then sees the log pass by. A file that was removed is told, but is no damage."""

    log: EventLog
    removed: list[Segment] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _told: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether the log can be read from its first event on."""
        return not self.removed and not self.wrong

    def look(self) -> None:
        """Compare each file with its record, and each record with the one before."""
        seq, seal = 0, GENESIS
        for segment in self.log.segments:
            if (segment.first, segment.previous_hash) != (seq + 1, seal):
                self.wrong.append(f"{segment.name} does not follow event {seq}")
            seq, seal = segment.last, segment.last_hash
            self._look_at(segment)
        if not self.whole:
            self._verify_rest()

    def _look_at(self, segment: Segment) -> None:
        try:
            if sha256_of(self.log.archive / segment.name) != segment.sha256:
                self.wrong.append(f"{segment.name} was altered: its SHA-256 is not {segment.sha256[:12]}…")
        except FileNotFoundError:
            self.removed.append(segment)
        except OSError as error:
            self.wrong.append(f"{segment.name} cannot be read: {error.strerror}")

    def _verify_rest(self) -> None:
        """Where the log cannot be read as one, verify the chain inside each file that is there."""
        for segment in self.log.segments:
            events = events_in(self.log.archive / segment.name)
            try:
                verify_chain(events, previous=segment.previous_hash, first_seq=segment.first)
            except FileNotFoundError:
                continue
            except StoreError as error:
                self.wrong.append(f"{segment.name}: {error.message}")

    def saw(self, event: Event) -> None:
        """Keep the digests that the log itself tells."""
        if event.kind == ARCHIVED:
            self._told[event.subject] = str(event.after.get("sha256"))

    def compare(self, world: World) -> None:
        """Compare the fold of the files with the state that is kept for when they are gone."""
        count = 0
        for noun, subject, value in self.log.base_values():
            count += 1
            if world.tables[noun].get(subject) != value:
                self.wrong.append(f"the kept state of {noun} {subject} is not what its events say")
                return
        if count != sum(len(world.tables[noun]) for noun in ENTITIES):
            self.wrong.append("the kept state lacks things of which the archive tells")

    def verdict(self) -> str:
        """Say what is in the archive; raise ValueError with the first thing that is wrong."""
        segments = self.log.segments
        for segment in segments:
            told = self._told.get(segment.span)
            if told not in {None, segment.sha256}:
                self.wrong.append(f"the log tells another SHA-256 of {segment.name}")
        if self.wrong:
            raise ValueError(self.wrong[0])
        stray = self._unrecorded(segments)
        if not segments:
            return f"nothing was moved there{stray}"
        if self.removed:
            names = ", ".join(segment.name for segment in self.removed[:3])
            more = f" and {len(self.removed) - 3} more" if len(self.removed) > 3 else ""
            return f"removed: {names}{more}; checked from the state after event {self.log.cut.seq} on{stray}"
        return f"{len(segments)} files with events 1 to {segments[-1].last}{stray}"

    def _unrecorded(self, segments: tuple[Segment, ...]) -> str:
        """Tell of files that the database does not know: a kill or another database left them."""
        known = {segment.name for segment in segments}
        strays = sorted(path.name for path in self.log.archive.glob("events-*") if path.name not in known)
        return f"; not recorded, and not read: {', '.join(strays[:3])}" if strays else ""
