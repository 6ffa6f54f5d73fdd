"""What providers report: twice, late, out of order and too early; the end is the same each time."""

import itertools
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.clock import ManualClock
from app.notifications import reports
from app.notifications.channels.interface import StatusReport
from app.notifications.deliveries import repository, service
from app.notifications.deliveries.rules import Standing, reported
from app.notifications.models import Notification, NotificationStatus
from tests.jobs.support import NOON
from tests.notifications.test_delivery import one, owe_one
from tests.notifications.world import World

SENT, DELIVERED, FAILED = NotificationStatus.SENT, NotificationStatus.DELIVERED, NotificationStatus.FAILED
LATER = NOON + timedelta(seconds=90)


async def report(world: World, *said: StatusReport, provider_id: UUID | None = None) -> list[Notification]:
    async with world.dbs.app.write(world.tenant_id) as tx:
        return await reports.apply(tx, provider_id, said)


async def sent_one(world: World) -> str:
    await owe_one(world)
    await world.settle()
    row = await one(world)
    assert row.status is SENT
    assert row.provider_message_id is not None
    return row.provider_message_id


async def test_what_arrived_says_so_with_the_provider_s_time(world: World, clock: ManualClock) -> None:
    number = await sent_one(world)
    arrived_at = clock.now() + timedelta(seconds=1)
    clock.advance(seconds=5)
    [changed] = await report(world, StatusReport(number, True, arrived_at))
    row = await one(world)
    assert (row.status, row.delivered_at, changed.id) == (DELIVERED, arrived_at, row.id)


async def test_a_report_of_the_future_counts_as_of_now(world: World, clock: ManualClock) -> None:
    number = await sent_one(world)
    await report(world, StatusReport(number, True, clock.now() + timedelta(days=1)))
    assert (await one(world)).delivered_at == clock.now()


async def test_twice_and_on_its_way_change_nothing(world: World, clock: ManualClock) -> None:
    number = await sent_one(world)
    assert await report(world, StatusReport(number, None)) == []
    arrived = StatusReport(number, True, clock.now())
    assert len(await report(world, arrived)) == 1
    assert await report(world, arrived, arrived) == []
    assert (await one(world)).status is DELIVERED


async def test_what_could_not_be_delivered_is_failed_with_the_reason_and_not_sent_again(
    world: World, clock: ManualClock
) -> None:
    number = await sent_one(world)
    await report(world, StatusReport(number, False, clock.now(), "The phone is switched off."))
    row = await one(world)
    assert (row.status, row.error) == (FAILED, "The phone is switched off.")
    clock.advance(days=1)
    assert await world.settle() == []


async def test_another_provider_s_report_is_about_something_else(world: World) -> None:
    number = await sent_one(world)
    assert await report(world, StatusReport(number, True), provider_id=uuid4()) == []
    assert (await one(world)).status is SENT


async def test_a_report_that_overtakes_our_own_writing_is_kept_for_it(world: World, clock: ManualClock) -> None:
    await owe_one(world)
    await world.relay_all()
    for name, ref in await world._due():
        if name == "notifications.called":
            await world.runner.run(ref)
    row = await one(world)
    number = f"<{row.id.hex}.{row.tenant_id.hex[:8]}@shop.example>"
    arrived = StatusReport(number, True, clock.now())
    assert await report(world, arrived, StatusReport(number, False, clock.now(), "no"), arrived) == []
    await world.settle()
    row = await one(world)
    assert (row.status, row.error, row.delivered_at) == (DELIVERED, None, clock.now())
    async with world.dbs.app.write(world.tenant_id) as tx:
        assert await repository.take_early(tx, None, number) == []


async def test_reports_about_nothing_of_ours_go_after_a_day(world: World, clock: ManualClock) -> None:
    await report(world, StatusReport("unknown", True))
    clock.advance(hours=23)
    await service.tidy(world.dbs.system)
    async with world.dbs.app.read(world.tenant_id) as tx:
        [kept] = await tx.rows("select provider_message_id from early_reports")
    assert kept[0] == "unknown"
    clock.advance(hours=2)
    await service.tidy(world.dbs.system)
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert await tx.rows("select 1 from early_reports") == []


SAID = (
    {"is_delivered": True, "at": NOON, "reason": None},
    {"is_delivered": True, "at": LATER, "reason": None},
    {"is_delivered": False, "at": LATER, "reason": "It bounced."},
)


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 2, 2, 0))))
def test_in_whichever_order_they_come_the_end_is_the_same(order: tuple[int, ...]) -> None:
    standing = Standing(SENT)
    for number in order:
        standing = reported(standing, **SAID[number])  # type: ignore[arg-type]
    assert standing == Standing(DELIVERED, None, NOON)
