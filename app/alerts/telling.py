"""Who is told that an alert was raised, or is over: messages of the kind QUEUE_ALERT. Decides nothing, sends nothing.

A message is owed once: what stands for the event is the alert and which of the two it is about.
"""

import math
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from app.alerts.models import Alert, AlertMetric, AlertRule
from app.alerts.rules import METRICS, Unit
from app.core.db import WriteTx
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences.rules import QuietHours, end_of_quiet
from app.notifications.telling import repository as people
from app.notifications.telling.reaching import STAFF_SINCE, Person, Told, office, tell
from app.notifications.telling.rules import Rule
from app.notifications.texts import Value
from app.queues import repository as queues
from app.settings import Settings
from app.tenants import service as tenants

_KIND = NotificationKind.QUEUE_ALERT
_RAISED, _RESOLVED = "raised", "resolved"


async def is_quiet(tx: WriteTx, rule: AlertRule, queue_id: UUID | None) -> bool:
    """Whether the rule's quiet hours are now, by the queue's clock, else the tenant's."""
    if rule.quiet_from is None or rule.quiet_until is None:
        return False
    zone = (await tenants.settings_of(tx)).time_zone
    if queue_id is not None:
        zone = (await queues.get(tx, queue_id)).time_zone
    return end_of_quiet(tx.now(), QuietHours(rule.quiet_from, rule.quiet_until), str(ZoneInfo(zone))) is not None


async def owe_raised(tx: WriteTx, settings: Settings, rule: AlertRule, alert: Alert) -> list[UUID]:
    """Write down whom the rule tells of an alert, unless quiet hours last; the ids of what is new."""
    if await is_quiet(tx, rule, alert.queue_id):
        return []
    # Said by hand: whoever looks meanwhile sees the alert as it is, and its revision with the events.
    alert.told_at = tx.now()
    await tx.flush()
    return await _owe(tx, settings, rule, alert, alert.value, _RAISED)


async def owe_resolved(tx: WriteTx, settings: Settings, rule: AlertRule, alert: Alert, value: float) -> list[UUID]:
    """Write down that those who were told of an alert are told that it is over."""
    if alert.told_at is None or not rule.tells_resolved or await is_quiet(tx, rule, alert.queue_id):
        return []
    return await _owe(tx, settings, rule, alert, value, _RESOLVED)


async def _owe(
    tx: WriteTx, settings: Settings, rule: AlertRule, alert: Alert, value: float, occasion: str
) -> list[UUID]:
    if not rule.channels:
        return []
    ids = [UUID(each) for each in rule.user_ids]
    if rule.tells_staff and alert.queue_id is not None:
        ids += await people.staff_of(tx, alert.queue_id, tx.now() - STAFF_SINCE)
    told = [Person(user=user) for user in await people.users(tx, sorted(set(ids)))]
    if NotificationChannel.CHAT in rule.channels:
        told.append(Person())
    at = await office(tx, settings, alert.queue_id, [_KIND])
    queue = None if alert.queue_id is None else await queues.get(tx, alert.queue_id)
    values: dict[str, Value] = {
        "queueName": None if queue is None else queue.name,
        "tenantName": at.tenant.name,
        "link": at.link,
        "alertName": alert.rule_name,
        "metric": alert.metric.value,
        "severity": alert.severity.value,
        "subject": "" if alert.queue_id is not None else alert.subject,
        "value": shown(alert.metric, value),
        "limit": shown(alert.metric, alert.threshold),
        "isOver": "yes" if occasion == _RESOLVED else None,
    }
    by = Rule(_KIND, [NotificationChannel(name) for name in rule.channels], rule.choice, id=rule.id)
    event_id = uuid5(alert.id, occasion)
    return await tell(tx, at, [Told(by, person, event_id, tx.now(), values) for person in told])


def shown(metric: AlertMetric, value: float) -> int | str:
    """A measurement as people read it: whole people and percent, waits in minutes, delays of ours in seconds."""
    if metric in (AlertMetric.AVERAGE_WAIT_SECONDS, AlertMetric.P90_WAIT_SECONDS):
        minutes = value / 60
        return math.ceil(minutes) if minutes >= 10 else f"{minutes:.1f}".removesuffix(".0")
    if METRICS[metric].unit is Unit.PERCENT:
        return f"{value:.1f}".removesuffix(".0")
    return round(value)
