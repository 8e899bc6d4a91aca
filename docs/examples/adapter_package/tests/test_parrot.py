"""The suite that every adapter passes, and what is special about parrots."""

from __future__ import annotations

from pathlib import Path

import pytest
from parrot_agent.adapter import ParrotAdapter

from supervisor.adapters.events import AgentEvent, Text, TurnEnd, TurnReason
from supervisor.testing.adapter_conformance import RULES, Rule, make_trial


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_parrot_conforms(rule: Rule, tmp_path: Path) -> None:
    rule(ParrotAdapter(), make_trial(tmp_path))


class Cage:
    """A line that keeps what passes."""

    def __init__(self) -> None:
        self.sent = b""
        self.told: list[AgentEvent] = []

    def send(self, data: bytes) -> bool:
        self.sent += data
        return True

    def tell(self, event: AgentEvent) -> None:
        self.told.append(event)


def test_a_turn_is_a_line_and_its_answer(tmp_path: Path) -> None:
    cage = Cage()
    driver = ParrotAdapter().driver(make_trial(tmp_path).context, cage)
    driver.open()
    driver.prompt("pretty\nPolly")
    driver.hear(b"awk! pretty Po")
    driver.hear(b"lly\n.\n")
    assert cage.sent == b"pretty Polly\n"
    assert cage.told == [
        Text(text="awk! pretty Polly"),
        TurnEnd(ok=True, reason=TurnReason.DONE, final_text="awk! pretty Polly"),
    ]
    driver.prompt("again")
    driver.close()
    assert isinstance(cage.told[-1], TurnEnd)
    assert cage.told[-1].reason is TurnReason.LOST
