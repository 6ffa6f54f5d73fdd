"""What can be done with alerts: make, change and delete their rules, raise, acknowledge and resolve them.

When one is raised is decided in `rules.py` and found out by `looking.py`; who is told is `telling.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict
from uuid import UUID

from app.alerts import repository, rules
from app.alerts.errors import AlertIsOver, AlertRuleChanged
from app.alerts.events import (
    ALERT,
    ALERT_RULE,
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertRuleCreated,
    AlertRuleDeleted,
    AlertRuleUpdated,
)
from app.alerts.models import Alert, AlertMetric, AlertResolution, AlertRule, AlertSeverity, AlertStatus
from app.alerts.rules import Watched
from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput
from app.core.events import record
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.identity.permissions import Permission
from app.notifications.models import NotificationChannel
from app.notifications.preferences.rules import QuietHours
from app.notifications.telling.models import ChannelChoice
from app.notifications.telling.repository import existing_users
from app.queues import repository as queues
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

WINDOW_MINUTES = 15
LEAST_COUNT = 5
SECONDS = 60


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule as it is asked for."""

    name: str
    metric: AlertMetric
    threshold: float
    queue_id: UUID | None = None
    clear_threshold: float | None = None
    for_seconds: int = SECONDS
    clear_for_seconds: int = SECONDS
    window_minutes: int = WINDOW_MINUTES
    least_count: int = LEAST_COUNT
    severity: AlertSeverity = AlertSeverity.WARNING
    quiet_hours: QuietHours | None = None
    tells_staff: bool | None = None
    user_ids: Sequence[UUID] = ()
    channels: Sequence[NotificationChannel] = ()
    choice: ChannelChoice = ChannelChoice.FIRST
    tells_resolved: bool = True
    is_enabled: bool = True


class RuleChanges(TypedDict, total=False):
    """What is to be different. What it looks at, and where, does not change: that would be another rule."""

    name: str
    threshold: float
    clear_threshold: float
    for_seconds: int
    clear_for_seconds: int
    window_minutes: int
    least_count: int
    severity: AlertSeverity
    quiet_hours: QuietHours | None
    tells_staff: bool
    user_ids: Sequence[UUID]
    channels: Sequence[NotificationChannel]
    choice: ChannelChoice
    tells_resolved: bool
    is_enabled: bool


# What these decide about begins anew with another value of them; the rest says only who is told.
_DECIDING = frozenset({"threshold", "for_seconds", "window_minutes", "least_count"})


