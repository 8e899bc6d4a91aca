"""What the engine answers about its ways out, on the wire and on disk."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.engine.backend import Backend
from supervisor.engine.sinks_on_disk import sinks_on_disk
from supervisor.errors import EngineError, EngineNotRunning, NotFound
from supervisor.model.notify import NotifySpec, SinkKind
from supervisor.notifiers.notifiers import Notifiers
from supervisor.testing.receiver import receiver
from supervisor.testing.small_team import small_team

NOBODY = cast("Any", None)


def a_backend(notifiers: Notifiers | None) -> Backend:
    return Backend(
        coordinator=NOBODY,
        supervisor=NOBODY,
        hub=NOBODY,
        switch=NOBODY,
        info=NOBODY,
        archivist=NOBODY,
        notifiers=notifiers,
    )


async def test_the_verbs_list_and_test_the_sinks_and_say_nothing_secret(tmp_path: Path) -> None:
    spec = NotifySpec(name="ops", kind=SinkKind.WEBHOOK, url_env="HOOK_URL")
    state = tmp_path / ".supervisor"
    state.mkdir(mode=0o700)
    async with receiver() as hook, small_team(state, notify=(spec,)) as team:
        way = Notifiers(
            team.coordinator,
            team.clock,
            random.Random(1),
            ring=lambda _letter: None,
            project="p",
            environ={"HOOK_URL": hook.url},
        )
        backend = a_backend(way)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(way.keep())
            async with asyncio.timeout(10):
                while not (await backend.call("notify_list", {}))["sinks"]:
                    await asyncio.sleep(0)
            tested = await backend.call("notify_test", {"sink": "ops"})
            listed = await backend.call("notify_list", {})
            with pytest.raises(NotFound):
                await backend.call("notify_test", {"sink": "x"})
            keeping.cancel()
    assert [each["ok"] for each in tested["results"]] == [True]
    assert listed["sinks"][0]["on"] == [kind.value for kind in spec.on]
    assert "s3cr3t" not in json.dumps([tested, listed])
    (on_disk,) = await sinks_on_disk(tmp_path)
    assert on_disk == listed["sinks"][0] | {"on": None, "queued": None}


async def test_an_engine_without_ways_out_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        await a_backend(None).call("notify_list", {})
    with pytest.raises(EngineNotRunning):
        await sinks_on_disk(tmp_path)
