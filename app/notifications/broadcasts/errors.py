"""What can be refused about a broadcast."""

from uuid import UUID

from app.core.errors import UserFacingError
from app.notifications.models import NotificationChannel


class BroadcastRunning(UserFacingError):
    """Another broadcast to this queue is still being written out."""

    def __init__(self) -> None:
        super().__init__("Another broadcast to this queue is still being written: wait for its end, or cancel it.")


class BroadcastOver(UserFacingError):
    """The broadcast has ended: there is nothing left to cancel."""

    def __init__(self, broadcast_id: UUID) -> None:
        super().__init__("The broadcast has been cancelled already.")
        self.broadcast_id = broadcast_id


class ChannelNotCarried(UserFacingError):
    """Nobody carries this channel's messages for the business."""

    def __init__(self, channel: NotificationChannel) -> None:
        super().__init__(f"Nobody carries {channel.value} messages for you: set up a provider first.")
        self.channel = channel
