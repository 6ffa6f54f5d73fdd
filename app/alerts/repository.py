"""Every statement about alerts, their rules, and what is watched. What is measured is `repository_readings.py`'s."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, func, select

from app.alerts.models import Alert, AlertMetric, AlertRule, AlertSeverity, AlertStatus
from app.alerts.rules import PLATFORM_METRICS, Limits, Watched
from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Followed:
    """An enabled rule, as far as measuring needs it."""

    tenant_id: UUID
    id: UUID
    revision: int
    metric: AlertMetric
    queue_id: UUID | None
    limits: Limits
    window_minutes: int
    least_count: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts."""

    statuses: Collection[AlertStatus] = ()
    severities: Collection[AlertSeverity] = ()
    queue_id: UUID | None = None
    rule_id: UUID | None = None


Key = tuple[UUID, UUID, str]
"""Of a watch: tenant, rule, subject."""


async def rules(tx: ReadTx, *, with_platform: bool) -> Sequence[AlertRule]:
    """The tenant's rules in order of creation: a hundred at most."""
    found = await tx.exec(
        select(AlertRule)
        .where(AlertRule.tenant_id == tx.tenant, _shown(col(AlertRule.metric), with_platform=with_platform))
        .order_by(col(AlertRule.created_at), col(AlertRule.id))
    )
    return found.all()


async def count(tx: ReadTx) -> int:
    """How many rules the tenant has."""
    found = await tx.exec(select(func.count()).select_from(AlertRule).where(AlertRule.tenant_id == tx.tenant))
    return found.one()


async def get(tx: ReadTx, rule_id: UUID) -> AlertRule:
    """A rule of the tenant. `NotFound` otherwise."""
    found = await tx.get(AlertRule, (tx.tenant, rule_id), populate_existing=True)
    if found is None:
        raise NotFound("AlertRule")
    return found


async def rules_by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, AlertRule]:
    """Those of these rules that are still there."""
    found = await tx.exec(select(AlertRule).where(AlertRule.tenant_id == tx.tenant, col(AlertRule.id).in_(ids)))
    return {rule.id: rule for rule in found}


async def lock(tx: WriteTx, rule_id: UUID) -> AlertRule:
    """A rule, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(AlertRule)
        .where(AlertRule.tenant_id == tx.tenant, AlertRule.id == rule_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rule = found.one_or_none()
    if rule is None:
        raise NotFound("AlertRule")
    return rule


async def hold(tx: WriteTx, ids: Sequence[UUID]) -> dict[UUID, AlertRule]:
    """These rules, as far as they are there and enabled; nobody changes them until the transaction ends."""
    found = await tx.exec(
        select(AlertRule)
        .where(AlertRule.tenant_id == tx.tenant, col(AlertRule.id).in_(ids), col(AlertRule.is_enabled))
        .order_by(col(AlertRule.id))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return {rule.id: rule for rule in found}


async def followed(tx: ReadTx, metrics: Collection[AlertMetric]) -> list[Followed]:
    """The enabled rules of every tenant that is served, for who sees all of them."""
    found = await tx.rows(
        """
        select r.tenant_id, r.id, r.revision, r.metric, r.queue_id, r.threshold, r.clear_threshold, r.for_seconds,
            r.clear_for_seconds, r.window_minutes, r.least_count
        from alert_rules r join tenants t on t.id = r.tenant_id
        where r.is_enabled and r.metric = any ($1::text[]) and t.status = 'ACTIVE'
        order by r.tenant_id, r.id
        """,
        sorted(metrics),
    )
    return [
        Followed(tenant_id, id, revision, AlertMetric(metric), queue_id, Limits(*limits), window, least)
        for tenant_id, id, revision, metric, queue_id, *limits, window, least in found
    ]


async def watched(tx: ReadTx, metrics: Collection[AlertMetric]) -> dict[Key, Watched]:
    """What is remembered of the rules of these metrics, for who sees all tenants."""
    found = await tx.rows(
        """
        select w.tenant_id, w.rule_id, w.subject, w.breached_since, w.seen_at, w.value, w.cleared_since, w.alert_id
        from alert_watches w join alert_rules r on r.tenant_id = w.tenant_id and r.id = w.rule_id
        where r.metric = any ($1::text[])
        """,
        sorted(metrics),
    )
    return {(tenant_id, rule_id, subject): Watched(*rest) for tenant_id, rule_id, subject, *rest in found}


async def remember(tx: WriteTx, watches: Sequence[tuple[Key, int, Watched]]) -> None:
    """Write down what was seen, of rules that are still as they were (their revision); for the system role.

    What somebody else has meanwhile found to be another alert, or none, stays as they wrote it.
    """
    if watches:
        await tx.rows(
            _REMEMBER,
            *zip(*(key for key, _, _ in watches), strict=True),
            [revision for _, revision, _ in watches],
            *(
                [getattr(each, name) for _, _, each in watches]
                for name in ("breached_since", "cleared_since", "seen_at", "value", "alert_id")
            ),
        )


_REMEMBER = """
    insert into alert_watches
        (tenant_id, rule_id, subject, breached_since, cleared_since, seen_at, value, alert_id)
    select seen.tenant_id, seen.rule_id, seen.subject, seen.breached_since, seen.cleared_since, seen.seen_at,
        seen.value, seen.alert_id
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
        $8::float8[], $9::uuid[])
        as seen (tenant_id, rule_id, subject, revision, breached_since, cleared_since, seen_at, value, alert_id)
    join alert_rules r on r.tenant_id = seen.tenant_id and r.id = seen.rule_id and r.revision = seen.revision
    where seen.alert_id is null or exists (
        select from alert_watches w
        where w.tenant_id = seen.tenant_id and w.rule_id = seen.rule_id and w.subject = seen.subject
    )
    order by seen.tenant_id, seen.rule_id, seen.subject
    for key share of r
    on conflict (tenant_id, rule_id, subject) do update
        set breached_since = excluded.breached_since, cleared_since = excluded.cleared_since,
            seen_at = excluded.seen_at, value = excluded.value
        where alert_watches.alert_id is not distinct from excluded.alert_id
