"""What becomes of a message as the tables stand: choices of sessions and users, defaults, opt-outs of addresses."""

import asyncio
from datetime import time
from uuid import UUID

import pytest
from sqlmodel import col, select

from app.core.actor import SYSTEM
from app.core.db import Databases
from app.core.errors import InvalidInput
from app.core.events import EventRow
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences import repository, service
from app.notifications.preferences.models import NotificationOptOut, OptOutSource
from app.notifications.preferences.rules import NOT_BY_DEFAULT, OPTED_OUT, OTHER_CHANNELS, PERSON_OPTED_OUT, QuietHours
from app.notifications.preferences.service import Asked, Decision, Recipient, Send, Suppress
from tests.jobs.support import new_tenant
from tests.notifications.world import World

Kind, Channel = NotificationKind, NotificationChannel
EMAIL, SMS = "anna@example.com", "+4930901820"


async def decide(
    world: World,
    channel: NotificationChannel = Channel.EMAIL,
    *,
    session_id: UUID | None = None,
    address: str = EMAIL,
    kind: NotificationKind = Kind.CALLED,
) -> Decision:
    async with world.dbs.app.write(world.tenant_id) as tx:
        return await service.decide(tx, Recipient(address, session_id), kind, channel)


async def opt_out(world: World, address: str, channel: NotificationChannel, *, opted_out: bool = True) -> None:
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.set_opt_out_of(tx, channel, address, opted_out=opted_out)


async def events(world: World, *types: str) -> list[tuple[str, int]]:
    async with world.dbs.app.read(world.tenant_id) as tx:
        found = await tx.exec(
            select(EventRow.type, EventRow.revision)
            .where(col(EventRow.type).in_(types))
            .order_by(col(EventRow.revision))
        )
        return list(found.all())


async def test_a_visitors_choice_counts_for_their_session_only(world: World) -> None:
    anna, ben = await world.join("anna"), await world.join("ben")
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.set_preferences(tx, anna.id, None, {"channels": [Channel.SMS], "locale": "fr"})
    assert await decide(world, session_id=anna.id) == Suppress(OTHER_CHANNELS)
    assert await decide(world, Channel.SMS, session_id=anna.id, address=SMS) == Send()
    assert await decide(world, session_id=ben.id) == Send()
    async with world.dbs.app.write(world.tenant_id) as tx:
        people = [Recipient("", ben.id), Recipient("", anna.id)]
        assert await service.chosen_locales(tx, people) == [None, "fr"]
        await service.set_preferences(tx, anna.id, None, {"channels": None, "opted_out": True})
    async with world.dbs.app.read(world.tenant_id) as read:
        assert await service.is_opted_out(read, Channel.EMAIL, EMAIL, Kind.CALLED, session_id=anna.id)
        assert not await service.is_opted_out(read, Channel.EMAIL, EMAIL, Kind.CALLED, session_id=ben.id)
    assert await decide(world, session_id=anna.id) == Suppress(PERSON_OPTED_OUT)
    assert await decide(world, Channel.IN_APP, session_id=anna.id) == Suppress(PERSON_OPTED_OUT)


async def test_the_business_decides_for_who_has_not(world: World) -> None:
    anna = await world.join("anna")
    night = QuietHours(time(0), time(23, 59))
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.set_defaults(tx, {"channels": [Channel.SMS], "quiet_hours": night})
    assert await decide(world, session_id=anna.id) == Suppress(NOT_BY_DEFAULT)
    put_off = await decide(world, Channel.SMS, address=SMS, kind=Kind.FEEDBACK_REQUEST)
    assert put_off == Send(world.clock.now().replace(hour=23, minute=59, second=0, microsecond=0))
    async with world.dbs.app.write(world.tenant_id) as tx:
        never = QuietHours(time(3), time(3))
        await service.set_preferences(tx, anna.id, None, {"channels": [Channel.EMAIL], "quiet_hours": never})
    assert await decide(world, session_id=anna.id, kind=Kind.FEEDBACK_REQUEST) == Send()


async def test_an_address_that_has_opted_out_is_known_however_it_is_written_and_on_its_channel_only(
    world: World,
) -> None:
    await opt_out(world, "+49 (30) 901820", Channel.SMS)
    await opt_out(world, " ANNA@example.com", Channel.EMAIL)
    assert await decide(world, address=EMAIL) == Suppress(OPTED_OUT)
    assert await decide(world, address="ben@example.com") == Send()
    assert await decide(world, Channel.SMS, address="+49 30 901820") == Suppress(OPTED_OUT)
    assert await decide(world, Channel.WHATSAPP, address=SMS) == Send()
    assert await decide(world, Channel.SMS, address=SMS, kind=Kind.REPLY) == Send()
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert await service.is_opted_out(tx, Channel.SMS, SMS)
        assert not await service.is_opted_out(tx, Channel.SMS, SMS, Kind.REPLY)
        assert not await service.is_opted_out(tx, Channel.WHATSAPP, SMS)
    await opt_out(world, SMS, Channel.SMS, opted_out=False)
    assert await decide(world, Channel.SMS, address=SMS) == Send()
    assert await events(world, "NOTIFICATION_OPTED_OUT", "NOTIFICATION_OPTED_IN") == [
        ("NOTIFICATION_OPTED_OUT", 1),
        ("NOTIFICATION_OPTED_OUT", 1),
        ("NOTIFICATION_OPTED_IN", 2),
    ]


