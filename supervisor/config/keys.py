"""Every key of a profile, in tables: the one source of the parser, the schema and the reference."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Final

from supervisor.config.kinds import Choice, Flag, Key, Number, Table, Tables, Text, TextMap, Texts
from supervisor.model.agent import ROLE_ALIASES, Role
from supervisor.model.approval import HIGHEST_TIER, ApprovalRule, Decision, Mode
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.model.team import (
    Backoff,
    Distribution,
    OnDone,
    PoolSpec,
    Restart,
    StopLadder,
    TeamSpec,
    ToolSet,
)

POOL_SIZE_MAX: Final = 100
AGENTS_MAX: Final = 200
DAY_S: Final = 86_400

NAME: Final = Text(
    pattern=r"[a-z0-9][a-z0-9_-]{0,62}",
    rule="lower-case letters, digits, `-` and `_`, not beginning with `-` or `_`, at most 63",
)
"""Spells `model.ids.NAME_PATTERN` for schema and messages; a test holds the two together."""

ENV_NAME: Final = Text(
    pattern=r"(?!SUPERVISOR_|SUP_)[A-Za-z_][A-Za-z0-9_]{0,127}",
    rule="letters, digits and `_`, not beginning with a digit, nor with `SUPERVISOR_` or `SUP_`",
)
SETTING_NAME: Final = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
    rule="letters, digits, `.`, `-` and `_`, beginning with a letter or digit, at most 63",
)
GLOB: Final = Text(min_length=1, max_length=200)


def _default(owner: type, name: str) -> Any:
    """Return the model's own default, so that no value is written twice."""
    found = next(item for item in fields(owner) if item.name == name)
    if found.default_factory is not MISSING:
        return found.default_factory()
    return found.default


RUN: Final = Table(
    keys=(
        Key(
            name="on_done",
            kind=Choice(words=tuple(OnDone)),
            meaning="What becomes of the agents when all tasks are done: `stop` them or `keep` them.",
            default=_default(TeamSpec, "on_done"),
        ),
        Key(
            name="deadline_s",
            kind=Number(low=1, high=30 * DAY_S),
            meaning="Seconds after which a run ends, done or not, with exit code 124. Without it: never.",
            default=_default(TeamSpec, "deadline_s"),
        ),
        Key(
            name="lease_s",
            kind=Number(low=1, high=DAY_S),
            meaning="Seconds that an agent keeps a claimed task without a sign of life.",
            default=_default(TeamSpec, "lease_s"),
        ),
        Key(
            name="keep_events_days",
            kind=Number(low=0, high=36_500),
            meaning=(
                "Days that events of ended runs stay in the database; older ones are moved to "
                "`.supervisor/archive/`, 10,000 to a file."
            ),
            default=_default(TeamSpec, "keep_events_days"),
        ),
        Key(
            name="keep_runs",
            kind=Number(low=0, high=1_000_000, whole=True),
            meaning="Ended runs whose events stay in the database; those of older runs go, however young.",
            default=_default(TeamSpec, "keep_runs"),
        ),
        Key(
            name="distribution",
            kind=Choice(words=tuple(Distribution)),
            meaning=(
                "How work finds agents: `pull`, each takes the best task it may; `round_robin` and "
                "`least_loaded` reserve each task for one agent as soon as it can be claimed."
            ),
            default=_default(TeamSpec, "distribution"),
        ),
    )
)

BACKOFF: Final = Table(
    keys=(
        Key(
            name="base_s",
            kind=Number(low=0, high=3600),
            meaning="Seconds before the first restart.",
            default=_default(Backoff, "base_s"),
        ),
        Key(
            name="factor",
            kind=Number(low=1, high=10),
            meaning="By how much each further delay is longer than the one before.",
            default=_default(Backoff, "factor"),
        ),
        Key(
            name="cap_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds that no delay exceeds; at least `base_s`.",
            default=_default(Backoff, "cap_s"),
        ),
        Key(
            name="jitter",
            kind=Number(low=0, high=1),
            meaning="Part of a delay by which it varies at random, so that agents do not return in step.",
            default=_default(Backoff, "jitter"),
        ),
        Key(
            name="reset_after_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds of running well after which the delays begin again at `base_s`.",
            default=_default(Backoff, "reset_after_s"),
        ),
    )
)

STOP: Final = Table(
    keys=(
        Key(
            name="leader_s",
            kind=Number(low=0, high=3600),
            meaning="Seconds for the program itself to end after SIGTERM.",
            default=_default(StopLadder, "leader_s"),
        ),
        Key(
            name="group_s",
            kind=Number(low=0, high=3600),
            meaning="Seconds for its whole process group to end after SIGTERM, before SIGKILL.",
            default=_default(StopLadder, "group_s"),
        ),
        Key(
            name="sweep_s",
            kind=Number(low=0, high=3600),
            meaning="Seconds to find and kill what left the group.",
            default=_default(StopLadder, "sweep_s"),
        ),
    )
)

