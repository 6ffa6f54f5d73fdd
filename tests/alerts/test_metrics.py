"""What alerts are about, measured: lines are elsewhere, here are waits, shares and the installation."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from app.alerts import repository
from app.alerts.models import AlertMetric, AlertResolution, AlertStatus
from app.alerts.worker import probe
from app.analytics.models import Outcome, SessionFact
from app.core.db import ReadTx
from app.core.live.connection import connect_redis
from app.settings import Settings
from tests.alerts.watch import OPERATOR, Watch
from tests.jobs.support import new_tenant
from tests.notifications.world import World
from tests.support.waiting import eventually


async def answers(settings: Settings, redis: Redis) -> bool:
    return (await probe(settings, redis))["REDIS"]


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
    ask = ReadTx.rows

    async def counted(tx: ReadTx, statement: str, *values: object) -> Sequence[Any]:
        asked.append(statement)
        return await ask(tx, statement, *values)

    monkeypatch.setattr(ReadTx, "rows", counted)
    assert (await watch.look()).is_complete
    # Others of this process ask as well, at their own times.
    of_the_look = ("from alert_rules", "from alert_watches", "from alerts", "l.open_counter_count", "session_facts")
    assert [sum(words in each for each in asked) for words in of_the_look] == [1] * 5


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
    # Whether a relay answers is not known while Redis is away: what was raised of it is not over, and not raised again.
    await watch.look(5, {"REDIS": True, "RELAY": False})
    await watch.look(5, {"REDIS": False})
    await watch.look(5, {"REDIS": False})
    relay = [alert.status for alert in await watch.alerts() if alert.subject == "RELAY"]
    assert relay == [AlertStatus.FIRING]
    redis = connect_redis(str(settings.redis_url), max_connections=1)
    nowhere = connect_redis("redis://127.0.0.1:1/0", max_connections=1, retries=0)
    try:
        await eventually(lambda: answers(settings, redis))
        assert await probe(settings, nowhere) == {"REDIS": False}, "of a relay nothing is known then"
    finally:
        await redis.aclose()
        await nowhere.aclose()
