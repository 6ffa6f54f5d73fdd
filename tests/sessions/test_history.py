"""Looking back: the log page by page, and a queue as it was at any time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import Api, Business, GraphQLFailed
from tests.support.desk import Desk
from tests.support.feeds import History
from tests.support.log_checks import fold
from tests.support.queue_logs import events_of
from tests.support.verbs import done

AS_OF = """query($id: ID!, $at: DateTime!) { queueAsOf(queueId: $id, at: $at) {
  revision changedAt status waitingCount calledCount servingCount openCounterCount
  waiting { position ticketNumber sessionId } nowServing { ticketNumber counterName status } } }"""
EVENTS = """query($id: ID!, $first: Int!, $after: String) { queue(id: $id) { events(first: $first, after: $after) {
  edges { cursor node { revision type occurredAt actor sessionId ticketNumber data } }
  pageInfo { hasNextPage endCursor } } } }"""


async def _some_history(desk: Desk) -> None:
    for priority in (0, 2, 0, 1):
        await desk.join(priority=priority)
    called = await desk.call()
    await desk.do("sessionStart", called["id"])
    line = await desk.line()
    await done(desk.business.admin, "queuePause", queueId=desk.queue)
    await desk.do("sessionComplete", called["id"])
    assert len(line) == 3


async def test_a_queue_as_it_was_after_each_of_its_events(api: Api, desk: Desk) -> None:
    await _some_history(desk)
    events = await events_of(api, desk.queue)
    history = History(events)
    for event in events:
        shown = await desk.business.admin(AS_OF, id=desk.queue, at=event.occurred_at.isoformat())
        state, line = fold(events, event.revision), event.data["line"]
        assert shown["revision"] == event.revision
        assert datetime.fromisoformat(shown["changedAt"]) == event.occurred_at
        assert (shown["status"], shown["waitingCount"]) == (line["status"], line["waiting_count"])
        assert (shown["calledCount"], shown["servingCount"]) == (line["called_count"], line["serving_count"])
        assert shown["openCounterCount"] == line["open_counter_count"]
        assert [place["ticketNumber"] for place in shown["waiting"]] == [
            state.sessions[id]["ticket_number"] for id in state.order()
        ]
        assert [place["position"] for place in shown["waiting"]] == list(range(1, len(state.order()) + 1))
        item = shown | {
            "next": [place["ticketNumber"] for place in shown["waiting"]],
            "estimatedWaitSeconds": history._wait(event.revision, line["waiting_count"]),
        }
        assert history.wrong_display(item) == []


async def test_before_the_beginning_and_after_the_end(api: Api, desk: Desk) -> None:
    await _some_history(desk)
    events = await events_of(api, desk.queue)

    async def at(time: datetime) -> Any:
        return await desk.business.admin(AS_OF, id=desk.queue, at=time.isoformat())

    before = await at(events[0].occurred_at - timedelta(microseconds=1))
    assert (before["revision"], before["changedAt"], before["waiting"]) == (0, None, [])
    assert (await at(events[3].occurred_at - timedelta(microseconds=1)))["revision"] == 3
    assert (await at(datetime.now(UTC) + timedelta(days=365)))["revision"] == len(events)
    assert (await at(datetime(1, 1, 1, tzinfo=UTC)))["revision"] == 0
    with pytest.raises(GraphQLFailed) as failed:
        await desk.business.admin(AS_OF, id=desk.queue, at="2026-05-04T10:00:00")
    assert failed.value.code == "BAD_USER_INPUT"


async def test_the_log_page_by_page(api: Api, desk: Desk) -> None:
    await _some_history(desk)
    events = await events_of(api, desk.queue)
    seen: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await desk.business.admin(EVENTS, id=desk.queue, first=4, after=after))["events"]
        seen += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert [(node["revision"], node["type"]) for node in seen] == [(event.revision, event.type) for event in events]
    joined = next(node for node in seen if node["type"] == "SESSION_JOINED")
    assert joined["actor"] == "ANONYMOUS"
    assert joined["ticketNumber"] == "A001"
    assert joined["data"]["session"]["id"] == joined["sessionId"], "keys in the data are ids as everywhere"
    assert joined["data"]["line"]["waitingCount"] == 1


async def test_who_may_look_back(api: Api, desk: Desk, other: Business) -> None:
    visitor = await desk.join()
    now = datetime.now(UTC).isoformat()
    for caller, code in (
        (api.anonymous, "UNAUTHENTICATED"),
        (visitor.visitor, "UNAUTHENTICATED"),
        (other.admin, "NOT_FOUND"),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await caller(AS_OF, id=desk.queue, at=now)
        assert failed.value.code == code
    for caller in (api.anonymous, visitor.visitor):
        with pytest.raises(GraphQLFailed) as failed:
            await caller(EVENTS, id=desk.queue, first=1)
        assert failed.value.code == "UNAUTHENTICATED"
    with pytest.raises(GraphQLFailed) as failed:
        await other.admin(EVENTS, id=desk.queue, first=1)
    assert failed.value.code == "NOT_FOUND"