"""


async def forget(tx: WriteTx, keys: Sequence[Key]) -> None:
    """Remember these subjects no longer, unless there is an alert about them."""
    if keys:
        await tx.rows(
            """
            delete from alert_watches w
            using unnest($1::uuid[], $2::uuid[], $3::text[]) as gone (tenant_id, rule_id, subject)
            where w.tenant_id = gone.tenant_id and w.rule_id = gone.rule_id and w.subject = gone.subject
                and w.alert_id is null
            """,
            *zip(*keys, strict=True),
        )


async def forget_rule(tx: WriteTx, rule_id: UUID) -> None:
    """Remember nothing of a rule: it is another one from now on, or none."""
    await tx.rows("delete from alert_watches where tenant_id = $1 and rule_id = $2", tx.tenant, rule_id)


async def forget_pending(tx: WriteTx, rule_id: UUID) -> None:
    """The same as far as nobody was alerted yet."""
    await tx.rows(
        "delete from alert_watches where tenant_id = $1 and rule_id = $2 and alert_id is null", tx.tenant, rule_id
    )


async def forget_alert(tx: WriteTx, alert: Alert) -> None:
    """Remember no longer what an alert was about: it is over."""
    await tx.rows(
        "delete from alert_watches where tenant_id = $1 and rule_id = $2 and subject = $3 and alert_id = $4",
        tx.tenant,
        alert.rule_id,
        alert.subject,
        alert.id,
    )


async def raise_alert(tx: WriteTx, alert: Alert, watched: Watched) -> bool:
    """Write an alert down, and that it is the one about its subject; False if there is an open one already."""
    found = await tx.rows(
        """
        insert into alerts
            (tenant_id, id, rule_id, rule_name, metric, severity, queue_id, subject, threshold, value, status,
             raised_at, revision)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (tenant_id, rule_id, subject) where status <> 'RESOLVED' do nothing
        returning id
        """,
        alert.tenant_id,
        alert.id,
        alert.rule_id,
        alert.rule_name,
        alert.metric,
        alert.severity,
        alert.queue_id,
        alert.subject,
        alert.threshold,
        alert.value,
        alert.status,
        alert.raised_at,
        alert.revision,
    )
    if not found:
        return False
    await tx.rows(
        """
        insert into alert_watches (tenant_id, rule_id, subject, breached_since, seen_at, value, alert_id)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (tenant_id, rule_id, subject) do update
            set cleared_since = null, seen_at = excluded.seen_at, value = excluded.value, alert_id = excluded.alert_id
        """,
        tx.tenant,
        alert.rule_id,
        alert.subject,
        watched.breached_since,
        watched.seen_at,
        watched.value,
        alert.id,
    )
    return True


async def lock_alert(tx: WriteTx, alert_id: UUID) -> Alert:
    """An alert, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(Alert)
        .where(Alert.tenant_id == tx.tenant, Alert.id == alert_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    alert = found.one_or_none()
    if alert is None:
        raise NotFound("Alert")
    return alert


async def lock_open(tx: WriteTx, rule_id: UUID) -> Sequence[Alert]:
    """The open alerts of a rule, held until the transaction ends."""
    found = await tx.exec(
        select(Alert)
        .where(Alert.tenant_id == tx.tenant, Alert.rule_id == rule_id, Alert.status != AlertStatus.RESOLVED)
        .order_by(col(Alert.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def find(tx: ReadTx, alert_id: UUID) -> Alert:
    """An alert of the tenant. `NotFound` otherwise."""
    found = await tx.get(Alert, (tx.tenant, alert_id), populate_existing=True)
    if found is None:
        raise NotFound("Alert")
    return found


async def page(tx: ReadTx, request: PageRequest, wanted: Wanted, *, with_platform: bool) -> Page[Alert]:
    """Alerts, newest first."""
    statement = select(Alert).where(
        Alert.tenant_id == tx.tenant, _shown(col(Alert.metric), with_platform=with_platform)
    )
    if wanted.statuses:
        statement = statement.where(col(Alert.status).in_(wanted.statuses))
    if wanted.severities:
        statement = statement.where(col(Alert.severity).in_(wanted.severities))
    if wanted.queue_id is not None:
        statement = statement.where(Alert.queue_id == wanted.queue_id)
    if wanted.rule_id is not None:
        statement = statement.where(Alert.rule_id == wanted.rule_id)
    keys: Any = (Alert.raised_at, Alert.id)
    return await fetch_page(tx, statement, keys, request, newest_first=True)


async def open_alerts(tx: ReadTx, *, with_platform: bool, limit: int) -> tuple[int, Sequence[Alert]]:
    """How many alerts are open, and the newest of them."""
    of_these = (
        Alert.tenant_id == tx.tenant,
        Alert.status != AlertStatus.RESOLVED,
        _shown(col(Alert.metric), with_platform=with_platform),
    )
    counted = await tx.exec(select(func.count()).select_from(Alert).where(*of_these))
    found = await tx.exec(
        select(Alert).where(*of_these).order_by(col(Alert.raised_at).desc(), col(Alert.id).desc()).limit(limit)
    )
    return counted.one(), found.all()


async def untold(tx: ReadTx) -> list[tuple[UUID, UUID]]:
    """Tenant and key of alerts nobody was told of yet, of tenants that are served, for who sees all of them."""
    found = await tx.rows(
        """
        select a.tenant_id, a.id from alerts a join tenants t on t.id = a.tenant_id
        where a.status <> 'RESOLVED' and a.status = 'FIRING' and a.told_at is null and t.status = 'ACTIVE'
        order by a.tenant_id, a.id
        """
    )
    return [(tenant_id, id) for tenant_id, id in found]


async def delete_old(tx: WriteTx, kept: timedelta, limit: int) -> int:
    """Delete alerts that have long been over; how many. For the system role."""
    before: datetime = tx.now() - kept
    found = await tx.rows(
        """
        delete from alerts using (
            select tenant_id, id from alerts where resolved_at < $1 order by resolved_at limit $2
        ) as old
        where alerts.tenant_id = old.tenant_id and alerts.id = old.id
        returning alerts.id
        """,
        before,
        limit,
    )
    return len(found)


async def count_answers(tx: WriteTx, minute: datetime, operations: int, failures: int) -> None:
    """Add what one API process has answered in a minute; for the system role."""
    await tx.rows(
        """
        insert into api_minutes (minute, operations, failures) values ($1, $2, $3)
        on conflict (minute) do update set operations = api_minutes.operations + excluded.operations,
            failures = api_minutes.failures + excluded.failures
        """,
        minute,
        operations,
        failures,
    )


async def delete_old_minutes(tx: WriteTx) -> None:
    """Delete counts of answers no rule looks back to; for the system role."""
    await tx.rows("delete from api_minutes where minute < $1", tx.now() - timedelta(days=2))


def _shown(metric: Any, *, with_platform: bool) -> Any:
    """What concerns the installation is for who operates it."""
    return metric.is_not(None) if with_platform else metric.not_in(PLATFORM_METRICS)
