"""Telling everybody who waits: in portions, each once, until it is cancelled."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlmodel import col, select

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.errors import InvalidInput
from app.core.jobs.lanes import Lane
from app.core.jobs.models import Job
from app.notifications.broadcasts import repository, rules, service, writing
from app.notifications.broadcasts.errors import BroadcastOver, BroadcastRunning, ChannelNotCarried
from app.notifications.broadcasts.models import Broadcast, BroadcastStatus
from app.notifications.broadcasts.rules import Words
from app.notifications.broadcasts.service import NewBroadcast
from app.notifications.delivery import CANCELLED
from app.notifications.errors import InvalidTemplate
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.notifications.preferences import service as preferences
from app.notifications.texts import Text
from app.sessions import service as sessions
from tests.notifications.sink import Sink
from tests.notifications.test_delivery import with_settings
from tests.notifications.world import World

EMAIL, IN_APP, SMS = NotificationChannel.EMAIL, NotificationChannel.IN_APP, NotificationChannel.SMS
TEXTS = (
    Words("en", Text("We close early", "{{ ticketNumber }}: we close at 4 pm.")),
    Words("de", Text("Wir schließen früher", "{{ ticketNumber }}: wir schließen um 16 Uhr.")),
)


async def start(
    world: World,
    channels: Sequence[NotificationChannel] = (EMAIL,),
    *,
    key: str | None = None,
    texts: Sequence[Words] = TEXTS,
    every: bool = False,
) -> Broadcast:
    new = NewBroadcast(world.queue_id, texts, channels, every, key)
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        return await service.start(tx, world.settings, new)


async def broadcast(world: World, id: object) -> Broadcast:
    async with world.dbs.app.read(world.tenant_id) as tx:
        return (await tx.exec(select(Broadcast).where(Broadcast.id == id))).one()


async def messages(world: World) -> list[Notification]:
    async with world.dbs.app.read(world.tenant_id) as tx:
        found = await tx.exec(select(Notification).where(Notification.kind == NotificationKind.BROADCAST))
        return sorted(found, key=lambda row: (row.recipient, row.channel))


async def test_everybody_who_waits_is_told_once_in_their_language(world: World, sink: Sink) -> None:
    await world.join("anna", locale="de-CH")
    await world.join("bert", locale="fr")
    await world.join("carl")
    await world.call_next(then=None)  # anna is called: she does not wait any more
    await world.join("dora", email=None)
    await world.settle()
    sink.mails.clear()
    started = await start(world)
    await world.settle()
    ended = await broadcast(world, started.id)
    assert (ended.status, ended.people, ended.told, ended.gone, ended.unreachable) == (BroadcastStatus.DONE, 3, 2, 0, 1)
    assert ended.ended_at is not None
    assert sorted((mail.recipient, mail.subject) for mail in sink.mails) == [
        ("bert@example.com", "We close early"),
        ("carl@example.com", "We close early"),
    ]
    await world.join("emil", locale="de")
    assert (await messages(world))[0].body == "A002: we close at 4 pm.\n"
    await start(world)
    await world.settle()
    assert {mail.recipient: mail.subject for mail in sink.mails}["emil@example.com"] == "Wir schließen früher"


async def test_the_first_channel_that_reaches_somebody_or_every_one(world: World, sink: Sink) -> None:
    await world.join("anna")
    await world.join("bert", email=None)
    await start(world, [EMAIL, IN_APP])
    await world.settle()
    assert sorted(row.channel for row in await messages(world)) == [EMAIL, IN_APP]
    await start(world, [EMAIL, IN_APP], every=True)
    await world.settle()
    assert sorted(row.channel for row in await messages(world)) == [EMAIL, EMAIL, IN_APP, IN_APP, IN_APP]


async def test_whoever_wants_none_is_not_told_and_that_is_written_down(world: World, sink: Sink) -> None:
    await world.join("anna")
    async with world.dbs.app.write(world.tenant_id) as tx:
        await preferences.set_opt_out_of(tx, EMAIL, "anna@example.com", opted_out=True)
    started = await start(world)
    await world.settle()
    [row] = await messages(world)
    assert (row.status, [mail for mail in sink.mails if mail.subject == "We close early"]) == (
        NotificationStatus.SUPPRESSED,
        [],
    )
    ended = await broadcast(world, started.id)
    assert (ended.told, ended.unreachable) == (0, 1)


async def test_many_are_told_in_portions_that_may_run_twice(
    world: World, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PORTION", 2)
    people = [await world.join(f"v{number}") for number in range(5)]
    await world.settle()
    started = await start(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.broadcast":
            await world.runner.run(ref)
    async with world.dbs.app.read(world.tenant_id) as tx:
        jobs = (await tx.exec(select(Job).where(col(Job.name) == writing.WRITE_PORTION))).all()
    assert [(len(job.args["sessionIds"]), job.lane) for job in jobs] == [(2, Lane.BULK)] * 2 + [(1, Lane.BULK)]
    # Somebody leaves before it is their turn, and one portion's writing dies before its commit.
    await world.act(sessions.cancel, people[4].id)

    async def die() -> None:
        async with world.dbs.app.write(world.tenant_id) as tx:
            await writing.write_portion(tx, world.settings, started.id, [people[0].id])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await die()
    await world.settle()
    ended = await broadcast(world, started.id)
    assert (ended.status, ended.people, ended.told, ended.gone, ended.portions_done) == (
        BroadcastStatus.DONE,
        5,
        4,
        1,
        3,
    )
    assert sorted(mail.recipient for mail in sink.mails if mail.subject == "We close early") == [
        f"v{number}@example.com" for number in range(4)
    ]


async def test_cancelled_nothing_more_is_written_and_nothing_unsent_is_sent(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    await world.join("anna")
    await world.settle()
    sink.answers["RCPT"] = ["451 later"]
    started = await start(world)
    await world.settle()
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.cancel(tx, started.id)
    clock.advance(minutes=1)
    await world.settle()
    [row] = await messages(world)
    assert (row.status, row.error) == (NotificationStatus.SUPPRESSED, CANCELLED)
    async with world.dbs.app.write(world.tenant_id) as tx:
        with pytest.raises(BroadcastOver):
            await service.cancel(tx, started.id)
    early = await start(world)
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.cancel(tx, early.id)
    await world.settle()
    assert len(await messages(world)) == 1
    assert (await broadcast(world, early.id)).people is None


async def test_nobody_waits(world: World) -> None:
    started = await start(world)
    await world.settle()
    ended = await broadcast(world, started.id)
    assert (ended.status, ended.people, ended.told) == (BroadcastStatus.DONE, 0, 0)


async def test_two_at_once_in_one_queue_are_one_and_a_refusal(world: World) -> None:
    await world.join("anna")
    found = await asyncio.gather(start(world), start(world), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Broadcast", "BroadcastRunning"]
    with pytest.raises(BroadcastRunning):
        await start(world)
    await world.settle()
    assert len(await messages(world)) == 1


async def test_the_same_key_is_the_same_broadcast(world: World) -> None:
    first = await start(world, key="k")
    assert (await start(world, key="k")).id == first.id
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert await repository.is_cancelled(tx, first.id) is False


async def test_what_cannot_be_told_is_refused(world: World) -> None:
    with pytest.raises(InvalidTemplate):
        await start(world, texts=[Words("en", Text("Hello", "{{ counterName }}"))])
    for texts in ([], [TEXTS[0], TEXTS[0]], [Words("!", TEXTS[0].text)]):
        with pytest.raises(InvalidInput):
            await start(world, texts=texts)
    for channels in ([], [NotificationChannel.CHAT]):
        with pytest.raises(InvalidInput):
            await start(world, channels)
    with_settings(world, sms_url=None)
    with pytest.raises(ChannelNotCarried):
        await start(world, [EMAIL, SMS])
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert (await tx.exec(select(Broadcast))).all() == []
