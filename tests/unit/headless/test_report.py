"""The report directory: whole files, safe to print, never through a planted link."""

from __future__ import annotations

import json
import os
import stat
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import ProjectNotWritable, StateUnsafe
from supervisor.headless.json_line import json_line
from supervisor.headless.junit import junit_lines
from supervisor.headless.log_copy import copy_log, safe_line
from supervisor.headless.report import run_facts, write_report
from supervisor.headless.whole_file import require_place, written_whole
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.event import Event, verify_chain
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.turn import Turn, TurnKind, turn_id
from supervisor.model.vote import Ballot, Vote
from supervisor.model.wire import from_wire
from supervisor.testing.scripted_team import ScriptedTeam, survey_in_progress

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\x00\ufffe]]><&\"'"
SUMMARY: dict[str, Any] = {"exit_code": 1, "outcome": "half done", "counts": {"done": 1}, "report": "r"}


@pytest.fixture
def team(tmp_path: Path) -> ScriptedTeam:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "worker-1.log").write_bytes(b"hello\n\x1b[31mred\xff\x9b\r\nlast without end")
    (logs / "worker-1.log.1").write_bytes(b"middle\n")
    (logs / "worker-1.log.2").write_bytes(b"oldest\n")
    (logs / "engine.log").write_bytes(b"started\n")
    return survey_in_progress(log_dir=str(logs))


def report_of(team: ScriptedTeam, directory: Path) -> None:
    write_report(directory, world=team.world, engine=team.engine, events=team.events, summary=SUMMARY)


def test_it_has_the_run_the_tests_the_events_and_the_logs(team: ScriptedTeam, tmp_path: Path) -> None:
    report = tmp_path / "deep" / "report"

    report_of(team, report)

    assert sorted(str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()) == [
        "events.jsonl",
        "junit.xml",
        "logs/engine.log",
        "logs/worker-1.log",
        "run.json",
    ]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in report.rglob("*") if path.is_file())


def test_run_json_tells_the_whole_run(team: ScriptedTeam, tmp_path: Path) -> None:
    team.record("vote.opened", vote_of_two())
    team.record("ballot.cast", Ballot(vote=vote_of_two().id, voter="a", choice="yes", rationale="why not"))
    report_of(team, tmp_path / "report")

    told = json.loads((tmp_path / "report" / "run.json").read_text())

    assert (told["v"], told["type"], told["exit_code"], told["outcome"]) == (1, "run", 1, "half done")
    assert [task["id"] for task in told["tasks"]] == ["T1", "T2", "T3"]
    assert told["run"]["team"] == "survey"
    assert told["last_event"] == team.world.seq
    assert told["approvals"][0]["id"] == "A1"
    assert told["votes"][0]["tally"] == {"yes": 1, "no": 0, "abstain": 0}
    assert told["votes"][0]["ballots"][0]["rationale"] == "why not"
    assert {agent["name"] for agent in told["agents"]} == {"planner", "worker-1", "worker-2"}


def vote_of_two() -> Vote:
    return Vote(
        id="V1",  # type: ignore[arg-type]
        run=1,
        question="?",
        options=("yes", "no"),
        electorate=("a", "b"),
        quorum=1,
        opened_by="judge",
        opened_at=0.0,
        deadline=1.0,
    )


def test_what_each_agent_used_is_summed_and_what_nobody_knows_is_null(team: ScriptedTeam) -> None:
    def turn(number: int, agent: str, **used: Any) -> Turn:
        return Turn(
            id=turn_id(number),
            run=team.world.run,
            agent=agent,
            incarnation=1,
            pool="w",
            kind=TurnKind.TASK,
            **used,
        )

    first = turn(1, "worker-1", input_tokens=100, output_tokens=10, cost_usd=0.5)
    second = turn(2, "worker-1", input_tokens=20, output_tokens=None, cost_usd=None, cost_unknown=True)
    other = turn(3, "worker-2")
    earlier = replace(turn(4, "worker-3", input_tokens=7), run=team.world.run - 1)
    team.world.tables["turn"] = {each.id: each for each in (first, second, other, earlier)}

    told = run_facts(team.world, team.engine, {})

    assert [each["id"] for each in told["turns"]] == ["U1", "U2", "U3"]
    assert told["usage"] == [
        {
            "agent": "worker-1",
            "turns": 2,
            "input_tokens": 120,
            "cached_tokens": None,
            "output_tokens": 10,
            "cost_usd": 0.5,
            "cost_unknown": True,
        },
        {
            "agent": "worker-2",
            "turns": 1,
            "input_tokens": None,
            "cached_tokens": None,
            "output_tokens": None,
            "cost_usd": None,
            "cost_unknown": False,
        },
    ]


def test_the_exported_events_are_the_log_itself_and_their_chain_verifies(
    team: ScriptedTeam, tmp_path: Path
) -> None:
    team.task(HOSTILE)
    report_of(team, tmp_path / "report")

    lines = (tmp_path / "report" / "events.jsonl").read_text().splitlines()
    events = [from_wire(Event, json.loads(line)) for line in lines]

    assert events == team.events
    assert verify_chain(events) == len(team.events)


def test_a_log_is_copied_from_its_oldest_part_on_with_every_hidden_byte_spelled(
    team: ScriptedTeam, tmp_path: Path
) -> None:
    report_of(team, tmp_path / "report")

    copied = (tmp_path / "report" / "logs" / "worker-1.log").read_text()

    assert copied == "oldest\nmiddle\nhello\n\\x1b[31mred\\xff\\x9b\nlast without end\n"


