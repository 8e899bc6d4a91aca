"""Every key of a profile, in tables: the one source of the parser, the schema and the reference."""

from __future__ import annotations

from typing import Final

from supervisor.config.agent_keys import AGENT_KEYS, BUDGET, PRICE
from supervisor.config.approval_keys import APPROVAL, APPROVALS_WAIT
from supervisor.config.kinds import Choice, Flag, Key, Number, Numbers, Table, Tables, Text, TextMap, Texts
from supervisor.config.spelling import DAY_S, ENV_NAME, GLOB, NAME, SETTING_NAME, default_of
from supervisor.config.supervision_keys import (
    BRANCH,
    DEPENDENCY,
    LIMITS,
    PROBE,
    READY,
    SCALE,
    STALL,
    STOP,
    SUPERVISION,
)
from supervisor.config.terminal_keys import TERMINAL_KEYS
from supervisor.model.agent import ROLE_ALIASES, Role
from supervisor.model.branch import Restart
from supervisor.model.health import Containment
from supervisor.model.notify import NoticeKind, NotifySpec, SinkKind
from supervisor.model.team import (
    Backoff,
    Distribution,
    OnDone,
    PoolSpec,
    TeamSpec,
    ToolSet,
)

POOL_SIZE_MAX: Final = 100
AGENTS_MAX: Final = 200

RUN: Final = Table(
    keys=(
        Key(
            name="on_done",
            kind=Choice(words=tuple(OnDone)),
            meaning="What becomes of the agents when all tasks are done: `stop` them or `keep` them.",
            default=default_of(TeamSpec, "on_done"),
        ),
        Key(
            name="deadline_s",
            kind=Number(low=1, high=30 * DAY_S),
            meaning="Seconds after which a run ends, done or not, with exit code 124. Without it: never.",
            default=default_of(TeamSpec, "deadline_s"),
        ),
        Key(
            name="lease_s",
            kind=Number(low=1, high=DAY_S),
            meaning="Seconds that an agent keeps a claimed task without a sign of life.",
            default=default_of(TeamSpec, "lease_s"),
        ),
        Key(
            name="keep_events_days",
            kind=Number(low=0, high=36_500),
            meaning=(
                "Days that events of ended runs stay in the database; older ones are moved to "
                "`.supervisor/archive/`, 10,000 to a file."
            ),
            default=default_of(TeamSpec, "keep_events_days"),
        ),
        Key(
            name="keep_runs",
            kind=Number(low=0, high=1_000_000, whole=True),
            meaning="Ended runs whose events stay in the database; those of older runs go, however young.",
            default=default_of(TeamSpec, "keep_runs"),
        ),
        Key(
            name="log_cap_mib",
            kind=Number(low=16, high=1_000_000, whole=True),
            meaning=(
                "MiB of disk that all logs of the project may take; the oldest rotated files make room for "
                "new ones."
            ),
            default=default_of(TeamSpec, "log_cap_mib"),
        ),
        Key(
            name="distribution",
            kind=Choice(words=tuple(Distribution)),
            meaning=(
                "How work finds agents: `pull`, each takes the best task it may; `round_robin` and "
                "`least_loaded` reserve each task for one agent as soon as it can be claimed."
            ),
            default=default_of(TeamSpec, "distribution"),
        ),
        APPROVALS_WAIT,
    )
)

