"""Inputs of alerts and their rules."""

from typing import Any, cast

import strawberry
from strawberry import UNSET

from app.alerts.graphql.types import AlertMetric, AlertSeverity, AlertStatus
from app.alerts.models import AlertSeverity as Severity
from app.alerts.repository import Wanted
from app.alerts.service import LEAST_COUNT, SECONDS, WINDOW_MINUTES, NewRule, RuleChanges
from app.context import Context
from app.notifications.graphql.rules.inputs import RuleQuietHoursInput
from app.notifications.graphql.rules.types import MessageChannelChoice
from app.notifications.graphql.types import NotificationChannel
from app.notifications.telling.models import ChannelChoice

_THRESHOLD = (
    "Above this it is raised, in the metric's unit: 0 to 1,000,000 people, 604,800 seconds (of the installation "
    "86,400), 99 percent; 0 for DEPENDENCY_DOWN."
)
_CLEAR = "At this or below it is over: from 0 to `threshold`."
_FOR = "How long it has to be above the threshold: 0 to 86,400."
_CLEAR_FOR = "How long it has to be at the clear threshold or below: 0 to 86,400."
_WINDOW = "Of how many minutes visits (API_ERROR_PERCENT: answers) are looked at: 5 to 1,440."
_LEAST = "Of fewer of them in the window nothing is said: 1 to 1,000."
_STAFF = (
    "Whether those are told who work at the queue's counters; if nobody does, those who did in the last 7 days. Not of "
    "the installation's metrics."
)
_USERS = "Who is told beside them: at most 50 users who can sign in, each once."
_REVISION = "The revision that was looked at: refused if it is another one by now. Default: whatever it is."
_CHANNELS = "Each once, by preference. None: nobody is written to; webhooks and `alertRaised` are told in any case."


@strawberry.input(description="A new rule of alerts, followed from now on.")
class AlertRuleCreateInput:
    name: str = strawberry.field(description="What staff call it: 1 to 80 characters. Named in messages.")
    metric: AlertMetric = strawberry.field(description="What it watches.")  # type: ignore[valid-type]
    threshold: float = strawberry.field(description=_THRESHOLD)
    queue_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The queue. Default: every queue, each for itself. None of the installation's metrics.",
    )
    clear_threshold: float | None = strawberry.field(default=None, description=f"{_CLEAR} Default: `threshold`.")
    for_seconds: int = strawberry.field(default=SECONDS, description=f"{_FOR} Default 60.")
    clear_for_seconds: int = strawberry.field(default=SECONDS, description=f"{_CLEAR_FOR} Default 60.")
    window_minutes: int = strawberry.field(default=WINDOW_MINUTES, description=f"{_WINDOW} Default 15.")
    least_count: int = strawberry.field(default=LEAST_COUNT, description=f"{_LEAST} Default 5.")
    severity: AlertSeverity = strawberry.field(  # type: ignore[valid-type]
        default=Severity.WARNING, description="How bad it is. Default `WARNING`."
    )
    quiet_hours: RuleQuietHoursInput | None = strawberry.field(
        default=None, description="When nobody is told, in the queue's time zone. Default: never."
    )
    tells_staff: bool | None = strawberry.field(
        default=None, description=f"{_STAFF} Default: true, false of the installation's metrics."
    )
    user_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_USERS)
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        default_factory=list, description=_CHANNELS
    )
    choice: MessageChannelChoice = strawberry.field(  # type: ignore[valid-type]
        default=ChannelChoice.FIRST, description="Which of the channels carry it. Default `FIRST`."
    )
    tells_resolved: bool = strawberry.field(
        default=True, description="Whether those who were told are told that it is over. Default true."
    )
    is_enabled: bool = strawberry.field(default=True, description="Whether it is followed. Default true.")

    def rule(self, context: Context) -> NewRule:
        """What the service takes."""
        return NewRule(
            name=self.name,
            metric=self.metric,
            threshold=self.threshold,
            queue_id=None if self.queue_id is None else context.ref("Queue", self.queue_id).id,
            clear_threshold=self.clear_threshold,
            for_seconds=self.for_seconds,
            clear_for_seconds=self.clear_for_seconds,
            window_minutes=self.window_minutes,
            least_count=self.least_count,
            severity=self.severity,
            quiet_hours=None if self.quiet_hours is None else self.quiet_hours.hours(),
            tells_staff=self.tells_staff,
            user_ids=[context.ref("User", each).id for each in self.user_ids],
            channels=self.channels,
            choice=self.choice,
            tells_resolved=self.tells_resolved,
            is_enabled=self.is_enabled,
        )