def test_c5_no_file_of_a_hostile_team_carries_a_control_character(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "worker-1.log").write_bytes(HOSTILE.encode("utf-8") + bytes(range(256)))
    team = survey_in_progress(log_dir=str(logs))
    team.change_task(
        "T1", "task.failed", actor=HOSTILE, state=TaskState.FAILED, result=HOSTILE, title=HOSTILE
    )
    team.agent("worker-1", state=AgentState.PARKED, reason=HOSTILE)
    team.message(HOSTILE, "human", HOSTILE)
    team.approval(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, reason=HOSTILE)

    report_of(team, tmp_path / "report")

    for path in (tmp_path / "report").rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            bad = {character for character in text if not character.isprintable()} - {"\n", "\t"}
            assert bad == set(), path


@given(st.text())
def test_json_lines_carry_anything_and_show_nothing(text: str) -> None:
    line = json_line({"text": text})

    assert json.loads(line)["text"] == text
    assert line.isascii()
    assert line.isprintable()


@given(st.binary(max_size=200))
def test_a_log_line_of_any_bytes_is_one_printable_line(raw: bytes) -> None:
    assert all(character.isprintable() or character == "\t" for character in safe_line(raw))


def test_junit_counts_what_failed_what_was_left_and_who_did_not_come_through() -> None:
    team = ScriptedTeam()
    team.start_run()
    team.task("fine", state=TaskState.DONE, result="<ok>", started_at=1.0, finished_at=3.5)
    team.task("broken", state=TaskState.FAILED, result=HOSTILE)
    team.task("waits", state=TaskState.BLOCKED, blocked_by=(BlockReason.DEPENDENCY,))
    team.task("withdrawn", state=TaskState.CANCELLED)
    team.agent("worker-1", state=AgentState.PARKED, last_exit=ExitInfo(kind=ExitClass.FAIL, code=2))

    suite = ET.fromstring("\n".join(junit_lines(team.world, "survey")))[0]
    cases = {case.get("name"): case for case in suite}

    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    assert cases["T1 fine"].get("time") == "2.500"
    assert cases["T1 fine"].findtext("system-out") == "<ok>"
    assert "\\x1b" in (cases["T2 broken"].findtext("failure") or "")
    assert cases["T3 waits"].find("failure") is not None
    assert cases["T4 withdrawn"].find("skipped") is not None
    failure = cases["worker-1"].find("error")
    assert failure is not None
    assert failure.get("message") == "parked: crashed with exit code 2"


@given(st.text(), st.text())
def test_junit_is_well_formed_whatever_agents_write(title: str, result: str) -> None:
    team = ScriptedTeam()
    team.start_run()
    team.task(title, state=TaskState.FAILED, result=result)

    ET.fromstring("\n".join(junit_lines(team.world, title)))


def test_a_planted_link_is_replaced_and_never_followed(team: ScriptedTeam, tmp_path: Path) -> None:
    report, victim = tmp_path / "report", tmp_path / "victim"
    report.mkdir()
    victim.write_text("precious")
    for name in ("run.json", "junit.xml", "events.jsonl"):
        (report / name).symlink_to(victim)

    report_of(team, report)

    assert victim.read_text() == "precious"
    assert not any(path.is_symlink() for path in report.iterdir())


def test_a_directory_that_is_a_link_is_refused(team: ScriptedTeam, tmp_path: Path) -> None:
    report, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    report.mkdir()
    elsewhere.mkdir()
    (report / "logs").symlink_to(elsewhere)

    with pytest.raises(StateUnsafe, match="symbolic link"):
        report_of(team, report)
    assert list(elsewhere.iterdir()) == []


def test_a_log_that_is_a_link_is_not_copied(team: ScriptedTeam, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    log = Path(team.engine.log_dir) / "worker-2.log"
    log.symlink_to(secret)

    report_of(team, tmp_path / "report")
    copy_log(log, tmp_path / "copy")

    assert not (tmp_path / "report" / "logs" / "worker-2.log").exists()
    assert (tmp_path / "copy").read_text() == ""


def test_an_agent_with_a_path_for_a_name_reads_no_file(team: ScriptedTeam, tmp_path: Path) -> None:
    (tmp_path / "outside.log").write_text("key")
    team.agent("../outside")

    report_of(team, tmp_path / "report")

    assert sorted(path.name for path in (tmp_path / "report" / "logs").iterdir()) == [
        "engine.log",
        "worker-1.log",
    ]


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.write_text("old")

    def write_half() -> None:
        with written_whole(target) as stream:
            stream.write("half")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        write_half()

    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_place_that_cannot_be_written_is_named(team: ScriptedTeam, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StateUnsafe, match="file is not a directory"):
        report_of(team, tmp_path / "file")
    with pytest.raises(ProjectNotWritable, match="cannot create"):
        report_of(team, tmp_path / "file" / "below")


def test_tasks_of_earlier_runs_stay_out(team: ScriptedTeam, tmp_path: Path) -> None:
    old = replace(team.world.tasks["T1"], run=0)
    team.record("task.done", old)

    report_of(team, tmp_path / "report")

    assert [task["id"] for task in json.loads((tmp_path / "report" / "run.json").read_text())["tasks"]] == [
        "T2",
        "T3",
    ]


def test_a_place_for_a_report_need_not_be_there_yet(tmp_path: Path) -> None:
    require_place(tmp_path)
    require_place(tmp_path / "deep" / "report")

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProjectNotWritable, match="File name too long"):
        require_place(tmp_path / ("x" * 300))
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with pytest.raises(ProjectNotWritable, match="no report can be left there"):
        require_place(tmp_path / "report")
