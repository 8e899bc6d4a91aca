"""Every error that a person, a script or an agent can meet, in one tree.

    SupervisorError
    ├── ConfigError                 exit 2: nothing was started
    │   ├── UsageInvalid            a command line or request that cannot be read
    │   ├── ProfileNotFound
    │   ├── ProfileInvalid          carries every problem at once
    │   ├── PlanInvalid             carries every problem at once
    │   ├── ProgramMissing
    │   ├── ProjectMissing
    │   ├── ProjectNotWritable
    │   ├── StateUnsafe             foreign, group-writable or symlinked state
    │   ├── WorkspaceRefused        no git worktree can be had there
    │   └── PathTooLong
    ├── EngineError
    │   ├── EngineGaveUp            exit 3
    │   ├── LockHeld                exit 4
    │   ├── EngineNotRunning        exit 5
    │   ├── EngineStartFailed       exit 5
    │   ├── RunConflict             exit 2
    │   └── DeadlineExceeded        exit 124
    ├── StoreError                  exit 6
    │   ├── DatabaseTooNew
    │   ├── DatabaseCorrupt
    │   └── DatabaseUnavailable
    └── RequestError                exit 1: one request was refused, nothing changed
        ├── Unauthenticated
        ├── Forbidden
        ├── NotFound
        ├── InvalidArgument
        ├── UnknownTool
        ├── TooLarge
        ├── TooMany                 carries when to try again
        ├── WrongState
        ├── AlreadyClaimed          carries the holder and the lease's end
        ├── StaleToken
        ├── DependencyCycle         names the cycle
        ├── UnknownDependency
        ├── VoteClosed
        ├── AlreadyAnswered
        ├── DigestMismatch
        └── NothingToDo

The first paragraph of a class docstring is its default message.
"""

from __future__ import annotations

from typing import ClassVar


class SupervisorError(Exception):
    """Something went wrong in supervisor. Run `supervisor doctor`."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", **details: object) -> None:
        """Keep the message and the facts a program may want to read."""
        self.message = message or " ".join((type(self).__doc__ or "").split("\n\n")[0].split())
        self.details = details
        super().__init__(self.message)


class ConfigError(SupervisorError):
    """The configuration cannot be used. Nothing was started."""

    code = "config"
    exit_code = 2


class UsageInvalid(ConfigError):
    """The command cannot be read. See `supervisor --help`."""

    code = "usage_invalid"


class ProfileNotFound(ConfigError):
    """No profile has this name. See `supervisor profile list`."""

    code = "profile_not_found"


class ProfileInvalid(ConfigError):
    """The profile has problems. Mend each of them, then `supervisor profile check PROFILE`."""

    code = "profile_invalid"

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = (), **details: object) -> None:
        """Keep each problem as one line `path:line: key: what is wrong`."""
        self.problems = problems
        super().__init__(message, problems=list(problems), **details)


class PlanInvalid(ConfigError):
    """The file of tasks has problems. Mend each of them and try again; nothing was sent."""

    code = "plan_invalid"

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = (), **details: object) -> None:
        """Keep each problem as one line `path:line: what is wrong`."""
        self.problems = problems
        super().__init__(message, problems=list(problems), **details)


class ProgramMissing(ConfigError):
    """A program that the profile names is not installed. Install it or mend the profile."""

    code = "program_missing"


class ProjectMissing(ConfigError):
    """The project directory does not exist. Give an existing one with `--project`."""

    code = "project_missing"


class ProjectNotWritable(ConfigError):
    """The project directory cannot be written. Supervisor keeps its state in `.supervisor/` there."""

    code = "project_not_writable"


class StateUnsafe(ConfigError):
    """The state directory belongs to somebody else or is open to others. Mend its owner and mode."""

    code = "state_unsafe"


class WorkspaceRefused(ConfigError):
    """A git worktree for an agent cannot be had. What is there was left as it is; the message says why."""

    code = "workspace_refused"


class PathTooLong(ConfigError):
    """A socket path would be over 107 bytes. Set XDG_RUNTIME_DIR to a shorter directory."""

    code = "path_too_long"


class EngineError(SupervisorError):
    """The engine could not do this. See `supervisor logs engine`."""

    code = "engine"


class EngineGaveUp(EngineError):
    """Agents failed too often and the team was stopped. See `supervisor ps` for the causes."""

    code = "gave_up"
    exit_code = 3


class LockHeld(EngineError):
    """Another engine runs this project. Use `supervisor attach`, or stop it with `supervisor down`."""

    code = "lock_held"
    exit_code = 4


class EngineNotRunning(EngineError):
    """No engine runs this project. Start one with `supervisor up TEAM`."""

    code = "not_running"
    exit_code = 5


class EngineStartFailed(EngineError):
    """The engine did not come up. Read `.supervisor/logs/engine.log`."""

    code = "start_failed"
    exit_code = 5


class RunConflict(EngineError):
    """Another team's run is unfinished here. Continue that team, or give `--new` to end its run."""

    code = "run_conflict"
    exit_code = 2


class DeadlineExceeded(EngineError):
    """The run's deadline passed before its work was done. Start again to continue it."""

    code = "deadline"
    exit_code = 124


class StoreError(SupervisorError):
    """The database cannot be used. Nothing was changed."""

    code = "store"
    exit_code = 6


class DatabaseTooNew(StoreError):
    """The database was written by a newer supervisor. Upgrade supervisor; it was not touched."""

    code = "database_too_new"


class DatabaseCorrupt(StoreError):
    """The database is damaged. It was left as it is; restore a copy or move it away."""

    code = "database_corrupt"


class DatabaseUnavailable(StoreError):
    """The database cannot be written now (disk full, locked, read-only). Free it and try again."""

    code = "database_unavailable"


class RequestError(SupervisorError):
    """The request was refused. Nothing changed."""

    code = "refused"


class Unauthenticated(RequestError):
    """No valid key came with the request. Use the key in this incarnation's kit."""

    code = "unauthenticated"


class Forbidden(RequestError):
    """This role may not do that."""

    code = "forbidden"


class NotFound(RequestError):
    """There is nothing with that id."""

    code = "not_found"


class InvalidArgument(RequestError):
    """An argument is missing, unknown or out of range."""

    code = "invalid_argument"


class UnknownTool(RequestError):
    """There is no tool of that name. See the tool list."""

    code = "unknown_tool"


class TooLarge(RequestError):
    """The value is over its size limit."""

    code = "too_large"


class TooMany(RequestError):
    """Too many at once. Try again after the time given."""

    code = "too_many"


class WrongState(RequestError):
    """That cannot be done in its present state."""

    code = "wrong_state"


class AlreadyClaimed(RequestError):
    """Another agent holds the task."""

    code = "already_claimed"


class StaleToken(RequestError):
    """The token is from an earlier claim. Stop working on it: somebody else may hold it."""

    code = "stale_token"


class DependencyCycle(RequestError):
    """The dependencies would form a cycle."""

    code = "dependency_cycle"


class UnknownDependency(RequestError):
    """A dependency names a task that does not exist."""

    code = "unknown_dependency"


class VoteClosed(RequestError):
    """The vote is closed."""

    code = "vote_closed"


class AlreadyAnswered(RequestError):
    """The approval was answered already."""

    code = "already_answered"


class DigestMismatch(RequestError):
    """The content is not what was shown. Ask again."""

    code = "digest_mismatch"


class NothingToDo(RequestError):
    """There is nothing for you to do now. Use `wait`."""

    code = "nothing_to_do"
