"""The protocol's own conformance suite against our own app: our gate, our endpoint, our handlers, our tools.

What the suite wants to call (tools with fixed answers, resources, prompts) is added through the app's seam;
all else is the product: the key on every request, the checks of Host and Origin, the real desk and store.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from mcp.types import CallToolResult

from supervisor.transports.mcp import sdk_app
from supervisor.transports.mcp.gate import REQUEST, AsgiApp, Gate, Receive, Scope, Send
from supervisor.transports.mcp.server import McpServer
from tests.integration.conformance_fixtures import fixtures
from tests.team_door import team_door

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")

TESTS: Final = Path(__file__).parents[1]
NAME: Final = "@modelcontextprotocol/conformance"
SUITE: Final = TESTS / "node_modules" / NAME
NODE_MIN: Final = 20
DEADLINE_S: Final = 240.0
KEY: Final = "key-planner-1"

ASKS_THE_CLIENT: Final = frozenset(
    {
        "tools-call-sampling",
        "tools-call-elicitation",
        "elicitation-sep1034-defaults",
        "elicitation-sep1330-enums",
    }
)
"""In the older protocol a server can ask its client only within a session. The product asks nothing."""

ACTIVE: Final = ASKS_THE_CLIENT | {
    "server-initialize",
    "server-session-lifecycle",
    "logging-set-level",
    "ping",
    "completion-complete",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-with-logging",
    "tools-call-error",
    "tools-call-with-progress",
    "server-sse-multiple-streams",
    "resources-list",
    "resources-read-text",
    "resources-read-binary",
    "resources-templates-read",
    "resources-subscribe",
    "resources-unsubscribe",
    "prompts-list",
    "prompts-get-simple",
    "prompts-get-with-args",
    "prompts-get-embedded-resource",
    "prompts-get-with-image",
    "dns-rebinding-protection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the suite found: the scenarios that it announced and ran, and what failed in which."""

    exit_code: int
    announced: tuple[str, ...]
    checks: Mapping[str, list[dict[str, Any]]]

    @property
    def failures(self) -> dict[str, list[str]]:
        """Return what failed, by scenario; one that left no check behind has failed."""
        found = {
            scenario: [f"{check['id']}: {check.get('errorMessage')}" for check in checks if failed(check)]
            for scenario, checks in self.checks.items()
        }
        missing = {name: ["no check"] for name in self.announced if not self.checks.get(name)}
        return {name: problems for name, problems in (found | missing).items() if problems}

    @property
    def passed(self) -> int:
        """Return how many checks passed."""
        return sum(check["status"] == "SUCCESS" for checks in self.checks.values() for check in checks)


def failed(check: Mapping[str, Any]) -> bool:
    return check["status"] not in {"SUCCESS", "INFO", "SKIPPED", "WARNING"}


class Opened(McpServer):
    """A canary: whatever name it was asked by, and for whatever page, it is served."""

    def _guard(self, app: AsgiApp) -> Gate:
        class Fooled(Gate):
            async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
                pairs = {**dict(scope["headers"]), b"host": self._host}
                pairs.pop(b"origin", None)
                await super().__call__({**scope, "headers": [*pairs.items()]}, receive, send)

        return Fooled(app, host=self._host, authenticate=self._desk.authenticate)


class Careless(McpServer):
    """A canary: the headers of the protocol are made to say what the body says, so nobody compares them."""

    def _guard(self, app: AsgiApp) -> Gate:
        async def careless(scope: Scope, receive: Receive, send: Send) -> None:
            asked = scope[REQUEST]
            pairs = {**dict(scope["headers"]), b"mcp-method": asked["method"].encode()}
            pairs[b"mcp-name"] = str(asked.get("params", {}).get("name")).encode()
            if meta := asked.get("params", {}).get("_meta"):
                version = meta.get("io.modelcontextprotocol/protocolVersion", "")
                pairs[b"mcp-protocol-version"] = version.encode()
            await app({**scope, "headers": [*pairs.items()]}, receive, send)

        return super()._guard(careless)


