"""A feed that starts while the live line is behind the row does not go back to the line's older state."""

from collections.abc import Iterable

import pytest

from app.core.ids import decode
from app.sessions.line import LineEventData
from tests.support.api import Api, Business
from tests.support.waiting import eventually

FEED = "subscription($id: ID!) { sessionChanged(sessionId: $id) { status position revision } }"
BOARD = "subscription($ids: [ID!]!) { displayChanged(queueIds: $ids) { queues { revision } } }"
UPDATE = "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename } }"


async def test_a_line_behind_the_row_moves_nobody(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id = await business.queue()
    counter_id = await business.counter(queue_id)
    first = await business.join(queue_id)
    ref = decode("Queue", queue_id)
    async with api.runtime.lines.watch(ref.tenant_id, [ref.id]) as (_, [live]):
        await eventually(lambda: live.line.revision == 3)
        apply, held = live._apply, []

        def hold(events: Iterable[LineEventData]) -> bool:
            held.extend(events)
            return True

        async def never(revision: int = 0) -> None:
            """The line hears of nothing."""

        monkeypatch.setattr(live, "_apply", hold)
        monkeypatch.setattr(live, "_catch_up", never)
        monkeypatch.setattr(live, "at_least", never)
        await business.admin(UPDATE, i={"queueId": queue_id, "announcement": "hello"})
        await business.call_next(queue_id, counter_id)
        # Older ones may come as well: the line had them from the log before the bus brought them.
        await eventually(lambda: {event.revision for event in held} >= {4, 5})
        by_revision = {event.revision: event for event in held}
        update, call = by_revision[4], by_revision[5]
        async with first.visitor.socket() as socket:
            feed = await socket.subscribe(FEED, {"id": first.id})
            shown = await feed.item()
            assert (shown["status"], shown["position"], shown["revision"]) == ("CALLED", None, 5)
            board = await socket.subscribe(BOARD, {"ids": [queue_id]})
            await board.item()
            apply([update])
            # The board is told in the same round, and takes longer: by then the session's feed has looked.
            await board.item()
            apply([call])
            monkeypatch.undo()
            started = await business.act("sessionStart", first.id)
            assert started["__typename"] == "SessionStartSuccess"
            # Next comes the start, and nothing that was true before the call.
            shown = await feed.item()
            assert (shown["status"], shown["revision"]) == ("SERVING", 6)