POOL: Final = Table(
    keys=(
        Key(
            name="name",
            kind=NAME,
            meaning="Name of the pool. Its agents are `NAME-1`, `NAME-2`, …, or just `NAME` if `size` is 1.",
        ),
        Key(
            name="role",
            kind=Choice(words=tuple(Role), aliases=ROLE_ALIASES),
            meaning="What its agents may do with the coordinator.",
        ),
        Key(
            name="command",
            kind=Texts(
                item=Text(max_length=32_768, placeholders=True),
                min_items=1,
                max_items=256,
            ),
            meaning=(
                "The program and its arguments, one element each; no shell reads them. `{python}`, "
                "`{project}`, `{profile_dir}`, `{report_dir}` and `{agent}` are replaced inside an element; "
                "`{{agent}}` stands for a literal `{agent}`."
            ),
        ),
        Key(
            name="size",
            kind=Number(low=1, high=POOL_SIZE_MAX, whole=True),
            meaning="How many agents the pool has.",
            default=_default(PoolSpec, "size"),
        ),
        Key(
            name="adapter",
            kind=NAME,
            meaning="How supervisor talks to the program; `command` for any program.",
            default=_default(PoolSpec, "adapter"),
        ),
        Key(
            name="drive",
            kind=Choice(words=("self",)),
            meaning="Who decides when the agent works; `self`: the program runs its own loop on the tools.",
            default=_default(PoolSpec, "drive"),
        ),
        Key(
            name="env",
            kind=TextMap(names=ENV_NAME, values=Text(max_length=32_768)),
            meaning="Environment variables that its agents get, literally.",
            default=_default(PoolSpec, "env"),
        ),
        Key(
            name="env_allow",
            kind=Texts(item=ENV_NAME, unique=True),
            meaning="Variables of your environment that are passed on, besides the few all agents get.",
            default=_default(PoolSpec, "env_allow"),
        ),
        Key(
            name="tags",
            kind=Texts(item=NAME, unique=True),
            meaning="What its agents can do; tasks ask for them.",
            default=_default(PoolSpec, "tags"),
        ),
        Key(
            name="groups",
            kind=Texts(item=NAME, unique=True),
            meaning="Names under which its agents are reached together, as `group:NAME`.",
            default=_default(PoolSpec, "groups"),
        ),
        Key(
            name="prompt",
            kind=Text(max_length=65_536),
            meaning="The role prompt that its agents are given.",
            default=_default(PoolSpec, "prompt"),
        ),
        Key(
            name="restart",
            kind=Choice(words=tuple(Restart)),
            meaning=(
                "After which ends an agent is started again: `permanent` any, `transient` a failure, "
                "`temporary` none."
            ),
            default=_default(PoolSpec, "restart"),
        ),
        Key(
            name="intensity",
            kind=Number(low=0, high=1000, whole=True),
            meaning="Restarts within `period_s` after which the agent is parked.",
            default=_default(PoolSpec, "intensity"),
        ),
        Key(
            name="period_s",
            kind=Number(low=1, high=DAY_S),
            meaning="Seconds over which restarts are counted.",
            default=_default(PoolSpec, "period_s"),
        ),
        Key(
            name="start_timeout_s",
            kind=Number(low=1, high=3600),
            meaning="Seconds from the start until the agent's first call; later is a failed start.",
            default=_default(PoolSpec, "start_timeout_s"),
        ),
        Key(
            name="max_runtime_s",
            kind=Number(low=1, high=30 * DAY_S),
            meaning="Seconds after which an agent is stopped, whatever it does.",
            default=_default(PoolSpec, "max_runtime_s"),
        ),
        Key(
            name="wip",
            kind=Number(low=1, high=1000, whole=True),
            meaning="How many tasks one of its agents may hold at once.",
            default=_default(PoolSpec, "wip"),
        ),
        Key(
            name="tools",
            kind=Choice(words=tuple(ToolSet)),
            meaning=(
                "Which tools its agents are shown: `core`, the few of their role; `full`, all that their "
                "role may call. Both can call them all."
            ),
            default=_default(PoolSpec, "tools"),
        ),
        Key(name="backoff", kind=BACKOFF, meaning="Delays between restarts.", default={}),
        Key(name="stop", kind=STOP, meaning="How much time each step of stopping is given.", default={}),
    )
)

