"""Estimates end to end: learned by workers from real queues, said by the API, scored when the truth is known."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.core.ids import Ref, decode
from app.sessions.waits.learning import PORTION, learn_portion
from tests.support.api import Api, Business, Joined
from tests.support.desk import Desk, open_desk
from tests.support.verbs import ask

OUTCOMES = 24
_SHOWN = "position estimatedWaitP50Seconds estimatedWaitP90Seconds estimatedWaitReason"
_SESSION = f"query($id: ID!) {{ session(id: $id) {{ {_SHOWN} }} }}"
_QUEUE = (
    "query($id: ID!) { queue(id: $id) { waitingCount estimatedWaitP50Seconds estimatedWaitP90Seconds "
    "estimatedWaitReason } }"
)
_ACCURACY = """
    query($id: ID!, $from: DateTime!, $to: DateTime, $locale: String! = "en") {
        estimateAccuracy(queueId: $id, from: $from, to: $to, locale: $locale) {
            samples hidden awaited left scored sentence predictors { name lossSeconds outcomes }
            served { meanAbsoluteErrorSeconds biasSeconds pinballP50Seconds pinballP90Seconds withinP50 withinP90 }
            weighted { meanAbsoluteErrorSeconds withinP90 }
        }
    }
"""


def ref_of(desk: Desk) -> Ref:
    return decode("Queue", desk.queue)


async def serve(desk: Desk, mine: Joined) -> None:
    """Called, begun, done."""
    called = await desk.call()
    assert called["id"] == mine.id
    await desk.do("sessionStart", mine)
    await desk.do("sessionComplete", mine)


async def learn(api: Api, desk: Desk) -> None:
    """Everything new, as a worker would, and the API takes it up."""
    ref = ref_of(desk)
    while await learn_portion(api.runtime.dbs.app, ref) == PORTION:
        pass
    live = await api.runtime.lines.get(*ref)
    await live.learn()


async def samples(api: Api, desk: Desk) -> list[dict[str, Any]]:
    ref = ref_of(desk)
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        found = await tx.exec(
            text("select * from wait_samples where queue_id = :id order by revision"),  # type: ignore[call-overload]
            params={"id": ref.id},
        )
        return [dict(row._mapping) for row in found]


@pytest.fixture(scope="module")
async def desk(api: Api) -> Desk:
    """A queue that has served some."""
    desk = await open_desk(await api.new_business())
    for _ in range(OUTCOMES):
        await serve(desk, await desk.join())
    await learn(api, desk)
    return desk


async def test_what_is_said_on_joining_is_what_is_kept_and_scored(api: Api, desk: Desk) -> None:
    first, second = await desk.join(), await desk.join()
    said = await second.visitor(_SESSION, id=second.id)
    assert (said["position"], said["estimatedWaitReason"]) == (2, "FEW_OUTCOMES")
    assert 0 <= said["estimatedWaitP50Seconds"] <= said["estimatedWaitP90Seconds"]
    queue = await desk.business.admin(_QUEUE, id=desk.queue)
    assert queue["waitingCount"] == 2
    assert queue["estimatedWaitP50Seconds"] is not None
    await learn(api, desk)
    kept = (await samples(api, desk))[-1]
    assert kept["session_id"] is not None
    assert kept["decided_at"] is None
    assert (kept["ahead_count"], kept["weight"]) == (1, 1)
    assert (kept["p50_seconds"], kept["p90_seconds"], kept["reason"]) == (
        said["estimatedWaitP50Seconds"],
        said["estimatedWaitP90Seconds"],
        "FEW_OUTCOMES",
    )
    await serve(desk, first)
    await serve(desk, second)
    await learn(api, desk)
    scored = (await samples(api, desk))[-1]
    assert (scored["session_id"], scored["features"], scored["is_served"]) == (None, None, True)
    assert scored["waited_seconds"] == pytest.approx((scored["decided_at"] - scored["said_at"]).total_seconds())


async def test_workers_beside_each_other_learn_each_event_once(api: Api, business: Business) -> None:
    desk = await open_desk(business)
    for _ in range(3):
        await serve(desk, await desk.join())
    gone = await desk.join()
    await desk.do("sessionCancel", gone)
    ref, db = ref_of(desk), api.runtime.dbs.app
    await asyncio.gather(*(learn_portion(db, ref) for _ in range(4)))
    assert await learn_portion(db, ref) == 0
    rows = await samples(api, desk)
    assert [row["is_served"] for row in rows] == [True, True, True, False]
    async with db.read(ref.tenant_id) as tx:
        ((revision, line_revision),) = await tx.rows(
            "select memory.revision, line.revision from wait_memories memory join queue_lines line on"
            " line.tenant_id = memory.tenant_id and line.id = memory.queue_id where memory.queue_id = $1",
            ref.id,
        )
    assert revision == line_revision


async def test_who_is_killed_half_way_has_learned_nothing(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await open_desk(business)
    await serve(desk, await desk.join())
    ref, db = ref_of(desk), api.runtime.dbs.app

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        # Samples have been written by then; what was learned has not.
        broken.setattr("app.sessions.waits.repository.keep", die)
        with pytest.raises(KeyboardInterrupt):
            await learn_portion(db, ref)
    assert await samples(api, desk) == []
    assert await learn_portion(db, ref) > 0
    assert [row["is_served"] for row in await samples(api, desk)] == [True]


async def test_accuracy_is_what_sql_says_of_the_samples(api: Api, desk: Desk) -> None:
    gone = await desk.join()
    await desk.do("sessionCancel", gone)
    await learn(api, desk)
    since = datetime.now(UTC) - timedelta(days=7)
    found = await desk.business.admin(_ACCURACY, id=desk.queue, **{"from": since.isoformat()})
    rows = await samples(api, desk)
    told = [row for row in rows if row["is_served"] and row["p50_seconds"] is not None]
    errors = [row["waited_seconds"] - row["p50_seconds"] for row in told]
    high = [row["waited_seconds"] - row["p90_seconds"] for row in told]
    assert found["samples"] == len(rows)
    assert found["hidden"] == sum(row["p50_seconds"] is None for row in rows) >= OUTCOMES - 4
    assert (found["left"], found["scored"]) == (sum(row["is_served"] is False for row in rows), len(told))
    assert told, "the first test has told two"
    assert found["served"] == pytest.approx(
        {
            "meanAbsoluteErrorSeconds": sum(map(abs, errors)) / len(told),
            "biasSeconds": -sum(errors) / len(told),
            "pinballP50Seconds": sum(abs(each) / 2 for each in errors) / len(told),
            "pinballP90Seconds": sum(max(0.9 * each, -0.1 * each) for each in high) / len(told),
            "withinP50": sum(each <= 0 for each in errors) / len(told),
            "withinP90": sum(each <= 0 for each in high) / len(told),
        }
    )
    assert found["sentence"] is None, "of so few nothing is said"
    assert {one["name"] for one in found["predictors"]} >= {"QUEUE_LENGTH", "LAST_TO_ENTER"}
    assert found["predictors"] == sorted(found["predictors"], key=lambda one: one["lossSeconds"])


async def test_who_may_not_see_figures_sees_no_accuracy_nor_does_another_tenant(api: Api, desk: Desk) -> None:
    since = {"from": datetime.now(UTC).isoformat()}
    mine = await desk.join()
    assert "UNAUTHENTICATED" in str((await mine.visitor.send(_ACCURACY, id=desk.queue, **since)).json())
    other = await api.new_business()
    assert "NOT_FOUND" in str((await other.admin.send(_ACCURACY, id=desk.queue, **since)).json())
    swapped = {"from": "2026-02-02T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert "before" in str((await desk.business.admin.send(_ACCURACY, id=desk.queue, **swapped)).json())
    years = {"from": "2020-02-02T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert "100 days" in str((await desk.business.admin.send(_ACCURACY, id=desk.queue, **years)).json())


async def test_a_paused_queue_says_that_nobody_is_called(api: Api, business: Business) -> None:
    desk = await open_desk(business)
    mine = await desk.join()
    await ask(desk.business.admin, "queuePause", queueId=desk.queue)
    shown = await mine.visitor(_SESSION, id=mine.id)
    assert shown == {
        "position": 1,
        "estimatedWaitP50Seconds": None,
        "estimatedWaitP90Seconds": None,
        "estimatedWaitReason": "NOT_RELEASING",
    }
