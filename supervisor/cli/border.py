"""The last border: every error becomes one clear message on stderr and the exit code of its class."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from gettext import gettext
from typing import Any, Final

import click

from supervisor.errors import PlanInvalid, ProfileInvalid, SupervisorError
from supervisor.model.escape import visible

INTERNAL: Final = 70
INTERRUPTED: Final = 130
READER_GONE: Final = 141
_AS_JSON: Final = "supervisor.cli.as_json"


class Verb(click.Command):
    """A command whose help ends with examples; a test holds that each has one."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, unwrapped."""
        with formatter.section(gettext("Example")):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Border(click.Group):
    """The root group: runs a verb and turns whatever it raises into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the verbs in the order in which they were added, the most used first."""
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run one command line; characters the terminal cannot spell come out as escapes."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb inside the border."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except SupervisorError as error:
            show_error(error, as_json=bool(ctx.meta.get(_AS_JSON)))
            ctx.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _let_output_vanish()
            ctx.exit(READER_GONE)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - the last border: nothing may pass it unexplained
            _show_fault(error)
            ctx.exit(INTERNAL)
        return answer


def note_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's shape
    """Remember that errors of this command line are to be spelled as JSON too."""
    if value:
        ctx.meta[_AS_JSON] = True
    return value


def show_error(error: SupervisorError, *, as_json: bool) -> None:
    """Print what happened and the next step on stderr."""
    if as_json:
        click.echo(error_json(error), err=True)
        return
    click.echo(f"error: {visible(error.message, newlines=True)}", err=True)
    problems = error.problems if isinstance(error, ProfileInvalid | PlanInvalid) else ()
    for problem in problems:
        click.echo(f"  {visible(problem)}", err=True)
    step = next_step(error)
    if step:
        click.echo(f"next: {step}", err=True)


def error_json(error: SupervisorError) -> str:
    """Spell an error as one JSON line."""
    from supervisor.headless.json_line import json_line, versioned
    from supervisor.transports.error_wire import error_to_wire

    return json_line(versioned("error", exit_code=error.exit_code, error=error_to_wire(error)))


def next_step(error: SupervisorError) -> str:
    """Return the advice of the error's class; a message of several sentences ends with its own."""
    _, _, advice = type(error)().message.partition(". ")
    return "" if ". " in error.message else advice


def _let_output_vanish() -> None:
    """End as a program does whose reader has gone: the last flush must find somewhere to go."""
    from supervisor.headless.line_writer import lead_nowhere

    lead_nowhere(sys.stdout)


def _show_fault(error: Exception) -> None:
    click.echo(visible("".join(traceback.format_exception(error)), newlines=True), err=True, nl=False)
    click.echo("error: a fault in supervisor itself; the lines above say where", err=True)
    click.echo("next: run `supervisor doctor`, and report it with these lines", err=True)
