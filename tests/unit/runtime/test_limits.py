"""Descriptors: many for us, the usual number for our children."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from supervisor.runtime import limits
from supervisor.runtime.limits import settle_child

SCRIPT = """
import json, resource, subprocess, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
from supervisor.runtime.limits import raise_nofile, settle_child
raised = raise_nofile()
child = subprocess.Popen(["sleep", "60"])
settle_child(child.pid)
in_child = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
score = int(open(f"/proc/{child.pid}/oom_score_adj").read())
child.kill()
child.wait()
again = raise_nofile()
print(json.dumps({"raised": raised, "hard": hard, "child": in_child, "again": again, "score": score}))
"""


def test_the_soft_limit_is_raised_for_us_and_given_back_to_children() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, timeout=30)
    told = json.loads(done.stdout)
    assert told["raised"] == told["hard"] == told["again"]
    assert told["child"] == [256, told["hard"]]
    assert told["score"] == 300


def test_a_child_that_is_gone_needs_no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_inherited", [(256, 1024)])
    settle_child(2**22 + 1)


def test_elsewhere_children_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    settle_child(1)
