"""Estimates end to end: learned by workers from real queues, said by the API, scored when the truth is known."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.core.ids import Ref, decode
from app.sessions.waits.fold import Learner, Stored
from app.sessions.waits.learning import PORTION, learn_portion
from tests.support.api import Api, Business, Joined
from tests.support.desk import Desk, open_desk
from tests.support.verbs import ask
from tests.waits.logs import day

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


async def taught(api: Api, desk: Desk) -> None:
    """Served once, which tells the mean, and with what another line has learned."""
    await serve(desk, await desk.join())
    await learn(api, desk)
    other = Learner.at_rest(0, Stored(), UTC)
    other.learn(day(seed=2, events=150), {})
    ref = ref_of(desk)
    async with api.runtime.dbs.app.write(ref.tenant_id) as tx:
        await tx.rows("update wait_memories set said = $2 where queue_id = $1", ref.id, other.rest().said)
    live = await api.runtime.lines.get(*ref)
    live.line.observed.memory_revision = 0
    await live.learn()


async def test_what_is_said_on_joining_is_what_is_kept_and_scored(api: Api, business: Business) -> None:
    desk = await open_desk(business)
    await taught(api, desk)
    first, second = await desk.join(), await desk.join()
    said = await second.visitor(_SESSION, id=second.id)
    assert (said["position"], said["estimatedWaitReason"]) == (2, "FEW_OUTCOMES")
    assert 0 <= said["estimatedWaitP50Seconds"] < said["estimatedWaitP90Seconds"]
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
    for each in (first, second):
        await serve(desk, each)
    gone = await desk.join()
    await desk.do("sessionCancel", gone)
    await learn(api, desk)
    rows = await samples(api, desk)
    scored = rows[-2]
    assert (scored["session_id"], scored["features"], scored["is_served"]) == (None, None, True)
    assert scored["waited_seconds"] == pytest.approx((scored["decided_at"] - scored["said_at"]).total_seconds())
    await _accuracy_is_what_the_samples_say(desk, rows)


async def _accuracy_is_what_the_samples_say(desk: Desk, rows: list[dict[str, Any]]) -> None:
    since = datetime.now(UTC) - timedelta(days=7)
    found = await desk.business.admin(_ACCURACY, id=desk.queue, **{"from": since.isoformat()})
    told = [row for row in rows if row["is_served"] and row["p50_seconds"] is not None]
    errors = [row["waited_seconds"] - row["p50_seconds"] for row in told]
    high = [row["waited_seconds"] - row["p90_seconds"] for row in told]
    assert [found[name] for name in ("samples", "hidden", "left", "awaited", "scored")] == [4, 1, 1, 0, 2]
    assert len(told) == 2
    assert found["served"] == pytest.approx(
        {
            "meanAbsoluteErrorSeconds": sum(map(abs, errors)) / 2,
            "biasSeconds": -sum(errors) / 2,
            "pinballP50Seconds": sum(abs(each) / 2 for each in errors) / 2,
            "pinballP90Seconds": sum(max(0.9 * each, -0.1 * each) for each in high) / 2,
            "withinP50": sum(each <= 0 for each in errors) / 2,
            "withinP90": sum(each <= 0 for each in high) / 2,
        }
    )
    assert found["sentence"] is None, "of so few nothing is said"
    assert "QUEUE_LENGTH" in {one["name"] for one in found["predictors"]}
    assert found["predictors"] == sorted(found["predictors"], key=lambda one: one["lossSeconds"])


async def test_workers_beside_each_other_learn_each_event_once(api: Api, business: Business) -> None:
    desk = await open_desk(business)
    await serve(desk, await desk.join())
    gone = await desk.join()
    await desk.do("sessionCancel", gone)
    ref, db = ref_of(desk), api.runtime.dbs.app
    await asyncio.gather(*(learn_portion(db, ref) for _ in range(4)))
    assert await learn_portion(db, ref) == 0
    rows = await samples(api, desk)
    assert [row["is_served"] for row in rows] == [True, False]
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


async def test_who_may_not_see_figures_sees_no_accuracy_nor_does_another_tenant(api: Api, business: Business) -> None:
    desk = await open_desk(business)
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
