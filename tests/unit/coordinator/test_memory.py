"""Shared memory: scopes and their order, versions, ends, limits, deletion and purge."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import memory, memory_use, upkeep
from supervisor.coordinator.memory_use import count_change, use_of, wrong_use
from supervisor.coordinator.views import run_tables, whole_world
from supervisor.errors import Forbidden, InvalidArgument, NotFound, SupervisorError, TooLarge, WrongState
from supervisor.model.ids import SUPERVISOR, MilestoneId
from supervisor.model.memory import TTL_MAX_S, MemoryEntry
from supervisor.model.milestone import Milestone
from supervisor.store.transaction import Transaction
from supervisor.testing.small_team import SmallTeam


async def remember(
    team: SmallTeam, key: str, value: str = "v", by: str = "planner", **more: Any
) -> MemoryEntry:
    entry: MemoryEntry = await team.do(
        lambda scope: memory.remember(scope, team[by], key=key, value=value, **more)
    )
    return entry


async def recall(team: SmallTeam, key: str, where: str = "team", **more: Any) -> MemoryEntry | None:
    found: MemoryEntry | None = await team.do(
        lambda scope: memory.recall(scope, team["judge"], key=key, where=where, **more)
    )
    return found


async def a_milestone_with_a_task(team: SmallTeam) -> None:
    task = await team.add_task()
    milestone = Milestone(id=MilestoneId("P1"), run=1, name="first")

    def record(scope: Any) -> None:
        scope.tx.record("milestone.created", milestone, actor=SUPERVISOR)
        scope.save_task("task.updated", replace(scope.task(task.id), milestone="P1"), actor=SUPERVISOR)

    await team.do(record)


async def test_what_a_scope_lacks_is_found_in_the_next_wider_one(team: SmallTeam) -> None:
    await a_milestone_with_a_task(team)
    for scope in ("team", "project", "milestone:P1", "task:T1"):
        assert await recall(team, "key", scope, exact=True) is None
        await remember(team, "key", f"from {scope}", where=scope)
        for reader in ("task:1", "milestone:p1", "project", "team"):
            found = await recall(team, "key", reader)
            assert found is not None
    nearest = [await recall(team, "key", scope) for scope in ("task:T1", "milestone:P1", "project", "team")]
    assert [each.scope for each in nearest if each] == ["task:T1", "milestone:P1", "project", "team"]


async def test_a_task_without_a_milestone_reads_on_in_the_project(team: SmallTeam) -> None:
    await team.add_task()
    await remember(team, "key", where="project")
    found = await recall(team, "key", "task:T1")
    assert found is not None
    assert found.scope == "project"
    assert await recall(team, "key", "task:T1", exact=True) is None


async def test_an_agents_own_scope_reads_on_in_the_teams(team: SmallTeam) -> None:
    await remember(team, "key", where="project")
    assert await recall(team, "key", "agent:judge") is None
    await remember(team, "key", where="team")
    found = await recall(team, "key", "agent:judge")
    assert found is not None
    assert found.scope == "team"


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("world", InvalidArgument),
        ("", InvalidArgument),
        ("task:", InvalidArgument),
        ("task:P1", InvalidArgument),
        ("milestone:T1", InvalidArgument),
        ("agent:../x", InvalidArgument),
        ("team:x", InvalidArgument),
        ("task:T9", NotFound),
        ("milestone:P9", NotFound),
        ("agent:nobody", NotFound),
    ],
)
async def test_a_scope_that_is_none_is_refused(
    team: SmallTeam, where: str, error: type[SupervisorError]
) -> None:
    with pytest.raises(error):
        await remember(team, "key", where=where)
    with pytest.raises(error):
        await recall(team, "key", where)


async def test_only_its_owner_writes_to_an_agents_scope_or_deletes_from_it(team: SmallTeam) -> None:
    await remember(team, "key", where="agent:planner")
    with pytest.raises(Forbidden, match="only planner"):
        await remember(team, "key", by="worker-1", where="agent:planner")
    with pytest.raises(Forbidden, match="only planner"):
        await team.do(lambda scope: memory.forget(scope, team["worker-1"], key="key", where="agent:planner"))
    with pytest.raises(Forbidden, match=r"memory\.write"):
        await team.do(lambda scope: memory.forget(scope, team["watcher"], key="key"))


async def test_versions_rise_by_one_also_over_a_deletion(team: SmallTeam) -> None:
    assert [(await remember(team, "key")).version for _ in range(3)] == [1, 2, 3]
    gone = await team.do(lambda scope: memory.forget(scope, team["judge"], key="key"))
    assert (gone.version, gone.value, gone.author, gone.deleted) == (4, "", "judge", True)
    assert await recall(team, "key") is None
    assert (await remember(team, "key")).version == 5


async def test_who_expects_another_version_is_told_the_present_one(team: SmallTeam) -> None:
    with pytest.raises(WrongState, match=r"does not exist \(version 0\), not at 1"):
        await remember(team, "key", expect_version=1)
    await remember(team, "key", expect_version=0)
    await remember(team, "key", expect_version=1)
    with pytest.raises(WrongState, match="is at version 2, not at 1") as caught:
        await remember(team, "key", expect_version=1)
    assert caught.value.details == {"version": 2}
    with pytest.raises(WrongState, match="is at version 2, not at 0"):
        await remember(team, "key", expect_version=0)
    with pytest.raises(WrongState, match="is at version 2"):
        await team.do(lambda scope: memory.forget(scope, team["judge"], key="key", expect_version=9))
    await team.do(lambda scope: memory.forget(scope, team["judge"], key="key", expect_version=2))
    assert (await remember(team, "key", expect_version=0)).version == 4


async def test_an_entry_ends_by_itself_and_its_end_is_an_event(team: SmallTeam) -> None:
    await remember(team, "short", ttl_s=60)
    await remember(team, "long", ttl_s=600)
    await team.clock.advance(59)
    assert await recall(team, "short") is not None
    await team.clock.advance(1)
    assert await recall(team, "short") is None
    listed = await team.store.read(memory.listed)
    assert [each["key"] for each in listed["entries"]] == ["long"]
    await team.do(lambda scope: upkeep.tick(scope, {}))
    expired = [each for each in await team.events() if each.kind == "memory.expired"]
    assert [(each.subject, each.actor, each.after["value"]) for each in expired] == [
        ("team/short", "supervisor", "")
    ]
    assert (await remember(team, "short")).version == 3


async def test_who_writes_over_an_ended_entry_gives_it_a_new_life(team: SmallTeam) -> None:
    await remember(team, "key", ttl_s=60)
    await team.clock.advance(61)
    fresh = await remember(team, "key", expect_version=0)
    assert (fresh.version, fresh.expires_at) == (2, None)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert await recall(team, "key") == fresh


@pytest.mark.parametrize("ttl_s", [0.5, TTL_MAX_S + 1])
async def test_an_end_lies_within_bounds(team: SmallTeam, ttl_s: float) -> None:
    with pytest.raises(InvalidArgument, match="ttl_s"):
        await remember(team, "key", ttl_s=ttl_s)


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [(" ", "v", InvalidArgument), ("k" * 201, "v", TooLarge), ("k", "v" * 65_537, TooLarge)],
)
async def test_keys_and_values_have_bounds(
    team: SmallTeam, key: str, value: str, error: type[SupervisorError]
) -> None:
    with pytest.raises(error):
        await remember(team, key, value)


async def test_a_full_scope_takes_changes_but_no_further_entry(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SCOPE_ENTRIES_MAX", 2)
    await remember(team, "a")
    await remember(team, "b")
    with pytest.raises(TooLarge, match="`team` holds 2 entries"):
        await remember(team, "c")
    await remember(team, "a", "changed")
    await remember(team, "c", where="project")
    await team.do(lambda scope: memory.forget(scope, team["judge"], key="a"))
    await remember(team, "c")


async def test_an_author_has_so_many_bytes_in_all_scopes_together(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "AUTHOR_BYTES_MAX", 10)
    await remember(team, "a", "12345")
    await remember(team, "b", "ä345", where="project")
    with pytest.raises(TooLarge, match="planner has 10 bytes in memory and wants 1 more"):
        await remember(team, "c", "1")
    await remember(team, "a", "54321")
    with pytest.raises(TooLarge, match="wants 1 more"):
        await remember(team, "a", "123456")
    await remember(team, "c", "")
    await remember(team, "a", "by another", by="judge")
    await remember(team, "c", "12345")
    with pytest.raises(TooLarge, match="wants 10 more"):
        await remember(team, "a", "1234567890")


async def test_a_list_pages_by_key_and_prefix(team: SmallTeam) -> None:
    for key in ("a/1", "a/2", "a/3", "b", "%", "_"):
        await remember(team, key)

    def page(**more: Any) -> Any:
        return lambda scope: memory.recall_page(scope, team["watcher"], **more)

    first = await team.do(page(prefix="a/", limit=2))
    assert ([each.key for each in first.entries], first.next) == (["a/1", "a/2"], "a/2")
    rest = await team.do(page(prefix="a/", limit=2, after=first.next))
    assert ([each.key for each in rest.entries], rest.next) == (["a/3"], None)
    assert [each.key for each in (await team.do(page(prefix="%"))).entries] == ["%"]
    assert len((await team.do(page())).entries) == 6


async def test_a_page_of_heavy_values_ends_early_but_never_empty(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "LIST_BYTES", 5)
    for key in ("a", "b", "c"):
        await remember(team, key, "1234567")
    page = await team.do(lambda scope: memory.recall_page(scope, team["judge"]))
    assert ([each.key for each in page.entries], page.next) == (["a"], "a")
    monkeypatch.setattr(memory, "LIST_BYTES", 15)
    page = await team.do(lambda scope: memory.recall_page(scope, team["judge"]))
    assert ([each.key for each in page.entries], page.next) == (["a", "b"], "b")


async def search(team: SmallTeam, **more: Any) -> memory.Found:
    found: memory.Found = await team.do(lambda scope: memory.search(scope, team["watcher"], **more))
    return found


async def test_search_finds_words_in_keys_and_values_whatever_their_case(team: SmallTeam) -> None:
    await remember(team, "Port", "8080")
    await remember(team, "server", "x" * 300 + "der PORT ist 8080, Straße" + "y" * 300, where="project")
    await remember(team, "other", "nothing")
    both = (await search(team, words="port")).entries
    assert [(each["scope"], each["key"]) for each in both] == [("project", "server"), ("team", "Port")]
    assert both[0]["size"] == 626
    assert "der PORT ist 8080" in both[0]["value"]
    assert len(both[0]["value"]) == 200
    assert len((await search(team, words="port", where="team")).entries) == 1
    assert len((await search(team, words="STRASSE")).entries) == 1
    assert (await search(team, words="%")).entries == ()
    with pytest.raises(InvalidArgument, match="words"):
        await search(team, words=" ")


@pytest.mark.parametrize("where", [None, "team"])
async def test_a_search_goes_on_where_the_last_one_ended(team: SmallTeam, where: str | None) -> None:
    for key in ("a", "b/x", "c"):
        await remember(team, key)
    first = await search(team, words="v", limit=2, where=where)
    assert ([each["key"] for each in first.entries], first.next) == (["a", "b/x"], "team/b/x")
    rest = await search(team, words="v", limit=2, where=where, after=first.next)
    assert ([each["key"] for each in rest.entries], rest.next) == (["c"], None)


async def test_one_search_looks_only_so_far(team: SmallTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SEARCH_BYTES", 2 * memory.ENTRY_COST + 1)
    for key in ("a", "b", "c"):
        await remember(team, key)
    first = await search(team, words="nothing of the kind")
    assert (first.entries, first.next) == ((), "team/b")
    assert (await search(team, words="v", after="team/b")).next is None


async def test_what_is_not_there_cannot_be_deleted(team: SmallTeam) -> None:
    with pytest.raises(NotFound, match="nothing is remembered as `key` in `team`"):
        await team.do(lambda scope: memory.forget(scope, team["judge"], key="key"))
    await remember(team, "key", ttl_s=1)
    await team.clock.advance(2)
    with pytest.raises(NotFound):
        await team.do(lambda scope: memory.forget(scope, team["judge"], key="key"))


async def test_a_person_deletes_anywhere(team: SmallTeam) -> None:
    await remember(team, "key", where="agent:planner")
    gone = await team.do(lambda scope: memory.forget(scope, None, key="key", where="agent:planner"))
    assert gone.author == "human"


async def test_a_purge_deletes_all_by_one_author_in_batches_with_an_event_each(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "BATCH", 2)
    for key in ("a", "b", "c"):
        await remember(team, key, by="worker-1")
    await remember(team, "shared", by="worker-1")
    await remember(team, "shared", "mine now", by="judge")
    counts = [await team.do(lambda scope: memory.purge_author(scope, "worker-1")) for _ in range(3)]
    assert counts == [2, 1, 0]
    listed = await team.store.read(memory.listed)
    assert [each["key"] for each in listed["entries"]] == ["shared"]
    purged = [each for each in await team.events() if each.kind == "memory.purged"]
    assert [(each.subject, each.actor) for each in purged] == [
        ("team/a", "human"),
        ("team/b", "human"),
        ("team/c", "human"),
    ]


async def test_history_stays_in_the_event_log(team: SmallTeam) -> None:
    await remember(team, "key", "first")
    await remember(team, "key", "second")
    await team.do(lambda scope: memory.forget(scope, None, key="key"))
    told = [(each.kind, each.after["value"]) for each in await team.events() if each.subject == "team/key"]
    assert told == [("memory.set", "first"), ("memory.set", "second"), ("memory.deleted", "")]


async def test_people_are_shown_metadata_of_all_scopes_in_pages(team: SmallTeam) -> None:
    await remember(team, "a/b", "x" * 500, where="project")
    await remember(team, "a", "y")
    await remember(team, "b", "z")
    first = await team.store.read(lambda tx: memory.listed(tx, limit=2))
    assert [(each["scope"], each["key"], each["size"]) for each in first["entries"]] == [
        ("project", "a/b", 500),
        ("team", "a", 1),
    ]
    assert first["entries"][0]["value"] == "x" * 200
    rest = await team.store.read(lambda tx: memory.listed(tx, after=first["next"]))
    assert ([each["key"] for each in rest["entries"]], rest["next"]) == (["b"], None)
    after_key_with_slash = await team.store.read(lambda tx: memory.listed(tx, after="project/a/b"))
    assert [each["key"] for each in after_key_with_slash["entries"]] == ["a", "b"]
    of_one = await team.store.read(lambda tx: memory.listed(tx, where="team", prefix="b"))
    assert [each["key"] for each in of_one["entries"]] == ["b"]


async def test_people_are_shown_one_entry_whole(team: SmallTeam) -> None:
    await remember(team, "key", "x" * 500)
    shown = await team.store.read(lambda tx: memory.shown(tx, key="key", where="team"))
    assert len(shown.value) == 500
    await team.do(lambda scope: memory.forget(scope, None, key="key"))
    for key in ("key", "never"):
        with pytest.raises(NotFound, match="supervisor memory list"):
            await team.store.read(partial(memory.shown, key=key, where="team"))


async def test_a_snapshot_carries_the_beginnings_of_the_newest_and_nothing_deleted(
    team: SmallTeam,
) -> None:
    for key in ("old", "gone", "new"):
        await remember(team, key, key * 100)
        await team.clock.advance(1)
    await team.do(lambda scope: memory.forget(scope, None, key="gone"))
    tables = await team.store.read(lambda tx: run_tables(tx, 1))
    assert [(each["key"], len(each["value"])) for each in tables["memory"]] == [("old", 200), ("new", 200)]
    newest = await team.store.read(lambda tx: memory.newest(tx, 1))
    assert [each.key for each in newest] == ["new"]
    world = await team.store.read(whole_world)
    assert set(world.tables["memory"]) == {"team/old", "team/gone", "team/new"}
    assert set(world.memory) == {"team/old", "team/new"}


async def test_what_is_kept_of_scopes_and_authors_is_what_their_rows_say(team: SmallTeam) -> None:
    await remember(team, "a", "12345", by="worker-1")
    await remember(team, "a", "ä", by="judge")
    await remember(team, "b", "123", where="project", ttl_s=1)
    await remember(team, "c", "", by="worker-1")
    await team.do(lambda scope: memory.forget(scope, None, key="a"))
    await remember(team, "a", "again", by="worker-1")
    await team.clock.advance(2)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert await team.store.read(wrong_use) == []

    def counts(scope: Any) -> list[memory_use.Use]:
        return [use_of(scope.tx, owner) for owner in ("scope:team", "author:worker-1", "author:judge")]

    assert [(each.entries, each.bytes) for each in await team.do(counts)] == [(2, 5), (2, 5), (0, 0)]


async def test_canary_a_write_that_is_not_counted_is_noticed(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(memory, "count_change", lambda *_: None)
        await remember(team, "a", "12345")
    assert await team.store.read(wrong_use) == [
        "memory of author:planner counts Use(entries=0, bytes=0), its rows say Use(entries=1, bytes=5)",
        "memory of scope:team counts Use(entries=0, bytes=0), its rows say Use(entries=1, bytes=5)",
    ]
    await team.do(lambda scope: count_change(scope.tx, None, memory.shown(scope.tx, key="a", where="team")))


async def test_canary_a_deletion_without_its_event_breaks_the_fold(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remember(team, "key")
    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "_append", lambda *_: None)
        await team.do(lambda scope: memory.forget(scope, None, key="key"))
    with pytest.raises(AssertionError, match="not the fold"):
        await team.check_invariants()
    await remember(team, "key", "mended")
