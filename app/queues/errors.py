"""What can be refused about a queue."""

from datetime import datetime

from app.core.errors import UserFacingError
from app.queues.kinds import QueueMode, QueueStatus


def _words(status: QueueStatus) -> str:
    """How a sentence goes on after `is`."""
    said = {QueueStatus.MAINTENANCE: "in maintenance", QueueStatus.PREQUEUE: "in its pre-queue"}
    return said.get(status, status.value.lower())


class QueueNotOpen(UserFacingError):
    """Nobody can join: the queue is closed, in maintenance or archived. It may open by itself, at `next_opening_at`."""

    def __init__(
        self, status: QueueStatus, next_opening_at: datetime | None = None, refusal_message: str | None = None
    ) -> None:
        opens = "Staff can open it with `queueOpen`."
        if next_opening_at is not None:
            opens = f"It opens at {next_opening_at:%Y-%m-%d %H:%M} UTC."
        super().__init__(f"The queue is {_words(status)}; nobody can join now. {opens}")
        self.queue_status = status
        self.next_opening_at = next_opening_at
        self.refusal_message = refusal_message


class QueueNotServing(UserFacingError):
    """Nobody can be called: the queue is in maintenance or archived, or lets people in by itself."""

    def __init__(self, status: QueueStatus, mode: QueueMode = QueueMode.STAFFED) -> None:
        super().__init__(
            f"The queue is {_words(status)}; nobody can be called. Open it with `queueOpen` first."
            if mode is QueueMode.STAFFED
            else "A queue of mode `METERED` releases visitors by itself, at its rate; nobody is called to a counter."
        )
        self.queue_status = status


class QueuePaused(UserFacingError):
    """A paused queue is not called from."""

    def __init__(self) -> None:
        super().__init__("The queue is paused; nobody is called until it is resumed with `queueResume`.")


class QueueFull(UserFacingError):
    """The line has as many people as it may have."""

    def __init__(self, capacity: int, waiting_count: int) -> None:
        super().__init__(f"The queue is full: {waiting_count} of {capacity} places are taken. Try again later.")
        self.capacity = capacity
        self.waiting_count = waiting_count


class MaxConcurrentReached(UserFacingError):
    """As many people are being served as may be at once."""

    def __init__(self, max_concurrent_users: int) -> None:
        super().__init__(
            f"{max_concurrent_users} people are being served, which is the queue's `maxConcurrentUsers`. "
            "Complete a session first, or raise the limit with `queueUpdate`."
        )
        self.max_concurrent_users = max_concurrent_users


class QueueSlugTaken(UserFacingError):
    """Another queue of the tenant has this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"Another queue has the slug `{slug}`; choose one that no queue of yours has, archived ones included."
        )
        self.slug = slug


class QueueNotEmpty(UserFacingError):
    """Somebody is still in the queue."""

    def __init__(self, session_count: int) -> None:
        super().__init__(
            f"{session_count} people are still waiting or being served. "
            "Close the queue and finish or transfer them first."
        )
        self.session_count = session_count


class IllegalQueueTransition(UserFacingError):
    """The queue's status does not allow this."""

    def __init__(self, action: str, status: QueueStatus) -> None:
        super().__init__(f"A queue that is {_words(status)} cannot be {action}.")
        self.queue_status = status


class CategoryNameTaken(UserFacingError):
    """Another category of the queue has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another category of this queue is called `{name}`.")
        self.name = name
