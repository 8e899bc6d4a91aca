"""Many clients at one endpoint: nothing is claimed twice or lost, every history is explained."""

from __future__ import annotations

import asyncio
import faulthandler
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.integration.crowd import Crowd, calls_of, crowd, histories, looked_at, unexplained
from tests.integration.linearizability import Op, explains
from tests.integration.plain_objects import PlainTask, PlainVote, approval_step, task_step, vote_step

CLIENTS, TASKS, ROUNDS = 16, 1000, 100
VOTERS = ("worker-1", "worker-2", "worker-3", "solo-1", "solo-2")
ASKERS = ("worker-1", "worker-2")


def a_claim(who: str, began: int, ended: int, *, code: str = "ok", told: Any = 1) -> Op:
    return Op(who=who, what="task_claim", code=code, told=(told,), began=began, ended=ended)


def test_the_checker_accepts_what_some_order_explains() -> None:
    one = a_claim("a", 0, 9)
    other = a_claim("b", 1, 5, code="already_claimed", told="a")
    done = Op(who="a", what="task_complete", said=(1,), code="ok", began=10, ended=11)
    late = Op(who="a", what="task_progress", said=(1,), code="stale_token", began=9, ended=30)
    cut = Op(who="b", what="task_claim", began=0)
    assert explains([done, other, one, late, cut], PlainTask(), task_step)


@pytest.mark.parametrize(
    "ops",
    [
        [a_claim("a", 0, 5), a_claim("b", 1, 6, told=2)],
        [a_claim("a", 0, 5), a_claim("b", 6, 9, code="wrong_state")],
        [a_claim("a", 0, 5, code="already_claimed", told="b"), a_claim("b", 6, 9)],
        [a_claim("a", 0, 5), Op(who="a", what="task_complete", said=(0,), code="ok", began=6, ended=7)],
        [a_claim("a", 0, 5), Op(who="", what="look", told=("pending", None, 0), code="ok", began=6, ended=7)],
    ],
    ids=["two holders", "refused for nothing", "known before", "an old token", "lost"],
)
def test_canary_the_checker_rejects_what_no_order_explains(ops: list[Op]) -> None:
    assert not explains(ops, PlainTask(), task_step)


def test_canary_the_checker_rejects_double_ballots_and_double_use() -> None:
    same: dict[str, Any] = {"what": "vote_cast", "code": "ok", "told": ("open", None)}
    ballots = [Op(who="a", said=("yes",), began=at, ended=at + 5, **same) for at in (0, 1)]
    assert explains(ballots[:1], PlainVote(("a", "b", "c")), vote_step)
    assert not explains(ballots, PlainVote(("a", "b", "c")), vote_step)
    allowed = Op(who="human", what="answer", said=("approved",), code="ok", began=0, ended=1)
    used = [Op(who="a", what="approval_use", code="ok", began=2 + at, ended=9) for at in (0, 1)]
    assert explains([allowed, used[0]], "pending", approval_step)
    assert not explains([allowed, *used], "pending", approval_step)


async def play(crowded: Crowd, number: int) -> None:
    """Let everybody do a few things on a few objects, all at once."""
    made = await crowded.do("scene", tasks=4, voters=VOTERS[: 3 + number % 3], askers=ASKERS)
    scene = {name: made[name] for name in ("tasks", "votes", "approvals")}
    for name in crowded.names:
        steer = name.startswith("solo")
        crowded.order(name, do="mix", seed=number, ops=3, steer=steer, **scene)
    rng = Random(number)
    async with asyncio.TaskGroup() as answers:
        for asked in made["approvals"].values():
            for _ in range(2):
                answers.create_task(crowded.do("answer", approval=asked, allow=rng.random() < 0.7))
        answers.create_task(crowded.carried_out(crowded.names))


async def judged(crowded: Crowd, rounds: range) -> tuple[list[str], int]:
    """Return what no order explains, and how many calls were judged."""
    calls = calls_of(crowded.diaries)
    tasks, votes, approvals = histories(crowded, calls)
    looked_at(await crowded.do("look"), tasks, votes)
    wrong = unexplained(tasks, {}, approvals, ())
    for place, number in enumerate(rounds, start=1):
        name = f"V{place}"
        if not explains(votes.get(name, []), PlainVote(VOTERS[: 3 + number % 3]), vote_step):
            wrong.append(name)
    not_refused = [
        call for call in calls if call["mark"] == "stale" and call["code"] not in {"stale_token", ""}
    ]
    wrong += [f"stale write accepted: {call}" for call in not_refused if call["code"] != "too_many"]
    return wrong, len(calls)


