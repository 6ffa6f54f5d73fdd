"""Alerts from the line and the facts to the mail: once, whoever looks beside whom, and whoever dies."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from app.alerts import repository, service, telling
from app.alerts.looking import Looked, look
from app.alerts.models import Alert, AlertMetric, AlertResolution, AlertRule, AlertStatus, AlertWatch
from app.alerts.service import NewRule, RuleChanges
from app.alerts.worker import delete_old, probe
from app.analytics.models import Outcome, SessionFact
from app.core.actor import SYSTEM, Actor, ActorKind
from app.core.clock import ManualClock
from app.core.events.models import EventRow
from app.core.live.connection import connect_redis
from app.counters import service as counters
from app.counters.models import Shift
from app.identity.models import Role, User
from app.identity.permissions import Permission
from app.notifications.models import NotificationChannel
from app.notifications.preferences.rules import QuietHours
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.settings import Settings
from tests.jobs.support import new_tenant
from tests.notifications.sink import Sink
from tests.notifications.world import World

EMAIL = NotificationChannel.EMAIL
OPERATOR = Actor(ActorKind.USER, permissions=frozenset({Permission.PLATFORM_ALERTS}))


@dataclass
class Watch:
    """The world, and somebody who looks at it."""

    world: World
    clock: ManualClock

    async def rule(self, metric: AlertMetric, threshold: float, *, by: Actor = SYSTEM, **values: Any) -> UUID:
        new = NewRule(values.pop("name", "Too many"), metric, threshold, **values)
        async with self.world.dbs.app.write(self.world.tenant_id, by) as tx:
            return (await service.create(tx, new)).id

    async def change(self, rule_id: UUID, **changes: Any) -> None:
        async with self.world.dbs.app.write(self.world.tenant_id, SYSTEM) as tx:
            await service.update(tx, rule_id, RuleChanges(**changes))  # type: ignore[typeddict-item]

    async def look(self, seconds: float = 0, probes: Mapping[str, bool] | None = None) -> Looked:
        """Time passes; somebody looks once."""
        self.clock.advance(seconds=seconds)
        dbs = self.world.dbs
        return await look(dbs.system, dbs.app, self.world.settings, set(AlertMetric), probes)

    async def alerts(self) -> list[Alert]:
        async with self.world.dbs.app.read(self.world.tenant_id) as tx:
            found = await tx.exec(select(Alert).order_by(col(Alert.raised_at), col(Alert.subject)))
            return list(found)

    async def states(self) -> list[tuple[AlertStatus, AlertResolution | None]]:
        return [(alert.status, alert.resolution) for alert in await self.alerts()]

    async def events(self) -> list[tuple[str, int]]:
        async with self.world.dbs.app.read(self.world.tenant_id) as tx:
            found = await tx.exec(
                select(EventRow.type, EventRow.revision)
                .where(EventRow.aggregate_type == "alert")
                .order_by(col(EventRow.occurred_at), col(EventRow.revision))
            )
            return [(type_, revision) for type_, revision in found]

    async def send(self, looked: Looked) -> None:
        """Run what a look wants to be done at once, as the worker does."""
        for job in looked.jobs:
            await self.world.runner.run(job)

    async def colleague(self, name: str = "boss") -> UUID:
        async with self.world.dbs.app.write(self.world.tenant_id, SYSTEM) as tx:
            now = tx.now()
            user = User(
                tenant_id=self.world.tenant_id,
                email=f"{name}@example.com",
                password_hash="unused",
                role=Role.STAFF,
                created_at=now,
                created_by="test",
                updated_at=now,
                updated_by="test",
            )
            tx.add(user)
            await tx.flush()
            return user.id

    async def crowd(self, size: int) -> None:
        for at in range(size):
            await self.world.join(f"v{at}", email=None)


@pytest.fixture
def watch(world: World, clock: ManualClock) -> Watch:
    return Watch(world, clock)


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


async def test_nobody_there_counts_only_where_somebody_has_to_be(watch: Watch, sink: Sink) -> None:
    user_id = await watch.colleague()
    told = {"user_ids": [user_id], "channels": [EMAIL]}
    await watch.rule(AlertMetric.UNSTAFFED_WAITING_COUNT, 0, name="Nobody there", for_seconds=0, **told)
    await watch.crowd(1)
    await watch.look()
    assert await watch.alerts() == []
    async with watch.world.dbs.app.write(watch.world.tenant_id, SYSTEM) as tx:
        await counters.update(tx, watch.world.counter_id, {"is_active": False}, None)
        now = tx.now()
        worked = Shift(
            tenant_id=watch.world.tenant_id,
            counter_id=watch.world.counter_id,
            user_id=await _colleague_in(tx, watch.world.tenant_id, "worked"),
            started_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=1),
        )
        tx.add(worked)
    await watch.send(await watch.look(5))
    assert {(mail.recipient, mail.subject) for mail in sink.mails} == {
        ("boss@example.com", "Brot & Brötchen: Nobody there"),
        ("worked@example.com", "Brot & Brötchen: Nobody there"),
    }


async def _colleague_in(tx: Any, tenant_id: UUID, name: str) -> UUID:
    now = tx.now()
    user = User(
        tenant_id=tenant_id,
        email=f"{name}@example.com",
        password_hash="unused",
        role=Role.STAFF,
        created_at=now,
        created_by="test",
        updated_at=now,
        updated_by="test",
    )
    tx.add(user)
    await tx.flush()
    return user.id


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


async def test_a_changed_rule_begins_anew_and_a_look_from_before_the_change_does_nothing(watch: Watch) -> None:
    rule_id = await watch.rule(AlertMetric.WAITING_COUNT, 0, for_seconds=60)
    await watch.crowd(1)
    await watch.look()
    await watch.change(rule_id, for_seconds=90)
    await watch.look(60)
    assert await watch.alerts() == [], "seen for the first time, by the rule as it is"
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


async def visits(watch: Watch, *seen: tuple[Outcome | None, float]) -> None:
    """Facts as the fold writes them: who was called waited so many seconds, the others left after them."""
    now = watch.clock.now()
    async with watch.world.dbs.system.write(watch.world.tenant_id) as tx:
        for outcome, seconds in seen:
            left = outcome is Outcome.ABANDONED_WAITING
            tx.add(
                SessionFact(
                    tenant_id=watch.world.tenant_id,
                    queue_id=watch.world.queue_id,
                    session_id=uuid4(),
                    entered_at=now - timedelta(seconds=seconds),
                    joined_at=now - timedelta(seconds=seconds),
                    is_transfer=False,
                    priority=0,
                    party_size=1,
                    waiting_ahead=0,
                    called_at=None if left else now,
                    started_at=now if outcome is Outcome.SERVED else None,
                    ended_at=None if outcome is None else now,
                    outcome=outcome,
                    wait_ms=None if left else int(seconds * 1_000),
                )
            )


async def test_waits_and_shares_are_those_of_the_window(watch: Watch) -> None:
    settings: dict[str, Any] = {"for_seconds": 0, "clear_for_seconds": 0, "window_minutes": 10, "least_count": 4}
    for metric, threshold in (
        (AlertMetric.AVERAGE_WAIT_SECONDS, 299.9),
        (AlertMetric.P90_WAIT_SECONDS, 480),
        (AlertMetric.ABANDONMENT_PERCENT, 19.9),
        (AlertMetric.NO_SHOW_PERCENT, 25),
    ):
        await watch.rule(metric, threshold, name=metric.value, **settings)
    served = Outcome.SERVED
    await visits(watch, (served, 100), (served, 200), (served, 300))
    await watch.look()
    assert await watch.alerts() == [], "three are too few to say anything"
    await visits(watch, (None, 600), (Outcome.ABANDONED_WAITING, 50))
    await watch.look()
    # (100 + 200 + 300 + 600) / 4; 9 of 10 between the third and the fourth: 300 + 0.7 × 300; 1 of 5; 0 of 3, too few.
    found = {alert.metric: alert.value for alert in await watch.alerts()}
    assert found == {
        AlertMetric.AVERAGE_WAIT_SECONDS: 300,
        AlertMetric.P90_WAIT_SECONDS: pytest.approx(510),
        AlertMetric.ABANDONMENT_PERCENT: 20,
    }
    await visits(watch, (Outcome.NO_SHOW, 1), (Outcome.NO_SHOW, 1))
    await watch.look()
    assert [a.value for a in await watch.alerts() if a.metric is AlertMetric.NO_SHOW_PERCENT] == [40]
    # Ten minutes on, none of them counts: nothing is known, and nothing changes until that has lasted an hour.
    await watch.look(601)
    assert {status for status, _ in await watch.states()} == {AlertStatus.FIRING, AlertStatus.RESOLVED}
    await watch.look(3_600)
    assert {resolution for _, resolution in await watch.states()} == {
        AlertResolution.NO_DATA,
        AlertResolution.CLEARED,
    }


async def test_a_thousand_rules_are_one_question_per_kind(
    watch: Watch, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [world.tenant_id, *[await new_tenant(world.dbs) for _ in range(10)]]
    async with world.dbs.system.write(None) as tx:
        await tx.exec(
            text(
                "insert into alert_rules (tenant_id, id, name, metric, threshold, clear_threshold, for_seconds,"
                " clear_for_seconds, window_minutes, least_count, severity, tells_staff, user_ids, channels, choice,"
                " tells_resolved, is_enabled, revision, created_at, created_by, updated_at, updated_by)"
                " select t, gen_random_uuid(), 'r', m, 5, 5, 0, 0, 15, 5, 'INFO', true, '[]', '[]', 'FIRST', true,"
                " true, 1, now(), 'test', now(), 'test' from unnest(cast(:tenants as uuid[])) t,"
                " unnest(array['WAITING_COUNT', 'P90_WAIT_SECONDS']) m, generate_series(1, 50)"
            ),
            params={"tenants": tenants},
        )  # type: ignore[call-overload]
    asked: list[str] = []
    from app.core.db import ReadTx

    ask = ReadTx.rows

    async def counted(tx: ReadTx, statement: str, *values: object) -> Sequence[Any]:
        asked.append(statement)
        return await ask(tx, statement, *values)

    monkeypatch.setattr(ReadTx, "rows", counted)
    assert (await watch.look()).is_complete
    # Rules, watches, what is untold, lines, visits.
    assert len(asked) == 5


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


async def test_the_installation_is_watched_for_who_operates_it(watch: Watch, settings: Settings) -> None:
    told: dict[str, Any] = {"by": OPERATOR, "for_seconds": 0, "clear_for_seconds": 0}
    for metric, threshold in (
        (AlertMetric.DEPENDENCY_DOWN, 0),
        (AlertMetric.WORKER_LAG_SECONDS, 60),
        (AlertMetric.RELAY_LAG_SECONDS, 60),
        (AlertMetric.API_ERROR_PERCENT, 5),
    ):
        await watch.rule(metric, threshold, **told)
    await watch.world.settle()
    async with watch.world.dbs.system.write(None) as tx:
        await tx.rows("delete from api_minutes")
        await repository.count_answers(tx, watch.clock.now().replace(second=0, microsecond=0), 94, 5)
        await repository.count_answers(tx, watch.clock.now().replace(second=0, microsecond=0), 6, 1)
    await watch.look(0, {"REDIS": True, "RELAY": True})
    assert {alert.metric: alert.value for alert in await watch.alerts()} == {AlertMetric.API_ERROR_PERCENT: 6}
    await watch.crowd(1)
    await watch.look(61, {"REDIS": False})
    found = {(alert.metric, alert.subject) for alert in await watch.alerts() if alert.status is AlertStatus.FIRING}
    assert found == {
        (AlertMetric.API_ERROR_PERCENT, "INSTALLATION"),
        (AlertMetric.DEPENDENCY_DOWN, "REDIS"),
        (AlertMetric.RELAY_LAG_SECONDS, "INSTALLATION"),
    }
    await watch.world.relay_all()
    await watch.look(61, {"REDIS": True, "RELAY": True})
    found = {(alert.metric, alert.subject) for alert in await watch.alerts() if alert.status is AlertStatus.FIRING}
    assert (AlertMetric.WORKER_LAG_SECONDS, "INSTALLATION") in found, "what the join has caused waits"
    assert (AlertMetric.DEPENDENCY_DOWN, "REDIS") not in found
    assert (AlertMetric.RELAY_LAG_SECONDS, "INSTALLATION") not in found
    redis = connect_redis(str(settings.redis_url), max_connections=1)
    nowhere = connect_redis("redis://127.0.0.1:1/0", max_connections=1, retries=0)
    try:
        assert (await probe(settings, redis))["REDIS"]
        assert await probe(settings, nowhere) == {"REDIS": False}, "of a relay nothing is known then"
    finally:
        await redis.aclose()
        await nowhere.aclose()


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
