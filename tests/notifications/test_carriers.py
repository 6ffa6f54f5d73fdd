"""Several providers of one channel: in order, another at once when one fails, and whose message is in doubt."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import update

from app.core.clock import ManualClock
from app.notifications.deliveries import service
from app.notifications.deliveries.errors import NotificationNotRetriable
from app.notifications.delivery import CANCELLED, IN_DOUBT, OPTED_OUT, WAITS
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.notifications.owing import Owed, owe
from app.notifications.preferences import service as preferences
from app.notifications.providers import service as providers
from app.notifications.providers.models import MessageProvider
from app.notifications.providers.service import NewMessageProvider
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.notifications.test_delivery import NOBODY_LISTENS, one, owe_one, with_settings
from tests.notifications.world import World

PENDING, SENT, FAILED, SUPPRESSED = (
    NotificationStatus.PENDING,
    NotificationStatus.SENT,
    NotificationStatus.FAILED,
    NotificationStatus.SUPPRESSED,
)


async def provider(world: World, port: int, name: str, **values: Any) -> MessageProvider:
    """A mail server of the tenant's own, on this machine."""
    with_settings(world, outbound_networks=["127.0.0.0/8"])
    options = {"host": "127.0.0.1", "port": port, "security": "IF_OFFERED", "sender": "Shop <shop@shop.example>"}
    async with world.dbs.app.write(world.tenant_id) as tx:
        return await providers.create(tx, NewMessageProvider("SMTP", name, options, {}, **values))


async def test_the_second_is_asked_at_once_when_the_first_is_away(world: World, sink: Sink) -> None:
    first = await provider(world, 9, "first", try_order=1)
    second = await provider(world, sink.port, "second", try_order=2)
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, row.attempts, row.provider_id, row.provider) == (SENT, 2, second.id, "SMTP")
    assert first.id != second.id
    assert len(sink.mails) == 1


async def test_a_failing_one_is_left_alone_and_comes_back(world: World, sink: Sink, clock: ManualClock) -> None:
    await provider(world, 9, "first", try_order=1)
    await provider(world, sink.port, "second", try_order=2)
    tries = []
    for number in range(7):
        await world.join(f"v{number}")
        await world.call_next()
        await world.settle()
        tries.append(max(await world.notifications(), key=lambda row: row.created_at).attempts)
    # After five failures in a row nobody asks it for five seconds; then one message tries whether it is back.
    assert tries == [2, 2, 2, 2, 2, 1, 2]
    assert len(sink.mails) == 7


async def test_a_refusal_for_good_asks_nobody_else(world: World, sink: Sink) -> None:
    async with open_sink() as other:
        await provider(world, sink.port, "first", try_order=1)
        await provider(world, other.port, "second", try_order=2)
        sink.answers["RCPT"] = ["550 5.1.1 no such user"]
        await owe_one(world)
        await world.settle()
        assert ((await one(world)).status, other.mails) == (FAILED, [])


