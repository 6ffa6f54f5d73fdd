"""What a METERED line may release at present, of all that has a say in it. Pure; releases nobody."""

from datetime import datetime

from app.queues import health
from app.queues.events import ReleaseLimits
from app.queues.models import Queue, QueueLine, QueueMode
from app.queues.settings import LineSettings


def release_limits(queue: Queue, row: QueueLine, settings: LineSettings, now: datetime) -> ReleaseLimits | None:
    """Rate and cap as they are in force; None in a STAFFED queue."""
    if queue.mode is not QueueMode.METERED:
        return None
    rate = 0 if settings.queue_all else settings.release_rate_per_minute
    factor = health.effective_factor(row, queue, now)
    return ReleaseLimits(*health.throttled(rate, settings.max_concurrent_users, factor))
