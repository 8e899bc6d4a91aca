"""How much is at risk in an act: told from its words, too high rather than too low."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.command_line import Command, command_of, parsed
from supervisor.model.tiers import (
    FINAL,
    OUTSIDE,
    READS,
    UNDOABLE,
    WORDS_MAX,
    Act,
    file_paths,
    paths_of,
    tier_of,
)


def shell(command: Any, cwd: str = "/project") -> int:
    return tier_of(
        Act(kind="shell", tool="Bash", payload={"command": command}, cwd=cwd, workspace="/project")
    )


@pytest.mark.parametrize(
    "command",
    [
        "ls -la",
        "cat a.py | grep -n 'rm -rf' | head -5",
        "git status && git diff HEAD~1",
        "find . -name '*.py'",
        "bash -lc 'ls src'",
        ["bash", "-c", "cat a"],
        "ls 2>&1",
        "cat < a.txt",
        'echo "a \\"b\\" c"',
        "echo a\\ b\n ls",
    ],
)
def test_what_only_reads_in_the_workspace_is_tier_0(command: Any) -> None:
    assert shell(command) == READS


@pytest.mark.parametrize(
    "command", ["touch a", "mkdir -p src/x", "echo hi > a.txt", "git commit -m x", "cp a b", "ls > /dev/null"]
)
def test_what_can_be_undone_in_the_workspace_is_tier_1(command: str) -> None:
    assert shell(command) == UNDOABLE


@pytest.mark.parametrize(
    "command",
    [
        "curl example.org",
        "python x.py",
        "cat /etc/passwd",
        "cat ../x",
        "cat ~/.ssh/id_rsa",
        "cat --file=/etc/x",
        "cat .supervisor/agents/a/key",
        "echo x > .git/hooks/pre-commit",
        "echo x > ../a",
        "./ls",
        "FOO=1 ls",
        "l* x",
        "cat $HOME",
        "cat $(x)",
        "cat `x`",
        "ls (",
        "ls {a,b}",
        "cat << EOF",
        "ls >",
        "> a",
        "echo x | sh",
        'bash -c \'bash -c "bash -c \\"bash -c ls\\""\'',
        "bash script",
        "bash -x ls",
        "git log --output=x",
        "git fetch",
        "git",
        "find . -exec ls",
        "ls\x00",
        "",
        "   ",
        "x" * 20_000,
        ["ls", 7],
        {"run": "ls"},
        [],
    ],
)
def test_what_reaches_out_or_cannot_be_known_is_at_least_tier_2(command: Any) -> None:
    assert shell(command) == OUTSIDE


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf .",
        "rm -f a",
        "rm --recursive x",
        "rm --forc x",
        "ls; rm -fr x",
        "sudo rm -r x",
        "xargs rm -rf",
        "bash -c 'rm -rf x'",
        "'r'm -rf x",
        "echo $(rm -rf x)",
        "`rm -rf x`",
        "/bin/rm -rf x",
        "git push --force",
        "git push -f origin main",
        "git push origin +main",
        "git -C x push --force-with-lease",
        "git reset --hard",
        "git clean -fdx",
        "git branch -D x",
        "git stash drop",
        "git reflog expire",
        "git update-ref -d x",
        "git worktree remove x",
        "git filter-branch x",
        "git filter-repo x",
        "git checkout -- .",
        "git restore x",
        "find . -delete",
        "chmod -R 777 .",
        "rsync --delete a b",
        "dd if=a of=b",
        "mkfs.ext4 /dev/sda",
        "npm publish",
        "terraform destroy",
        "echo " + "x " * (WORDS_MAX + 1),
    ],
)
def test_what_cannot_be_undone_is_tier_3(command: str) -> None:
    assert shell(command) == FINAL


def test_two_commands_in_one_payload_are_not_taken_apart() -> None:
    act = Act(kind="shell", tool="x", payload={"command": "ls", "cmd": "rm -rf x"}, cwd="/w", workspace="/w")
    assert tier_of(act) == FINAL


@pytest.mark.parametrize(
    ("kind", "payload", "tier"),
    [
        ("read", {}, READS),
        ("read", {"file_path": "a"}, READS),
        ("read", {"file_path": ".git/config"}, READS),
        ("read", {"file_path": "/etc/passwd"}, OUTSIDE),
        ("read", {"path": ".supervisor/state.db"}, OUTSIDE),
        ("edit", {"file_path": "a"}, UNDOABLE),
        ("edit", {"changes": [{"path": "a"}, {"path": "b"}]}, UNDOABLE),
        ("edit", {"changes": {"a": {}, "/b": {}}}, OUTSIDE),
        ("edit", {"paths": ["a", 7]}, UNDOABLE),
        ("edit", {"file_path": "a", "grantRoot": "/"}, OUTSIDE),
        ("edit", {"file_path": "x/../../a"}, OUTSIDE),
        ("edit", {"file_path": ".claude/settings.json"}, OUTSIDE),
        ("edit", {"text": "no file"}, OUTSIDE),
        ("plan", {}, UNDOABLE),
        ("network", {}, OUTSIDE),
        ("mcp", {}, OUTSIDE),
        ("whatever", {}, OUTSIDE),
    ],
)
def test_files_are_judged_by_where_they_are(kind: str, payload: dict[str, Any], tier: int) -> None:
    assert tier_of(Act(kind=kind, tool="t", payload=payload, cwd="/project", workspace="/project")) == tier


def test_a_link_that_leads_out_makes_a_read_or_an_edit_reach_out() -> None:
    act = Act(kind="edit", tool="Edit", payload={"file_path": "a"}, cwd="/project", workspace="/project")
    assert tier_of(act, outside=True) == OUTSIDE


def test_without_a_workspace_nothing_is_inside() -> None:
    act = Act(kind="edit", tool="Edit", payload={"file_path": "/a"})
    assert (tier_of(act), act.place("a"), act.inside("a")) == (OUTSIDE, "", None)
    assert Act(kind="read", tool="", payload={}, workspace="/").inside("/etc") == "etc"
    assert Act(kind="read", tool="", payload={}, workspace="/w").inside("/w/") == "."
    assert Act(kind="read", tool="", payload={}, workspace="/w").inside("/project") is None


def test_the_paths_of_a_command_are_its_words_and_where_it_is_redirected() -> None:
    act = Act(kind="shell", tool="", payload={"command": "cat -n a < b > c"}, workspace="/w")
    assert paths_of(act) == ("a", "c", "b")
    assert paths_of(Act(kind="shell", tool="", payload={})) == ()
    assert paths_of(Act(kind="read", tool="", payload={"path": "a"})) == ("a",)


def test_files_are_looked_for_only_so_deep() -> None:
    deep: Any = {"path": "a"}
    for _ in range(10):
        deep = [deep]
    assert file_paths({"x": deep}) == ()


def test_a_command_line_is_taken_apart_by_words() -> None:
    line = parsed("make 'a b' && cat x >out 2>>err")
    assert line.clear
    assert line.commands == (
        Command(words=("make", "a b")),
        Command(words=("cat", "x"), writes=("out", "err")),
    )
    assert line.only is None
    assert parsed("cat < a").only is None
    assert parsed("make all").only == Command(words=("make", "all"))
    assert Command(words=()).program == ""
    assert command_of({}) is None


@given(st.text(max_size=200))
def test_no_line_is_too_odd_to_be_judged(text: str) -> None:
    assert shell(text) in {READS, UNDOABLE, OUTSIDE, FINAL}


@given(st.text(alphabet="ab $`(){}<>|&;'\"\\\n=*~./-!#", max_size=40))
def test_what_a_shell_would_expand_is_never_taken_as_read(text: str) -> None:
    outside_quotes = text.replace("'", "").replace("\\", "")
    if any(each in outside_quotes for each in "$`(){}!#") and "'" not in text and "\\" not in text:
        assert shell(f"cat {text}") >= OUTSIDE
