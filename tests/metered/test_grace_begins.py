"""From when on the grace counts: from the last sign, never from before there was a grace, or a place in the line."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.queues import service as queues
from app.schedules import service as schedules
from app.schedules.service import NewEvent
from app.sessions import calls
from app.sessions import service as sessions
from app.sessions.calls import ReturnPlace
from app.sessions.metered.clockwork import settle_due
from app.sessions.metered.presence import Presence
from app.sessions.metered.settle import settle_changed
from app.sessions.models import Device
from tests.metered.waiting_room import WaitingRoom, open_room
from tests.support.api import Api, Business, Joined, key_of

OF_NOBODY = {"mode": "STAFFED", "releaseRatePerMinute": None, "graceSeconds": None, "phoneGraceSeconds": None}
GRACE, LATE = 60, 20
"""A minute, and how much later its end may be noticed."""


@pytest.fixture
async def hall(api: Api, business: Business) -> AsyncIterator[WaitingRoom]:
    """A tenant that keeps every place for ever."""
    async with open_room(business, api.runtime.settings, **OF_NOBODY) as opened:
        yield opened


@pytest.fixture
async def room(api: Api, business: Business) -> AsyncIterator[WaitingRoom]:
    """A metered line that releases nobody."""
    async with open_room(business, api.runtime.settings) as opened:
        yield opened


async def _goes_by(room: WaitingRoom, seconds: int, process: Presence) -> None:
    """Time passes second by second: the process reports every other one, and the clockwork looks at each."""
    for second in range(seconds):
        room.clock.advance(seconds=1)
        await settle_due(room.dbs.app, room.queue)
        if second % 2:
            await process.report()


async def _statuses(room: WaitingRoom, *visitors: Joined) -> list[str]:
    async with room.dbs.app.read(room.queue.tenant_id) as tx:
        found = await tx.rows("select id, status from sessions where queue_id = $1", room.queue.id)
    of = {row["id"]: row["status"] for row in found}
    return [of[key_of("Session", visitor.id)] for visitor in visitors]


async def _change(room: WaitingRoom, **changes: object) -> None:
    async with room.dbs.app.write(room.queue.tenant_id) as tx:
        await queues.update(tx, room.queue.id, changes)
        await settle_changed(tx, room.queue.id)


async def test_a_grace_that_is_set_while_people_wait_counts_from_then_on(hall: WaitingRoom) -> None:
    process, there, away = hall.process(), await hall.join(), await hall.join()
    hall.arrives(process, there)
    await hall.goes_by(600, process)
    await _change(hall, grace_seconds=GRACE)
    await _goes_by(hall, GRACE, process)
    assert await _statuses(hall, there, away) == ["WAITING", "WAITING"]
    await _goes_by(hall, LATE, process)
    assert await _statuses(hall, there, away) == ["WAITING", "EXPIRED"]


async def test_a_grace_that_comes_with_an_event_is_one_to_those_who_are_there(hall: WaitingRoom) -> None:
    process, there, away = hall.process(), await hall.join(), await hall.join()
    hall.arrives(process, there)
    await hall.goes_by(600, process)
    begins = hall.clock.now() + timedelta(seconds=5)
    async with hall.dbs.app.write(hall.queue.tenant_id) as tx:
        event = NewEvent("Rush", begins, begins + timedelta(hours=1), overrides={"grace_seconds": GRACE})
        await schedules.create_event(tx, hall.queue.id, event)
        await settle_changed(tx, hall.queue.id)
    await _goes_by(hall, 5 + GRACE, process)
    assert await _statuses(hall, there, away) == ["WAITING", "WAITING"]
    await _goes_by(hall, LATE, process)
    assert await _statuses(hall, there, away) == ["WAITING", "EXPIRED"]


async def test_maintenance_is_over_and_everybody_has_the_grace_to_come_back(room: WaitingRoom) -> None:
    process, away, back = room.process(), await room.join(), await room.join()
    async with room.dbs.app.write(room.queue.tenant_id) as tx:
        await queues.start_maintenance(tx, room.queue.id)
        await settle_changed(tx, room.queue.id)
    await _goes_by(room, 5 * GRACE, process)
    async with room.dbs.app.write(room.queue.tenant_id) as tx:
        await queues.open_queue(tx, room.queue.id)
        await settle_changed(tx, room.queue.id)
    await _goes_by(room, GRACE, process)
    room.arrives(process, back)
    await process.report()
    assert await _statuses(room, away, back) == ["WAITING", "WAITING"]
    await _goes_by(room, LATE, process)
    assert await _statuses(room, away, back) == ["EXPIRED", "WAITING"]


async def test_who_is_put_back_into_the_line_has_the_grace_from_then_on(room: WaitingRoom) -> None:
    process, there, held, returned = room.process(), await room.join(), await room.join(), await room.join()
    room.arrives(process, there)
    tenant_id, ids = room.queue.tenant_id, [key_of("Session", visitor.id) for visitor in (held, returned)]
    async with room.dbs.app.write(tenant_id) as tx:
        await sessions.put_on_hold(tx, ids[0])
    async with room.dbs.app.write(tenant_id) as tx:
        await tx.rows("update sessions set status = 'CALLED', called_at = joined_at where id = $1", ids[1])
        await tx.rows("update queue_lines set waiting_count = 1, called_count = 1 where id = $1", room.queue.id)
    await _goes_by(room, 5 * GRACE, process)
    async with room.dbs.app.write(tenant_id) as tx:
        await sessions.unhold(tx, ids[0])
        await calls.return_to_queue(tx, ids[1], ReturnPlace.LAST)
    await _goes_by(room, GRACE, process)
    assert await _statuses(room, there, held, returned) == ["WAITING", "WAITING", "WAITING"]
    await _goes_by(room, LATE, process)
    assert await _statuses(room, there, held, returned) == ["WAITING", "EXPIRED", "EXPIRED"]


async def test_who_is_transferred_has_the_grace_of_the_new_line_from_then_on(hall: WaitingRoom) -> None:
    process, moved = hall.process(), await hall.join()
    async with open_room(hall.business, hall.business.api.runtime.settings) as room:
        room.clock = hall.clock
        await hall.goes_by(600, process)
        first = await room.business.join(room.queue_id)
        room.arrives(process, first)
        await _goes_by(room, 5, process)
        async with hall.dbs.app.write(hall.queue.tenant_id) as tx:
            await sessions.transfer(tx, key_of("Session", moved.id), room.queue.id)
        room.dbs.app.clock = hall.clock
        await _goes_by(room, GRACE, process)
        assert await _statuses(room, moved, first) == ["WAITING", "WAITING"]
        await _goes_by(room, LATE, process)
        assert await _statuses(room, moved, first) == ["EXPIRED", "WAITING"]


async def test_whose_grace_is_short_is_not_looked_for_by_the_long_one_of_others(room: WaitingRoom) -> None:
    process, phone = room.process(), await room.join(Device.PHONE)
    room.arrives(process, phone)
    await _change(room, phone_grace_seconds=3_600)
    await _goes_by(room, 2 * GRACE, process)
    gone = await room.join()
    async with room.dbs.app.write(room.queue.tenant_id) as tx:
        # Whatever happens to the line; a join by this clock, say.
        await sessions.put_on_hold(tx, key_of("Session", phone.id))
        await sessions.unhold(tx, key_of("Session", phone.id))
    await _goes_by(room, GRACE + LATE, process)
    assert await _statuses(room, phone, gone) == ["WAITING", "EXPIRED"]