async def test_what_is_in_doubt_is_left_where_its_provider_says_so(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    async with open_sink(hangs_up=True) as rude:
        await provider(world, rude.port, "rude", try_order=1, resend_when_in_doubt=False)
        await provider(world, sink.port, "second", try_order=2)
        await owe_one(world)
        await world.settle()
        row = await one(world)
        assert (row.status, row.error, row.attempts) == (FAILED, IN_DOUBT, 1)
        clock.advance(days=1)
        assert await world.settle() == []
        assert sink.mails == []


async def test_whoever_dies_with_such_a_message_leaves_it_in_doubt_for_good(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    only = await provider(world, sink.port, "only", resend_when_in_doubt=False)
    sink.answers["RCPT"] = ["451 later"]
    await owe_one(world)
    await world.settle()
    async with world.dbs.app.write(world.tenant_id) as tx:
        await tx.exec(update(Notification).values(handed_over_at=clock.now(), provider_id=only.id, provider="SMTP"))
    clock.advance(seconds=60)
    await world.settle()
    row = await one(world)
    assert (row.status, row.error, sink.mails) == (FAILED, IN_DOUBT, [])


async def test_who_turns_down_what_is_in_doubt_with_another_is_not_asked_about_the_doubt(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    first = await provider(world, sink.port, "first", try_order=1)
    async with open_sink() as other:
        await provider(world, other.port, "second", try_order=2, resend_when_in_doubt=False)
        other.answers["RCPT"] = ["451 later"] * 2
        sink.answers["RCPT"] = ["451 later"] * 2
        await owe_one(world)
        await world.settle()
        since = clock.now()
        async with world.dbs.app.write(world.tenant_id) as tx:
            await tx.exec(update(Notification).values(handed_over_at=since, provider_id=first.id, provider="SMTP"))
        clock.advance(seconds=10)
        await world.settle()
        row = await one(world)
        assert (row.status, row.handed_over_at, row.provider_id) == (PENDING, since, first.id)
        clock.advance(seconds=15)
        await world.settle()
        assert ((await one(world)).status, len(sink.mails), other.mails) == (SENT, 1, [])


async def test_a_rate_makes_messages_wait_and_counts_no_tries(world: World, sink: Sink, clock: ManualClock) -> None:
    await provider(world, sink.port, "slow", rate_per_minute=1)
    for name in ("anna", "bert"):
        await world.join(name)
        await world.call_next()
    await world.settle()
    rows = await world.notifications()
    assert sorted(row.status for row in rows) == [PENDING, SENT]
    [waits] = [row for row in rows if row.status is PENDING]
    assert (waits.attempts, waits.error) == (0, WAITS)
    clock.advance(seconds=61)
    await world.settle()
    assert {row.status for row in await world.notifications()} == {SENT}
    assert len(sink.mails) == 2


async def test_who_opts_out_meanwhile_gets_nothing(world: World, sink: Sink, clock: ManualClock) -> None:
    sink.answers["RCPT"] = ["451 later"]
    await owe_one(world)
    await world.settle()
    async with world.dbs.app.write(world.tenant_id) as tx:
        await preferences.set_opt_out_of(tx, NotificationChannel.EMAIL, "ANNA@example.com", opted_out=True)
    clock.advance(seconds=15)
    await world.settle()
    row = await one(world)
    assert (row.status, row.error, sink.mails) == (SUPPRESSED, OPTED_OUT, [])


async def test_what_is_due_later_waits_until_then(world: World, sink: Sink, clock: ManualClock) -> None:
    session = await world.join("anna")
    owed = Owed(
        event_id=session.id,
        kind=NotificationKind.FEEDBACK_REQUEST,
        channel=NotificationChannel.EMAIL,
        recipient="anna@example.com",
        locale="en",
        subject="How was it?",
        body="Tell us.\n",
        session_id=session.id,
        queue_id=world.queue_id,
        due_at=clock.now() + timedelta(hours=1),
    )
    async with world.dbs.app.write(world.tenant_id) as tx:
        [new] = await owe(tx, [owed])
        assert await owe(tx, [owed]) == []
    await world.settle()
    assert sink.mails == []
    clock.advance(minutes=59)
    await world.settle()
    assert sink.mails == []
    clock.advance(minutes=1)
    await world.settle()
    assert [mail.subject for mail in sink.mails] == ["How was it?"]
    async with world.dbs.app.read(world.tenant_id) as tx:
        row = await tx.get(Notification, (world.tenant_id, new))
    assert row is not None
    assert (row.status, row.sent_at) == (SENT, clock.now())


async def test_what_is_suppressed_from_the_start_has_a_row_and_no_job(world: World, sink: Sink) -> None:
    session = await world.join("anna")
    async with world.dbs.app.write(world.tenant_id) as tx:
        await owe(
            tx,
            [
                Owed(
                    event_id=session.id,
                    kind=NotificationKind.REPLY,
                    channel=NotificationChannel.EMAIL,
                    recipient="anna@example.com",
                    locale="en",
                    subject="No",
                    body="No\n",
                    suppressed="They chose other channels.",
                )
            ],
        )
    assert "notifications.deliver" not in await world.settle()
    row = next(row for row in await world.notifications() if row.kind is NotificationKind.REPLY)
    assert (row.status, row.error, row.attempts) == (SUPPRESSED, "They chose other channels.", 0)


async def test_staff_have_sent_again_what_failed(world: World, sink: Sink, clock: ManualClock) -> None:
    with_settings(world, smtp_url=None)
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert row.status is FAILED
    with_settings(world, smtp_url=sink.url)
    clock.advance(days=2)
    async with world.dbs.app.write(world.tenant_id) as tx:
        again = await service.retry(tx, row.id)
        assert (again.status, again.error, again.retries) == (PENDING, None, 1)
    await world.settle()
    assert (await one(world)).status is SENT
    assert len(sink.mails) == 1
    async with world.dbs.app.write(world.tenant_id) as tx:
        with pytest.raises(NotificationNotRetriable, match="this is SENT"):
            await service.retry(tx, row.id)


async def test_a_retry_that_fails_can_be_retried(world: World, clock: ManualClock) -> None:
    with_settings(world, smtp_url=None)
    await owe_one(world)
    await world.settle()
    for number in (1, 2):
        async with world.dbs.app.write(world.tenant_id) as tx:
            assert (await service.retry(tx, (await one(world)).id)).retries == number
        assert await world.settle() == ["notifications.deliver"]
        assert (await one(world)).status is FAILED


async def test_how_long_messages_took(world: World, sink: Sink, clock: ManualClock) -> None:
    sink.answers["RCPT"] = ["451 later"]
    await owe_one(world)
    await world.settle()
    clock.advance(seconds=10)
    await world.settle()
    async with world.dbs.app.read(world.tenant_id) as tx:
        found = await service.delays(tx, clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1))
    [mail] = [each for each in found if each.channel is NotificationChannel.EMAIL]
    assert (mail.provider, mail.provider_id, mail.sent, mail.delivered) == ("SMTP", None, 1, 0)
    assert (mail.to_sent_p50, mail.to_sent_p95, mail.to_delivered_p50) == (10.0, 10.0, None)


async def test_with_nobody_there_half_an_hour_long_it_is_given_up(world: World, clock: ManualClock) -> None:
    await provider(world, 9, "only")
    with_settings(world, smtp_url=NOBODY_LISTENS)
    await owe_one(world)
    await world.settle()
    clock.advance(minutes=31)
    await world.settle()
    row = await one(world)
    assert row.status is FAILED
    assert row.error is not None
    assert row.error.startswith("Given up after 30 minutes.")
    assert CANCELLED not in row.error
