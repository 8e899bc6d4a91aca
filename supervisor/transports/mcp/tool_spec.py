"""What one tool is, in words of our own: no SDK type, so that importing it costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One tool as agents see it in the list; fixed per release, never built from agents' text.

    `input_schema` is a JSON Schema object with `additionalProperties` false. The hints tell clients what a
    call may do: `read_only` changes nothing, `destructive` undoes others' work, `idempotent` may be repeated.
    A call that may be `held` is answered as a stream, which shows progress to whoever asked for it.
    """

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    held: bool = False
