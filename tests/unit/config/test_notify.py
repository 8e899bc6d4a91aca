"""The sinks of a profile: what they may say, and that no secret can stand in them."""

from __future__ import annotations

import pytest

from supervisor.config.parse import parse_profile
from supervisor.errors import ProfileInvalid
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.model.team import TeamSpec

HEAD = 'name = "t"\n[[pools]]\nname = "w"\nrole = "worker"\ncommand = ["true"]\n'


def parsed(*sinks: str, pool: str = "") -> TeamSpec:
    return parse_profile(HEAD + pool + "".join(f"[[notify]]\n{sink}\n" for sink in sinks), "t.toml")


def problems_of(*sinks: str, pool: str = "") -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as refused:
        parsed(*sinks, pool=pool)
    return refused.value.problems


def test_a_sink_tells_of_everything_unless_it_says_of_what() -> None:
    team = parsed('name = "bell"\nkind = "bell"', 'name = "d"\nkind = "desktop"\non = ["help", "done"]')
    assert team.notify == (
        NotifySpec(name="bell", kind=SinkKind.BELL, on=tuple(NoticeKind)),
        NotifySpec(name="d", kind=SinkKind.DESKTOP, on=(NoticeKind.HELP, NoticeKind.DONE)),
    )
    assert all(isinstance(kind, NoticeKind) for kind in team.notify[1].on)


def test_every_key_of_a_sink_can_be_given() -> None:
    (sink,) = parsed(
        'name = "ops"\nkind = "webhook"\nurl_file = "~/ops.url"\nsecret_env = "OPS_SECRET"\n'
        "min_interval_s = 5\nper_hour = 60\nburst = 3\nallow_private = true"
    ).notify
    assert sink == NotifySpec(
        name="ops",
        kind=SinkKind.WEBHOOK,
        url_file="~/ops.url",
        secret_env="OPS_SECRET",
        min_interval_s=5.0,
        per_hour=60.0,
        burst=3,
        allow_private=True,
    )


@pytest.mark.parametrize(
    ("sink", "problem"),
    [
        ('kind = "webhook"', "notify.s.url_env: is missing: give `url_env` or `url_file`"),
        ('kind = "slack"\nurl_env = "A"\nurl_file = "/a"', "notify.s.url_file: stands beside `url_env`"),
        ('kind = "bell"\nurl_env = "A"', 'notify.s.url_env: has no effect on a sink of kind "bell"'),
        ('kind = "bell"\nallow_private = true', "notify.s.allow_private: has no effect"),
        ('kind = "slack"\nurl_env = "A"\nsecret_env = "B"', "notify.s.secret_env: has no effect"),
        (
            'kind = "webhook"\nurl_env = "A"\nsecret_env = "B"\nsecret_file = "/b"',
            "notify.s.secret_file: stands beside `secret_env`",
        ),
        ('kind = "bell"\non = []', "notify.s.on: must not be empty"),
        ('kind = "bell"\non = ["helpp"]', 'notify.s.on.#1: "helpp" is not allowed: one of `approval`'),
        ('kind = "bell"\non = ["help", "help"]', 'notify.s.on.#2: "help" stands in the list twice'),
        ('kind = "email"', 'notify.s.kind: must be one of "slack"'),
        ('kind = "slack"\nurl_env = "A"\nallow_private = "yes"', "must be true or false, without quotes"),
        ('kind = "slack"\nurl_env = "A"\nallow_private = 1', "must be true or false, without quotes"),
        ('kind = "slack"\nurl_file = "hook.url"', "a full path, or one that begins with `~/`"),
        ('kind = "slack"\nurl_file = "{profile_dir}/hook"', "a full path, or one that begins with `~/`"),
        ('kind = "slack"\nurl_env = "A B"', "notify.s.url_env"),
        ('kind = "slack"\nurl_env = "A"\nburst = 0', "notify.s.burst"),
        ('kind = "slack"\nurl_env = "A"\nper_hour = 0', "notify.s.per_hour"),
    ],
)
def test_what_a_sink_cannot_be_is_told_with_its_place(sink: str, problem: str) -> None:
    (told,) = problems_of(f'name = "s"\n{sink}')
    assert problem in told
    assert told.startswith("t.toml:")


@pytest.mark.parametrize("key", ["url", "webhook_url", "secret", "token"])
def test_a_secret_has_no_place_in_a_profile(key: str) -> None:
    problems = problems_of(f'name = "s"\nkind = "webhook"\nurl_env = "A"\n{key} = "https://h.org/s3cr3t"')
    assert len(problems) == 1
    assert f"notify.s.{key}: unknown key" in problems[0]
    assert "s3cr3t" not in problems[0]


def test_two_sinks_need_names_of_their_own() -> None:
    (told,) = problems_of('name = "s"\nkind = "bell"', 'name = "s"\nkind = "desktop"')
    assert 'another sink is called "s" already' in told


@pytest.mark.parametrize("key", ["url_env", "secret_env"])
def test_a_variable_that_agents_are_given_holds_no_secret(key: str) -> None:
    sink = (
        'name = "s"\nkind = "webhook"\n' + ('url_env = "A"\n' if key != "url_env" else "") + f'{key} = "HOOK"'
    )
    (told,) = problems_of(sink, pool='env_allow = ["HOOK"]\n')
    assert f"notify.s.{key}: HOOK is handed on to agents by `env_allow`" in told


def test_problems_of_values_do_not_hide_behind_each_other() -> None:
    problems = problems_of("kind = 3\nname = 4", 'kind = "slack"\nurl_env = 5')
    assert [told.split(": ")[1] for told in problems] == [
        "notify.#1.kind",
        "notify.#1.name",
        "notify.#2.name",
        "notify.#2.url_env",
    ]
