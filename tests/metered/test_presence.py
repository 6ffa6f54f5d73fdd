"""Presence: a place is kept while its visitor is there, and for the grace after; whatever happens to our processes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.db import Database, Databases, ReadTx
from app.sessions.metered import absence, presence_rows
from app.sessions.metered.absence import LOST_AFTER, NOBODY, REPORTED_WITHIN
from app.sessions.metered.presence import Presence
from app.sessions.models import Device
from tests.metered.waiting_room import WaitingRoom, open_room
from tests.support.api import Api, Business, key_of
from tests.support.waiting import eventually

GRACE, PHONE_GRACE, REPORTED = 60.0, 300.0, REPORTED_WITHIN.total_seconds()
MICROSECOND = 1e-6


@pytest.fixture
async def room(api: Api, business: Business) -> AsyncIterator[WaitingRoom]:
    """A room."""
    async with open_room(business, api.runtime.settings) as opened:
        yield opened


async def test_who_is_there_is_never_absent(room: WaitingRoom) -> None:
    process, there = room.process(), await room.join()
    room.arrives(process, there)
    await room.goes_by(10 * GRACE, process)
    assert await room.absent(there) == [False]


async def test_who_has_left_loses_the_place_after_the_grace_and_not_before(room: WaitingRoom) -> None:
    process, gone, there = room.process(), await room.join(), await room.join()
    room.arrives(process, gone, there)
    await room.goes_by(100, process)
    room.leaves(process, gone)
    await room.goes_by(GRACE + REPORTED - MICROSECOND, process)
    assert await room.absent(gone, there) == [False, False]
    await room.goes_by(MICROSECOND, process)
    assert await room.absent(gone, there) == [True, False]


async def test_a_reload_keeps_the_place(room: WaitingRoom) -> None:
    process, visitor = room.process(), await room.join()
    for _ in range(4):
        room.arrives(process, visitor)
        await room.goes_by(10, process)
        room.leaves(process, visitor)
        await room.goes_by(GRACE, process)
    assert await room.absent(visitor) == [False]


async def test_a_second_device_keeps_the_place_also_at_another_process(room: WaitingRoom) -> None:
    here, elsewhere, visitor, twice_here = room.process(), room.process(), await room.join(), await room.join()
    room.arrives(here, visitor, twice_here, twice_here)
    room.arrives(elsewhere, visitor)
    await room.goes_by(10, here, elsewhere)
    room.leaves(here, visitor, twice_here)
    await room.goes_by(10 * GRACE, here, elsewhere)
    assert await room.absent(visitor, twice_here) == [False, False]
    room.leaves(elsewhere, visitor)
    room.leaves(here, twice_here)
    await room.goes_by(GRACE + REPORTED, here, elsewhere)
    assert await room.absent(visitor, twice_here) == [True, True]


async def test_a_phone_may_sleep_longer(room: WaitingRoom) -> None:
    process, phone, browser = room.process(), await room.join(Device.PHONE), await room.join()
    room.arrives(process, phone, browser)
    await room.goes_by(10, process)
    room.leaves(process, phone, browser)
    await room.goes_by(PHONE_GRACE + REPORTED - MICROSECOND, process)
    assert await room.absent(phone, browser) == [False, True]
    await room.goes_by(MICROSECOND, process)
    assert await room.absent(phone) == [True]


@pytest.mark.parametrize(
    ("grace", "phone", "absent"),
    [(None, None, [False, False]), (60, None, [True, True]), (None, 60, [False, True]), (60, 3600, [True, False])],
)
async def test_a_grace_that_is_not_set_is_for_ever_and_a_phones_is_everybodys(
    room: WaitingRoom, grace: int | None, phone: int | None, absent: list[bool]
) -> None:
    await room.update(graceSeconds=grace, phoneGraceSeconds=phone)
    process, browser, phone_visitor = room.process(), await room.join(), await room.join(Device.PHONE)
    await room.goes_by(GRACE + REPORTED, process)
    assert await room.absent(browser, phone_visitor) == absent


async def test_polls_keep_the_place_and_their_end_ends_it(room: WaitingRoom) -> None:
    process, visitor = room.process(), await room.join()
    for _ in range(5):
        await room.goes_by(GRACE, process)
        room.polls(process, visitor)
    await room.goes_by(GRACE + REPORTED - MICROSECOND, process)
    assert await room.absent(visitor) == [False]
    await room.goes_by(MICROSECOND, process)
    assert await room.absent(visitor) == [True]


async def test_who_was_never_seen_again_was_there_when_they_joined(room: WaitingRoom) -> None:
    process = room.process()
    await room.goes_by(GRACE, process)
    first = await room.join()
    await room.goes_by(1, process)
    second = await room.join()
    await room.goes_by(GRACE + REPORTED - 1, process)
    assert await room.absent(first, second) == [True, False]


async def test_a_killed_process_costs_nobody_the_place_who_comes_back_within_the_grace(room: WaitingRoom) -> None:
    killed, other = room.process(), room.process()
    back, gone = await room.join(), await room.join()
    room.arrives(killed, back, gone)
    await room.goes_by(1000, killed, other)
    # Killed: it says no more, not even that it is gone.
    await room.goes_by(GRACE - 1, other)
    room.arrives(other, back)
    await room.goes_by(REPORTED + 1 - MICROSECOND, other)
    assert await room.absent(back, gone) == [False, False]
    await room.goes_by(10 * GRACE, other)
    assert await room.absent(back, gone) == [False, True]


async def test_nobody_is_judged_while_a_process_is_late(room: WaitingRoom) -> None:
    """It may be slow, and know of somebody who is there; after a minute it is not waited for any more."""
    slow, other = room.process(), room.process()
    gone, returns = await room.join(), await room.join()
    room.arrives(other, gone, returns)
    await room.goes_by(50, slow, other)
    room.leaves(other, gone, returns)
    await room.goes_by(GRACE - 1, slow, other)
    room.arrives(slow, returns)
    await room.goes_by(LOST_AFTER.total_seconds(), other)
    assert (await room.absence()).session_ids == ()
    await slow.report()
    assert await room.absent(gone, returns) == [True, False]
    await room.goes_by(LOST_AFTER.total_seconds() + GRACE + 1, other)
    assert await room.absent(gone, returns) == [True, True], "the slow one is lost"


async def test_an_outage_of_every_process_costs_nobody_the_place(room: WaitingRoom) -> None:
    first, visitor = room.process(), await room.join()
    room.arrives(first, visitor)
    await room.goes_by(10, first)
    await room.goes_by(100 * GRACE)
    assert (await room.absence()).session_ids == (), "nobody could have come back"
    second = room.process()
    await room.goes_by(GRACE + REPORTED - MICROSECOND, second)
    assert await room.absent(visitor) == [False], "from the opening of the doors they have the grace"
    await room.goes_by(MICROSECOND, second)
    assert await room.absent(visitor) == [True]


async def test_a_process_that_ends_in_order_is_not_waited_for(room: WaitingRoom) -> None:
    ending, other, visitor = room.process(), room.process(), await room.join()
    room.arrives(ending, visitor)
    await room.goes_by(100, ending, other)
    await ending.stop()
    assert {process for _, process, _ in await room.rows()} == {ending.id}
    await room.goes_by(GRACE + REPORTED - MICROSECOND, other)
    assert await room.absent(visitor) == [False], "they had been there until it ended"
    await room.goes_by(MICROSECOND, other)
    assert await room.absent(visitor) == [True]


async def test_who_is_on_hold_and_whose_queue_is_in_maintenance_keep_their_place(room: WaitingRoom) -> None:
    process, held, waiting = room.process(), await room.join(), await room.join()
    await room.business.act("sessionHold", held.id)
    await room.goes_by(GRACE + REPORTED, process)
    assert await room.absent(held, waiting) == [False, True]
    done = await room.business.admin(
        "mutation($i: QueueStartMaintenanceInput!) { queueStartMaintenance(input: $i) { __typename } }",
        i={"queueId": room.queue_id},
    )
    assert done["__typename"] == "QueueStartMaintenanceSuccess"
    assert await room.absence() == NOBODY


async def test_it_says_when_to_look_again(room: WaitingRoom) -> None:
    process = room.process()
    assert await room.absence() == NOBODY, "nobody waits, nothing is to be looked for"
    await process.report()
    first = await room.join()
    began = room.clock.now()
    await room.goes_by(20, process)
    await room.join()
    assert (await room.absence()).look_again_at == began + timedelta(seconds=GRACE) + REPORTED_WITHIN
    # Soon after one, the next: but not for each of many.
    await room.goes_by(GRACE + REPORTED - 10, process)
    assert (await room.absence()).look_again_at == room.clock.now() + timedelta(seconds=15)
    assert await room.absent(first) == [True]
    await room.update(graceSeconds=None, phoneGraceSeconds=None)
    assert await room.absence() == NOBODY


async def test_many_are_judged_in_portions(room: WaitingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence, "AT_ONCE", 2)
    process = room.process()
    visitors = [await room.join() for _ in range(3)]
    await room.goes_by(GRACE + REPORTED, process)
    told = await room.absence()
    assert len(told.session_ids) == 2
    assert {*told.session_ids} < {key_of("Session", visitor.id) for visitor in visitors}
    assert told.look_again_at == room.clock.now()


async def test_only_comings_and_goings_are_written(room: WaitingRoom) -> None:
    process, visitor = room.process(), await room.join()
    room.arrives(process, visitor)
    await process.report()
    before = await _version(room)
    await room.goes_by(100, process)
    assert await _version(room) == before
    room.leaves(process, visitor)
    await process.report()
    assert await room.rows() == [(key_of("Session", visitor.id), process.id, False)]
    assert await _version(room) != before


async def _version(room: WaitingRoom) -> str:
    """Another one once somebody has written the row."""
    async with room.dbs.app.read(room.queue.tenant_id) as tx:
        ((version,),) = await tx.rows("select xmin::text from presences")
    return str(version)


async def test_of_tenants_without_a_grace_nothing_is_written_until_they_have_one(api: Api, business: Business) -> None:
    patient = {"mode": "STAFFED", "releaseRatePerMinute": None, "graceSeconds": None, "phoneGraceSeconds": None}
    async with open_room(business, api.runtime.settings, **patient) as room:
        process, visitor = room.process(), await room.join()
        room.arrives(process, visitor)
        room.polls(process, await room.join())
        await room.goes_by(10, process)
        assert await room.rows() == []
        await business.queue(mode="METERED")
        await process.report()
        assert await room.rows() == [(key_of("Session", visitor.id), process.id, True)]


async def test_who_comes_while_it_is_asked_who_has_a_grace_is_told_of_the_next_time(
    room: WaitingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, visitor = room.process(), await room.join()
    process.seen(uuid4(), uuid4())
    ask = presence_rows.tenants_with_grace

    async def meanwhile(tx: ReadTx, tenant_ids: Sequence[UUID]) -> set[UUID]:
        found = await ask(tx, tenant_ids)
        room.polls(process, visitor)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(presence_rows, "tenants_with_grace", meanwhile)
        await process.report()
    await process.report()
    assert await room.rows() == [(key_of("Session", visitor.id), process.id, False)]


async def test_what_could_not_be_told_is_told_later(room: WaitingRoom) -> None:
    visitor = await room.join()
    closed = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none", clock=room.clock)
    process = Presence(Databases(room.dbs.app, closed), room.clock)
    room.arrives(process, visitor)
    with pytest.raises(ConnectionRefusedError):
        await process.report()
    assert await room.rows() == []
    await closed.dispose()
    process._dbs = room.dbs
    await process.report()
    assert await room.rows() == [(key_of("Session", visitor.id), process.id, True)]
    await process.stop()


async def test_an_outage_of_the_database_is_told_once(room: WaitingRoom, caplog: pytest.LogCaptureFixture) -> None:
    visitor = await room.join()
    closed = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none", clock=room.clock)
    process = Presence(Databases(room.dbs.app, closed), room.clock, report_seconds=0.01)
    room.arrives(process, visitor)
    with caplog.at_level("INFO", "app.sessions.metered.presence"):
        process.start()
        await asyncio.sleep(0.35)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        await closed.dispose()
        process._dbs = room.dbs

        async def is_told() -> bool:
            return await room.rows() == [(key_of("Session", visitor.id), process.id, True)]

        await eventually(is_told)
        await eventually(lambda: len(caplog.records) == 2)
        assert "available again" in caplog.messages[1]
    await process.stop()


async def test_what_is_said_of_the_ended_and_of_the_lost_is_forgotten(room: WaitingRoom) -> None:
    lost, process = room.process(), room.process()
    waits, ends = await room.join(), await room.join()
    room.arrives(lost, waits, ends)
    await room.goes_by(4, lost, process)
    await room.business.act("sessionCancel", ends.id)

    async def forget() -> None:
        async with room.dbs.system.write(None) as tx:
            await presence_rows.forget(tx, room.clock.now() - timedelta(days=1), 100)

    await room.goes_by(90_000)
    await forget()
    assert await room.rows() == [(key_of("Session", waits.id), lost.id, True)]
    assert lost.id in await _reporters(room), "when it was lost is when somebody was last seen who waits"
    await room.business.act("sessionCancel", waits.id)
    await forget()
    await forget()
    assert await room.rows() == []
    assert lost.id not in await _reporters(room)


async def _reporters(room: WaitingRoom) -> list[object]:
    async with room.dbs.system.read(None) as tx:
        return [id for (id,) in await tx.rows("select id from presence_reporters")]


async def test_sockets_streams_and_polls_of_the_visitor_count_and_nobody_elses(api: Api, room: WaitingRoom) -> None:
    process: Presence = api.app.state.presence
    by_socket, by_poll, watched, unseen = [await room.join() for _ in range(4)]

    async def told() -> dict[object, bool]:
        await process.report()
        return {session: is_present for session, reporter, is_present in await room.rows() if reporter == process.id}

    async with by_socket.visitor.socket(), room.business.admin.socket() as staff:
        await staff.subscribe("subscription($id: ID!) { sessionChanged(sessionId: $id) { id } }", {"id": watched.id})
        assert await by_poll.visitor("query($id: ID!) { session(id: $id) { id } }", id=by_poll.id) is not None
        assert await told() == {key_of("Session", by_socket.id): True, key_of("Session", by_poll.id): False}

    async def has_left() -> bool:
        return (await told())[key_of("Session", by_socket.id)] is False

    await eventually(has_left)
    assert key_of("Session", unseen.id) not in await told()
