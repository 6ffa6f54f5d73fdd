"""Who is told of an alert, when, and in which words."""

import asyncio
from datetime import time, timedelta
from typing import Any
from uuid import uuid4

from app.alerts.models import AlertMetric, AlertResolution, AlertStatus
from app.alerts.worker import at_most
from app.core.actor import SYSTEM
from app.core.jobs.repository import JobRef
from app.counters import service as counters
from app.counters.models import Shift
from app.notifications.models import NotificationChannel
from app.notifications.preferences import service as preferences
from app.notifications.preferences.rules import QuietHours
from app.notifications.providers import service as providers
from app.notifications.providers.service import NewMessageProvider
from app.notifications.telling.models import ChannelChoice
from app.queues import service as queues
from app.queues.config import QueueConfig
from tests.alerts.watch import Watch
from tests.notifications.sink import Sink
from tests.notifications.world import World
from tests.support.stand_ins.frame import standing_in
from tests.support.stand_ins.hook import PATH, Hook

EMAIL = NotificationChannel.EMAIL


async def test_nobody_there_counts_only_where_somebody_has_to_be(watch: Watch, sink: Sink) -> None:
    user_id = await watch.colleague()
    told = {"user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.UNSTAFFED_WAITING_COUNT, 0, name="Nobody there", for_seconds=0, **told)
    await watch.crowd(1)
    await watch.look()
    assert await watch.alerts() == []
    worker_id = await watch.colleague("worked")
    async with watch.world.dbs.app.write(watch.world.tenant_id, SYSTEM) as tx:
        await counters.update(tx, watch.world.counter_id, {"is_active": False}, None)
        now = tx.now()
        worked = Shift(
            tenant_id=watch.world.tenant_id,
            counter_id=watch.world.counter_id,
            user_id=worker_id,
            started_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=1),
        )
        tx.add(worked)
    await watch.send(await watch.look(5))
    assert {(mail.recipient, mail.subject) for mail in sink.mails} == {
        ("boss@example.com", "Brot & Brötchen: Nobody there"),
        ("worked@example.com", "Brot & Brötchen: Nobody there"),
    }


async def test_quiet_hours_are_the_queues_and_end(watch: Watch, sink: Sink) -> None:
    world, clock = watch.world, watch.clock
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        far = await queues.create(tx, QueueConfig(name="Far", slug="far", time_zone="Asia/Kolkata"))
        near = await queues.create(tx, QueueConfig(name="Near", slug="near", time_zone="UTC"))
    user_id = await watch.colleague()
    local = clock.now() + timedelta(hours=5, minutes=30)
    hours = QuietHours(time(local.hour, 0), time((local.hour + 1) % 24, 0))
    told = {"tells_staff": False, "user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0, quiet_hours=hours, **told)
    for queue_id in (far.id, near.id):
        world.queue_id = queue_id
        await world.join("a", email=None)
    await watch.send(await watch.look())
    assert [mail.subject for mail in sink.mails] == ["Near: Too many"]
    assert {(alert.queue_id, alert.told_at is None) for alert in await watch.alerts()} == {
        (far.id, True),
        (near.id, False),
    }
    await watch.send(await watch.look(60))
    assert len(sink.mails) == 1
    # The hours end, and it still fires: told now, once.
    for _ in range(3):
        await watch.send(await watch.look(3_600))
    assert [mail.subject for mail in sink.mails] == ["Near: Too many", "Far: Too many"]


async def test_what_was_over_before_quiet_hours_ended_is_told_to_nobody(watch: Watch, sink: Sink) -> None:
    now = watch.clock.now()
    hours = QuietHours(time(now.hour, 0), time((now.hour + 2) % 24, 0))
    user_id = await watch.colleague()
    told = {"tells_staff": False, "user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0, clear_for_seconds=0, quiet_hours=hours, **told)
    await watch.crowd(1)
    await watch.look()
    await watch.world.call_next()
    await watch.send(await watch.look(5))
    await watch.send(await watch.look(7_200))
    assert await watch.states() == [(AlertStatus.RESOLVED, AlertResolution.CLEARED)]
    assert sink.mails == []


async def test_nobody_is_told_by_a_business_that_is_suspended(watch: Watch, sink: Sink) -> None:
    now = watch.clock.now()
    hours = QuietHours(time(now.hour, 0), time((now.hour + 1) % 24, 0))
    told = {"tells_staff": False, "user_ids": [await watch.colleague()], "channels": [EMAIL]}
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0, quiet_hours=hours, **told)
    await watch.crowd(1)
    await watch.look()
    async with watch.world.dbs.system.write(None) as tx:
        await tx.rows("update tenants set status = 'SUSPENDED' where id = $1", watch.world.tenant_id)
    assert (await watch.look(3_600)).jobs == []
    async with watch.world.dbs.system.write(None) as tx:
        await tx.rows("update tenants set status = 'ACTIVE' where id = $1", watch.world.tenant_id)
    await watch.send(await watch.look(5))
    assert len(sink.mails) == 1


async def test_of_a_storm_a_few_are_sent_at_a_time() -> None:
    under_way, most, sent = 0, 0, list[JobRef]()

    async def run(job: JobRef) -> None:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await asyncio.sleep(0)
        under_way -= 1
        sent.append(job)

    jobs = [JobRef(uuid4(), uuid4()) for _ in range(50)]
    send = at_most(4, run)
    await asyncio.gather(*(send(job) for job in jobs))
    assert (most, sent) == (4, jobs)


async def test_the_staffs_room_and_a_persons_inbox_are_told_in_their_languages(watch: Watch, world: World) -> None:
    user_id = await watch.colleague()
    async with standing_in(Hook()) as room:
        async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
            await preferences.set_defaults(tx, {"channels": None})
            slack = NewMessageProvider("SLACK", "Room", {}, {"url": room.base + PATH})
            await providers.create(tx, slack)
        await world.change_tenant(settings={"default_locale": "de"})
        channels = [NotificationChannel.CHAT, NotificationChannel.IN_APP]
        told: dict[str, Any] = {"tells_staff": False, "user_ids": [user_id], "channels": channels}
        choice = ChannelChoice.ALL
        await watch.rule(AlertMetric.WAITING_COUNT, 0, name="Zu viele", for_seconds=0, choice=choice, **told)
        await watch.crowd(1)
        await watch.send(await watch.look())
    assert (room.refused, room.said) == ([], ["*Brot &amp; Brötchen: Zu viele*\nBrot &amp; Brötchen: 1 Wartende"])
    [inbox] = await world.notifications(NotificationChannel.IN_APP)
    assert (inbox.user_id, inbox.locale, inbox.subject) == (user_id, "de", "Brot & Brötchen: Zu viele")