async def run_suite(
    directory: Path, *arguments: str, sessions: bool = False, kind: type[McpServer] = McpServer
) -> Verdict:
    """Run a part of the suite against a small team behind the real endpoint."""
    results, log = directory / "results", directory / "log"
    async with (
        team_door(directory) as door,
        kind(door.desk, additions=fixtures(sessions=sessions), serve_own_pages=True) as server,
    ):
        await server.ready()
        command = [the_node(), "--import", str(TESTS / "conformance.mjs"), str(SUITE / "dist/index.js")]
        command += ["server", "--url", server.url, "--output-dir", str(results), *arguments]
        exit_code = await run(command, log, CONFORMANCE_URL=server.url, CONFORMANCE_KEY=KEY)
    return Verdict(
        exit_code=exit_code,
        announced=tuple(re.findall(r"^=== Running scenario: (\S+) ===$", log.read_text(), re.MULTILINE)),
        checks={name_of(path): json.loads(path.read_text()) for path in results.glob("*/checks.json")},
    )


async def run(command: list[str], log: Path, **environment: str) -> int:
    """Run a program to its end, and not over the deadline."""
    with log.open("wb") as out:
        program = await asyncio.create_subprocess_exec(
            *command,
            cwd=TESTS,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await program.wait()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()


def name_of(checks: Path) -> str:
    """Return the scenario of a file of results: its directory is `server-NAME-TIME`."""
    return re.sub(r"^server-(.*)-\d{4}-\d\d-\d\dT[\dZ-]+$", r"\1", checks.parent.name)


@cache
def the_node() -> str:
    """Return Node's path, or fail saying what to install."""
    install = f"The conformance suite needs Node {NODE_MIN} or newer and `npm ci --prefix tests`."
    node = shutil.which("node")
    if node is None:
        pytest.fail(f"{install} There is no `node`.")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MIN:
        pytest.fail(f"{install} Installed is Node {version}.")
    manifest = SUITE / "package.json"
    found = json.loads(manifest.read_text())["version"] if manifest.exists() else "no suite"
    if found != json.loads((TESTS / "package.json").read_text())["dependencies"][NAME]:
        pytest.fail(f"{install} Installed is {found}.")
    return node


async def test_the_active_suite_finds_no_failure(tmp_path: Path) -> None:
    verdict = await run_suite(tmp_path, sessions=True)
    assert verdict.failures == {}
    assert verdict.exit_code == 0
    assert set(verdict.announced) == ACTIVE == verdict.checks.keys()
    assert verdict.passed > 2 * len(ACTIVE)


async def test_as_the_product_runs_only_what_asks_the_client_cannot_be_done(tmp_path: Path) -> None:
    verdict = await run_suite(tmp_path)
    assert verdict.failures.keys() == ASKS_THE_CLIENT
    assert all("no back-channel" in str(problems) for problems in verdict.failures.values())
    assert set(verdict.announced) == ACTIVE == verdict.checks.keys()


@pytest.mark.parametrize(("revision", "sessions"), [("2025-11-25", True), ("2026-07-28", False)])
async def test_a_revision_finds_all_that_it_requires(tmp_path: Path, revision: str, sessions: bool) -> None:
    verdict = await run_suite(tmp_path, "--requirements", revision, sessions=sessions)
    extensions = {name for name in verdict.failures if name.startswith("tasks-")}  # which we do not declare
    assert verdict.failures.keys() - extensions == set()
    assert verdict.exit_code == 0  # the suite itself tells what is required from what is only reported
    assert len(verdict.announced) > 30


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("dns-rebinding-protection", Opened),
        ("http-header-validation", Careless),
        ("server-stateless", Careless),
    ],
)
async def test_canary_a_door_that_checks_less_is_found(
    tmp_path: Path, scenario: str, kind: type[McpServer]
) -> None:
    verdict = await run_suite(tmp_path, "--scenario", scenario, kind=kind)
    assert scenario in verdict.failures
    assert verdict.exit_code == 1


async def test_canary_a_refusal_that_looks_like_success_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = sdk_app._refusal

    def friendly(error: Any) -> CallToolResult:
        return refusal(error).model_copy(update={"is_error": False})

    monkeypatch.setattr(sdk_app, "_refusal", friendly)
    verdict = await run_suite(tmp_path, "--scenario", "tools-call-error")
    assert "tools-call-error" in verdict.failures
    assert verdict.exit_code == 1
