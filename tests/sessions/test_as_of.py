"""A line of the past, read backwards, against the line that was really there, and against the whole log folded."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from app.core.db import ReadTx, Recorded
from app.core.errors import BadInput
from app.core.events import read_recorded
from app.core.ids import Ref, decode
from app.queues.events import QUEUE
from app.sessions import as_of, repository_as_of
from app.sessions.line import Line, read_event
from tests.audit.conftest import Tamper, tamper
from tests.sessions.test_live_line import _queues, shown
from tests.support.api import Api, Business, GraphQLFailed
from tests.support.desk import Desk
from tests.support.havoc import random_things

__all__ = ["tamper"]

AS_OF = """query($id: ID!, $at: DateTime!, $first: Int!, $after: String) { queue(id: $id) { asOf(at: $at) {
  revision waitingCount calledCount servingCount status waiting { ticketNumber } nowServing { ticketNumber status }
  line(first: $first, after: $after) {
    edges { cursor node { position ticketNumber sessionId } } pageInfo { hasNextPage endCursor } } } } }"""


async def log_of(tx: ReadTx, ref: Ref) -> list[Recorded]:
    """All of a queue's events."""
    found: list[Recorded] = []
    while page := await read_recorded(tx, QUEUE, ref.id, after=len(found)):
        found += page
    return found


async def test_at_any_moment_it_is_the_log_folded_until_then(api: Api, business: Business) -> None:
    queue_ids, counter_ids = await _queues(business)
    refs = [decode("Queue", id) for id in queue_ids]
    await random_things(Random(7), [api.runtime.dbs.app], refs[0].tenant_id, [ref.id for ref in refs], counter_ids, 100)
    for ref in refs:
        async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
            log, line = await log_of(tx, ref), Line()
            assert len(log) > 15
            before = log[0].occurred_at - timedelta(microseconds=1)
            assert shown((await as_of.line_as_of(tx, ref.id, before))[0]) == shown(line)
            for event, after in zip(log, [*log[1:], None], strict=True):
                line.apply(read_event(*event))
                if after is not None and after.occurred_at == event.occurred_at:
                    continue
                told, at = await as_of.line_as_of(tx, ref.id, event.occurred_at)
                assert shown(told) == shown(line)
                assert at == event.occurred_at


async def test_it_is_the_line_that_was_there(desk: Desk) -> None:
    seen: list[tuple[datetime, list[str], int]] = []

    async def look() -> None:
        queue = await desk.business.admin("query($id: ID!) { queue(id: $id) { revision } }", id=desk.queue)
        async with desk.business.api.runtime.dbs.app.read(ref.tenant_id) as tx:
            (row,) = await tx.rows(
                "select last_change_at from queue_lines where tenant_id = $1 and id = $2", ref.tenant_id, ref.id
            )
        seen.append((row[0], await desk.line(), queue["revision"]))

    ref = decode("Queue", desk.queue)
    people = [await desk.join(priority=number % 3) for number in range(5)]
    await look()
    called = await desk.call()
    await look()
    await desk.do("sessionStart", called["id"])
    await desk.do("sessionHold", people[0])
    await look()
    await desk.do("sessionSetPriority", people[3], priority=9)
    await look()
    await desk.do("sessionUnhold", people[0])
    await desk.do("sessionCancel", people[1])
    await look()
    for at, line, revision in seen:
        # Up to the next change it was so.
        for later in (timedelta(), timedelta(microseconds=1)):
            told = await page(desk, at + later, first=100)
            assert [edge["node"]["ticketNumber"] for edge in told["line"]["edges"]] == line
            assert (told["revision"], told["waitingCount"]) == (revision, len(line))
            assert [place["ticketNumber"] for place in told["waiting"]] == line
    first = await page(desk, seen[0][0], first=3)
    rest = await page(desk, seen[0][0], first=3, after=first["line"]["pageInfo"]["endCursor"])
    assert (first["line"]["pageInfo"]["hasNextPage"], rest["line"]["pageInfo"]["hasNextPage"]) == (True, False)
    places = [edge["node"] for edge in first["line"]["edges"] + rest["line"]["edges"]]
    assert [place["position"] for place in places] == [1, 2, 3, 4, 5]
    assert [place["ticketNumber"] for place in places] == seen[0][1]
    assert {place["sessionId"] for place in places} == {one.id for one in people}


