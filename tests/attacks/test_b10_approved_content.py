"""B10: leave is for exactly the content that was shown; any change of it is refused at use."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.coordinator import approvals
from supervisor.model.approval import canonical, digest_of
from tests.team_door import TeamDoor, set_scene, team_door

SHOWN: Final[dict[str, Any]] = {
    "argv": ["rm", "-r", "build"],
    "cwd": "/project",
    "env": {"PATH": "/usr/bin"},
    "files": {"run.sh": hashlib.sha256(b"echo").hexdigest()},
    "stdin": "",
    "deep": [[{"a": None}], 1, 1.5, True],
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    payload = copy.deepcopy(SHOWN)
    place: Any = payload
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return payload


MUTATIONS: Final = {
    "an argument": changed("argv", 2, to="/"),
    "one more argument": changed("argv", to=["rm", "-r", "build", "/"]),
    "arguments joined": changed("argv", to=["rm -r build"]),
    "the directory": changed("cwd", to="/"),
    "the environment": changed("env", "LD_PRELOAD", to="x.so"),
    "a script's bytes": changed("files", "run.sh", to=hashlib.sha256(b"evil").hexdigest()),
    "something left out": {key: value for key, value in SHOWN.items() if key != "stdin"},
    "something added": {**SHOWN, "extra": None},
    "a number's kind": changed("deep", 1, to=1.0),
    "a truth": changed("deep", 3, to=1),
    "a lookalike": changed("argv", 2, to="buіld"),
    "an invisible letter": changed("argv", 2, to="build\u200b"),
    "nothing at all": {},
}


async def leave(door: TeamDoor) -> str:
    asked = await door.call("worker-1", "approval_request", kind="run", title="clean", payload=SHOWN, tier=2)
    await door.answer(asked["approval"]["id"], allow=True)
    return str(asked["approval"]["id"])


async def test_changed_content_is_never_begun_and_the_leave_stays_good(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        number = await leave(door)
        for what, payload in MUTATIONS.items():
            code = await door.code("worker-1", "approval_use", approval_id=number, payload=payload)
            assert code == "digest_mismatch", what
        used = await door.call("worker-1", "approval_use", approval_id=number, payload=SHOWN)
        assert used["approval"]["state"] == "used"


@pytest.mark.parametrize("field", ["agent", "incarnation", "kind", "tier", "title", "payload"])
def test_everything_that_was_shown_is_in_the_digest(field: str) -> None:
    shown: dict[str, Any] = {
        "agent": "a",
        "incarnation": 1,
        "kind": "k",
        "tier": 1,
        "title": "t",
        "payload": "{}",
    }
    other = 2 if isinstance(shown[field], int) else "other"
    assert digest_of(**shown) != digest_of(**shown | {field: other})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=3), values), st.dictionaries(st.text(max_size=3), values))
def test_content_has_one_spelling_and_different_content_another(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert canonical(dict(reversed(one.items()))) == canonical(one)
    same_kinds = repr(sorted(one.items())) == repr(sorted(other.items()))
    assert (canonical(one) == canonical(other)) >= same_kinds
    if one != other:
        assert canonical(one) != canonical(other)


async def test_canary_without_the_comparison_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "hmac", SimpleNamespace(compare_digest=lambda _a, _b: True))
    async with team_door(tmp_path) as door:
        number = await leave(door)
        used = await door.call(
            "worker-1", "approval_use", approval_id=number, payload=MUTATIONS["an argument"]
        )
        assert used["approval"]["state"] == "used"
