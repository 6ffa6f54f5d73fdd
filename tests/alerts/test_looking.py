"""Alerts from the line to the mail and to their end: once, whoever looks beside whom, and whoever dies."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from app.alerts import repository, service, telling
from app.alerts.models import Alert, AlertMetric, AlertResolution, AlertRule, AlertStatus, AlertWatch
from app.alerts.service import NewRule
from app.alerts.worker import delete_old
from app.core.actor import SYSTEM
from app.core.db import WriteTx
from app.notifications.models import NotificationChannel
from app.queues import service as queues
from app.queues.config import QueueConfig
from tests.alerts.watch import Watch
from tests.jobs.support import new_tenant
from tests.notifications.sink import Sink

EMAIL = NotificationChannel.EMAIL


async def test_an_alert_its_mail_and_its_end(watch: Watch, sink: Sink) -> None:
    user_id = await watch.colleague()
    rule_id = await watch.rule(
        AlertMetric.WAITING_COUNT,
        2,
        clear_threshold=1,
        for_seconds=60,
        clear_for_seconds=30,
        tells_staff=False,
        user_ids=[user_id],
        channels=[EMAIL],
    )
    await watch.crowd(2)
    for _ in range(20):
        await watch.look(5)
    assert await watch.alerts() == [], "two are not more than two"
    await watch.world.join("third", email=None)
    await watch.look()
    looked = [await watch.look(5) for _ in range(11)]
    assert await watch.alerts() == [], "not before it has lasted"
    assert [each.jobs for each in looked] == [[]] * 11
    fired = await watch.look(5)
    [alert] = await watch.alerts()
    assert (alert.status, alert.rule_id, alert.rule_name, alert.value, alert.threshold) == (
        AlertStatus.FIRING,
        rule_id,
        "Too many",
        3,
        2,
    )
    assert alert.queue_id == watch.world.queue_id
    assert alert.told_at == watch.clock.now()
    assert len(fired.jobs) == 1
    assert fired.rung == {f"alerts:{watch.world.tenant_id}"}
    # Without relay, sweep or Redis: the look itself has the mail sent.
    await watch.send(fired)
    [mail] = sink.mails
    assert (mail.recipient, mail.subject) == ("boss@example.com", "Brot & Brötchen: Too many")
    assert "Alert “Too many”: 3 people waiting; the limit is 2." in mail.body
    for _ in range(20):
        assert (await watch.look(5)).jobs == []
    await watch.world.call_next()
    await watch.look(5)
    assert await watch.states() == [(AlertStatus.FIRING, None)], "two are less than it fires at, and not clear"
    await watch.world.call_next()
    await watch.look(5)
    assert await watch.states() == [(AlertStatus.FIRING, None)]
    over = await watch.look(30)
    assert await watch.states() == [(AlertStatus.RESOLVED, AlertResolution.CLEARED)]
    await watch.send(over)
    assert [mail.subject for mail in sink.mails[1:]] == ["Brot & Brötchen: over: Too many"]
    assert await watch.events() == [("ALERT_RAISED", 1), ("ALERT_RESOLVED", 2)]
    # The relay and the sweep come to it as well, later: nothing is sent twice.
    watch.clock.advance(minutes=1)
    await watch.world.settle()
    assert len(sink.mails) == 2


async def test_two_workers_raise_one_alert_and_resolve_it_once(watch: Watch, sink: Sink) -> None:
    user_id = await watch.colleague()
    told = {"tells_staff": False, "user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.WAITING_COUNT, 1, for_seconds=0, clear_for_seconds=0, **told)
    await watch.crowd(2)
    await asyncio.gather(*(watch.look() for _ in range(6)))
    await watch.world.settle()
    assert await watch.states() == [(AlertStatus.FIRING, None)]
    assert len(sink.mails) == 1
    await watch.world.call_next()
    await asyncio.gather(*(watch.look() for _ in range(6)))
    await watch.world.settle()
    assert await watch.states() == [(AlertStatus.RESOLVED, AlertResolution.CLEARED)]
    assert await watch.events() == [("ALERT_RAISED", 1), ("ALERT_RESOLVED", 2)]
    assert len(sink.mails) == 2


async def test_who_dies_in_the_middle_leaves_nothing_half(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = await watch.colleague()
    told = {"tells_staff": False, "user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=60, **told)
    await watch.crowd(1)
    await watch.look()
    written = asyncio.Event()

    async def die(*_: object) -> list[UUID]:
        written.set()
        await asyncio.Event().wait()
        raise AssertionError("it never goes on")

    with monkeypatch.context() as dying:
        # Between the alert's row and its message, as a kill would: the connection goes, and with it the transaction.
        dying.setattr(telling, "owe_raised", die)
        worker = asyncio.create_task(watch.look(60))
        await written.wait()
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert (await watch.alerts(), await watch.events()) == ([], [])
    # It lasts from when it was first seen: whoever comes next need not wait once more.
    looked = await watch.look(1)
    assert await watch.states() == [(AlertStatus.FIRING, None)]
    assert len(looked.jobs) == 1


async def test_acknowledged_and_what_ends_with_its_rule(watch: Watch) -> None:
    rule_id = await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0)
    await watch.crowd(1)
    await watch.look()
    [alert] = await watch.alerts()
    async with watch.world.dbs.app.write(watch.world.tenant_id, SYSTEM) as tx:
        first = await service.acknowledge(tx, alert.id)
        assert (first.status, first.revision) == (AlertStatus.ACKNOWLEDGED, 2)
    async with watch.world.dbs.app.write(watch.world.tenant_id, SYSTEM) as tx:
        assert (await service.acknowledge(tx, alert.id)).revision == 2, "it is said once"
    await watch.look(600)
    assert await watch.states() == [(AlertStatus.ACKNOWLEDGED, None)]
    # Another threshold: judged by it from now on, and still the same alert.
    await watch.change(rule_id, threshold=5.0)
    await watch.look(5)
    assert await watch.states() == [(AlertStatus.ACKNOWLEDGED, None)]
    await watch.change(rule_id, is_enabled=False)
    assert await watch.states() == [(AlertStatus.RESOLVED, AlertResolution.RULE_CHANGED)]
    await watch.look(5)
    await watch.change(rule_id, is_enabled=True, threshold=0.0, clear_threshold=0.0)
    await watch.look(5)
    async with watch.world.dbs.app.write(watch.world.tenant_id, SYSTEM) as tx:
        await service.delete(tx, rule_id)
    assert [status for status, _ in await watch.states()] == [AlertStatus.RESOLVED] * 2
    assert [type_ for type_, _ in await watch.events()] == [
        "ALERT_RAISED",
        "ALERT_ACKNOWLEDGED",
        "ALERT_RESOLVED",
        "ALERT_RAISED",
        "ALERT_RESOLVED",
    ]


async def test_a_changed_rule_begins_anew_and_a_look_from_before_the_change_does_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule_id = await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=60)
    await watch.crowd(1)
    await watch.look()
    await watch.change(rule_id, for_seconds=90)
    await watch.look(60)
    assert await watch.alerts() == [], "seen for the first time, by the rule as it is"
    hold = repository.hold

    async def hold_late(tx: WriteTx, ids: Sequence[UUID]) -> dict[UUID, AlertRule]:
        await watch.change(rule_id, threshold=5.0)
        return await hold(tx, ids)

    with monkeypatch.context() as late:
        late.setattr(repository, "hold", hold_late)
        await watch.look(90)
    assert await watch.alerts() == [], "it was decided by a rule that is not in force any more"
    await watch.change(rule_id, threshold=0.0)
    await watch.look()
    await watch.look(90)
    assert len(await watch.alerts()) == 1


async def test_an_archived_queue_ends_its_alert_and_another_tenant_sees_none(watch: Watch) -> None:
    world = watch.world
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0)
    await watch.crowd(1)
    await watch.look()
    stranger = await new_tenant(world.dbs)
    async with world.dbs.app.read(stranger) as tx:
        for table in (Alert, AlertRule, AlertWatch):
            assert (await tx.exec(select(table))).all() == []
    await world.call_next()
    async with world.dbs.app.write(world.tenant_id, SYSTEM) as tx:
        await queues.archive(tx, world.queue_id)
    await watch.look(5)
    assert await watch.states() == [(AlertStatus.RESOLVED, AlertResolution.QUEUE_GONE)]
    await watch.look(5)
    async with world.dbs.app.read(world.tenant_id) as tx:
        assert (await tx.exec(select(AlertWatch))).all() == []


async def test_one_tenants_trouble_is_not_everybodys(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    world = watch.world
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0)
    await watch.crowd(1)
    other = await new_tenant(world.dbs)
    async with world.dbs.app.write(other, SYSTEM) as tx:
        theirs = await queues.create(tx, QueueConfig(name="Theirs", slug="theirs"))
        await service.create(tx, NewRule("Theirs", AlertMetric.WAITING_COUNT, 0, for_seconds=0))
    async with world.dbs.system.write(None) as tx:
        await tx.rows("update queue_lines set waiting_count = 1 where id = $1", theirs.id)
    fire = service.fire

    async def fails(tx: Any, *rest: Any) -> Alert | None:
        if tx.tenant == world.tenant_id:
            raise ValueError("something of theirs")
        return await fire(tx, *rest)

    with monkeypatch.context() as broken:
        broken.setattr(service, "fire", fails)
        assert not (await watch.look()).is_complete, "it is tried again soon"
    assert await watch.alerts() == []
    async with world.dbs.app.read(other) as tx:
        assert len((await tx.exec(select(Alert))).all()) == 1
    assert (await watch.look()).is_complete
    assert len(await watch.alerts()) == 1


async def test_what_has_long_been_over_is_deleted(watch: Watch) -> None:
    await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=0, clear_for_seconds=0)
    await watch.crowd(1)
    await watch.look()
    await watch.world.call_next()
    await watch.look(5)
    await watch.crowd(1)
    await watch.look(5)
    watch.clock.advance(days=399)
    assert await delete_old(watch.world.dbs.system)
    assert len(await watch.alerts()) == 2
    watch.clock.advance(days=2)
    assert await delete_old(watch.world.dbs.system)
    assert await watch.states() == [(AlertStatus.FIRING, None)], "what is open stays"
