"""key and join: what is printed where, what is written, what is asked."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.key_files import key_file, read_key, save_key
from supervisor.cli.key_verbs import Time
from supervisor.clock import SystemClock
from supervisor.errors import NotFound, StateUnsafe, WrongState
from supervisor.store.store import Store
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN
from supervisor.workspace.remembered_port import remember_port
from supervisor.workspace.state_dir import open_state

Run = Callable[..., Result]
SECRET = "sup_" + "0" * 64
LENS: dict[str, Any] = {
    "name": "lens",
    "role": "judge",
    "groups": [],
    "tags": [],
    "label": "\x1b[31mAda",
    "tools": "core",
    "state": "active",
    "serial": 1,
    "created_at": BEGIN,
    "rotated_at": None,
    "expires_at": None,
    "lifetime_s": None,
    "ended_at": None,
}
URL = "http://127.0.0.1:40123/mcp"


@pytest.fixture
def keyed(engine: ScriptedEngine) -> ScriptedEngine:
    """An engine with one key that answers every verb about keys."""
    made = {"key": LENS, "secret": SECRET}
    engine.answers |= {
        "key_create": made,
        "key_rotate": made,
        "key_revoke": {"key": LENS | {"state": "revoked"}},
        "key_list": {"keys": [LENS | {"last_used_at": BEGIN}]},
        "endpoint": {"url": URL},
    }
    return engine


def test_a_created_key_alone_is_data_and_the_rest_is_narration(run: Run, keyed: ScriptedEngine) -> None:
    belongs = ("--group", "a", "--group", "b", "--tag", "c", "--label", "Ada")
    made = run("key", "create", "lens", "--role", "judge", *belongs, "--expires", "30d")
    assert (made.exit_code, made.stdout) == (0, SECRET + "\n")
    assert "shown this once" in made.stderr
    assert "supervisor join lens" in made.stderr
    assert keyed.asked[-1] == (
        "key_create",
        {
            "name": "lens",
            "role": "judge",
            "groups": ["a", "b"],
            "tags": ["c"],
            "label": "Ada",
            "tools": "core",
            "lifetime_s": 30 * 86400.0,
        },
    )


def test_quiet_says_nothing_else_and_json_says_it_as_data(run: Run, keyed: ScriptedEngine, ask: Any) -> None:
    made = run("key", "create", "lens", "--role", "judge", "--quiet")
    assert (made.stdout, made.stderr) == (SECRET + "\n", "")
    assert ask("key", "create", "lens", "--role", "judge")["secret"] == SECRET
    assert ask("key", "rotate", "lens")["type"] == "key_rotate"


def test_a_kept_key_is_in_a_file_of_its_owner_and_not_printed(
    run: Run, keyed: ScriptedEngine, ask: Any, project: Path
) -> None:
    kept = run("key", "create", "lens", "--role", "judge", "--save")
    file = project / ".supervisor" / "agents" / "lens" / "key"
    assert (kept.stdout, read_key(file)) == (f"{file}\n", SECRET)
    assert SECRET not in kept.stderr
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    told = ask("key", "rotate", "lens", "--save")
    assert (told["file"], "secret" in told) == (str(file), False)


def test_the_list_shows_foreign_words_harmlessly(run: Run, keyed: ScriptedEngine, ask: Any) -> None:
    listed = run("key", "list")
    assert listed.stdout.splitlines()[0].split()[:3] == ["NAME", "ROLE", "STATE"]
    assert "\\x1b[31mAda" in listed.stdout
    assert ask("key", "list")["keys"][0]["name"] == "lens"
    over = LENS | {"last_used_at": None, "expires_at": BEGIN + 60, "state": "expired"}
    keyed.answers["key_list"] = {"keys": [over]}
    assert run("key", "list").stdout.splitlines()[1].split()[2] == "expired"
    keyed.answers["key_list"] = {"keys": []}
    assert "no keys" in run("key", "list").stderr


def test_a_rotation_says_how_long_the_old_key_is_taken(run: Run, keyed: ScriptedEngine) -> None:
    rotated = run("key", "rotate", "lens", "--grace", "2m")
    assert keyed.asked[-1] == ("key_rotate", {"name": "lens", "grace_s": 120.0})
    assert "another 2m" in rotated.stderr
    assert "another" not in run("key", "rotate", "lens").stderr


def test_a_key_is_revoked_by_somebody_who_means_it(
    run: Run, keyed: ScriptedEngine, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = run("key", "revoke", "lens")
    assert (nobody.exit_code, keyed.asked) == (2, [])
    assert "--yes" in nobody.stderr
    assert run("key", "revoke", "lens", "--yes").stdout == "key lens is revoked\n"
    assert ask("key", "revoke", "lens", "--yes")["key"]["state"] == "revoked"
    keyed.asked.clear()
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)
    assert run("key", "revoke", "lens", keys="n\n").exit_code == 2
    assert keyed.asked == []
    assert run("key", "revoke", "lens", keys="y\n").exit_code == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800)]
)
def test_a_time_has_a_unit(text: str, seconds: float) -> None:
    assert Time().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1y", "9999999999d"])
def test_a_time_without_one_is_refused(run: Run, text: str) -> None:
    assert run("key", "create", "x", "--role", "judge", "--expires", text).exit_code == 2


def test_what_an_engine_refuses_is_not_done_offline(run: Run, keyed: ScriptedEngine) -> None:
    keyed.answers["key_create"] = WrongState("there is a key `lens` already")
    assert run("key", "create", "lens", "--role", "judge").exit_code == 1


def test_without_an_engine_and_a_team_nothing_is_made(run: Run, project: Path) -> None:
    refused = run("key", "create", "lens", "--role", "judge")
    assert (refused.exit_code, list(project.iterdir())) == (5, [])
    assert "no team has run" in refused.stderr


def test_join_prints_the_file_and_says_where_it_goes(run: Run, keyed: ScriptedEngine, project: Path) -> None:
    shown = run("join", "lens", "--client", "claude")
    assert json.loads(shown.stdout)["mcpServers"]["supervisor"]["url"] == URL
    assert str(project / ".mcp.json") in shown.stderr
    assert "claude mcp add --transport http" in shown.stderr
    assert "supervisor key rotate lens --save" in shown.stderr
    assert not (project / ".mcp.json").exists()


def test_join_as_data(run: Run, keyed: ScriptedEngine, ask: Any, project: Path) -> None:
    told = ask("join", "lens", "--client", "codex")
    assert told["file"] == str(project / ".codex/config.toml")
    assert (told["variable"], told["key_exists"], told["written"]) == ("SUPERVISOR_KEY", True, False)
    piped = ask("join", "lens", "--client", "codex", "--stdio")
    assert piped["variable"] is None
    assert piped["key_file"] in piped["text"]


def test_join_writes_key_and_file_and_neither_holds_the_other(
    run: Run, keyed: ScriptedEngine, project: Path, tmp_path: Path
) -> None:
    keyed.answers["key_list"] = {"keys": []}
    into = tmp_path / "elsewhere"
    done = run("join", "lens", "--client", "gemini", "--role", "judge", "--write", "--into", str(into))
    file = into / ".gemini" / "settings.json"
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_text() + done.stdout + done.stderr
    assert read_key(project / ".supervisor" / "agents" / "lens" / "key") == SECRET
    assert "key_create" in {verb for verb, _ in keyed.asked}
    keyed.answers["key_list"] = {"keys": [LENS | {"last_used_at": None}]}
    again = run("join", "lens", "--client", "gemini", "--write", "--into", str(into))
    assert "has the entry already" in again.stderr
    assert 'SUPERVISOR_KEY="$(cat ' in again.stderr


def test_join_makes_no_key_unless_it_writes_and_is_told_a_role(run: Run, keyed: ScriptedEngine) -> None:
    keyed.answers["key_list"] = {"keys": [LENS | {"state": "revoked", "last_used_at": None}]}
    shown = run("join", "lens", "--client", "claude", "--role", "judge")
    assert "supervisor key create lens --role worker --save" in shown.stderr
    run("join", "lens", "--client", "opencode", "--write", "--yes")
    assert {verb for verb, _ in keyed.asked} == {"endpoint", "key_list"}


def test_join_changes_a_file_only_with_leave(
    run: Run, keyed: ScriptedEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "opencode.json"
    file.write_text('{"theme": "dark"}')
    asked = run("join", "lens", "--client", "opencode", "--write")
    assert (asked.exit_code, file.read_text()) == (2, '{"theme": "dark"}')
    assert '+  "mcp": {' in asked.stderr
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)
    assert run("join", "lens", "--client", "opencode", "--write", keys="y\n").exit_code == 0
    assert json.loads(file.read_text())["theme"] == "dark"
    assert json.loads(file.read_text())["mcp"]["supervisor"]["url"] == URL


def test_join_leaves_what_it_cannot_read_and_follows_no_link(
    run: Run, keyed: ScriptedEngine, project: Path, tmp_path: Path
) -> None:
    file = project / "opencode.json"
    file.write_text("// mine\n{}")
    refused = run("join", "lens", "--client", "opencode", "--write", "--yes")
    assert (refused.exit_code, file.read_text()) == (1, "// mine\n{}")
    assert "left as it is" in refused.stderr
    file.write_bytes(b"\xff")
    assert "by hand" in run("join", "lens", "--client", "opencode", "--write", "--yes").stderr
    file.write_text(" " * 1024 * 1025)
    assert "by hand" in run("join", "lens", "--client", "opencode", "--write", "--yes").stderr
    file.unlink()
    (tmp_path / "target").write_text("{}")
    file.symlink_to(tmp_path / "target")
    assert "symbolic link" in run("join", "lens", "--client", "opencode", "--write", "--yes").stderr
    assert (tmp_path / "target").read_text() == "{}"
    (project / ".qwen").write_text("a file where a directory must be")
    assert run("join", "lens", "--client", "qwen", "--write").exit_code == 1


def test_join_for_another_role_than_the_keys_is_refused(run: Run, keyed: ScriptedEngine) -> None:
    refused = run("join", "lens", "--client", "claude", "--role", "worker")
    assert refused.exit_code == 1
    assert "for a judge" in refused.stderr


def test_join_takes_the_clients_name_for_who_gives_none(run: Run, keyed: ScriptedEngine, ask: Any) -> None:
    assert ask("join", "--client", "codex")["name"] == "codex"
    assert ask("join", "--client", "mcp-json")["name"] == "agent"
    assert ask("join", "--client", "mcp-json", "--stdio")["key_exists"] is False


async def a_state(project: Path) -> None:
    async with Store(open_state(project, create=True).database, SystemClock()):
        pass


def test_without_an_engine_the_address_is_the_remembered_one(run: Run, project: Path) -> None:
    asyncio.run(a_state(project))
    assert "its address is not known" in run("join", "--client", "claude").stderr
    remember_port(open_state(project, create=False), 40123)
    shown = run("join", "--client", "claude")
    assert json.loads(shown.stdout)["mcpServers"]["supervisor"]["url"] == URL
    assert "no engine runs here" in shown.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET)
    file.chmod(mode)
    with pytest.raises(StateUnsafe, match="chmod 600"):
        read_key(file)


def test_a_key_file_that_is_none_is_refused(tmp_path: Path, run: Run) -> None:
    with pytest.raises(NotFound):
        read_key(tmp_path / "missing")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    (tmp_path / "x").write_text(SECRET)
    with pytest.raises(StateUnsafe):
        read_key(tmp_path / "link")
    with pytest.raises(StateUnsafe):
        read_key(tmp_path)
    assert run("mcp", "--key-file", str(tmp_path / "missing")).exit_code == 1
    assert "SUPERVISOR_KEY" in run("mcp").stderr


def test_join_hooks_for_claude_names_a_variable_and_never_the_key(
    run: Run, keyed: ScriptedEngine, ask: Any, project: Path
) -> None:
    told = ask("join", "lens", "--client", "claude", "--hooks")
    (entry,) = json.loads(told["text"])["hooks"]["PermissionRequest"]
    (hook,) = entry["hooks"]

    assert hook["url"].endswith("/hook")
    assert hook["headers"] == {"Authorization": "Bearer $SUPERVISOR_KEY"}
    assert hook["allowedEnvVars"] == ["SUPERVISOR_KEY"]
    assert told["start"] == "claude --settings .claude/supervisor-hooks.json"
    assert told["written"] is False
    shown = run("join", "lens", "--client", "claude", "--hooks")
    assert "PermissionRequest" in shown.stdout
    assert "key create lens" in shown.stderr


def test_join_hooks_for_codex_keeps_the_key_in_a_private_file_that_curl_reads(
    run: Run, keyed: ScriptedEngine, project: Path
) -> None:
    open_state(project, create=True)
    assert run("join", "lens", "--client", "codex", "--hooks", "--write").exit_code == 1
    assert not (project / ".codex" / "hooks.json").exists()
    save_key(project, "lens", "sup_secret")
    assert run("join", "lens", "--client", "codex", "--hooks", "--write").exit_code == 0
    ended = run("join", "lens", "--client", "codex", "--hooks", "--write")
    assert ended.exit_code == 0, ended.stderr
    written = (project / ".codex" / "hooks.json").read_text()
    curl = key_file(project, "lens").parent / "hook.curl"

    assert str(curl) in written
    assert "sup_secret" not in written + ended.stdout + ended.stderr
    assert curl.read_text() == 'header = "Authorization: Bearer sup_secret"\n'
    assert stat.S_IMODE(curl.stat().st_mode) == 0o600
    assert "has the hooks already" in ended.stderr


@pytest.mark.parametrize(
    ("present", "code"), [('{"other": 1}', 0), ('{"hooks": {}}', 1), ("{", 1), ("[]", 1)]
)
def test_join_hooks_adds_to_settings_without_hooks_and_leaves_all_others(
    run: Run, keyed: ScriptedEngine, project: Path, present: str, code: int
) -> None:
    file = project / ".claude" / "supervisor-hooks.json"
    file.parent.mkdir()
    file.write_text(present)
    assert run("join", "--client", "claude", "--hooks", "--write").exit_code == (1 if code else 2)
    assert file.read_text() == present
    assert run("join", "--client", "claude", "--hooks", "--write", "--yes").exit_code == code
    assert (file.read_text() != present) is (code == 0)


def test_join_hooks_says_which_clients_have_some(run: Run, keyed: ScriptedEngine) -> None:
    ended = run("join", "--client", "gemini", "--hooks")
    assert (ended.exit_code, "claude, codex" in ended.stderr) == (1, True)
