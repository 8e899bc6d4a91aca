"""A profile becomes the team it describes, or an error that tells every problem with its line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from supervisor.config.parse import BUILT_IN_ADAPTERS, PROFILE_MAX, parse_profile
from supervisor.config.problems import PROBLEMS_MAX
from supervisor.errors import ProfileInvalid
from supervisor.model.agent import Role
from supervisor.model.approval import Decision, Mode
from supervisor.model.branch import Restart
from supervisor.model.driving import Drive
from supervisor.model.rule import ApprovalRule
from supervisor.model.team import Backoff, OnDone, PoolSpec, StopLadder, TeamSpec

HERE = Path(__file__).parent
MINIMAL = 'name = "t"\n[[pools]]\nname = "w"\nrole = "worker"\ncommand = ["true"]\n'


def pool(name: str) -> str:
    return f'[[pools]]\nname = "{name}"\nrole = "worker"\ncommand = ["true"]\n'


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(text, "t.toml")
    return caught.value.problems


def test_every_key_of_a_profile_reaches_the_team(survey: str) -> None:
    team = parse_profile(survey, "/teams/survey.toml")

    assert team == TeamSpec(
        name="survey",
        description="Surveys a code base and writes report.md, without a model.",
        source="/teams/survey.toml",
        digest=hashlib.sha256(survey.encode()).hexdigest(),
        on_done=OnDone.STOP,
        deadline_s=1800.0,
        lease_s=60.5,
        settings={"report.title": "Survey", "max_files": "10000"},
        approvals=(
            ApprovalRule(
                decision=Decision.ALLOW,
                agents="worker-*",
                kinds="write_report",
                mode=Mode.HEADLESS,
                max_tier=1,
            ),
            ApprovalRule(decision=Decision.DENY, kinds="network"),
        ),
        pools=(
            PoolSpec(
                name="planner",
                role=Role.PLANNER,
                command=("{python}", "{profile_dir}/survey/planner.py", "--project={project}"),
                restart=Restart.TEMPORARY,
            ),
            PoolSpec(
                name="worker",
                role=Role.WORKER,
                command=("{python}", "{profile_dir}/survey/worker.py", "{agent}"),
                size=3,
                drive=Drive.SELF,
                env={"PYTHONHASHSEED": "0"},
                env_allow=("SSL_CERT_FILE",),
                tags=("git", "code"),
                groups=("analysts",),
                prompt="Take tasks\nuntil none is left.",
                restart=Restart.PERMANENT,
                intensity=3,
                period_s=60.0,
                start_timeout_s=20.0,
                max_runtime_s=3600.0,
                backoff=Backoff(base_s=0.5, factor=3.0, cap_s=30.0, jitter=0.0, reset_after_s=120.0),
                stop=StopLadder(leader_s=2.0, group_s=1.0, sweep_s=0.5),
            ),
            PoolSpec(
                name="judge",
                role=Role.JUDGE,
                command=("{python}", "{profile_dir}/survey/judge.py", "--report", "{report_dir}"),
            ),
        ),
    )
    assert isinstance(team.on_done, OnDone)
    assert isinstance(team.pools[0].role, Role)
    assert isinstance(team.approvals[0].decision, Decision)


def test_a_profile_with_only_what_is_required_takes_the_models_defaults() -> None:
    team = parse_profile(MINIMAL, "t.toml")

    assert team == TeamSpec(
        name="t",
        description="",
        source="t.toml",
        digest=team.digest,
        pools=(PoolSpec(name="w", role=Role.WORKER, command=("true",)),),
    )


def test_all_problems_are_told_at_once_in_the_order_of_their_lines() -> None:
    broken = (HERE / "broken_sample.toml").read_text(encoding="utf-8")
    expected = (HERE / "broken_sample.problems.txt").read_text(encoding="utf-8")

    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(broken, "team.toml")

    assert caught.value.problems == tuple(expected.splitlines())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("size = 0", "size: must be a whole number from 1 to 100, not 0"),
        ("size = 101", "size: must be a whole number from 1 to 100, not 101"),
        ("size = 2.0", "size: must be a whole number from 1 to 100, not 2.0"),
        (
            'size = "3"',
            'size: must be a whole number from 1 to 100, not the text "3"; write 3 without quotes',
        ),
        ("size = true", "size: must be a whole number from 1 to 100, not true"),
        ("size = []", "size: must be a whole number from 1 to 100, not a list"),
        ("period_s = nan", "period_s: must be a number from 1 to 86400, not nan"),
        ("period_s = inf", "period_s: must be a number from 1 to 86400, not inf"),
        (f"period_s = 0x{'f' * 4000}", "period_s: must be a number from 1 to 86400, not a huge number"),
        (
            "start_timeout_s = 2020-01-01",
            "start_timeout_s: must be a number from 1 to 3600, not a date or time",
        ),
        ("prompt = 3", 'prompt: must be text, not the number 3; write "3" with quotes'),
        ("prompt = false", 'prompt: must be text, not false; write "false" with quotes'),
        (
            'prompt = "a\\u0000b"',
            "prompt: contains a NUL character, which no program can be given; remove it",
        ),
        (f'prompt = "{"x" * 65_537}"', "prompt: has 65537 characters; at most 65536 are allowed"),
        ('restart = "always"', 'restart: must be one of "permanent", "transient", "temporary", not "always"'),
        ("restart = 1", 'restart: must be one of "permanent", "transient", "temporary", not the number 1'),
        ('drive = "shift"', 'drive: must be one of "auto", "self", "turns", not "shift"'),
        ('tags = "git"', 'tags: must be a list of texts, not the text "git"; write ["git"]'),
        ('tags = ["a", "b", "a"]', 'tags.#3: "a" stands in the list twice; remove one'),
        ("tags = [1]", 'tags.#1: must be text, not the number 1; write "1" with quotes'),
        (
            "env = {" + ", ".join(f"A{number} = 1" for number in range(101)) + "}",
            "env: has 101 keys; at most 100 are allowed",
        ),
        (f"tags = {['x'] * 101}", "tags: has 101 elements; at most 100 are allowed"),
        ("env = 3", "env: must be a table of texts, not the number 3"),
        ("env = { A = 1 }", 'env.A: must be text, not the number 1; write "1" with quotes'),
        ("backoff = 3", "backoff: must be a table, not the number 3; write `[pools.backoff]`"),
        ("stop = { leader = 3 }", "stop.leader: unknown key; did you mean `leader_s`?"),
        (
            "backoff = { cap_s = 0.5 }",
            "backoff.cap_s: must be at least `base_s` (1), not 0.5",
        ),
        ('adapter = "comand"', 'adapter: no adapter is called "comand"; did you mean `command`?'),
        (
            'adapter = "telepathy"',
            'adapter: no adapter is called "telepathy"; valid: '
            + ", ".join(f"`{name}`" for name in BUILT_IN_ADAPTERS),
        ),
        ("deadline_s = 3", "deadline_s: unknown key; `deadline_s` belongs under `[run]`"),
        ("leader_s = 3", "leader_s: unknown key; `leader_s` belongs under `[pools.stop]`"),
        ('decision = "ask"', "decision: unknown key; `decision` belongs under `[[approvals]]`"),
        ('description = "x"', "description: unknown key; `description` belongs at the top"),
        (
            'env = { SUPERVISOR_AGENT = "x" }',
            (
                'env.SUPERVISOR_AGENT: the name "SUPERVISOR_AGENT" is not allowed: letters, digits and '
                "`_`, not "
                "beginning with a digit, nor with `SUPERVISOR_` or `SUP_`"
            ),
        ),
    ],
)
def test_a_misfit_in_a_pool_is_told_with_what_would_fit(line: str, problem: str) -> None:
    assert problems_of(f"{MINIMAL}{line}\n") == (f"t.toml:6: pools.w.{problem}",)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("[]", "command: must not be empty"),
        ('[""]', "command.#1: must not be empty: the first element is the program"),
        (
            '["./run"]',
            (
                'command.#1: "./run" is a relative path; write `{profile_dir}/…` or `{project}/…`, a '
                "full path, "
                "or a bare name that is found by PATH"
            ),
        ),
        ('["~/run"]', 'command.#1: "~/run" begins with `~`, which is not replaced; write the full path'),
        (
            '["x", "${HOME}"]',
            (
                "command.#2: unknown placeholder `{HOME}`; valid: `{python}`, `{project}`, `{profile_dir}`, "
                "`{report_dir}`, `{agent}`; variables are not replaced. To pass it as it stands write "
                "`{{HOME}}`"
            ),
        ),
        (
            '["x", "{profile-dir}/a"]',
            (
                "command.#2: unknown placeholder `{profile-dir}`; did you mean `{profile_dir}`? To pass "
                "it as it "
                "stands write `{{profile-dir}}`"
            ),
        ),
        ('["a\\u0000"]', "command.#1: contains a NUL character, which no program can be given; remove it"),
        ('"it\'s"', 'command: must be a list of texts, not the text "it\'s"'),
    ],
)
def test_a_command_that_could_not_be_run_as_written_is_refused(command: str, problem: str) -> None:
    text = f'name = "t"\n[[pools]]\nname = "w"\nrole = "worker"\ncommand = {command}\n'

    assert problems_of(text) == (f"t.toml:5: pools.w.{problem}",)


@pytest.mark.parametrize(
    "program", ["/bin/true", "{python}", "{project}/tools/run", "{profile_dir}/run", "git"]
)
def test_a_program_is_a_bare_name_a_full_path_or_under_a_known_directory(program: str) -> None:
    text = MINIMAL.replace('"true"', f'"{program}"')

    assert parse_profile(text, "t.toml").pools[0].command == (program,)


@pytest.mark.parametrize("name", ["human", "supervisor", "engine", "all", "self", "outside"])
def test_a_reserved_name_is_refused(name: str) -> None:
    assert problems_of(MINIMAL.replace('"w"', f'"{name}"')) == (
        (
            f't.toml:3: pools.{name}.name: "{name}" is reserved '
            "(all, engine, human, outside, self, supervisor); choose another name"
        ),
    )


def test_two_pools_of_one_name_are_refused() -> None:
    assert problems_of(MINIMAL + pool("w")) == (
        't.toml:7: pools.w.name: another pool is called "w" already; pools need names of their own',
    )


def test_two_agents_of_one_name_are_refused() -> None:
    assert problems_of(f"{MINIMAL}size = 2\n{pool('w-2')}") == (
        't.toml:8: pools.w-2.name: its agent "w-2" would bear the name of one in pool "w"; rename it',
    )


def test_an_agents_name_that_grows_too_long_is_refused() -> None:
    name = "w" * 62
    text = MINIMAL.replace('"w"', f'"{name}"') + "size = 2\n"

    (problem,) = problems_of(text)
    assert problem.endswith(f'.name: its agents would be called "{name}-2", over 63 characters; shorten it')


def test_more_agents_than_a_team_may_have_are_refused() -> None:
    pools = "".join(f"{pool(f'b{n}')}size = 100\n" for n in range(3))

    assert problems_of(f'name = "t"\n{pools}') == (
        "t.toml:2: pools: have 300 agents in all; at most 200 are allowed: lower some `size`",
    )


def test_an_approval_rule_for_an_agent_nobody_is_called_is_refused() -> None:
    rule = '[[approvals]]\ndecision = "deny"\nagents = "ww"\n'

    assert problems_of(MINIMAL + rule) == (
        't.toml:8: approvals.#1.agents: "ww" matches no agent of this team; did you mean "w"?',
    )


def test_the_agents_are_listed_when_a_rule_is_nowhere_near_any_of_them() -> None:
    rule = '[[approvals]]\ndecision = "deny"\nagents = "zebra*"\n'

    assert problems_of(f"{MINIMAL}size = 11\n{rule}") == (
        (
            't.toml:9: approvals.#1.agents: "zebra*" matches no agent of this team; its agents: '
            "w-1, w-2, w-3, w-4, w-5, w-6, w-7, w-8, w-9, w-10, …"
        ),
    )


def test_a_rule_is_not_blamed_while_the_size_of_its_pool_is_wrong() -> None:
    rule = '[[approvals]]\ndecision = "deny"\nagents = "w-2"\n'

    assert problems_of(f"{MINIMAL}size = 0\n{rule}") == (
        "t.toml:6: pools.w.size: must be a whole number from 1 to 100, not 0",
    )


def test_a_tier_on_a_deny_is_refused_because_it_would_have_no_effect() -> None:
    rule = '[[approvals]]\ndecision = "deny"\nmax_tier = 1\n'

    assert problems_of(MINIMAL + rule) == (
        "t.toml:8: approvals.#1.max_tier: has no effect on a `deny`, which holds for every tier; remove it",
    )


def test_no_rule_can_reach_the_highest_tier() -> None:
    rule = '[[approvals]]\ndecision = "allow"\nmax_tier = 3\n'

    assert problems_of(MINIMAL + rule) == (
        "t.toml:8: approvals.#1.max_tier: must be a whole number from 0 to 2, not 3",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pools = 3", "2: pools: must be an array of tables, not the number 3; begin each with `[[pools]]`"),
        ("[pools]", "2: pools: must be an array of tables, not a table; begin each with `[[pools]]`"),
        ("pools = []", "2: pools: must not be empty; begin one with `[[pools]]`"),
        ("pools = [1]", "2: pools.#1: must be a table, not the number 1; begin it with `[[pools]]`"),
        (f"{pool('w')}[[run]]", "6: run: must be a table, not a list; write `[run]`"),
    ],
)
def test_a_table_of_the_wrong_shape_is_told_how_to_begin(text: str, problem: str) -> None:
    assert problems_of(f'name = "t"\n{text}') == (f"t.toml:{problem}",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = t", "t.toml:1: is not valid TOML (column 8): invalid value; text must stand in quotes"),
        ("\n\nname = 't", "t.toml:3: is not valid TOML: "),
        ('name = "a', "t.toml:1: is not valid TOML: "),
        ("\n[run\n", "t.toml:2: is not valid TOML (column 5): "),
        (f"a = {'9' * 5000}", "t.toml:1: is not valid TOML: a number is too long"),
        ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1", "t.toml:1: is nested deeper than 16 levels"),
        ("\n\ud800", "t.toml:2: is not valid UTF-8; save the file as UTF-8"),
        ("#" * (PROFILE_MAX + 1), "t.toml:1: has 262145 bytes; a profile may have at most 262144"),
        ("a = [" + "1," * 10_001 + "]", "t.toml:1: is one of more than 10000 keys and elements"),
    ],
)
def test_text_that_is_no_toml_is_refused_with_its_line(text: str, problem: str) -> None:
    (told,) = problems_of(text)

    assert told.startswith(problem)


def test_keys_that_stand_twice_are_all_told_with_both_lines() -> None:
    text = 'name = "t"\nname = "u"\n[run]\nlease_s = 3\n"lease_s" = 4\n[run]\n'

    assert problems_of(text) == (
        "t.toml:2: name: stands here a second time, first on line 1; keep one",
        "t.toml:5: run.lease_s: stands here a second time, first on line 4; keep one",
        "t.toml:6: run: stands here a second time, first on line 3; keep one",
    )


def test_a_key_that_stands_twice_does_not_hide_another_fault() -> None:
    assert problems_of("[z]\n[z]\n") == ("t.toml:2: z: stands here a second time, first on line 1; keep one",)

    first, second = problems_of("[a.b]\n[a]\nb.c = 1\n[z]\n[z]\n")
    assert first.startswith("t.toml:3: is not valid TOML (column 8): ")
    assert second == "t.toml:5: z: stands here a second time, first on line 4; keep one"


def test_after_a_hundred_problems_the_rest_is_left_for_later() -> None:
    text = MINIMAL + "".join(f"key{number} = 1\n" for number in range(PROBLEMS_MAX + 50))

    problems = problems_of(text)
    assert len(problems) == PROBLEMS_MAX + 1
    assert problems[-1] == "t.toml: more than 100 problems; mend these first"


def test_problems_never_carry_control_characters_of_the_profile() -> None:
    text = 'name = "\\u001b[31m"\n"\\u202E\\n" = 1\n[[pools]]\nname = "a\\nb"\n'

    problems = problems_of(text)
    assert len(problems) == 5
    assert all(problem.isprintable() for problem in problems)


def test_too_many_rules_and_an_empty_pattern_are_refused() -> None:
    rules = '[[approvals]]\ndecision = "ask"\n'

    assert problems_of(MINIMAL + rules * 201) == (
        "t.toml:6: approvals: has 201 entries; at most 200 are allowed",
    )
    assert problems_of(f'{MINIMAL}{rules}kinds = ""\n') == (
        "t.toml:8: approvals.#1.kinds: must not be empty",
    )


def test_the_adapters_that_may_be_named_can_be_given() -> None:
    text = f'{MINIMAL}adapter = "acp"\n'

    assert parse_profile(text, "t.toml", adapters=["acp"]).pools[0].adapter == "acp"


def test_the_error_counts_the_problems_and_names_the_profile() -> None:
    with pytest.raises(
        ProfileInvalid, match=r"^the profile teams/t\.toml has 2 problems\. Nothing was started\.$"
    ) as two:
        parse_profile("", "/home/me/teams/t.toml", shown_as="teams/t.toml")
    with pytest.raises(ProfileInvalid, match=r"has 1 problem\."):
        parse_profile("x", "t.toml")

    assert two.value.problems[0].startswith("teams/t.toml:1: name: is missing: ")
    assert two.value.details["problems"] == list(two.value.problems)


CHIEF = '[[pools]]\nname = "{name}"\nrole = "orchestrator"\ncommand = ["true"]\n'


def test_a_team_has_one_orchestrator_at_most() -> None:
    one = 'name = "t"\n' + CHIEF.format(name="chief")
    assert parse_profile(one, "t.toml").pools[0].role is Role.ORCHESTRATOR
    assert problems_of(one + CHIEF.format(name="other")) == (
        (
            't.toml:8: pools.other.role: a team has one orchestrator at most, and pool "chief" is it; '
            'make this one a "planner"'
        ),
    )
    assert problems_of(one + "size = 2\n") == (
        "t.toml:6: pools.chief.size: must be 1: a team has one orchestrator at most",
    )
