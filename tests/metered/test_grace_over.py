"""The end of the grace: whoever stays away loses the place and is told so, nobody else does, and the line closes up."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.sessions.metered.absence import REPORTED_WITHIN
from app.sessions.metered.clockwork import settle_due
from tests.metered.waiting_room import WaitingRoom, open_room
from tests.support.api import Api, Business, Joined
from tests.support.queue_logs import events_of

SESSION = "status position endedAt waitSeconds"
GONE_AFTER = 60.0 + REPORTED_WITHIN.total_seconds()


@pytest.fixture
async def room(api: Api, business: Business) -> AsyncIterator[WaitingRoom]:
    """A room."""
    async with open_room(business, api.runtime.settings) as opened:
        yield opened


async def _shown(visitor: Joined) -> dict[str, Any]:
    return dict(await visitor.visitor(f"query($id: ID!) {{ session(id: $id) {{ {SESSION} }} }}", id=visitor.id))


async def _time_is_looked_at(room: WaitingRoom) -> None:
    """The clockwork comes by: once to note that somebody waits, and when it is time."""
    await settle_due(room.dbs.app, room.queue)


async def test_who_stays_away_expires_and_the_others_move_up(api: Api, room: WaitingRoom) -> None:
    process = room.process()
    gone, there, last = [await room.join() for _ in range(3)]
    room.arrives(process, gone, there, last)
    await _time_is_looked_at(room)
    await room.goes_by(10, process)
    room.leaves(process, gone)
    async with gone.visitor.socket() as socket, there.visitor.socket() as other:
        watch = "subscription($id: ID!) { sessionChanged(sessionId: $id) { status position endedAt } }"
        own, others = await socket.subscribe(watch, {"id": gone.id}), await other.subscribe(watch, {"id": there.id})
        assert (await own.item())["position"] == 1
        assert (await others.item())["position"] == 2
        await room.goes_by(GONE_AFTER + 15, process)
        await _time_is_looked_at(room)
        item = await own.item()
        assert (item["status"], item["position"]) == ("EXPIRED", None)
        assert item["endedAt"] is not None
        await own.complete()
        assert (await others.item())["position"] == 1
    assert [(await _shown(visitor))["position"] for visitor in (gone, there, last)] == [None, 1, 2]
    expired = [event for event in await events_of(api, room.queue_id) if event.type == "SESSION_EXPIRED"]
    assert [event.data["session"]["ticket_number"] for event in expired] == [gone.ticket]
    assert expired[0].data["line"]["waiting_count"] == 2


async def test_who_comes_back_too_late_is_told_so_and_joins_anew_behind_everybody(room: WaitingRoom) -> None:
    process = room.process()
    late = await room.business.join(room.queue_id, userIdentifier="ada")
    there = await room.join()
    room.arrives(process, there)
    await _time_is_looked_at(room)
    await room.goes_by(GONE_AFTER + 15, process)
    await _time_is_looked_at(room)
    assert (await _shown(late))["status"] == "EXPIRED"
    refused = await room.business.act("sessionStepBack", late.id, late.visitor, places=1)
    assert (refused["__typename"], refused["sessionStatus"]) == ("IllegalTransitionError", "EXPIRED")
    again = await room.business.join(room.queue_id, userIdentifier="ada")
    assert again.id != late.id
    assert again.position == 2, "behind whoever stayed"
    assert (await _shown(late))["status"] == "EXPIRED", "what has ended stays so"


async def test_a_line_nobody_waits_in_is_not_looked_at(room: WaitingRoom) -> None:
    visitor = await room.join()
    await _time_is_looked_at(room)
    assert await _timer(room) is not None
    await room.business.act("sessionCancel", visitor.id)
    await _time_is_looked_at(room)
    assert await _timer(room) is None


async def _timer(room: WaitingRoom) -> object:
    async with room.dbs.app.read(room.queue.tenant_id) as tx:
        ((timer,),) = await tx.rows("select timer_due_at from queue_lines where id = $1", room.queue.id)
    return timer
