"""How a supervisor starts a parrot and speaks with it: all that another kind of agent needs."""

from __future__ import annotations

from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.command import environment_of
from supervisor.adapters.driver import Answer, Capabilities, Driver, Line
from supervisor.adapters.events import Started, Text, TurnEnd, TurnReason
from supervisor.adapters.open_matters import OpenMatters
from supervisor.config.placeholders import fill
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch, Polite

LINE_MAX = 65_536


class ParrotAdapter:
    """Starts parrots. An adapter holds no state: one serves all agents of all pools."""

    name = "parrot"

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say only what is true: a parrot takes prompts, and nothing interrupts it."""
        return Capabilities(turns=True)

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Ask for files in the agent's private directory; a parrot reads none."""
        return ()

    def launch(self, context: LaunchContext) -> Launch:
        """Say what to start. The key of the agent stands in a file of the kit, never here."""
        return Launch(
            argv=fill((*context.pool.command, *context.pool.args), context.places),
            cwd=str(context.directory),
            env=environment_of(context),
            session=context.session,
            agent=context.marker,
            takes_input=True,
            errors_apart=True,
            polite=Polite(close_input=True),
        )

    def driver(self, context: LaunchContext, line: Line) -> Driver:
        """Begin a conversation."""
        return ParrotDriver(line)


class ParrotDriver:
    """Bytes in, events out: it waits for nothing, owns no task, and never raises on what it hears."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._open = OpenMatters(line.tell)  # ends whatever is open, exactly once
        self._rest = b""
        self._said: list[str] = []

    def open(self) -> None:
        """Say what is said first: nothing, a parrot begins by itself."""

    def hear(self, data: bytes) -> None:
        """Take in what it wrote, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_MAX:]  # nothing that an agent does may grow without end
        for line in lines:
            self._take(line.decode("utf-8", "replace").rstrip("\r"))

    def _take(self, line: str) -> None:
        if line.startswith("parrot "):
            self._line.tell(Started(session_id="parrot", version=line.removeprefix("parrot ")))
        elif line == "." and self._open.in_turn:
            self._open.end_turn(TurnEnd(ok=True, reason=TurnReason.DONE, final_text="\n".join(self._said)))
        else:
            self._said = [*self._said[-99:], line]
            self._line.tell(Text(text=line))

    def close(self) -> None:
        """Take in that it has ended."""
        self._open.close("the parrot is gone")

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn; it ends with exactly one TurnEnd, whatever becomes of the parrot."""
        self._open.begin_turn()
        self._said = []
        if not self._line.send(" ".join(text.split()).encode("utf-8", "replace") + b"\n"):
            self._open.lose_turn("the parrot does not listen")

    def inject(self, text: str) -> bool:
        """Say no: what a kind of agent cannot do is never pretended."""
        return False

    def interrupt(self) -> bool:
        """Say no."""
        return False

    def answer(self, request: str, answer: Answer) -> bool:
        """Say no: a parrot asks nothing."""
        return False
