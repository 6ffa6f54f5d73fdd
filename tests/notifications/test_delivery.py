"""From the row to the mail server, with a server that refuses, hangs up, is not there, or is slower than the lease."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col, select

from app.core.clock import ManualClock
from app.core.jobs.models import Job
from app.core.jobs.runner import LEASE
from app.notifications.deliveries import service
from app.notifications.deliveries.rules import PATIENT, URGENT, delay
from app.notifications.delivery import MOST_ATTEMPTS, MOST_CLAIMS, TOO_OFTEN
from app.notifications.models import Notification, NotificationChannel, NotificationStatus
from app.notifications.owing import DELIVER
from app.sessions.models import Session
from tests.jobs.support import stored
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.notifications.world import World

PENDING, SENT, FAILED = NotificationStatus.PENDING, NotificationStatus.SENT, NotificationStatus.FAILED
NOBODY_LISTENS = "smtp://127.0.0.1:9"


def with_settings(world: World, **changes: Any) -> None:
    """The same world, whose workers have other settings from now on."""
    world.settings = world.settings.model_copy(update=changes)
    world.runner._settings = world.settings


async def one(world: World) -> Notification:
    [row] = await world.notifications()
    return row


async def owe_one(world: World, email: str = "anna@example.com") -> None:
    await world.join("anna", email=email)
    await world.call_next(then=None)


async def test_without_a_mail_server_the_row_says_what_to_set(world: World) -> None:
    with_settings(world, smtp_url=None)
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, row.attempts, row.sent_at) == (FAILED, 0, None)
    assert row.error is not None
    assert "VQ_SMTP_URL is not set" in row.error
    assert await world.settle() == []


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_temporary_refusal_is_tried_again_later_and_then_sent_once(
    world: World, sink: Sink, clock: ManualClock, step: str
) -> None:
    sink.answers[step] = ["451 4.7.1 <{recipient}>: greylisted"]
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, row.attempts, row.handed_over_at, sink.mails) == (PENDING, 1, None, [])
    assert row.error is not None
    assert "451 4.7.1" in row.error
    assert "anna@example.com" not in row.error
    assert await world.settle() == []
    clock.advance(seconds=2)
    assert await world.settle() == ["notifications.deliver"]
    row = await one(world)
    assert (row.status, row.attempts, row.error) == (SENT, 2, None)
    assert [mail.message["Message-ID"] for mail in sink.mails] == [row.provider_message_id]


@pytest.mark.parametrize(("step", "what"), [("RCPT", "the recipient"), ("DATA", "the message")])
async def test_a_refusal_for_good_is_not_tried_again(
    world: World, sink: Sink, clock: ManualClock, step: str, what: str
) -> None:
    sink.answers[step] = ["550 5.1.1 <anna@example.com>: no such user"]
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, row.attempts) == (FAILED, 1)
    assert row.error == f"The mail server refused {what}: 550 5.1.1 <…>: no such user"
    clock.advance(days=1)
    assert await world.settle() == []
    assert sink.mails == []


async def test_a_server_that_is_away_delays_and_within_half_an_hour_loses_nothing(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    with_settings(world, smtp_url=NOBODY_LISTENS)
    await owe_one(world)
    tries = 0
    for _ in range(60):
        tries += len([name for name in await world.settle() if name == "notifications.deliver"])
        clock.advance(seconds=15)
    row = await one(world)
    assert (row.status, row.attempts) == (PENDING, tries)
    assert row.error == "The mail server cannot be reached (SMTPConnectError)."
    # Hardly ever longer than a quarter of a minute between two tries.
    assert tries >= 58
    with_settings(world, smtp_url=sink.url)
    await world.settle()
    assert (await one(world)).status is SENT
    assert len(sink.mails) == 1


async def test_a_server_that_stays_away_is_given_up(world: World, clock: ManualClock) -> None:
    with_settings(world, smtp_url=NOBODY_LISTENS)
    await owe_one(world)
    await world.settle()
    clock.advance(seconds=URGENT.total_seconds())
    await world.settle()
    row = await one(world)
    assert row.status is FAILED
    assert row.error == "Given up after 30 minutes. The mail server cannot be reached (SMTPConnectError)."


async def test_what_is_in_doubt_is_sent_again_under_the_same_key(world: World, sink: Sink, clock: ManualClock) -> None:
    async with open_sink(hangs_up=True) as rude:
        with_settings(world, smtp_url=rude.url)
        await owe_one(world)
        await world.settle()
        row = await one(world)
        assert (row.status, row.attempts, row.handed_over_at) == (PENDING, 1, clock.now())
        assert row.error is not None
        assert "was lost" in row.error
    with_settings(world, smtp_url=sink.url)
    clock.advance(seconds=15)
    await world.settle()
    row = await one(world)
    assert (row.status, row.attempts) == (SENT, 2)
    assert row.provider_message_id == f"<{row.id.hex}.{row.tenant_id.hex[:8]}@shop.example>"
    assert [mail.message["Message-ID"] for mail in sink.mails] == [row.provider_message_id]


async def test_what_a_dead_worker_was_handing_over_is_handed_over_again(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    await owe_one(world)
    with_settings(world, smtp_url=NOBODY_LISTENS)
    await world.settle()
    async with world.dbs.app.write(world.tenant_id) as tx:
        await tx.exec(update(Notification).values(handed_over_at=clock.now(), provider="SMTP"))
    with_settings(world, smtp_url=sink.url)
    clock.advance(seconds=60)
    await world.settle()
    row = await one(world)
    assert (row.status, row.error, len(sink.mails)) == (SENT, None, 1)


async def test_an_answer_that_comes_after_the_lease_still_counts(world: World, sink: Sink, clock: ManualClock) -> None:
    answer = asyncio.Event()
    sink.answers["DATA"] = [answer]
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    [deliver] = [ref for name, ref in await world._due() if name == "notifications.deliver"]
    slow = asyncio.create_task(world.runner.run(deliver))
    async with asyncio.timeout(20):
        await sink.reached["DATA"].wait()
    # The worker looks dead: another one takes over, and is put off.
    clock.advance(seconds=LEASE.total_seconds())
    sink.answers["RCPT"] = ["451 not now"]
    await world.runner.run(deliver)
    row = await one(world)
    assert (row.status, row.attempts) == (PENDING, 2)
    answer.set()
    await slow
    row = await one(world)
    assert (row.status, row.error, len(sink.mails)) == (SENT, None, 1)
    clock.advance(seconds=60)
    await world.settle()
    assert len(sink.mails) == 1
    assert (await stored(world.dbs, deliver)).done_at is not None


async def test_workers_beside_each_other_send_one_mail(world: World, sink: Sink, clock: ManualClock) -> None:
    answers = [asyncio.Event(), asyncio.Event()]
    sink.answers["RCPT"] = list(answers)
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    [deliver] = [ref for name, ref in await world._due() if name == "notifications.deliver"]
    first = asyncio.create_task(world.runner.run(deliver))
    async with asyncio.timeout(20):
        await sink.reached["RCPT"].wait()
    clock.advance(seconds=LEASE.total_seconds())
    answers[1].set()
    second = asyncio.create_task(world.runner.run(deliver))
    answers[0].set()
    await asyncio.gather(first, second)
    assert len(sink.mails) == 1
    assert (await one(world)).status is SENT


async def test_starttls_that_is_asked_for_is_not_done_without(world: World, sink: Sink) -> None:
    with_settings(world, smtp_url=sink.url.replace("smtp://", "smtp+starttls://"))
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, sink.mails) == (PENDING, [])
    assert row.error is not None
    assert "VQ_SMTP_URL" in row.error


async def test_an_address_that_is_none_is_refused_before_anybody_is_asked(world: World, sink: Sink) -> None:
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    async with world.dbs.app.write(world.tenant_id) as tx:
        [row] = (await tx.exec(select(Notification).where(Notification.channel == NotificationChannel.EMAIL))).all()
        row.recipient = "anna@example.com\r\nBcc: victim@example.com"
        await tx.flush()
    await world.settle()
    row = await one(world)
    assert (row.status, row.error) == (FAILED, "This is not an address mail can be sent to.")
    assert not sink.reached["RCPT"].is_set()


async def test_a_wrong_sender_is_named_and_can_be_put_right(world: World, sink: Sink, clock: ManualClock) -> None:
    right = world.settings.smtp_from
    with_settings(world, smtp_from="nobody")
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert (row.status, row.error is not None and "VQ_SMTP_FROM" in row.error) == (PENDING, True)
    with_settings(world, smtp_from=right)
    clock.advance(seconds=15)
    await world.settle()
    assert (await one(world)).status is SENT


async def test_a_message_no_mail_can_be_made_of_fails_for_good(world: World, sink: Sink) -> None:
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    async with world.dbs.app.write(world.tenant_id) as tx:
        [row] = (await tx.exec(select(Notification).where(Notification.channel == NotificationChannel.EMAIL))).all()
        row.subject = "Hello\r\nBcc: victim@example.com"
        await tx.flush()
    await world.settle()
    row = await one(world)
    assert (row.status, row.error) == (FAILED, "The message cannot be written as an e-mail.")
    assert sink.mails == []


async def test_tries_that_never_come_to_an_end_are_given_up(world: World, sink: Sink) -> None:
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    async with world.dbs.app.write(world.tenant_id) as tx:
        await tx.exec(update(Notification).values(attempts=MOST_ATTEMPTS, handed_over_at=world.clock.now()))
    await world.settle()
    row = await one(world)
    assert (row.status, row.error, sink.mails) == (FAILED, TOO_OFTEN, [])
    # Staff who have found out why give it all its tries again.
    async with world.dbs.app.write(world.tenant_id) as tx:
        await service.retry(tx, row.id)
    await world.settle()
    assert ((await one(world)).status, len(sink.mails)) == (SENT, 1)


async def test_tries_that_are_put_off_and_turns_that_are_waited_for_are_not_counted(
    world: World, sink: Sink, clock: ManualClock
) -> None:
    sink.answers["RCPT"] = ["451 4.2.2 mailbox full"]
    await owe_one(world)
    await world.settle()
    async with world.dbs.app.write(world.tenant_id) as tx:
        await tx.exec(update(Notification).values(attempts=MOST_ATTEMPTS))
        await tx.exec(update(Job).where(col(Job.name) == DELIVER).values(attempts=MOST_CLAIMS))
    clock.advance(seconds=15)
    await world.settle()
    assert ((await one(world)).status, len(sink.mails)) == (SENT, 1)


async def test_what_was_owed_to_an_erased_session_ends_quietly(
    world: World, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    # What follows from the queue's creation.
    await world.settle()
    await owe_one(world)
    await world.relay_all()
    async with world.dbs.system.write(None) as tx:
        await tx.exec(delete(Session).where(col(Session.tenant_id) == world.tenant_id))
    ran = await world.settle()
    assert "notifications.called" in ran
    assert "notifications.deliver" not in ran
    assert (await world.notifications(), sink.mails, caplog.records) == ([], [], [])


async def test_addresses_beyond_ascii_are_sent_to_where_the_server_can(world: World, sink: Sink) -> None:
    await owe_one(world, "jürgen@example.com")
    await world.settle()
    assert [mail.recipient for mail in sink.mails] == ["jürgen@example.com"]


async def test_nobodys_address_gets_into_logs_or_jobs(
    world: World, sink: Sink, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-7c1f@example.com"
    sink.answers["RCPT"] = ["451 <{recipient}>", "550 <{recipient}>: unknown"]
    await owe_one(world, canary)
    await world.settle()
    clock.advance(seconds=30)
    await world.settle()
    assert (await one(world)).status is FAILED
    ours = [record for record in caplog.records if record.name.split(".")[0] in {"app", "dramatiq", "aiosmtplib"}]
    assert not [record for record in ours if canary in record.getMessage() or canary in str(record.__dict__)]
    async with world.dbs.app.read(world.tenant_id) as tx:
        jobs = (await tx.exec(select(Job))).all()
    assert jobs
    assert not [job for job in jobs if canary in str(job.args) or canary in str(job.error)]


def test_until_it_is_given_up_a_message_is_tried_some_hundred_times() -> None:
    age, tries, half_an_hour = timedelta(0), 0, 0
    while age < PATIENT:
        tries += 1
        half_an_hour += age < URGENT
        wait = delay(tries, [], age)
        assert wait <= max(timedelta(seconds=15), age / 60)
        age += wait
    assert 100 < half_an_hour < 160
    assert 300 < tries < 500
