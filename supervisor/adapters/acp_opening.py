"""From an ACP agent's start to a session that takes prompts in the mode and with the model asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor import __version__
from supervisor.adapters.acp_fields import AUTH_REQUIRED, is_login, one_line, rows, table, told, words
from supervisor.adapters.acp_presets import ASKS_LESS, Habits
from supervisor.adapters.json_rpc import JsonRpc, RpcError
from supervisor.model.driving import Allowed

PROTOCOL: Final = 1
_CATEGORIES: Final = ("mode", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a conversation is to be like. `variables` names what stands in the agent's environment.

    `over_http` and `over_stdio` are the team's MCP server in the protocol's words. `role` goes before the
    first prompt. `resume` is the session to go on with, empty for a new one. With `sets_model` the model is
    chosen in the session, else it was by arguments or configuration.
    """

    directory: str
    habits: Habits
    allowed: Allowed = Allowed.READ
    model: str = ""
    sets_model: bool = True
    role: str = ""
    resume: str = ""
    variables: frozenset[str] = frozenset()
    over_http: dict[str, Any] = field(repr=False)
    over_stdio: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that takes prompts."""

    id: str
    model: str
    version: str
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no session; `login`: a person has to log in."""

    detail: str
    login: bool = False


class Opening:
    """Opens sessions, one at a time; each ends in `on_open` or `on_refused`, or with the agent."""

    def __init__(
        self,
        rpc: JsonRpc,
        terms: Terms,
        *,
        on_open: Callable[[Session], None],
        on_refused: Callable[[Refusal], None],
    ) -> None:
        """Begin with nothing said."""
        self._rpc: Final = rpc
        self._terms: Final = terms
        self._on_open: Final = on_open
        self._on_refused: Final = on_refused
        self._resume = terms.resume
        self._agent: dict[str, Any] = {}
        self._has_authenticated = False
        self._is_loading = False
        self._settings: list[tuple[str, dict[str, Any]]] = []
        self._session = ""
        self._model = ""
        self.is_busy = False

    def begin(self) -> None:
        """Open a session: the one to resume if there is one, else a new one."""
        self.is_busy = True
        if self._agent:
            self._ask_session()
            return
        nothing = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        asked = {
            "protocolVersion": PROTOCOL,
            "clientCapabilities": nothing,
            "clientInfo": {"name": "supervisor", "title": "Supervisor", "version": __version__},
        }
        self._rpc.call("initialize", asked, self._initialized)

    def renew(self) -> None:
        """Open a new session, whatever was to be resumed."""
        self._resume = ""
        self.begin()

    # ------------------------------------------------------------ the agent

    def _initialized(self, result: Any, error: RpcError | None) -> None:
        agent = table(result)
        if error is not None:
            self._refuse(f"it could not be initialized: {told(error)}", login=False)
        elif agent.get("protocolVersion") != PROTOCOL:
            version = f"{agent.get('protocolVersion')!r:.40}"
            self._refuse(f"it speaks version {version} of the Agent Client Protocol, not {PROTOCOL}")
        else:
            self._agent = agent
            self._ask_session()

    def _authenticate(self, why: str) -> None:
        """Choose a way to log in that needs nobody: variables that are all there."""
        methods = rows(self._agent.get("authMethods"))
        for method in methods:
            needed = [words(each.get("name")) for each in rows(method.get("vars"))]
            if method.get("type") == "env_var" and needed and set(needed) <= self._terms.variables:
                self._has_authenticated = True
                self._rpc.call("authenticate", {"methodId": words(method.get("id"))}, self._authenticated)
                return
        ways = "; ".join(
            one_line(words(each.get("description")) or words(each.get("name"))) for each in methods
        )
        self._refuse(f"{why}" + (f"; it offers: {ways}" if ways else ""), login=True)

    def _authenticated(self, _result: Any, error: RpcError | None) -> None:
        if error is None:
            self._ask_session()
        else:
            self._refuse(told(error), login=True)

    # ------------------------------------------------------------ the session

    def _ask_session(self) -> None:
        can = table(self._agent.get("agentCapabilities"))
        has_http = table(can.get("mcpCapabilities")).get("http") is True
        server = self._terms.over_http if has_http else self._terms.over_stdio
        asked: dict[str, Any] = {"cwd": self._terms.directory, "mcpServers": [server]}
        self._is_loading = bool(self._resume) and can.get("loadSession") is True
        if self._is_loading:
            asked["sessionId"] = self._resume
        self._rpc.call("session/load" if self._is_loading else "session/new", asked, self._session_made)

    def _session_made(self, result: Any, error: RpcError | None) -> None:
        if error is not None:
            self._no_session(error)
            return
        made = table(result)
        self._session = self._resume if self._is_loading else words(made.get("sessionId"))
        if not self._session:
            self._refuse("it opened a session without a name")
            return
        try:
            self._settings = list(_settings(made, self._terms))
        except _NotOfferedError as missing:
            self._refuse(str(missing))
            return
        self._model = self._terms.model or _current_model(made)
        self._set_next()

    def _no_session(self, error: RpcError) -> None:
        if error.code == AUTH_REQUIRED and not self._has_authenticated:
            self._authenticate(told(error))
        elif self._is_loading and not is_login(error):  # what it had is gone: the task's notes remain
            self._resume = ""
            self._ask_session()
        else:
            self._refuse(f"it opens no session: {told(error)}", login=is_login(error))

    def _set_next(self) -> None:
        """Make the next setting; then the session is open. One that is refused closes the door."""
        if not self._settings:
            self._opened()
            return
        method, params = self._settings.pop(0)
        self._rpc.call(method, {"sessionId": self._session, **params}, self._set)

    def _set(self, _result: Any, error: RpcError | None) -> None:
        if error is None:
            self._set_next()
        else:
            self._refuse(f"it did not take its mode or model: {told(error)}")

    def _opened(self) -> None:
        self.is_busy = False
        self._on_open(
            Session(
                id=self._session,
                model=self._model,
                version=words(table(self._agent.get("agentInfo")).get("version")),
                resumed=self._is_loading,
            )
        )

    def _refuse(self, detail: str, *, login: bool = False) -> None:
        self.is_busy = False
        self._on_refused(Refusal(detail=detail, login=login))


