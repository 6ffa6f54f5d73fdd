"""Rules of messages as staff see them. Who is told by them is decided elsewhere."""

from datetime import datetime, time
from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.notifications.graphql.types import NotificationChannel, NotificationKind
from app.notifications.telling import models
from app.notifications.telling.rules import Rule

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

MessageChannelChoice = explained_enum(
    models.ChannelChoice,
    "Which of a rule's channels carry a message.",
    called="MessageChannelChoice",
    FIRST=(
        "The first in the given order on which the recipient has an address, wants messages, and somebody carries them."
    ),
    ALL="Each of them on which that is so.",
)


@strawberry.type(description="Local times between which a rule sends nothing; what falls there waits for their end.")
class RuleQuietHours:
    starts: time = strawberry.field(description="When they begin, e.g. `22:00`, in the recipient's time zone.")
    ends: time = strawberry.field(description="When they are over; not later than `starts`: on the next day.")


@strawberry.type(description="When whom which channels tell what. In force until you have a rule of your own instead.")
class BuiltInMessageRule:
    kind: NotificationKind = strawberry.field(description="What is said.")  # type: ignore[valid-type]
    channels: list[NotificationChannel] = strawberry.field(description="By preference.")  # type: ignore[valid-type]
    choice: MessageChannelChoice = strawberry.field(description="Which of them carry it.")  # type: ignore[valid-type]
    people_ahead: int | None = strawberry.field(description="Of PEOPLE_AHEAD: how many are ahead; null for others.")

    @classmethod
    def of(cls, rule: Rule) -> "BuiltInMessageRule":
        """From the rule."""
        return cls(kind=rule.kind, channels=list(rule.channels), choice=rule.choice, people_ahead=rule.threshold)


@strawberry.type(
    description=(
        "When whom which channels tell what. In the queues it is for, it replaces the built-in rules of its kind, "
        "enabled or not; rules of your own stand beside each other."
    )
)
class MessageRule(Node):
    row: strawberry.Private[models.MessageRule]
    kind: NotificationKind = strawberry.field(description="What is said.")  # type: ignore[valid-type]
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="By which channels, in order of preference."
    )
    choice: MessageChannelChoice = strawberry.field(description="Which of them carry it.")  # type: ignore[valid-type]
    people_ahead: int | None = strawberry.field(
        description="Of PEOPLE_AHEAD: sent when so many people or fewer are ahead; null for other kinds."
    )
    wait_minutes: int | None = strawberry.field(
        description="Of WAIT_BELOW: sent when the estimated wait is so many minutes or less; null for other kinds."
    )
    minutes_before: int | None = strawberry.field(
        description="Of OPENING_SOON: how many minutes before the opening it is sent; null for other kinds."
    )
    delay_seconds: int = strawberry.field(description="How long after the event it is sent; 0: at once.")
    quiet_hours: RuleQuietHours | None = strawberry.field(description="When nothing is sent; null: never.")
    is_enabled: bool = strawberry.field(description="Whether anybody is told by it.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.MessageRule) -> "MessageRule":
        """From its row."""
        quiet = None
        if row.quiet_from is not None and row.quiet_until is not None:
            quiet = RuleQuietHours(starts=row.quiet_from, ends=row.quiet_until)
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            channels=[NotificationChannel(name) for name in row.channels],
            choice=row.choice,
            people_ahead=row.people_ahead,
            wait_minutes=row.wait_minutes,
            minutes_before=row.minutes_before,
            delay_seconds=row.delay_seconds,
            quiet_hours=quiet,
            is_enabled=row.is_enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="The queue it is for; null: all queues.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all rules of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        if self.row.queue_id is None:
            return None
        return await info.context.loader(queues_by_id, self.tenant_key).load(self.row.queue_id)