@strawberry.input(
    description=(
        "What to change of a rule; what is left out stays. What it watches, and where, stays as it is. Where "
        "threshold, duration or window change, what was about to be raised begins anew; an open alert stays until it "
        "is over."
    )
)
class AlertRuleUpdateInput:
    alert_rule_id: strawberry.ID = strawberry.field(description="The rule.")
    revision: int | None = strawberry.field(default=None, description=_REVISION)
    name: str | None = strawberry.field(default=UNSET, description="1 to 80 characters.")
    threshold: float | None = strawberry.field(default=UNSET, description=_THRESHOLD)
    clear_threshold: float | None = strawberry.field(default=UNSET, description=_CLEAR)
    for_seconds: int | None = strawberry.field(default=UNSET, description=_FOR)
    clear_for_seconds: int | None = strawberry.field(default=UNSET, description=_CLEAR_FOR)
    window_minutes: int | None = strawberry.field(default=UNSET, description=_WINDOW)
    least_count: int | None = strawberry.field(default=UNSET, description=_LEAST)
    severity: AlertSeverity | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="How bad it is, of alerts raised from now on."
    )
    quiet_hours: RuleQuietHoursInput | None = strawberry.field(
        default=UNSET, description="When nobody is told; null: never."
    )
    tells_staff: bool | None = strawberry.field(default=UNSET, description=_STAFF)
    user_ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description=_USERS)
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_CHANNELS
    )
    choice: MessageChannelChoice | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="Which of the channels carry it."
    )
    tells_resolved: bool | None = strawberry.field(
        default=UNSET, description="Whether those who were told are told that it is over."
    )
    is_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether it is followed; if not, its open alerts are over."
    )

    def changes(self, context: Context) -> RuleChanges:
        """What was given. Null stands for "as it is" where there must be a value."""
        changes: dict[str, Any] = {}
        for name in _PLAIN:
            if (value := getattr(self, name)) is not UNSET and value is not None:
                changes[name] = value
        if self.user_ids is not UNSET and self.user_ids is not None:
            changes["user_ids"] = [context.ref("User", each).id for each in self.user_ids]
        if self.quiet_hours is not UNSET:
            changes["quiet_hours"] = None if self.quiet_hours is None else self.quiet_hours.hours()
        return cast(RuleChanges, changes)


_PLAIN = (
    "name", "threshold", "clear_threshold", "for_seconds", "clear_for_seconds", "window_minutes", "least_count",
    "severity", "tells_staff", "channels", "choice", "tells_resolved", "is_enabled",
)  # fmt: skip


@strawberry.input(description="Which rule to delete.")
class AlertRuleDeleteInput:
    alert_rule_id: strawberry.ID = strawberry.field(description="The rule.")
    revision: int | None = strawberry.field(default=None, description=_REVISION)


@strawberry.input(description="Which alert one takes care of.")
class AlertAcknowledgeInput:
    alert_id: strawberry.ID = strawberry.field(description="The alert.")


@strawberry.input(description="Which alerts; all by default.")
class AlertFilter:
    statuses: list[AlertStatus] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Only of these statuses."
    )
    severities: list[AlertSeverity] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="Only of these severities."
    )
    queue_id: strawberry.ID | None = strawberry.field(default=None, description="Only about this queue.")
    alert_rule_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this rule.")

    def wanted(self, context: Context) -> Wanted:
        """What the repository takes."""
        return Wanted(
            self.statuses or (),
            self.severities or (),
            None if self.queue_id is None else context.ref("Queue", self.queue_id).id,
            None if self.alert_rule_id is None else context.ref("AlertRule", self.alert_rule_id).id,
        )
