"""What people have chosen about messages, what counts without it, and which addresses have opted out."""

from datetime import datetime, time

import strawberry

from app.core.graphql.enums import explained_enum
from app.notifications.graphql.types import NotificationChannel
from app.notifications.preferences import models
from app.notifications.preferences.rules import QuietHours, Wishes

OptOutSource = explained_enum(
    models.OptOutSource,
    "How somebody opted out, or in again.",
    LINK="By the link in a message.",
    REPLY="By answering a message: STOP, START.",
    STAFF="Staff did it as they were asked to.",
)


@strawberry.type(description="A time of the day at which nothing is sent that can wait.")
class NotificationQuietHours:
    starts: time = strawberry.field(description="When they begin, e.g. `22:00`.")
    ends: time = strawberry.field(description="When they are over; earlier than `starts`: the next day. Equal: never.")

    @classmethod
    def of(cls, quiet: QuietHours | None) -> "NotificationQuietHours | None":
        """From the two times."""
        return None if quiet is None else cls(starts=quiet.starts, ends=quiet.ends)


def hours_of(row: models.NotificationPreferences | models.NotificationDefaults) -> QuietHours | None:
    """A row's quiet hours."""
    if row.quiet_from is None or row.quiet_until is None:
        return None
    return QuietHours(row.quiet_from, row.quiet_until)


def channels_of(names: list[str] | None) -> list[NotificationChannel] | None:  # type: ignore[valid-type]
    """Stored names as channels."""
    return None if names is None else [NotificationChannel(name) for name in names]


@strawberry.type(description="What counts for somebody: their choice, and the business's defaults where there is none.")
class NotificationPreferencesInForce:
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="By which they may be reached. Addresses that have opted out are not taken off here."
    )
    locale: str = strawberry.field(
        description="The language chosen, else the business's `settings.defaultLocale`. The language somebody joined "
        "with goes before the latter."
    )
    quiet_hours: NotificationQuietHours | None = strawberry.field(description="Null: every hour is good.")
    time_zone: str = strawberry.field(description="Of the quiet hours, e.g. `Europe/Berlin`.")

    @classmethod
    def of(cls, wishes: Wishes) -> "NotificationPreferencesInForce":
        """From what was put together."""
        wanted = [each for each in NotificationChannel if wishes.channels is None or each in wishes.channels]
        return cls(
            channels=[] if wishes.opted_out else wanted,
            locale=wishes.locale,
            quiet_hours=NotificationQuietHours.of(wishes.quiet),
            time_zone=wishes.time_zone,
        )


@strawberry.type(description="What a user, or the visitor of a session, has chosen about messages.")
class NotificationPreferences:
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        description="The only channels to be used. Null: those of the business's defaults."
    )
    locale: str | None = strawberry.field(description="Language of messages, e.g. `fr`. Null: nothing was chosen.")
    quiet_hours: NotificationQuietHours | None = strawberry.field(description="Null: those of the business's defaults.")
    time_zone: str | None = strawberry.field(description="Of the quiet hours. Null: the business's.")
    is_opted_out: bool = strawberry.field(description="Whether nothing is to be sent at all, on any channel.")
    revision: int = strawberry.field(description="Grows by 1 with every change; 0 if nothing was ever chosen.")
    in_force: NotificationPreferencesInForce = strawberry.field(description="What counts at present.")

    @classmethod
    def of(cls, row: models.NotificationPreferences | None, wishes: Wishes) -> "NotificationPreferences":
        """From the row, if there is one."""
        return cls(
            channels=None if row is None else channels_of(row.channels),
            locale=None if row is None else row.locale,
            quiet_hours=None if row is None else NotificationQuietHours.of(hours_of(row)),
            time_zone=None if row is None else row.time_zone,
            is_opted_out=row is not None and row.opted_out,
            revision=0 if row is None else row.revision,
            in_force=NotificationPreferencesInForce.of(wishes),
        )


@strawberry.type(description="What counts for everybody who has chosen nothing.")
class NotificationDefaults:
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        description="The only channels to be used; null: all, which is the default."
    )
    quiet_hours: NotificationQuietHours | None = strawberry.field(
        description="On the clock of `settings.timeZone`. Null: none, which is the default."
    )
    more_time_places: int = strawberry.field(
        description="How many people are let go first by who answers `M`. Default 3."
    )
    revision: int = strawberry.field(description="Grows by 1 with every change; 0 if nothing was ever set.")

    @classmethod
    def of(cls, row: models.NotificationDefaults) -> "NotificationDefaults":
        """From its row."""
        return cls(
            channels=channels_of(row.channels),
            quiet_hours=NotificationQuietHours.of(hours_of(row)),
            more_time_places=row.more_time_places,
            revision=row.revision,
        )


@strawberry.type(description="An address that has opted out, or did once. The address itself is not kept.")
class NotificationOptOut:
    channel: NotificationChannel = strawberry.field(description="On which channel.")  # type: ignore[valid-type]
    is_opted_out: bool = strawberry.field(description="False: it has opted in again.")
    source: OptOutSource = strawberry.field(description="How it came to be so.")  # type: ignore[valid-type]
    changed_at: datetime = strawberry.field(description="Since when it is so.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.NotificationOptOut) -> "NotificationOptOut":
        """From its row."""
        return cls(
            channel=row.channel,
            is_opted_out=row.opted_out,
            source=row.source,
            changed_at=row.changed_at,
            revision=row.revision,
        )