async def test_one_business_knows_nothing_of_anothers_opt_outs(world: World, dbs: Databases) -> None:
    await opt_out(world, EMAIL, Channel.EMAIL)
    other = await new_tenant(dbs)
    async with dbs.app.write(other) as tx:
        mine = repository.index_of(world.tenant_id, Channel.EMAIL, EMAIL)
        theirs = repository.index_of(other, Channel.EMAIL, EMAIL)
        assert await service.decide(tx, Recipient(EMAIL), Kind.CALLED, Channel.EMAIL) == Send()
        # Not even the key that would find it: each business has its own.
        assert await repository.opted_out(tx, {(Channel.EMAIL, mine)}) == set()
    assert mine != theirs


async def test_the_table_holds_no_address(world: World) -> None:
    await opt_out(world, EMAIL, Channel.EMAIL)
    async with world.dbs.app.read(world.tenant_id) as tx:
        (row,) = (await tx.exec(select(NotificationOptOut))).all()
    assert b"anna" not in row.recipient_index
    assert len(row.recipient_index) == 16
    assert "anna" not in repr(row)


async def test_many_are_decided_with_as_few_statements_as_one(world: World) -> None:
    anna = await world.join("anna")
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.set_preferences(tx, anna.id, None, {"opted_out": True})
    await opt_out(world, "x7@example.com", Channel.EMAIL)
    asked = [Asked(Recipient(f"x{number}@example.com"), Kind.BROADCAST, Channel.EMAIL) for number in range(500)]
    asked.append(Asked(Recipient(EMAIL, anna.id), Kind.BROADCAST, Channel.EMAIL))
    async with world.dbs.app.write(world.tenant_id) as tx:
        decisions = await service.decide_all(tx, asked)
    assert decisions[7] == Suppress(OPTED_OUT)
    assert decisions[-1] == Suppress(PERSON_OPTED_OUT)
    assert [each for number, each in enumerate(decisions[:-1]) if number != 7] == [Send()] * 499


async def test_who_opts_out_twice_at_the_same_time_has_opted_out_once(world: World) -> None:
    async def once() -> None:
        async with world.dbs.app.write(world.tenant_id) as tx:
            address = Channel.EMAIL, repository.index_of(world.tenant_id, Channel.EMAIL, EMAIL)
            await service.set_opt_out(tx, address, OptOutSource.LINK, opted_out=True)

    await asyncio.gather(*(once() for _ in range(8)))
    assert await events(world, "NOTIFICATION_OPTED_OUT") == [("NOTIFICATION_OPTED_OUT", 1)]


async def test_choices_made_at_the_same_time_are_all_kept_and_numbered(world: World) -> None:
    anna = await world.join("anna")
    changes: list[service.PreferenceChanges] = [
        {"locale": "fr"},
        {"time_zone": "Asia/Tokyo"},
        {"channels": [Channel.SMS, Channel.EMAIL]},
        {"quiet_hours": QuietHours(time(22), time(7))},
    ]

    async def change(given: service.PreferenceChanges) -> None:
        async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
            await service.set_preferences(tx, anna.id, None, given)

    await asyncio.gather(*(change(given) for given in changes))
    async with world.dbs.app.read(world.tenant_id) as tx:
        row = await service.preferences_of(tx, anna.id, None)
        wishes = await service.wishes_of(tx, anna.id, None)
    assert row is not None
    assert (row.revision, row.locale, row.time_zone, row.channels) == (4, "fr", "Asia/Tokyo", ["EMAIL", "SMS"])
    assert wishes.quiet == QuietHours(time(22), time(7))
    assert [revision for _, revision in await events(world, "NOTIFICATION_PREFERENCES_SET")] == [1, 2, 3, 4]
    # What is so already is no change.
    await change({"locale": "fr"})
    assert len(await events(world, "NOTIFICATION_PREFERENCES_SET")) == 4


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"locale": "not a language"}, "locale"),
        ({"time_zone": "Mars/Phobos"}, "timeZone"),
    ],
)
async def test_what_is_no_choice_is_refused(world: World, changes: service.PreferenceChanges, field: str) -> None:
    anna = await world.join("anna")
    with pytest.raises(InvalidInput) as refused:
        async with world.dbs.app.write(world.tenant_id) as tx:
            await service.set_preferences(tx, anna.id, None, changes)
    assert refused.value.field == field
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert await service.preferences_of(tx, anna.id, None) is None


@pytest.mark.parametrize(
    ("channel", "recipient", "field"),
    [
        (Channel.EMAIL, "nobody", "recipient"),
        (Channel.SMS, "030 901820", "recipient"),
        (Channel.PUSH, "{}", "channel"),
    ],
)
async def test_what_is_no_address_is_refused(
    world: World, channel: NotificationChannel, recipient: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await opt_out(world, recipient, channel)
    assert refused.value.field == field
