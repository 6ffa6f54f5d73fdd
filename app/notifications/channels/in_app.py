"""Messages in the app itself: the row is the message, and whoever may read it reads it from the table. No provider.

To send one is to make it visible. Live feeds (`notificationReceived`) are told by whoever commits it.
"""

from typing import ClassVar

from app.notifications.channels.interface import Accepted, Message, Outcome, Provider, Settings
from app.notifications.models import NotificationChannel


class InApp(Provider[Settings, Settings]):
    """Always there, for every tenant."""

    name: ClassVar = "IN_APP"
    title: ClassVar = "In the app"
    channels: ClassVar = frozenset({NotificationChannel.IN_APP})
    Options: ClassVar = Settings
    Credentials: ClassVar = Settings
    repeats_safely: ClassVar = True

    async def send(self, message: Message) -> Outcome:
        """It is where it should be as soon as its row says SENT."""
        return Accepted()