BACKOFF: Final = Table(
    keys=(
        Key(
            name="base_s",
            kind=Number(low=0, high=3600),
            meaning="Seconds before the first restart.",
            default=default_of(Backoff, "base_s"),
        ),
        Key(
            name="factor",
            kind=Number(low=1, high=10),
            meaning="By how much each further delay is longer than the one before.",
            default=default_of(Backoff, "factor"),
        ),
        Key(
            name="cap_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds that no delay exceeds; at least `base_s`.",
            default=default_of(Backoff, "cap_s"),
        ),
        Key(
            name="jitter",
            kind=Number(low=0, high=1),
            meaning="Part of a delay by which it varies at random, so that agents do not return in step.",
            default=default_of(Backoff, "jitter"),
        ),
        Key(
            name="reset_after_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds of running well after which the delays begin again at `base_s`.",
            default=default_of(Backoff, "reset_after_s"),
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
                "`{{agent}}` stands for a literal `{agent}`. Needed unless `agent` gives it."
            ),
            default=None,
        ),
        Key(
            name="size",
            kind=Number(low=1, high=POOL_SIZE_MAX, whole=True),
            meaning="How many agents the pool has.",
            default=default_of(PoolSpec, "size"),
        ),
        Key(
            name="adapter",
            kind=NAME,
            meaning=(
                "How supervisor talks to the program: `claude`, `codex`, `acp`, `pty` for what insists on a "
                "terminal, `command` for any other. Without it: that of `agent`, else `command`."
            ),
            default=None,
        ),
        *AGENT_KEYS,
        *TERMINAL_KEYS,
        Key(
            name="env",
            kind=TextMap(names=ENV_NAME, values=Text(max_length=32_768)),
            meaning="Environment variables that its agents get, literally.",
            default=default_of(PoolSpec, "env"),
        ),
        Key(
            name="env_allow",
            kind=Texts(item=ENV_NAME, unique=True),
            meaning="Variables of your environment that are passed on, besides the few all agents get.",
            default=default_of(PoolSpec, "env_allow"),
        ),
        Key(
            name="tags",
            kind=Texts(item=NAME, unique=True),
            meaning="What its agents can do; tasks ask for them.",
            default=default_of(PoolSpec, "tags"),
        ),
        Key(
            name="groups",
            kind=Texts(item=NAME, unique=True),
            meaning="Names under which its agents are reached together, as `group:NAME`.",
            default=default_of(PoolSpec, "groups"),
        ),
        Key(
            name="prompt",
            kind=Text(max_length=65_536),
            meaning="The role prompt that its agents are given.",
            default=default_of(PoolSpec, "prompt"),
        ),
        Key(
            name="restart",
            kind=Choice(words=tuple(Restart)),
            meaning=(
                "After which ends an agent is started again: `permanent` any, `transient` a failure, "
                "`temporary` none."
            ),
            default=default_of(PoolSpec, "restart"),
        ),
        Key(
            name="intensity",
            kind=Number(low=0, high=1000, whole=True),
            meaning="Restarts within `period_s` after which the agent is parked.",
            default=default_of(PoolSpec, "intensity"),
        ),
        Key(
            name="period_s",
            kind=Number(low=1, high=DAY_S),
            meaning="Seconds over which restarts are counted.",
            default=default_of(PoolSpec, "period_s"),
        ),
        Key(
            name="start_timeout_s",
            kind=Number(low=1, high=3600),
            meaning="Seconds from the start until the agent's first call; later is a failed start.",
            default=default_of(PoolSpec, "start_timeout_s"),
        ),
        Key(
            name="max_runtime_s",
            kind=Number(low=1, high=30 * DAY_S),
            meaning="Seconds after which an agent is stopped, whatever it does.",
            default=default_of(PoolSpec, "max_runtime_s"),
        ),
        Key(
            name="wip",
            kind=Number(low=1, high=1000, whole=True),
            meaning="How many tasks one of its agents may hold at once.",
            default=default_of(PoolSpec, "wip"),
        ),
        Key(
            name="tools",
            kind=Choice(words=tuple(ToolSet)),
            meaning=(
                "Which tools its agents are shown: `core`, the few of their role; `full`, all that their "
                "role may call. Both can call them all."
            ),
            default=default_of(PoolSpec, "tools"),
        ),
        Key(
            name="branch",
            kind=NAME,
            meaning="The branch of the supervision tree that keeps it. Without it: the team itself.",
            default=None,
        ),
        Key(
            name="significant",
            kind=Flag(),
            meaning="Whether its normal end counts for the `auto_shutdown` of its branch.",
            default=default_of(PoolSpec, "significant"),
        ),
        *(
            Key(
                name=name,
                kind=Numbers(item=Number(low=0, high=255, whole=True)),
                meaning=meaning,
                default=default_of(PoolSpec, name),
            )
            for name, meaning in (
                ("success_codes", "Exit codes that are a normal end."),
                ("no_restart_codes", "Exit codes after which an agent is never started again."),
                (
                    "force_restart_codes",
                    "Exit codes after which it is always started again.",
                ),
            )
        ),
        Key(
            name="watchdog_s",
            kind=Number(low=1, high=DAY_S),
            meaning=(
                "Seconds within which the program must send WATCHDOG=1 to NOTIFY_SOCKET; without a beat it "
                "is aborted. Without it: no watchdog."
            ),
            default=default_of(PoolSpec, "watchdog_s"),
        ),
        Key(
            name="drain_timeout_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds that a drained agent has to finish what it holds, before it is stopped.",
            default=default_of(PoolSpec, "drain_timeout_s"),
        ),
        Key(
            name="containment",
            kind=Choice(words=tuple(Containment)),
            meaning=(
                "What holds its process trees together; `supervisor doctor` says what this machine has. "
                "`auto`: cgroup, else group+marker."
            ),
            default=default_of(PoolSpec, "containment"),
        ),
        Key(
            name="escapees",
            kind=Texts(item=GLOB, unique=True),
            meaning="Programs, by name or path with `*` and `?`, that it may leave running when it ends.",
            default=default_of(PoolSpec, "escapees"),
        ),
        Key(name="backoff", kind=BACKOFF, meaning="Delays between restarts.", default={}),
        Key(name="stop", kind=STOP, meaning="How much time each step of stopping is given.", default={}),
        Key(name="ready", kind=READY, meaning="What tells that an agent is ready for work.", default={}),
        Key(name="liveness", kind=PROBE, meaning="A probe that a live agent must pass.", default=None),
        Key(name="stall", kind=STALL, meaning="When silence is a stall, and what is done then.", default={}),
        Key(name="limits", kind=LIMITS, meaning="What an agent's processes may use.", default={}),
        Key(
            name="scale",
            kind=SCALE,
            meaning="Bounds within which the number of agents follows the work, instead of `size`.",
            default=None,
        ),
        Key(
            name="depends_on",
            kind=Tables(table=DEPENDENCY, max_items=20),
            meaning="What of other pools each start waits for.",
            default=(),
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
            default=default_of(NotifySpec, "on"),
        ),
        Key(
            name="url_env",
            kind=ENV_NAME,
            meaning="Variable of the engine's environment that holds the URL, for `slack` and `webhook`.",
            default=default_of(NotifySpec, "url_env"),
        ),
        Key(
            name="url_file",
            kind=SECRET_PATH,
            meaning="File of mode 0600 that holds the URL, instead of `url_env`.",
            default=default_of(NotifySpec, "url_file"),
        ),
        Key(
            name="secret_env",
            kind=ENV_NAME,
            meaning="Variable that holds the secret with which a `webhook` signs.",
            default=default_of(NotifySpec, "secret_env"),
        ),
        Key(
            name="secret_file",
            kind=SECRET_PATH,
            meaning="File of mode 0600 that holds that secret, instead of `secret_env`.",
            default=default_of(NotifySpec, "secret_file"),
        ),
        Key(
            name="min_interval_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds between two notices at least; what comes in between leaves as one.",
            default=default_of(NotifySpec, "min_interval_s"),
        ),
        Key(
            name="per_hour",
            kind=Number(low=1, high=3600),
            meaning="Notices an hour at most, once `burst` is used up.",
            default=default_of(NotifySpec, "per_hour"),
        ),
        Key(
            name="burst",
            kind=Number(low=1, high=1000, whole=True),
            meaning="Notices that may leave at once after a quiet time.",
            default=default_of(NotifySpec, "burst"),
        ),
        Key(
            name="allow_private",
            kind=Flag(),
            meaning="Whether its URL may lead into a private network. This machine itself is always allowed.",
            default=default_of(NotifySpec, "allow_private"),
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
            default=default_of(TeamSpec, "settings"),
        ),
        Key(
            name="pools",
            kind=Tables(table=POOL, min_items=1, max_items=AGENTS_MAX),
            meaning=f"The pools of agents, started in this order; at most {AGENTS_MAX} agents in all.",
        ),
        Key(name="supervision", kind=SUPERVISION, meaning="How the team as a whole is kept.", default={}),
        Key(
            name="branches",
            kind=Tables(table=BRANCH, max_items=50),
            meaning="Nodes of the supervision tree below the team; pools name theirs with `branch`.",
            default=(),
        ),
        Key(
            name="approvals",
            kind=Tables(table=APPROVAL),
            meaning="Rules that answer requests for approval before a person is asked.",
            default=(),
        ),
        Key(
            name="budgets",
            kind=Tables(table=BUDGET),
            meaning="Limits on what the agents' models may use.",
            default=(),
        ),
        Key(
            name="prices",
            kind=Tables(table=PRICE),
            meaning="What models cost, for those whose program does not say it. The first match counts.",
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
