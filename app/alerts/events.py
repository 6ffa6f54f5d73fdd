"""Facts about alerts and their rules. No name of a person, no address."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from app.alerts.models import AlertMetric, AlertResolution, AlertSeverity
from app.core.events import Event

ALERT, ALERT_RULE = "alert", "alert_rule"


@dataclass(frozen=True, slots=True)
class AlertEvent(Event):
    """`subject` is a queue's key, or the name of what the installation depends on; `value` in the metric's unit."""

    rule_id: UUID
    rule_name: str
    metric: AlertMetric
    severity: AlertSeverity
    queue_id: UUID | None
    subject: str
    threshold: float
    value: float


@dataclass(frozen=True, slots=True)
class AlertRaised(AlertEvent):
    """What a rule watches has been above its threshold for as long as the rule says."""

    type: ClassVar[str] = "ALERT_RAISED"


@dataclass(frozen=True, slots=True)
class AlertAcknowledged(AlertEvent):
    """Somebody takes care of it."""

    type: ClassVar[str] = "ALERT_ACKNOWLEDGED"


@dataclass(frozen=True, slots=True)
class AlertResolved(AlertEvent):
    """It is over. `value` is the last that was measured."""

    type: ClassVar[str] = "ALERT_RESOLVED"
    resolution: AlertResolution


@dataclass(frozen=True, slots=True)
class AlertRuleCreated(Event):
    type: ClassVar[str] = "ALERT_RULE_CREATED"
    name: str
    metric: AlertMetric
    queue_id: UUID | None


@dataclass(frozen=True, slots=True)
class AlertRuleUpdated(Event):
    """`changes` holds the new values."""

    type: ClassVar[str] = "ALERT_RULE_UPDATED"
    metric: AlertMetric
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlertRuleDeleted(Event):
    type: ClassVar[str] = "ALERT_RULE_DELETED"
    name: str
    metric: AlertMetric
