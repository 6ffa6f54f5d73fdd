"""Inputs of the mutations of rules of messages."""

from datetime import time
from typing import Any, cast

import strawberry
from strawberry import UNSET

from app.context import Context
from app.notifications.graphql.rules.types import MessageChannelChoice
from app.notifications.graphql.types import NotificationChannel, NotificationKind
from app.notifications.preferences.rules import QuietHours
from app.notifications.telling.models import ChannelChoice
from app.notifications.telling.service import NewRule, RuleChanges

_CHANNELS = "At least one, each once, by preference. Not CHAT, which is a room of the staff's."
_PEOPLE_AHEAD = "Of PEOPLE_AHEAD, and required there: 0 to 10,000."
_WAIT_MINUTES = "Of WAIT_BELOW, and required there: 1 to 1,440."
_MINUTES_BEFORE = "Of OPENING_SOON, and required there: 1 to 1,440."
_DELAY = "0 to 604,800 (7 days). Not for PEOPLE_AHEAD, WAIT_BELOW and OPENING_SOON, which would not be true any more."


@strawberry.input(description="Local times between which nothing is sent.")
class RuleQuietHoursInput:
    starts: time = strawberry.field(description="When they begin, e.g. `22:00`, in the recipient's time zone.")
    ends: time = strawberry.field(description="When they are over; another time than `starts`. Earlier: the next day.")

    def hours(self) -> QuietHours:
        """What the service takes."""
        return QuietHours(self.starts, self.ends)


@strawberry.input(description="A new rule, in force from now on: nobody is told of what was before.")
class MessageRuleCreateInput:
    kind: NotificationKind = strawberry.field(  # type: ignore[valid-type]
        description=(
            "What is said. Not BROADCAST, REPLY or TEST, which somebody writes, nor QUEUE_ALERT (`alertRuleCreate`)."
        )
    )
    channels: list[NotificationChannel] = strawberry.field(description=_CHANNELS)  # type: ignore[valid-type]
    queue_id: strawberry.ID | None = strawberry.field(default=None, description="The queue. Default: all queues.")
    choice: MessageChannelChoice = strawberry.field(  # type: ignore[valid-type]
        default=ChannelChoice.FIRST, description="Which of the channels carry it. Default `FIRST`."
    )
    people_ahead: int | None = strawberry.field(default=None, description=_PEOPLE_AHEAD)
    wait_minutes: int | None = strawberry.field(default=None, description=_WAIT_MINUTES)
    minutes_before: int | None = strawberry.field(default=None, description=_MINUTES_BEFORE)
    delay_seconds: int = strawberry.field(default=0, description=f"How long after the event. {_DELAY} Default 0.")
    quiet_hours: RuleQuietHoursInput | None = strawberry.field(
        default=None, description="When nothing is sent. Default: never."
    )
    is_enabled: bool = strawberry.field(
        default=True, description="False: nobody is told, by a built-in rule of this kind neither. Default true."
    )

    def rule(self, context: Context) -> NewRule:
        """What the service takes."""
        return NewRule(
            kind=self.kind,
            channels=self.channels,
            queue_id=None if self.queue_id is None else context.ref("Queue", self.queue_id).id,
            choice=self.choice,
            people_ahead=self.people_ahead,
            wait_minutes=self.wait_minutes,
            minutes_before=self.minutes_before,
            delay_seconds=self.delay_seconds,
            quiet_hours=None if self.quiet_hours is None else self.quiet_hours.hours(),
            is_enabled=self.is_enabled,
        )


@strawberry.input(
    description=(
        "What to change of a rule; what is left out stays. Its kind and its queue stay what they are. Nobody is told "
        "of what was before the change."
    )
)
class MessageRuleUpdateInput:
    message_rule_id: strawberry.ID = strawberry.field(description="The rule.")
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_CHANNELS
    )
    choice: MessageChannelChoice | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="Which of the channels carry it."
    )
    people_ahead: int | None = strawberry.field(default=UNSET, description=_PEOPLE_AHEAD)
    wait_minutes: int | None = strawberry.field(default=UNSET, description=_WAIT_MINUTES)
    minutes_before: int | None = strawberry.field(default=UNSET, description=_MINUTES_BEFORE)
    delay_seconds: int | None = strawberry.field(default=UNSET, description=_DELAY)
    quiet_hours: RuleQuietHoursInput | None = strawberry.field(
        default=UNSET, description="When nothing is sent; null: never."
    )
    is_enabled: bool | None = strawberry.field(default=UNSET, description="Whether anybody is told by it.")

    def changes(self, context: Context) -> RuleChanges:
        """What was given. Null stands for "as it is" where there must be a value."""
        changes: Any = {}
        for name in ("channels", "choice", "delay_seconds", "is_enabled"):
            if (value := getattr(self, name)) is not UNSET and value is not None:
                changes[name] = value
        for name in ("people_ahead", "wait_minutes", "minutes_before"):
            if (value := getattr(self, name)) is not UNSET:
                changes[name] = value
        if self.quiet_hours is not UNSET:
            changes["quiet_hours"] = None if self.quiet_hours is None else self.quiet_hours.hours()
        return cast(RuleChanges, changes)


@strawberry.input(description="Which rule to delete.")
class MessageRuleDeleteInput:
    message_rule_id: strawberry.ID = strawberry.field(description="The rule.")
    delete_texts: bool = strawberry.field(
        default=False, description="Whether texts that belong to this rule only may go with it. Default false."
    )
