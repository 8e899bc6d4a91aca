"""The agents that are examined: the scripted ones, and the real programs with a scripted model."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from supervisor.adapters.acp import AcpAdapter
from supervisor.adapters.adapter import Adapter
from supervisor.adapters.claude import ClaudeAdapter
from supervisor.adapters.codex import CodexAdapter
from supervisor.adapters.command import CommandAdapter
from supervisor.config.presets import PRESETS
from supervisor.model.agent import Role
from supervisor.model.driving import ClientHome, OutputForm
from supervisor.model.team import PoolSpec
from supervisor.testing.driver_conformance import Subject
from supervisor.testing.scripted_environment import MODEL, variables_for
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents.programs import program, search_path

ROOT: Final = Path(__file__).parents[2]

_ADAPTERS: Final[dict[str, type[Adapter]]] = {
    "acp": AcpAdapter,
    "claude": ClaudeAdapter,
    "codex": CodexAdapter,
}
_MODELS: Final = {"gemini": "gemini-2.5-pro", "opencode": f"scripted/{MODEL}"}
_IN_NO_HURRY: Final = {"claude": {"CLAUDE_CODE_MAX_RETRIES": "1"}}
"""A client that tries ten times, each later than the last, is not examined in time."""
_NOT_FOR: Final = {
    "claude": {"a_limit_with_an_end_says_when": "with an API key it keeps to itself when a limit ends"},
}


def _fake(
    name: str,
    module: str,
    adapter: Adapter,
    *,
    free: Mapping[str, str] = MappingProxyType({}),
    says_link: bool = True,
    not_for: Mapping[str, str] = MappingProxyType({}),
    **pool: Any,
) -> Subject:
    command = (sys.executable, "-m", *f"supervisor.testing.{module}".split())
    env = {"PYTHONPATH": str(ROOT)}
    return Subject(
        name=name,
        adapter=adapter,
        pool=PoolSpec(name="worker", role=Role.WORKER, command=command, env=env, **pool),
        is_fake=True,
        says_link=says_link,
        free=free,
        not_for=not_for,
    )


LINES: Final = _fake(
    "lines",
    "scripted_lines",
    CommandAdapter(),
    free={"SCRIPTED_ALLOWED": "all"},
    output=OutputForm.JSON,
)

_ONE_BY_ONE: Final = {"two_requests_are_open_at_once": "as the real one, it asks for one after the other"}
_CLAUDE: Final = _fake("claude-fake", "scripted_claude", ClaudeAdapter(), agent="claude", not_for=_ONE_BY_ONE)
_SAYS_NO_END: Final = {"a_limit_with_an_end_says_when": "its words do not say when a limit ends"}
_QWEN: Final = _fake(
    "qwen-fake", "scripted_claude", ClaudeAdapter(), agent="qwen", not_for={**_ONE_BY_ONE, **_SAYS_NO_END}
)
_CODEX: Final = _fake(
    "codex-fake", "scripted_codex app-server", CodexAdapter(), agent="codex", not_for=_ONE_BY_ONE
)
_ACP: Final = _fake("acp-fake", "scripted_acp", AcpAdapter(), says_link=False)

FAKES: Final = (LINES, _CLAUDE, _QWEN, _CODEX, _ACP)

DIALECT: Final = {
    "qwen-fake": (
        "the_coordinator_is_called_without_asking",
        "a_coordinator_out_of_reach_is_said",
        "a_fresh_conversation_has_another_name",
        "a_killed_agent_goes_on_in_its_conversation",
        "usage_is_told_in_increments",
        "usage_after_a_resume_is_no_total",
        "what_is_allowed_is_done",
        "what_is_denied_is_not_done",
        "an_offered_answer_can_be_chosen",
        "a_tool_is_interrupted",
        "an_interruption_takes_its_requests_away",
        "words_are_taken_during_a_turn",
        "a_key_that_is_not_accepted_needs_a_person",
        "a_limit_without_an_end_is_a_limit",
        "the_dead_take_no_prompt",
    ),
}
"""Who speaks another's protocol with small differences is examined where these are."""

REAL: Final = ("claude", "codex", "gemini", "qwen", "opencode")


def real(name: str, model: ScriptedModel) -> Subject:
    """Return a real program whose model is the scripted one; FileNotFoundError if it is not installed."""
    preset = PRESETS[name]
    program(preset.command[0])
    return Subject(
        name=name,
        adapter=_ADAPTERS[preset.adapter](),
        pool=PoolSpec(
            name="worker",
            role=Role.WORKER,
            command=preset.command,
            adapter=preset.adapter,
            agent=name,
            model=_MODELS.get(name, MODEL),
            env={**variables_for(name, model.address), **_IN_NO_HURRY.get(name, {})},
            home=ClientHome.PRIVATE,
        ),
        says_link=preset.adapter != "acp",
        calls=model.calls,
        not_for=_NOT_FOR.get(name, {}),
        path=search_path(),
    )