async def page(desk: Desk, at: datetime, **given: Any) -> dict[str, Any]:
    answer = await desk.business.admin(AS_OF, id=desk.queue, at=at.isoformat(), **given)
    return dict(answer["asOf"])


async def test_its_work_is_bounded_however_long_the_log_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who stands there since long ago is looked for, but not for ever; a short line is found at once."""
    ref = decode("Queue", desk.queue)
    for _ in range(3):
        await desk.do("sessionCancel", await desk.join())
    alone = await desk.join()
    async with desk.business.api.runtime.dbs.app.read(ref.tenant_id) as tx:
        monkeypatch.setattr(as_of, "MOST_EVENTS", 1)
        monkeypatch.setattr(as_of, "_AT_ONCE", 5)
        line, _ = await as_of.line_as_of(tx, ref.id, datetime.now(UTC) + timedelta(days=1))
        assert len(line) == 1
    for _ in range(4):
        await desk.do("sessionCancel", await desk.join())
    async with desk.business.api.runtime.dbs.app.read(ref.tenant_id) as tx:
        with pytest.raises(BadInput, match="had not moved"):
            await as_of.line_as_of(tx, ref.id, datetime.now(UTC) + timedelta(days=1))
        monkeypatch.setattr(as_of, "MOST_EVENTS", 9)
        line, _ = await as_of.line_as_of(tx, ref.id, datetime.now(UTC) + timedelta(days=1))
        assert [entry.id for entry in line.head(2)] == [decode("Session", alone.id).id]


async def test_what_is_not_kept_any_more_is_said_and_nothing_is_made_up(desk: Desk, tamper: Tamper) -> None:
    api, ref = desk.business.api, decode("Queue", desk.queue)
    old = await desk.join()
    mid = await desk.join()
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        log = await log_of(tx, ref)
    await desk.do("sessionCancel", old)
    await desk.do("sessionCancel", mid)
    young = await desk.join()
    # The oldest part is archived: all that was until `mid` joined.
    await tamper(
        "delete from events where tenant_id = $1 and aggregate_id = $2 and revision < $3", *ref, log[-1].revision
    )
    for at, words in ((log[0].occurred_at, "kept from"), (log[-1].occurred_at, "long enough")):
        with pytest.raises(GraphQLFailed) as failed:
            await page(desk, at, first=5)
        assert failed.value.code == "BAD_USER_INPUT"
        assert words in str(failed.value)
    now = await page(desk, datetime.now(UTC) + timedelta(minutes=1), first=5)
    assert [edge["node"]["sessionId"] for edge in now["line"]["edges"]] == [young.id]
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        rows = await log_of_rest(tx, ref, log[-1].revision)
        hole = rows[1].revision
    await tamper("delete from events where tenant_id = $1 and aggregate_id = $2 and revision = $3", *ref, hole)
    async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
        ends = (log[-1].revision, rows[-1].revision)
        assert await repository_as_of.revision_between(tx, QUEUE, ref.id, rows[0].occurred_at, *ends) is None


async def log_of_rest(tx: ReadTx, ref: Ref, first: int) -> list[Recorded]:
    return list(await read_recorded(tx, QUEUE, ref.id, after=first - 1))


@pytest.mark.parametrize("after", ["WyItMSJd", "WyIwIl0", "WyI1IiwgIjYiXQ", "x", "WyI5OTk5OTk5OTk5OTk5Il0"])
async def test_a_cursor_of_something_else_is_refused(desk: Desk, after: str) -> None:
    with pytest.raises(GraphQLFailed) as failed:
        await page(desk, datetime.now(UTC), first=5, after=after)
    assert failed.value.code == "BAD_USER_INPUT"