async def test_a_hundred_seeded_histories_are_explained(
    ground: Path, points: Callable[[int], range], campaign: Callable[[str], None]
) -> None:
    rounds, began = points(ROUNDS), time.monotonic()
    if len(rounds) > ROUNDS:
        faulthandler.cancel_dump_traceback_later()  # it is no hang
    async with crowd(ground, 8) as crowded:
        for number in rounds:
            await play(crowded, number)
        wrong, count = await judged(crowded, rounds)
        checked = await crowded.do("check")
    campaign(
        f"concurrency: {len(rounds)} histories of 8 clients, {count} calls, judged per task, vote and "
        f"approval, in {time.monotonic() - began:.0f} s"
    )
    assert wrong == []
    assert "wrong" not in checked


@pytest.mark.parametrize(("broken", "letter"), [("claims", "T"), ("votes", "V"), ("approvals", "A")])
async def test_canary_a_broken_engine_is_found_by_its_histories(
    ground: Path, broken: str, letter: str
) -> None:
    async with crowd(ground, 6, broken=broken) as crowded:
        for number in range(10):
            await play(crowded, number)
        wrong, _ = await judged(crowded, range(10))
    assert any(name.startswith(letter) for name in wrong)


async def test_sixteen_clients_do_every_task_once(
    ground: Path, long: int, campaign: Callable[[str], None]
) -> None:
    if long > 1:
        faulthandler.cancel_dump_traceback_later()  # it is no hang
    count, began = TASKS * min(long, 16), time.monotonic()
    async with crowd(ground, CLIENTS) as crowded:
        tasks = (await crowded.do("tasks", count=count))["tasks"]
        for name in crowded.names:
            order = {"do": "steer", "tasks": tasks, "times": 30} if name == "solo-1" else {"do": "drain"}
            crowded.order(name, seed=1, **order)
        await kill_some(crowded, Random(1))
        await crowded.carried_out(crowded.names)
        calls = calls_of(crowded.diaries)
        seen = await crowded.do("look")
        wrong, _ = await judged(crowded, range(0))
        checked = await crowded.do("check")
    ends = Counter(state for state, _, _ in seen["tasks"].values())
    stale = [call for call in calls if call["mark"] == "stale" and call["code"] == "stale_token"]
    campaign(
        f"concurrency: {CLIENTS} clients, {count} tasks, {len(calls)} calls, {len(stale)} stale writes "
        f"refused, {dict(ends)}, in {time.monotonic() - began:.0f} s"
    )
    assert wrong == []
    assert "wrong" not in checked
    check_claims(calls, seen, tasks)
    assert stale


async def kill_some(crowded: Crowd, rng: Random) -> None:
    """Kill three clients in the middle of their calls, and let each come again."""
    for name in rng.sample([name for name in crowded.names if name.startswith("worker")], 3):
        diary = crowded.diaries / name
        size = diary.stat().st_size if diary.exists() else 0
        while not diary.exists() or diary.stat().st_size < size + 2000:
            await asyncio.sleep(0.01)
        await crowded.kill(name)
        crowded.order(name, do="drain", seed=2)


def check_claims(calls: list[dict[str, Any]], seen: dict[str, Any], tasks: list[str]) -> None:
    """Hold that no token was given twice, every task is there, and each that is done was handed in once."""
    given: dict[tuple[str, int], set[str]] = {}
    handed_in: Counter[str] = Counter()
    for call in calls:
        if call["tool"] == "task_claim" and call["code"] == "ok":
            given.setdefault((call["answer"]["task"]["id"], call["answer"]["token"]), set()).add(call["who"])
        if call["tool"] == "task_complete" and call["code"] in {"ok", ""}:
            handed_in[call["arguments"]["task_id"]] += 1
    assert [each for each, who in given.items() if len(who) > 1] == []
    assert set(seen["tasks"]) == set(tasks)
    done = {name for name, (state, _, _) in seen["tasks"].items() if state == "done"}
    assert done == {name for name in handed_in if seen["tasks"][name][0] == "done"}
    assert len(done) >= len(tasks) * 0.9
    assert not [name for name, (state, _, _) in seen["tasks"].items() if state in {"pending", "in_progress"}]
