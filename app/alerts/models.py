"""Rules of alerts, what is being watched because of them, and the alerts themselves. Decides nothing."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.notifications.telling.models import ChannelChoice


class AlertMetric(StrEnum):
    """What a rule looks at: a number that should not be above its threshold."""

    WAITING_COUNT = "WAITING_COUNT"
    UNSTAFFED_WAITING_COUNT = "UNSTAFFED_WAITING_COUNT"
    AVERAGE_WAIT_SECONDS = "AVERAGE_WAIT_SECONDS"
    P90_WAIT_SECONDS = "P90_WAIT_SECONDS"
    ABANDONMENT_PERCENT = "ABANDONMENT_PERCENT"
    NO_SHOW_PERCENT = "NO_SHOW_PERCENT"
    API_ERROR_PERCENT = "API_ERROR_PERCENT"
    DEPENDENCY_DOWN = "DEPENDENCY_DOWN"
    WORKER_LAG_SECONDS = "WORKER_LAG_SECONDS"
    RELAY_LAG_SECONDS = "RELAY_LAG_SECONDS"


class AlertSeverity(StrEnum):
    """How bad it is. Nothing is sent differently for it."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class AlertStatus(StrEnum):
    """How far an alert is."""

    FIRING = "FIRING"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"


class AlertResolution(StrEnum):
    """Why an alert is over."""

    CLEARED = "CLEARED"
    NO_DATA = "NO_DATA"
    RULE_CHANGED = "RULE_CHANGED"
    QUEUE_GONE = "QUEUE_GONE"


class AlertRule(TenantRow, table=True):
    """When somebody is to be alerted, and whom which channels tell.

    - without `queue_id` it watches every queue of the tenant, each for itself
    - rules of the installation (`rules.PLATFORM_METRICS`) belong to the tenant of whoever operates it
    - disabled or deleted, its open alerts are over at once
    """

    __tablename__ = "alert_rules"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet"),
        CheckConstraint("clear_threshold <= threshold", name="hysteresis"),
        Index("alert_rules_queue_idx", "tenant_id", "queue_id"),
    )

    name: str = Field(max_length=80)
    metric: AlertMetric = enum_column(AlertMetric, "metric")
    # Null: every queue; of the installation always.
    queue_id: UUID | None = None
    threshold: float
    # Not above the threshold: what lies between the two changes nothing.
    clear_threshold: float
    for_seconds: int
    clear_for_seconds: int
    # Of what is measured over a time: how long, and of how many sessions at least.
    window_minutes: int
    least_count: int
    severity: AlertSeverity = enum_column(AlertSeverity, "severity", AlertSeverity.WARNING)
    # Local times between which nobody is told; the queue's zone, else the tenant's.
    quiet_from: time | None = None
    quiet_until: time | None = None
    # Whoever works at the queue's counters, and beside them these users.
    tells_staff: bool = True
    user_ids: list[str] = json_column(list)
    # By preference; empty: nobody is written to.
    channels: list[str] = json_column(list)
    choice: ChannelChoice = enum_column(ChannelChoice, "choice", ChannelChoice.FIRST)
    tells_resolved: bool = True
    is_enabled: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class AlertWatch(SQLModel, table=True):
    """That something is above a rule's threshold, or was and its alert is still open. Without a row all is well.

    1. written when it is first seen above the threshold (`breached_since`); gone if it is not any more
    2. `alert_id` once that has lasted long enough
    3. `cleared_since` while it is at the clear threshold or below; gone with the alert when that has lasted

    `seen_at` is when it was last measured: what nobody has seen for a while is not held to have lasted.
    """

    __tablename__ = "alert_watches"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "rule_id"], ["alert_rules.tenant_id", "alert_rules.id"], ondelete="CASCADE"),
        # What it says, alerts say.
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    rule_id: UUID = Field(primary_key=True)
    # A queue's id, or the name of what the installation depends on.
    subject: str = Field(primary_key=True, max_length=64)
    breached_since: datetime = time_column()
    cleared_since: datetime | None = optional_time()
    seen_at: datetime = time_column()
    value: float
    alert_id: UUID | None = None


class Alert(TenantRow, table=True):
    """One alert, from its being raised until it is over; kept for some time afterwards.

    1. FIRING when what a rule watches has been above the threshold for as long as the rule says
    2. ACKNOWLEDGED by somebody who takes care; that stops nothing but being told later
    3. RESOLVED when it is over, with the reason in `resolution`: never by hand

    - of one rule and subject at most one is open (`alerts_open_key`), whoever evaluates beside whom
    - `told_at` is null while quiet hours last; whoever is resolved before they end was told to nobody
    - the rule's name, metric, threshold and severity are as they were: the rule may change, or go
    """

    __tablename__ = "alerts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index(
            "alerts_open_key",
            "tenant_id",
            "rule_id",
            "subject",
            unique=True,
            postgresql_where="status <> 'RESOLVED'",
        ),
        Index("alerts_raised_idx", "tenant_id", "raised_at", "id"),
        Index("alerts_queue_idx", "tenant_id", "queue_id"),
        Index("alerts_resolved_idx", "resolved_at", postgresql_where="resolved_at is not null"),
    )

    rule_id: UUID
    rule_name: str = Field(max_length=80)
    metric: AlertMetric = enum_column(AlertMetric, "metric")
    severity: AlertSeverity = enum_column(AlertSeverity, "severity")
    queue_id: UUID | None = None
    subject: str = Field(max_length=64)
    threshold: float
    value: float
    status: AlertStatus = enum_column(AlertStatus, "status", AlertStatus.FIRING)
    resolution: AlertResolution | None = enum_column(AlertResolution, "resolution", None)
    raised_at: datetime = time_column()
    told_at: datetime | None = optional_time()
    acknowledged_at: datetime | None = optional_time()
    acknowledged_by: str | None = Field(default=None, max_length=64)
    resolved_at: datetime | None = optional_time()
    revision: int = 1


class ApiMinute(SQLModel, table=True):
    """How many operations the API's processes have answered in one minute, and how many with an error of ours.

    It belongs to the installation: it says neither whose they were nor what was wrong.
    """

    __tablename__ = "api_minutes"

    minute: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    operations: int = Field(sa_type=BigInteger)
    failures: int = Field(sa_type=BigInteger)
