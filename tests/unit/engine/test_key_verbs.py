"""Keys by control verbs, beside an engine and without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from supervisor.clock import SystemClock
from supervisor.coordinator import runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.key_verbs import KEY_CALLS, require_inside
from supervisor.engine.offline_keys import key_verb_offline
from supervisor.errors import EngineNotRunning, InvalidArgument, LockHeld, WrongState
from supervisor.model.agent import Role
from supervisor.model.approval import Mode
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.model.wire import from_wire
from supervisor.store.store import Store
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state

PROFILE = 'name = "t"\n[[pools]]\nname = "w"\nrole = "worker"\ncommand = ["true"]\n'


async def ask(coordinator: Coordinator, verb: str, **args: Any) -> dict[str, Any]:
    form, call = KEY_CALLS[verb]
    answer: dict[str, Any] = await call(coordinator, from_wire(form, args))
    json.dumps(answer)
    return answer


async def joined(team: SmallTeam) -> str:
    await team.coordinator.outsiders.open(session="session", boot_id="boot")
    made = await ask(team.coordinator, "key_create", name="lens", role="judge", label="Ada's")
    secret: str = made["secret"]
    return secret


async def test_a_key_is_told_once_and_listed_without_what_opens_anything(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        secret = await joined(team)
        actor = team.coordinator.authenticate(secret)
        assert actor is not None
        await team.coordinator.arrive(actor)
        (line,) = (await ask(team.coordinator, "key_list"))["keys"]
        assert (line["name"], line["role"], line["state"], line["label"]) == (
            "lens",
            "judge",
            "active",
            "Ada's",
        )
        assert line["last_used_at"] == team.clock.now()
        assert secret not in json.dumps(line)
        assert "hash" not in json.dumps(line)


async def test_keys_are_rotated_and_revoked(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        old = await joined(team)
        rotated = await ask(team.coordinator, "key_rotate", name="lens", grace_s=0)
        assert rotated["key"]["serial"] == 2
        assert team.coordinator.authenticate(old) is None
        assert team.coordinator.authenticate(rotated["secret"]) is not None
        revoked = await ask(team.coordinator, "key_revoke", name="lens")
        assert revoked["key"]["state"] == "revoked"
        assert team.coordinator.authenticate(rotated["secret"]) is None


async def test_no_slot_is_asked_about_an_outside_agent(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await joined(team)
        with pytest.raises(WrongState, match="supervisor key revoke lens"):
            require_inside(team.coordinator, "lens")
        require_inside(team.coordinator, "worker-1")


async def a_team_ran(project: Path, *, profile: str) -> None:
    """Leave the state that an engine leaves behind."""
    state = open_state(project, create=True)
    spec = TeamSpec(
        name="t",
        description="",
        source=profile,
        digest="",
        pools=(PoolSpec(name="w", role=Role.WORKER, command=("true",)),),
    )
    async with Store(state.database, SystemClock()) as store:
        coordinator = Coordinator(store, SystemClock(), spec, Mode.HEADLESS)
        await coordinator.write(lambda scope: runs.begin_run(scope, spec, new=False))


async def test_without_an_engine_the_same_verbs_write_the_state_under_its_lock(tmp_path: Path) -> None:
    profile = tmp_path / "t.toml"
    profile.write_text(PROFILE)
    await a_team_ran(tmp_path, profile=str(profile))
    made = await key_verb_offline(tmp_path, "key_create", {"name": "lens", "role": "judge"})
    assert made["secret"].startswith("sup_")
    with pytest.raises(InvalidArgument, match="agent of team t"):
        await key_verb_offline(tmp_path, "key_create", {"name": "w", "role": "judge"})
    (line,) = (await key_verb_offline(tmp_path, "key_list", {}))["keys"]
    assert (line["name"], line["last_used_at"]) == ("lens", None)
    lock = EngineLock.acquire(open_state(tmp_path, create=False).lock_file, {"pid": 1})
    with pytest.raises(LockHeld):
        await key_verb_offline(tmp_path, "key_list", {})
    lock.release()


async def test_without_its_profile_the_names_of_the_last_team_are_still_taken(tmp_path: Path) -> None:
    await a_team_ran(tmp_path, profile=str(tmp_path / "gone.toml"))
    with pytest.raises(InvalidArgument, match="earlier team"):
        await key_verb_offline(tmp_path, "key_create", {"name": "w", "role": "judge"})
    await key_verb_offline(tmp_path, "key_create", {"name": "lens", "role": "judge"})


async def test_a_state_without_a_run_has_keys_too(tmp_path: Path) -> None:
    async with Store(open_state(tmp_path, create=True).database, SystemClock()):
        pass
    assert await key_verb_offline(tmp_path, "key_list", {}) == {"keys": []}


async def test_where_no_team_ran_there_is_nothing_to_have_keys_for(tmp_path: Path) -> None:
    with pytest.raises(EngineNotRunning, match="no team has run"):
        await key_verb_offline(tmp_path, "key_create", {"name": "lens", "role": "judge"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args", [{"name": "lens"}, {"name": "lens", "role": "king"}, {"name": "lens", "key": "x"}]
)
async def test_arguments_that_make_no_key_are_refused_before_anything_is_opened(
    tmp_path: Path, args: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument):
        await key_verb_offline(tmp_path, "key_create", args)
