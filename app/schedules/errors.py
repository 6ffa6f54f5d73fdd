"""What can be refused about a schedule."""

from datetime import datetime
from uuid import UUID

from app.core.errors import UserFacingError


class ScheduledEventOverlaps(UserFacingError):
    """Another event of the queue takes some of the same time."""

    def __init__(self, tenant_id: UUID, event_id: UUID, name: str, begins_at: datetime, ends_at: datetime) -> None:
        super().__init__(
            f"The event `{name}` takes {begins_at:%Y-%m-%d %H:%M} to {ends_at:%Y-%m-%d %H:%M} UTC, pre-queue included. "
            "Choose another time, or change that event first."
        )
        self.tenant_id = tenant_id
        self.event_id = event_id


class ScheduledEventOver(UserFacingError):
    """An event that has ended is history."""

    def __init__(self, name: str, ended_at: datetime) -> None:
        super().__init__(
            f"The event `{name}` ended at {ended_at:%Y-%m-%d %H:%M} UTC and cannot be changed; plan a new one."
        )
        self.ended_at = ended_at
