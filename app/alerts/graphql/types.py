"""Alerts and their rules as staff see them. Who is told of them is decided elsewhere."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.alerts import models
from app.alerts.rules import METRICS
from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.notifications.graphql.rules.types import MessageChannelChoice, RuleQuietHours
from app.notifications.graphql.types import NotificationChannel

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

AlertMetric = explained_enum(
    models.AlertMetric,
    "What a rule watches: a number that should not be above its threshold. Waits and shares are of the rule's last "
    "`windowMinutes`, in which there must be at least `leastCount` visits (operations), else nothing is said; visits "
    "that began more than a day before are left out. API_ERROR_PERCENT, DEPENDENCY_DOWN, WORKER_LAG_SECONDS and "
    "RELAY_LAG_SECONDS are about the installation, and need the permission `platform:alerts`.",
    WAITING_COUNT="How many people wait in a queue right now, those on hold not counted.",
    UNSTAFFED_WAITING_COUNT=(
        "How many people wait right now in a STAFFED queue while no counter is open; 0 while one is, and in METERED "
        "queues."
    ),
    AVERAGE_WAIT_SECONDS=(
        "Sum of waits / number of visits, of those called; a wait is from entering the queue to the call."
    ),
    P90_WAIT_SECONDS="The wait that 9 of 10 of those called did not exceed (interpolated).",
    ABANDONMENT_PERCENT=(
        "100 × abandoned / (abandoned + called): abandoned are those who left, or were away for longer than the grace "
        "allows, before they were called."
    ),
    NO_SHOW_PERCENT="100 × no-shows / (no-shows + services begun).",
    API_ERROR_PERCENT=(
        "100 × operations answered with an error of ours (`INTERNAL`, `UNAVAILABLE`) / all operations, whole minutes."
    ),
    DEPENDENCY_DOWN="1 while something the installation depends on does not answer (REDIS, RELAY), else 0.",
    WORKER_LAG_SECONDS="For how long the job that has waited longest has been due.",
    RELAY_LAG_SECONDS="How old the oldest event is from which nothing has followed yet.",
)
AlertSeverity = explained_enum(
    models.AlertSeverity,
    "How bad it is. It is shown and told; nothing is sent differently for it.",
    INFO="Good to know.",
    WARNING="Somebody should look.",
    CRITICAL="Somebody has to act.",
)
AlertStatus = explained_enum(
    models.AlertStatus,
    "How far an alert is.",
    FIRING="It was raised, and nobody has said that they take care of it.",
    ACKNOWLEDGED="Somebody takes care of it.",
    RESOLVED="It is over.",
)
AlertResolution = explained_enum(
    models.AlertResolution,
    "Why an alert is over.",
    CLEARED="What is watched was at the clear threshold or below for as long as the rule says.",
    NO_DATA="Nothing could be measured for an hour.",
    RULE_CHANGED="Its rule was disabled or deleted.",
    QUEUE_GONE="Its queue was archived.",
)


@strawberry.type(description="When somebody is alerted, and whom which channels tell.")
class AlertRule(Node):
    row: strawberry.Private[models.AlertRule]
    name: str = strawberry.field(description="What staff call it.")
    metric: AlertMetric = strawberry.field(description="What it watches.")  # type: ignore[valid-type]
    threshold: float = strawberry.field(
        description="Raised when the metric is above this, in its unit: people, seconds, percent."
    )
    clear_threshold: float = strawberry.field(
        description="Over when the metric is at this or below. Between the two nothing changes."
    )
    for_seconds: int = strawberry.field(description="How long it has to be above the threshold; 0: at once.")
    clear_for_seconds: int = strawberry.field(description="How long it has to be clear; 0: at once.")
    window_minutes: int | None = strawberry.field(
        description="Of how many minutes visits and answers are looked at; null for what is told at the moment."
    )
    least_count: int | None = strawberry.field(
        description="Of fewer visits (answers) in the window nothing is said; null as for `windowMinutes`."
    )
    severity: AlertSeverity = strawberry.field(description="How bad it is.")  # type: ignore[valid-type]
    quiet_hours: RuleQuietHours | None = strawberry.field(
        description=(
            "When nobody is told, in the queue's time zone, else the business's; null: never. Who would have been told "
            "is told when they end, if it still fires."
        )
    )
    tells_staff: bool = strawberry.field(
        description=(
            "Whether those are told who work at the queue's counters; if nobody does, those who did in the last 7 days."
        )
    )
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="By which channels, in order of preference; empty: nobody is written to. Webhooks are told anyway."
    )
    choice: MessageChannelChoice = strawberry.field(description="Which of them carry it.")  # type: ignore[valid-type]
    tells_resolved: bool = strawberry.field(description="Whether those who were told are told that it is over.")
    is_enabled: bool = strawberry.field(description="Whether it is followed.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.AlertRule) -> "AlertRule":
        """From its row."""
        quiet = None
        if row.quiet_from is not None and row.quiet_until is not None:
            quiet = RuleQuietHours(starts=row.quiet_from, ends=row.quiet_until)
        has_window = METRICS[row.metric].has_window
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            name=row.name,
            metric=row.metric,
            threshold=row.threshold,
            clear_threshold=row.clear_threshold,
            for_seconds=row.for_seconds,
            clear_for_seconds=row.clear_for_seconds,
            window_minutes=row.window_minutes if has_window else None,
            least_count=row.least_count if has_window else None,
            severity=row.severity,
            quiet_hours=quiet,
            tells_staff=row.tells_staff,
            channels=[NotificationChannel(name) for name in row.channels],
            choice=row.choice,
            tells_resolved=row.tells_resolved,
            is_enabled=row.is_enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="The ids of users who are told, beside the staff. At most 50.")
    def user_ids(self) -> list[strawberry.ID]:
        """Ids only: who may see a user is asked where the user is."""
        return [strawberry.ID(encode("User", self.tenant_key, UUID(each))) for each in self.row.user_ids]

    @strawberry.field(description="The queue it watches; null: every queue, each for itself, or the installation.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all rules of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        if self.row.queue_id is None:
            return None
        return await info.context.loader(queues_by_id, self.tenant_key).load(self.row.queue_id)


@strawberry.type(
    description=(
        "That something is, or was, the matter. Of one rule and queue at most one is open at a time. Its rule's name, "
        "metric, threshold and severity are as they were when it was raised."
    )
)
class Alert(Node):
    row: strawberry.Private[models.Alert]
    rule_name: str = strawberry.field(description="What staff called the rule.")
    metric: AlertMetric = strawberry.field(description="What it is about.")  # type: ignore[valid-type]
    severity: AlertSeverity = strawberry.field(description="How bad it is.")  # type: ignore[valid-type]
    dependency: str | None = strawberry.field(
        description="Of DEPENDENCY_DOWN: what does not answer, `REDIS` or `RELAY`; null for others."
    )
    threshold: float = strawberry.field(description="What the metric was above, in its unit.")
    value: float = strawberry.field(description="What was measured when it was raised, in the metric's unit.")
    status: AlertStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    resolution: AlertResolution | None = strawberry.field(  # type: ignore[valid-type]
        description="Why it is over; null while it is open."
    )
    raised_at: datetime = strawberry.field(description="When it was raised.")
    told_at: datetime | None = strawberry.field(
        description="When those were told whom its rule tells; null while quiet hours last, or if it was over before."
    )
    acknowledged_at: datetime | None = strawberry.field(description="When it was acknowledged; null if it was not.")
    resolved_at: datetime | None = strawberry.field(description="When it was over; null while it is open.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.Alert) -> "Alert":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            rule_name=row.rule_name,
            metric=row.metric,
            severity=row.severity,
            dependency=row.subject if row.metric is models.AlertMetric.DEPENDENCY_DOWN else None,
            threshold=row.threshold,
            value=row.value,
            status=row.status,
            resolution=row.resolution,
            raised_at=row.raised_at,
            told_at=row.told_at,
            acknowledged_at=row.acknowledged_at,
            resolved_at=row.resolved_at,
            revision=row.revision,
        )

    @strawberry.field(description="The rule's id. The rule may be gone.")
    def rule_id(self) -> strawberry.ID:
        """An id."""
        return strawberry.ID(encode("AlertRule", self.tenant_key, self.row.rule_id))

    @strawberry.field(
        description="The id of the user who acknowledged it; null if nobody did, or a program with an API key."
    )
    def acknowledged_by_id(self) -> strawberry.ID | None:
        """An id only: who may see a user is asked where the user is."""
        kind, _, key = (self.row.acknowledged_by or "").partition(":")
        return strawberry.ID(encode("User", self.tenant_key, UUID(key))) if kind == "USER" else None

    @strawberry.field(description="The queue it is about; null if it is about the installation.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all alerts of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        if self.row.queue_id is None:
            return None
        return await info.context.loader(queues_by_id, self.tenant_key).load(self.row.queue_id)


@strawberry.type(description="An alert in a page.")
class AlertEdge:
    cursor: str = strawberry.field(description="Pass as `after` to continue behind this one.")
    node: Alert = strawberry.field(description="The alert.")


@strawberry.type(description="A page of alerts.")
class AlertConnection:
    edges: list[AlertEdge] = strawberry.field(description="The alerts with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="The alerts that are open: FIRING or ACKNOWLEDGED.")
class OpenAlerts:
    revision: int = strawberry.field(description="Grows by 1 with every item of this subscription, from 1 on.")
    open_count: int = strawberry.field(description="How many are open.")
    alerts: list[Alert] = strawberry.field(description="The newest of them, newest first, at most 100.")
    raised: list[Alert] = strawberry.field(
        description="Those among `alerts` that were raised since the item before; of the first item none."
    )
