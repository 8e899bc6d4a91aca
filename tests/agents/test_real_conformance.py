"""The real programs under the same examination, with a model that plays scripts; no key, nothing outside."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from supervisor.testing.driver_conformance import CASES, Exam, cases_for, examine
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from supervisor.testing.scripted_model import ScriptedModel
from tests.agents.subjects import real

BY_NAME: Final = {case.name: case for case in CASES}

FIRST: Final = (
    "a_prompt_opens_one_conversation_and_ends_once",
    "tools_called_at_once_each_begin_and_end",
    "the_coordinator_is_called_without_asking",
    "a_coordinator_out_of_reach_is_said",
    "a_fresh_conversation_has_another_name",
    "a_killed_agent_goes_on_in_its_conversation",
    "usage_after_a_resume_is_no_total",
    "nothing_of_the_key_can_be_seen",
    "nothing_of_the_environment_gets_through",
    "stopping_leaves_no_process",
    "what_is_allowed_is_done",
    "what_is_denied_is_not_done",
    "an_offered_answer_can_be_chosen",
    "an_answer_to_nothing_open_is_refused",
    "a_request_goes_with_its_agent",
    "a_tool_is_interrupted",
    "an_agent_that_hangs_is_interrupted",
    "an_interruption_takes_its_requests_away",
    "words_are_taken_during_a_turn",
    "a_moment_of_overload_is_no_matter",
    "the_dead_take_no_prompt",
)
"""What is tried with the two that start within half a second."""

CHOSEN: Final = {
    "claude": (
        *FIRST,
        "what_is_rewritten_is_done_instead",
        "a_key_that_is_not_accepted_needs_a_person",
        "a_limit_without_an_end_is_a_limit",
    ),
    "codex": (*FIRST, "a_limit_with_an_end_says_when"),
    "gemini": (
        "the_coordinator_is_called_without_asking",
        "usage_is_told_in_increments",
        "an_interruption_takes_its_requests_away",
        "stopping_leaves_no_process",
    ),
    "qwen": (
        "the_coordinator_is_called_without_asking",
        "a_killed_agent_goes_on_in_its_conversation",
        "an_agent_that_hangs_is_interrupted",
        "stopping_leaves_no_process",
    ),
    "opencode": (
        "the_coordinator_is_called_without_asking",
        "an_interruption_takes_its_requests_away",
    ),
}


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case}") for name, cases in CHOSEN.items() for case in cases],
)
async def test_a_real_agent_conforms(
    name: str, case: str, tmp_path: Path, model: ScriptedModel, coordinator: ScriptedCoordinator
) -> None:
    subject = real(name, model)
    assert cases_for(subject, [case]), f"{case} does not apply to {name}"
    before = len(model.calls)
    await examine(BY_NAME[case], subject, tmp_path, url=coordinator.url)
    said = [call for call in model.calls if call.number > before and call.status == 404]
    assert not said, f"it asked for what no model has: {said}"


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "qwen"])
async def test_a_turn_asks_the_model_for_nothing_but_itself(
    name: str, tmp_path: Path, model: ScriptedModel, coordinator: ScriptedCoordinator
) -> None:
    exam = Exam(subject=real(name, model), directory=tmp_path, url=coordinator.url)
    before = len(model.calls)

    async with exam.talking() as talk:
        await talk.turn("SCRIPT: mcp whoami {} ;; say first")
        await talk.turn("SCRIPT: say second")

    paid = [call for call in model.calls if call.number > before and call.counts]
    assert [call.step for call in paid] == ["mcp whoami {}", "say first", "say second"]
