"""Results of the mutations about preferences."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError
from app.notifications.graphql.preferences.types import (
    NotificationDefaults,
    NotificationOptOut,
    NotificationPreferences,
)


@strawberry.type(description="It counts from now on, also for what is owed and not sent yet if it opts out.")
class NotificationPreferencesSetSuccess:
    notification_preferences: NotificationPreferences = strawberry.field(description="What counts now.")


@strawberry.type(description="It counts for messages that become owed from now on.")
class NotificationDefaultsSetSuccess:
    notification_defaults: NotificationDefaults = strawberry.field(description="What counts now.")


@strawberry.type(description="It counts from now on, also for what is owed and not sent yet.")
class NotificationOptOutSetSuccess:
    notification_opt_out: NotificationOptOut = strawberry.field(description="How the address stands.")


NotificationPreferencesSetResult = Annotated[
    NotificationPreferencesSetSuccess | InvalidInputError,
    strawberry.union("NotificationPreferencesSetResult", description="What `notificationPreferencesSet` answers."),
]
NotificationDefaultsSetResult = Annotated[
    NotificationDefaultsSetSuccess | InvalidInputError,
    strawberry.union("NotificationDefaultsSetResult", description="What `notificationDefaultsSet` answers."),
]
NotificationOptOutSetResult = Annotated[
    NotificationOptOutSetSuccess | InvalidInputError,
    strawberry.union("NotificationOptOutSetResult", description="What `notificationOptOutSet` answers."),
]
