"""How Codex is started: its home, its configuration, its login, and what it may do."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.codex import CodexAdapter
from supervisor.adapters.codex_config import config_of
from supervisor.adapters.events import AgentEvent
from supervisor.adapters.kit import add_to_kit
from supervisor.model.driving import Allowed, ClientHome
from supervisor.testing.adapter_conformance import make_trial


@pytest.fixture
def context(tmp_path: Path) -> LaunchContext:
    bare = make_trial(tmp_path).context
    pool = replace(bare.pool, command=("codex", "app-server"), model="m-1")
    return replace(bare, pool=pool, environ={"PATH": "/bin", "HOME": str(tmp_path / "home")})


def with_pool(context: LaunchContext, **changes: Any) -> LaunchContext:
    return replace(context, pool=replace(context.pool, **changes))


def config(context: LaunchContext) -> dict[str, Any]:
    return tomllib.loads(config_of(context))


def own_file(context: LaunchContext, text: str) -> Path:
    home = Path(context.environ["HOME"]) / ".codex"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(text, encoding="utf-8")
    return home


def test_it_is_started_with_a_home_in_the_kit_and_spoken_with_on_its_stdin(context: LaunchContext) -> None:
    launch = CodexAdapter().launch(with_pool(context, args=("-c", "a=1")))
    assert launch.argv == ("codex", "app-server", "-c", "a=1")
    assert launch.env["CODEX_HOME"] == str(context.kit.directory / "codex")
    assert (launch.takes_input, launch.errors_apart) == (True, True)
    assert launch.polite is not None
    assert launch.polite.close_input


def test_no_variable_of_the_pool_moves_its_home(context: LaunchContext) -> None:
    launch = CodexAdapter().launch(with_pool(context, env={"CODEX_HOME": "/elsewhere"}))
    assert launch.env["CODEX_HOME"] == str(context.kit.directory / "codex")


def test_the_team_s_tools_come_by_its_configuration_with_the_key_in_a_header(context: LaunchContext) -> None:
    server = config(context)["mcp_servers"]["supervisor"]
    assert server["url"] == context.kit.url
    assert server["http_headers"] == {"Authorization": f"Bearer {context.kit.key}"}
    assert (server["default_tools_approval_mode"], server["required"]) == ("approve", True)


def test_nothing_calls_home(context: LaunchContext) -> None:
    told = config(context)
    assert not any(told["features"].values())
    assert (told["check_for_update_on_startup"], told["analytics"]["enabled"]) == (False, False)


@pytest.mark.parametrize(
    ("allowed", "policy", "sandbox"),
    [
        (Allowed.READ, "untrusted", "danger-full-access"),
        (Allowed.EDIT, "on-request", "workspace-write"),
        (Allowed.ALL, "never", "danger-full-access"),
    ],
)
def test_what_is_allowed_is_said_with_the_role_when_a_thread_begins(
    context: LaunchContext, allowed: Allowed, policy: str, sandbox: str
) -> None:
    line = Taken()
    driver = CodexAdapter().driver(with_pool(context, allowed=allowed), line)
    assert driver is not None
    driver.open()
    driver.hear(b'{"id":1,"result":{}}\n')
    told = line.sent.decode()
    assert f'"approvalPolicy":"{policy}"' in told
    assert f'"sandbox":"{sandbox}"' in told
    assert '"model":"m-1"' in told
    assert "You are `worker-2`" in told
    assert context.kit.key not in told


def test_without_a_model_codex_takes_its_own(context: LaunchContext) -> None:
    line = Taken()
    driver = CodexAdapter().driver(with_pool(context, model=""), line)
    assert driver is not None
    driver.open()
    driver.hear(b'{"id":1,"result":{}}\n')
    assert b'"model":' not in line.sent


class Taken:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> bool:
        self.sent += data
        return True

    def tell(self, event: AgentEvent) -> None: ...


# ---------------------------------------------------------------- whose login, whose model


def test_a_login_is_the_person_s_own_file(context: LaunchContext) -> None:
    _, login = CodexAdapter().files(context)
    assert (login.name, login.link) == ("codex/auth.json", Path(context.environ["HOME"], ".codex/auth.json"))
    moved = replace(context, environ={**context.environ, "CODEX_HOME": "/mine"})
    assert CodexAdapter().files(moved)[1].link == Path("/mine/auth.json")


def test_who_has_no_home_has_no_login(context: LaunchContext) -> None:
    assert len(CodexAdapter().files(replace(context, environ={}))) == 1


@pytest.mark.parametrize("home", [ClientHome.AUTO, ClientHome.PRIVATE])
def test_with_a_key_it_knows_nothing_of_the_person_s_own(context: LaunchContext, home: ClientHome) -> None:
    own_file(context, 'model_provider = "mine"')
    keyed = with_pool(context, home=home, env={"OPENAI_API_KEY": "sk-secret"})
    [file] = CodexAdapter().files(keyed)
    assert file.name == "codex-private/config.toml"
    told = tomllib.loads(file.text)
    assert told["model_provider"] == "by-key"
    assert told["model_providers"]["by-key"]["env_key"] == "OPENAI_API_KEY"
    assert told["model_providers"]["by-key"]["base_url"] == "https://api.openai.com/v1"
    assert "sk-secret" not in file.text


def test_a_key_that_is_passed_on_is_found_and_the_address_beside_it(context: LaunchContext) -> None:
    keyed = replace(
        with_pool(context, env_allow=("CODEX_API_KEY",), env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}),
        environ={**context.environ, "CODEX_API_KEY": "sk"},
    )
    provider = config(keyed)["model_providers"]["by-key"]
    assert (provider["env_key"], provider["base_url"]) == ("CODEX_API_KEY", "http://127.0.0.1:9/v1")


def test_a_variable_that_is_allowed_but_not_set_is_no_key(context: LaunchContext) -> None:
    assert "model_provider" not in config(with_pool(context, env_allow=("OPENAI_API_KEY",)))


def test_with_the_person_s_own_home_a_key_changes_nothing(context: LaunchContext) -> None:
    keyed = with_pool(context, home=ClientHome.OWN, env={"OPENAI_API_KEY": "sk"})
    assert "model_provider" not in config(keyed)
    assert len(CodexAdapter().files(keyed)) == 2


def test_of_the_person_s_own_configuration_only_who_answers_is_taken(context: LaunchContext) -> None:
    own_file(
        context,
        """
        model = "their-model"
        model_provider = "lab"
        notify = ["/bin/harm"]
        approval_policy = "never"
        model_context_window = 1000
        [model_providers.lab]
        name = "La \\"b\\" \\u007f"
        wire_api = "responses"
        supports_websockets = false
        stream_idle_timeout_ms = 5
        since = 2026-01-02
        [model_providers.lab.http_headers]
        "x y" = "1"
        [mcp_servers.harm]
        command = "/bin/harm"
        """,
    )
    told = config(context)
    assert (told["model"], told["model_provider"], told["model_context_window"]) == (
        "their-model",
        "lab",
        1000,
    )
    assert told["model_providers"]["lab"] == {
        "name": 'La "b" \x7f',
        "wire_api": "responses",
        "supports_websockets": False,
        "stream_idle_timeout_ms": 5,
        "since": date(2026, 1, 2),
        "http_headers": {"x y": "1"},
    }
    assert set(told["mcp_servers"]) == {"supervisor"}
    assert not {"notify", "approval_policy"} & set(told)


@pytest.mark.parametrize("text", ["not = = toml", "a = " + "[" * 5_000, "\0", 'projects = "all"'])
def test_a_configuration_that_cannot_be_read_is_none(context: LaunchContext, text: str) -> None:
    own_file(context, text)
    assert "supervisor" in config(context)["mcp_servers"]


def test_every_value_that_toml_has_is_spelled_so_that_it_is_read_again(context: LaunchContext) -> None:
    own_file(
        context,
        'model_providers = {a = {t = true, f = 1.5, l = ["x", 1], d = 2026-01-02T03:04:05Z, c = 03:04:05, '
        "e = {}}}",
    )
    told = config(context)["model_providers"]["a"]
    assert (told["t"], told["f"], told["l"], told["e"]) == (True, 1.5, ["x", 1], {})
    assert told["d"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


# ---------------------------------------------------------------- trust


def trust(context: LaunchContext) -> str:
    found: str = config(context)["projects"][str(context.directory)]["trust_level"]
    return found


def test_a_project_is_trusted_if_the_person_trusts_it_or_its_agents_may_do_all(
    context: LaunchContext,
) -> None:
    assert trust(context) == "untrusted"
    assert trust(with_pool(context, allowed=Allowed.ALL)) == "trusted"
    own_file(context, f'[projects."{context.project}"]\ntrust_level = "trusted"\n')
    assert trust(context) == "trusted"
    assert trust(replace(context, workspace=context.project / "worktree")) == "trusted"
    assert trust(with_pool(context, home=ClientHome.PRIVATE)) == "untrusted"


# ---------------------------------------------------------------- links in the kit


def test_a_link_takes_the_place_of_what_was_there_and_follows_nothing(
    context: LaunchContext, tmp_path: Path
) -> None:
    login = tmp_path / "auth.json"
    add_to_kit(context.kit, "codex/auth.json", "old")
    add_to_kit(context.kit, "codex/auth.json", "", link=login)
    place = add_to_kit(context.kit, "codex/auth.json", "", link=login)
    assert place.readlink() == login
    assert not login.exists()
    login.write_text("{}")
    add_to_kit(context.kit, "codex/auth.json", "of its own")
    assert not place.is_symlink()
    assert (login.read_text(), place.read_text()) == ("{}", "of its own")
    assert place.stat().st_mode & 0o777 == 0o600
