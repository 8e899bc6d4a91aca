"""What one tool of the table is, and how its arguments are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.agent import Role
from supervisor.model.permissions import Operation, may
from supervisor.transports.mcp.tool_spec import ToolSpec

Answer = dict[str, Any]
SHOWN_PROBLEMS: Final = 5


class Arguments(BaseModel):
    """Arguments of a tool; anything not named here is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Mutation(Arguments):
    """Arguments of a tool that changes something: a repeated call with the same key is done once."""

    idempotency_key: str | None = Field(
        default=None, max_length=100, description="Repeat a call with the same key to have it done only once."
    )


A = TypeVar("A", bound=Arguments)
Handler = Callable[[Scope, Actor, A], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool: visible to a role that may do any of its operations."""

    name: str
    title: str
    description: str
    operations: tuple[Operation, ...]
    arguments: type[Arguments]
    handler: Callable[[Scope, Actor, Any], Answer]
    destructive: bool = False
    held: bool = False

    @property
    def mutates(self) -> bool:
        """Tell whether the tool changes anything."""
        return issubclass(self.arguments, Mutation)

    def visible_to(self, role: Role) -> bool:
        """Tell whether the role sees and may call this tool."""
        return any(may(role, operation) for operation in self.operations)

    def spec(self) -> ToolSpec:
        """Describe the tool for the tool list."""
        return ToolSpec(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=plain_schema(self.arguments),
            read_only=not self.mutates,
            destructive=self.destructive,
            idempotent=not self.mutates,
            held=self.held,
        )

    def parse(self, given: dict[str, Any]) -> Arguments:
        """Read the arguments; raise InvalidArgument that names every problem."""
        return read_arguments(self.name, self.arguments, given)


def read_arguments(name: str, arguments: type[A], given: dict[str, Any]) -> A:
    """Read what `name` was given; raise InvalidArgument that names every problem."""
    try:
        return arguments.model_validate(given)
    except ValidationError as error:
        known = [field.alias or argument for argument, field in arguments.model_fields.items()]
        shown = error.errors(include_url=False)[:SHOWN_PROBLEMS]
        problems = "; ".join(_problem(each, known) for each in shown)
        raise InvalidArgument(f"{name}: {problems}") from error


def simple_tool(
    name: str, description: str, operation: Operation, arguments: type[A], handler: Handler[A]
) -> Tool:
    """Make a tool that one operation grants; its title is its name in words."""
    return Tool(
        name=name,
        title=name.replace("_", " ").capitalize(),
        description=description,
        operations=(operation,),
        arguments=arguments,
        handler=handler,
        destructive=operation is Operation.TASK_CANCEL,
    )


def plain_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """Return the JSON Schema without the titles that only repeat the names."""
    schema: dict[str, Any] = _untitled(arguments.model_json_schema())
    return schema


def _untitled(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {key: _untitled(value) for key, value in schema.items() if not _is_title(key, value)}
        kept.pop("description", None) if "properties" in kept else None
        return kept
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    return schema


def _is_title(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)


def _problem(error: Any, known: list[str]) -> str:
    place = ".".join(str(part) for part in error["loc"])[:80]
    if error["type"] == "extra_forbidden":
        close = get_close_matches(place, known, n=1)
        hint = f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known)}"
        return f"unknown argument `{place}`{hint}"
    return f"`{place}`: {error['msg']}"