class _NotOfferedError(Exception):
    """The agent does not offer what was asked for."""


def _settings(made: dict[str, Any], terms: Terms) -> list[tuple[str, dict[str, Any]]]:
    """List what must be set before the first prompt."""
    options = {
        category: option
        for option in rows(made.get("configOptions"))
        for category in _CATEGORIES
        if option.get("category") == category and option.get("type") == "select"
    }
    return [*_mode_settings(made, options, terms), *_model_settings(made, options, terms)]


def _mode_settings(
    made: dict[str, Any], options: dict[str, dict[str, Any]], terms: Terms
) -> list[tuple[str, dict[str, Any]]]:
    wanted = terms.habits.modes.get(terms.allowed, ())
    modes, option = table(made.get("modes")), options.get("mode", {})
    if modes:
        offered, now = [words(mode.get("id")) for mode in rows(modes.get("availableModes"))], "currentModeId"
    else:
        offered, now = [words(each.get("value")) for each in rows(option.get("options"))], "currentValue"
    current = words((modes or option).get(now))
    mode = next((each for each in wanted if each in offered), "")
    if not mode and wanted and current in ASKS_LESS and terms.allowed is not Allowed.ALL:
        raise _NotOfferedError(f"it is in mode `{current}`, and offers none that asks before it acts")
    if mode in ("", current):
        return []
    if modes:
        return [("session/set_mode", {"modeId": mode})]
    return [("session/set_config_option", {"configId": words(option.get("id")), "value": mode})]


def _model_settings(
    made: dict[str, Any], options: dict[str, dict[str, Any]], terms: Terms
) -> list[tuple[str, dict[str, Any]]]:
    if not terms.model or not terms.sets_model:
        return []
    option, models = options.get("model", {}), table(made.get("models"))
    offered = [words(each.get("value")) for each in rows(option.get("options"))] or [
        words(each.get("modelId")) for each in rows(models.get("availableModels"))
    ]
    if terms.model not in offered:
        some = ", ".join(offered[:20]) or "none by this protocol"
        raise _NotOfferedError(f"it has no model `{terms.model}`; it offers: {some}")
    if option:
        return [("session/set_config_option", {"configId": words(option.get("id")), "value": terms.model})]
    return [("session/set_model", {"modelId": terms.model})]


def _current_model(made: dict[str, Any]) -> str:
    for option in rows(made.get("configOptions")):
        if option.get("category") == "model":
            return words(option.get("currentValue"))
    return words(table(made.get("models")).get("currentModelId"))
