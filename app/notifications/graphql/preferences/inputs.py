"""Inputs of the mutations about preferences. What is left out stays as it is."""

from datetime import time
from typing import Any

import strawberry
from strawberry import UNSET

from app.notifications.graphql.types import NotificationChannel
from app.notifications.preferences.rules import QuietHours
from app.notifications.preferences.service import DefaultChanges, PreferenceChanges
from app.sessions.service import MAX_STEP_BACK

_CHANNELS = "The only channels to be used, at most 6; none: no messages. Null: {null}."


@strawberry.input(description="A time of the day at which nothing is sent that can wait.")
class NotificationQuietHoursInput:
    starts: time = strawberry.field(description="When they begin, e.g. `22:00`.")
    ends: time = strawberry.field(description="When they are over; earlier than `starts`: the next day. Equal: never.")

    def hours(self) -> QuietHours:
        """What the service takes: on the minute's clock, without a zone of its own."""
        return QuietHours(self.starts.replace(tzinfo=None), self.ends.replace(tzinfo=None))


@strawberry.input(description="What somebody chooses about messages; what is left out stays.")
class NotificationPreferencesSetInput:
    session_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this session's visitor. Default: your own, by session token or as a user."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this user. Not together with `sessionId`. Default: your own."
    )
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_CHANNELS.format(null="the business's defaults")
    )
    locale: str | None = strawberry.field(
        default=UNSET, description="Language tag, e.g. `en` or `pt-BR`. Null: nothing is chosen."
    )
    quiet_hours: NotificationQuietHoursInput | None = strawberry.field(
        default=UNSET, description="Null: those of the business's defaults."
    )
    time_zone: str | None = strawberry.field(
        default=UNSET, description="IANA name, e.g. `Europe/Berlin`. Null: the business's."
    )
    is_opted_out: bool | None = strawberry.field(
        default=UNSET, description="True: nothing is to be sent at all, on any channel. Null: it stays as it is."
    )

    def changes(self) -> PreferenceChanges:
        """What was given."""
        changes: Any = {
            name: value for name in ("channels", "locale", "time_zone") if (value := getattr(self, name)) is not UNSET
        }
        if self.quiet_hours is not UNSET:
            changes["quiet_hours"] = None if self.quiet_hours is None else self.quiet_hours.hours()
        if self.is_opted_out is not UNSET and self.is_opted_out is not None:
            changes["opted_out"] = self.is_opted_out
        return changes  # type: ignore[no-any-return]


@strawberry.input(description="What is to count for everybody who has chosen nothing; what is left out stays.")
class NotificationDefaultsSetInput:
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description=_CHANNELS.format(null="all")
    )
    quiet_hours: NotificationQuietHoursInput | None = strawberry.field(
        default=UNSET, description="On the clock of `settings.timeZone`. Null: none."
    )
    more_time_places: int | None = strawberry.field(
        default=UNSET,
        description=f"How many people are let go first by who answers `M`, 1 to {MAX_STEP_BACK}. Null: it stays.",
    )

    def changes(self) -> DefaultChanges:
        """What was given."""
        changes: Any = {}
        if self.channels is not UNSET:
            changes["channels"] = self.channels
        if self.quiet_hours is not UNSET:
            changes["quiet_hours"] = None if self.quiet_hours is None else self.quiet_hours.hours()
        if self.more_time_places is not UNSET and self.more_time_places is not None:
            changes["more_time_places"] = self.more_time_places
        return changes  # type: ignore[no-any-return]


@strawberry.input(description="An address whose owner has asked you to send no more, or to send again.")
class NotificationOptOutSetInput:
    channel: NotificationChannel = strawberry.field(description="EMAIL, SMS or WHATSAPP.")  # type: ignore[valid-type]
    recipient: str = strawberry.field(
        description="An e-mail address, or a telephone number with its country: `+49 30 901820`."
    )
    is_opted_out: bool = strawberry.field(
        default=True, description="False only with the owner's consent: they are written to again. Default true."
    )
