"""Plans and tasks.toml through the command line and a real engine, whose agents only sleep."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 60.0
PAGE: Final = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")

TEAM: Final = 'name = "demo"\ndescription = "for tests"\n' + "".join(
    f'[[pools]]\nname = "{name}"\nrole = "worker"\n{more}command = ["/bin/sleep", "300"]\n'
    for name, more in (
        ("architect", ""),
        ("developer", 'tags = ["python"]\n'),
        ("tester", ""),
        ("pair", "size = 2\n"),
    )
)


def block(language: str) -> str:
    """Return the first code block of a language on the page about plans."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


class CommandLine:
    """Runs `supervisor` on one project, each time in a process of its own."""

    def __init__(self, project: Path, runtime: Path) -> None:
        self.project = project
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(runtime),
            "XDG_RUNTIME_DIR": str(runtime),
            "PYTHONPATH": str(ROOT),
        }

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "supervisor", *words, "--project", str(self.project)]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), env=self.env, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    def ask(self, *words: str) -> dict[str, Any]:
        ended = self(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told


@pytest.fixture
def sup(tmp_path: Path) -> Iterator[CommandLine]:
    """A running team on a project."""
    runtime = Path(tempfile.mkdtemp(prefix="sup-"))
    (tmp_path / "project").mkdir()
    (tmp_path / "team.toml").write_text(TEAM)
    line = CommandLine((tmp_path / "project").resolve(), runtime)
    words = line.words("run", str(tmp_path / "team.toml"))
    running = subprocess.Popen(words, env=line.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + DEADLINE_S
    while line("task", "list").returncode != 0 or not line.ask("status")["live"]:
        assert time.monotonic() < end, "the engine did not come up"
    yield line
    line("down", "--now")
    running.wait(DEADLINE_S)
    shutil.rmtree(runtime)


def test_the_example_of_the_page_is_imported_changed_and_imported_again(sup: CommandLine) -> None:
    plan = sup.project / "plan.md"
    plan.write_text(block("markdown"))

    rehearsed = sup.ask("plan", "import", str(plan), "--dry-run")
    made = sup.ask("plan", "import", str(plan))
    again = sup.ask("plan", "import", str(plan))

    assert rehearsed["created"] == made["created"]
    assert len(made["created"]) == 10
    assert (again["created"], again["updated"], again["conflicts"]) == ({}, {}, {})
    assert again["unchanged"] == made["created"]

    plan.write_text(plan.read_text().replace("Ask three users", "Ask four users {#ask-three-users}"))
    changed = sup.ask("plan", "import", str(plan))
    assert changed["updated"] == {"ask-three-users": made["created"]["ask-three-users"]}

    tasks = {task["key"]: task for task in sup.ask("plan", "show", "P1")["tasks"]}
    assert tasks["errors"]["assignee"] == "architect"
    assert tasks["design"]["criteria"] == ["every call has an example", "the phone team has read it"]
    assert tasks["load-test-it"]["blocked_by"] == ["track"]
    assert tasks["announce-it"]["blocked_by"] == ["dependency", "wave"]
    assert tasks["rename-the-old-endpoint"]["state"] == "pending"
    assert "opens when" in sup("task", "why", tasks["load-test-it"]["id"]).stdout


def test_the_tutorials_file_is_pushed_twice_pulled_and_waited_for(sup: CommandLine) -> None:
    tasks = sup.project / "tasks.toml"
    text = f"# kept\n{block('toml')}"
    tasks.write_text(text)

    assert sup.ask("sync", "push")["created"] == {"design": "T1", "implement": "T2"}
    assert sup.ask("sync", "push")["unchanged"] == {"design": "T1", "implement": "T2"}
    assert sup("wait", "T1", "--timeout", "0s").returncode == 124
    assert sup("task", "add", "work that keeps the run open").returncode == 0

    assert sup("task", "skip", "T1", "--reason", "there is one").returncode == 0
    assert sup("wait", "T1", "idle:architect", "--timeout", "30s").returncode == 0
    assert sup.ask("task", "show", "T2")["task"]["blocked_by"] == ["dependency_failed"]
    assert sup("task", "unblock", "T2", "--force", "--yes").returncode == 0
    assert sup("task", "cancel", "T2", "--reason", "enough").returncode == 0
    assert sup("wait", "P1", "T2", "--all", "--timeout", "30s").returncode == 0

    assert sup.ask("sync", "diff")["pull"] == [
        {"id": "design", "task": "T1", "file": "pending", "written": "skipped"},
        {"id": "implement", "task": "T2", "file": "pending", "written": "cancelled"},
    ]
    assert sup("sync", "pull").returncode == 0
    assert tasks.read_text() == text.replace("pending", "skipped", 1).replace("pending", "cancelled", 1)
    pushed = sup.ask("sync", "push")
    assert pushed["unchanged"] == {"design": "T1"}
    assert "T2 is cancelled and differs" in pushed["conflicts"]["implement"]  # force had cut its dependency


def test_an_agent_that_is_nobody_keeps_the_whole_file_back(sup: CommandLine) -> None:
    (sup.project / "tasks.toml").write_text(block("toml").replace("architect", "architcet", 1))

    refused = sup("sync", "push")

    assert refused.returncode == 2
    assert "did you mean `architect`?" in refused.stderr
    assert sup.ask("task", "list")["tasks"] == []


def test_a_task_is_steered_through_all_that_can_be_done_with_it(sup: CommandLine) -> None:
    def state(*words: str) -> str:
        return str(sup.ask("task", *words)["task"]["state"])

    assert state("add", "one", "--assignee", "architect", "--review") == "pending"
    assert state("add", "two", "--after", "T1", "--delay", "1h", "--requires", "python") == "blocked"
    assert state("add", "part", "--parent", "T1") == "pending"
    assert sup.ask("agent", "quarantine", "architect")["agent"]["quarantined"] == "by hand"
    assert "`supervisor agent release`" in sup("task", "why", "T1").stdout
    assert sup.ask("agent", "release", "architect")["agent"]["quarantined"] == ""
    assert state("edit", "T2", "--title", "second", "--priority", "critical") == "blocked"
    assert state("hold", "T3", "--reason", "later") == "blocked"
    assert state("unhold", "T3") == "pending"
    assert state("assign", "T3", "--group", "nobodys") == "pending"
    assert "no agent of this team has the group nobodys" in sup("task", "why", "T3").stdout
    assert sup("task", "cancel", "T1", "--reason", "x").returncode == 2
    assert state("cancel", "T1", "--reason", "x", "--yes") == "cancelled"
    assert state("show", "T3") == "cancelled"
    assert state("retry", "T1") == "pending"
    assert state("unblock", "T2", "--force", "--yes") == "pending"
    assert sup("task", "link", "T2", "T2").returncode == 1
    assert sup.ask("task", "note", "T2", "mind the gap")["note"]["author"] == "human"
    assert [task["id"] for task in sup.ask("task", "list", "--state", "open")["tasks"]] == ["T1", "T2"]
