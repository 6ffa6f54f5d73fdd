"""Sockets that stop reading, over TCP: little waits for them, others notice nothing, and they are current later."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support import ws_client
from tests.support.api import Api, Joined
from tests.support.desk import Desk
from tests.support.feeds import Watched, fresh_queue, queue_feed
from tests.support.served import Served
from tests.support.waiting import eventually
from tests.support.ws_client import WsClient

# Frames of several KB, so that few events are more than the kernel takes for somebody who does not read.
FILLER = {"filler": "x" * 7_000}
LARGEST_FRAME = 8_000
STALLED = 4
READING = 4
EVENTS = 40
MOVES = "subscription($id: ID!) { sessionChanged(sessionId: $id) { position revision metadata } }"
EVENTS_OF = (
    "subscription($id: ID!) { queueEvents(queueId: $id, after: 0) { revision "
    + " ".join(f"{'a' * 60}{number}: occurredAt" for number in range(25))
    + " } }"
)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Sockets are opened over TCP in this test."""
    async with Served().running() as served:
        ws_client.opener.append(served.open)
        yield served
        ws_client.opener.clear()


async def watch(client: WsClient, document: str, id: str) -> Watched:
    """A feed that has begun."""
    return await Watched(await client.subscribe(document, {"id": id})).started()


async def test_half_of_the_sockets_stop_reading_while_the_line_moves(api: Api, desk: Desk, served: Served) -> None:
    ahead = [await desk.join() for _ in range(EVENTS)]
    waiting = [await desk.join(metadata=FILLER) for _ in range(STALLED + READING)]
    async with AsyncExitStack() as stack:

        async def connect(visitor: Joined) -> tuple[WsClient, Watched]:
            client = await stack.enter_async_context(visitor.visitor.socket())
            return client, await watch(client, MOVES, visitor.id)

        moving = [await connect(visitor) for visitor in waiting]
        staff = await stack.enter_async_context(desk.business.admin.socket())
        events = await watch(staff, EVENTS_OF, desk.queue)
        board = await stack.enter_async_context(api.anonymous.socket())
        counts = await watch(board, *_with_id(queue_feed(desk.queue)))
        for client in (*(client for client, _ in moving[:STALLED]), staff, board):
            client.socket.reading.clear()

        for number, leaving in enumerate(ahead, start=1):
            await desk.business.act("sessionCancel", leaving.id)
            for place, (_, feed) in list(enumerate(moving, start=1))[STALLED:]:
                await feed.shows(position=EVENTS - number + place)
            # One frame each, and answers to a heartbeat at most.
            assert max(served.buffered_bytes()) <= LARGEST_FRAME
        # Something does wait for each: it is not that nothing was sent.
        assert sum(waiting > 0 for waiting in served.buffered_bytes()) > STALLED

        for client in (*(client for client, _ in moving[:STALLED]), staff, board):
            client.socket.reading.set()
        for place, (_, feed) in enumerate(moving, start=1):
            await feed.shows(position=place)
        # Of 41 states those were left out that nobody could have read any more.
        assert max(len(feed.items) for _, feed in moving[:STALLED]) < EVENTS // 2
        now = await fresh_queue(api.anonymous, desk.queue)
        await counts.shows(**now)
        await eventually(lambda: events.last["revision"] == now["revision"])
        # Facts are none of them left out: their feed had waited.
        assert [event["revision"] for event in events.items] == list(range(1, now["revision"] + 1))
        assert max(served.buffered_bytes()) == 0
        for feed in (*(feed for _, feed in moving), events, counts):
            await feed.stop()


def _with_id(feed: tuple[str, dict[str, str]]) -> tuple[str, str]:
    document, variables = feed
    return document, variables["id"]