async def create(tx: WriteTx, new: NewRule) -> AlertRule:
    """Make a rule. Raises `InvalidInput`, `LimitReached`, `NotFound` (of the queue), `Forbidden`."""
    _ensure_may(tx, new.metric)
    now, who = tx.now(), tx.actor.label
    is_platform = new.metric in rules.PLATFORM_METRICS
    values = {each.name: getattr(new, each.name) for each in fields(new)}
    values |= {
        "clear_threshold": new.threshold if new.clear_threshold is None else new.clear_threshold,
        "tells_staff": (not is_platform) if new.tells_staff is None else new.tells_staff,
    }
    row = AlertRule(
        tenant_id=tx.tenant,
        id=new_id(),
        **_stored(values),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    _ensure_possible(row)
    await _ensure_users(tx, row)
    # Who makes one beside us waits here: there are never more than there may be.
    await tenants.hold_limits(tx)
    if await repository.count(tx) >= rules.MAX_RULES:
        raise LimitReached("alertRules", rules.MAX_RULES)
    if row.queue_id is not None:
        await queues.get(tx, row.queue_id)
    tx.add(row)
    await tx.flush()
    record(tx, ALERT_RULE, row.id, row.revision, AlertRuleCreated(row.name, row.metric, row.queue_id), now)
    return row


async def update(tx: WriteTx, rule_id: UUID, changes: RuleChanges, *, revision: int | None = None) -> AlertRule:
    """Change some of a rule; nothing is recorded if everything is so already.

    Raises `InvalidInput`, `NotFound`, and `AlertRuleChanged` if it is not the given revision any more. What was about
    to be raised begins anew if what decides it is different. Disabled, its open alerts are over.
    """
    row = await _lock(tx, rule_id, revision)
    wanted = _stored(dict(changes))
    changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not changed:
        return row
    for name, value in changed.items():
        setattr(row, name, value)
    _ensure_possible(row)
    if "user_ids" in changed:
        # Of those it has, some may have been removed meanwhile: it can be disabled all the same.
        await _ensure_users(tx, row)
    row.revision += 1
    row.updated_at, row.updated_by = tx.now(), tx.actor.label
    await tx.flush()
    shown = {name: str(value) if name.startswith("quiet_") and value else value for name, value in changed.items()}
    record(tx, ALERT_RULE, row.id, row.revision, AlertRuleUpdated(row.metric, shown), row.updated_at)
    if not row.is_enabled:
        await _end_all(tx, row)
    elif _DECIDING & changed.keys():
        await repository.forget_pending(tx, row.id)
    return row


async def delete(tx: WriteTx, rule_id: UUID, *, revision: int | None = None) -> AlertRule:
    """Take a rule away; its open alerts are over, and stay to be read. Raises `AlertRuleChanged`, `NotFound`."""
    row = await _lock(tx, rule_id, revision)
    await _end_all(tx, row)
    record(tx, ALERT_RULE, row.id, row.revision + 1, AlertRuleDeleted(row.name, row.metric), tx.now())
    await tx.delete(row)
    await tx.flush()
    return row


async def rules_of(tx: ReadTx, *, with_platform: bool) -> Sequence[AlertRule]:
    """The tenant's rules, in order of creation; with those of the installation if they may be seen."""
    return await repository.rules(tx, with_platform=with_platform)


async def acknowledge(tx: WriteTx, alert_id: UUID) -> Alert:
    """Somebody takes care of an alert; nothing happens if somebody does already. Raises `AlertIsOver`, `NotFound`."""
    row = await repository.lock_alert(tx, alert_id)
    _ensure_may(tx, row.metric)
    if row.status is AlertStatus.RESOLVED:
        raise AlertIsOver
    if row.status is AlertStatus.FIRING:
        row.status, row.acknowledged_at, row.acknowledged_by = AlertStatus.ACKNOWLEDGED, tx.now(), tx.actor.label
        row.revision += 1
        await tx.flush()
        record(tx, ALERT, row.id, row.revision, AlertAcknowledged(**_said(row)), row.acknowledged_at)
    return row


async def fire(tx: WriteTx, rule: AlertRule, subject: str, queue_id: UUID | None, watched: Watched) -> Alert | None:
    """Raise an alert; None if there is an open one already, because somebody was faster. The caller holds the rule."""
    row = Alert(
        tenant_id=tx.tenant,
        id=new_id(),
        rule_id=rule.id,
        rule_name=rule.name,
        metric=rule.metric,
        severity=rule.severity,
        queue_id=queue_id,
        subject=subject,
        threshold=rule.threshold,
        value=watched.value,
        status=AlertStatus.FIRING,
        resolution=None,
        raised_at=tx.now(),
    )
    if not await repository.raise_alert(tx, row, watched):
        return None
    record(tx, ALERT, row.id, row.revision, AlertRaised(**_said(row)), row.raised_at)
    return await repository.lock_alert(tx, row.id)


async def resolve(tx: WriteTx, alert_id: UUID, resolution: AlertResolution, value: float) -> Alert | None:
    """Note that an alert is over; None if it was already."""
    row = await repository.lock_alert(tx, alert_id)
    if row.status is AlertStatus.RESOLVED:
        return None
    await _end(tx, row, resolution, value)
    return row


async def _lock(tx: WriteTx, rule_id: UUID, revision: int | None) -> AlertRule:
    row = await repository.lock(tx, rule_id)
    _ensure_may(tx, row.metric)
    if revision not in (None, row.revision):
        raise AlertRuleChanged(row.revision)
    return row


async def _end_all(tx: WriteTx, rule: AlertRule) -> None:
    for row in await repository.lock_open(tx, rule.id):
        await _end(tx, row, AlertResolution.RULE_CHANGED, row.value)
    await repository.forget_rule(tx, rule.id)


async def _end(tx: WriteTx, row: Alert, resolution: AlertResolution, value: float) -> None:
    row.status, row.resolution, row.resolved_at = AlertStatus.RESOLVED, resolution, tx.now()
    row.revision += 1
    await tx.flush()
    said = _said(row) | {"value": value}
    record(tx, ALERT, row.id, row.revision, AlertResolved(**said, resolution=resolution), row.resolved_at)
    await repository.forget_alert(tx, row)


def _said(row: Alert) -> dict[str, Any]:
    names = ("rule_id", "rule_name", "metric", "severity", "queue_id", "subject", "threshold", "value")
    return {name: getattr(row, name) for name in names}


def _ensure_may(tx: WriteTx, metric: AlertMetric) -> None:
    if metric in rules.PLATFORM_METRICS:
        tx.actor.require(Permission.PLATFORM_ALERTS)


def _ensure_possible(row: AlertRule) -> None:
    ensure_text("name", row.name, 1, 80)
    rules.check(row)


async def _ensure_users(tx: ReadTx, row: AlertRule) -> None:
    ids = [UUID(each) for each in row.user_ids]
    if len(await existing_users(tx, ids)) != len(set(ids)) or len(set(ids)) != len(ids):
        raise InvalidInput("userIds", "Name each user once, and only users of yours who can sign in.")


def _stored(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the row has them."""
    values = dict(given)
    if "channels" in values:
        values["channels"] = [channel.value for channel in values["channels"]]
    if "user_ids" in values:
        values["user_ids"] = [str(each) for each in values["user_ids"]]
    if "quiet_hours" in values:
        quiet: QuietHours | None = values.pop("quiet_hours")
        values["quiet_from"] = None if quiet is None else quiet.starts
        values["quiet_until"] = None if quiet is None else quiet.ends
    return values