APPROVAL: Final = Table(
    keys=(
        Key(
            name="decision",
            kind=Choice(
                words=tuple(Decision), aliases={"approve": "allow", "reject": "deny", "refuse": "deny"}
            ),
            meaning=(
                "What happens to a matching request. A `deny` beats every other rule; else the first "
                "match counts."
            ),
        ),
        Key(
            name="agents",
            kind=GLOB,
            meaning="Names of the agents it speaks about, with `*` and `?`.",
            default=_default(ApprovalRule, "agents"),
        ),
        Key(
            name="kinds",
            kind=GLOB,
            meaning="Kinds of request it speaks about, with `*` and `?`.",
            default=_default(ApprovalRule, "kinds"),
        ),
        Key(
            name="mode",
            kind=Choice(words=tuple(Mode)),
            meaning="Whether it counts only with a person in front, or only without. Without it: both.",
            default=_default(ApprovalRule, "mode"),
        ),
        Key(
            name="max_tier",
            kind=Number(low=0, high=HIGHEST_TIER - 1, whole=True),
            meaning=(
                "Highest tier of request it speaks about: 0 read, 1 reversible, 2 outside the project or "
                "network. Tier 3, irreversible, is always asked. A `deny` holds for every tier."
            ),
            default=_default(ApprovalRule, "max_tier"),
        ),
    )
)

SECRET_PATH: Final = Text(
    pattern=r"(?:/|~/)[^\x00-\x1f\x7f]{1,1000}", rule="a full path, or one that begins with `~/`"
)
NOTICE: Final = Text(
    pattern="|".join(NoticeKind), rule="one of " + ", ".join(f"`{kind.value}`" for kind in NoticeKind)
)
SINKS_MAX: Final = 20

NOTIFY: Final = Table(
    keys=(
        Key(name="name", kind=NAME, meaning="Name of the sink, as `supervisor notify list` shows it."),
        Key(
            name="kind",
            kind=Choice(words=tuple(SinkKind)),
            meaning=(
                "How notices leave: `slack`, a Slack-compatible incoming webhook; `webhook`, signed JSON; "
                "`desktop`, the desktop's own notices; `bell`, the bell of open terminal views."
            ),
        ),
        Key(
            name="on",
            kind=Texts(item=NOTICE, min_items=1, unique=True),
            meaning="What it tells of. Without it: everything.",
            default=_default(NotifySpec, "on"),
        ),
        Key(
            name="url_env",
            kind=ENV_NAME,
            meaning="Variable of the engine's environment that holds the URL, for `slack` and `webhook`.",
            default=_default(NotifySpec, "url_env"),
        ),
        Key(
            name="url_file",
            kind=SECRET_PATH,
            meaning="File of mode 0600 that holds the URL, instead of `url_env`.",
            default=_default(NotifySpec, "url_file"),
        ),
        Key(
            name="secret_env",
            kind=ENV_NAME,
            meaning="Variable that holds the secret with which a `webhook` signs.",
            default=_default(NotifySpec, "secret_env"),
        ),
        Key(
            name="secret_file",
            kind=SECRET_PATH,
            meaning="File of mode 0600 that holds that secret, instead of `secret_env`.",
            default=_default(NotifySpec, "secret_file"),
        ),
        Key(
            name="min_interval_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds between two notices at least; what comes in between leaves as one.",
            default=_default(NotifySpec, "min_interval_s"),
        ),
        Key(
            name="per_hour",
            kind=Number(low=1, high=3600),
            meaning="Notices an hour at most, once `burst` is used up.",
            default=_default(NotifySpec, "per_hour"),
        ),
        Key(
            name="burst",
            kind=Number(low=1, high=1000, whole=True),
            meaning="Notices that may leave at once after a quiet time.",
            default=_default(NotifySpec, "burst"),
        ),
        Key(
            name="allow_private",
            kind=Flag(),
            meaning="Whether its URL may lead into a private network. This machine itself is always allowed.",
            default=_default(NotifySpec, "allow_private"),
        ),
    )
)

PROFILE: Final = Table(
    keys=(
        Key(name="name", kind=NAME, meaning="Name of the team."),
        Key(
            name="description",
            kind=Text(max_length=2000),
            meaning="What the team is for, in a sentence.",
            default="",
        ),
        Key(name="run", kind=RUN, meaning="When a run is over.", default={}),
        Key(
            name="settings",
            kind=TextMap(names=SETTING_NAME, values=Text(max_length=10_000)),
            meaning="Free words for the team's own programs, which they read with `whoami`.",
            default=_default(TeamSpec, "settings"),
        ),
        Key(
            name="pools",
            kind=Tables(table=POOL, min_items=1, max_items=AGENTS_MAX),
            meaning=f"The pools of agents, started in this order; at most {AGENTS_MAX} agents in all.",
        ),
        Key(
            name="approvals",
            kind=Tables(table=APPROVAL),
            meaning="Rules that answer requests for approval before a person is asked.",
            default=(),
        ),
        Key(
            name="notify",
            kind=Tables(table=NOTIFY, max_items=SINKS_MAX),
            meaning="Where people who are elsewhere are told what happens: see `docs/notifications.md`.",
            default=(),
        ),
    )
)
