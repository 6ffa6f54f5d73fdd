"""What a METERED line may release at present, of all that has a say in it. Pure; releases nobody."""

from datetime import datetime

from app.queues import health
from app.queues.events import LineState, ReleaseLimits
from app.queues.models import Queue, QueueLine, QueueMode
from app.queues.settings import LineSettings


def state_of(queue: Queue, row: QueueLine) -> LineState:
    """A line as its last event tells it as well: for who reads it without holding it."""
    return LineState(
        status=queue.status,
        waiting_count=row.waiting_count,
        held_count=row.held_count,
        called_count=row.called_count,
        serving_count=row.serving_count,
        open_counter_count=row.open_counter_count,
        service_seconds_mean=row.service_seconds_mean,
        limits=release_limits(queue, row, LineSettings.of(queue), row.last_change_at or queue.created_at),
    )


def release_limits(queue: Queue, row: QueueLine, settings: LineSettings, now: datetime) -> ReleaseLimits | None:
    """Rate and cap as they are in force; None in a STAFFED queue."""
    if queue.mode is not QueueMode.METERED:
        return None
    rate = 0 if settings.queue_all else settings.release_rate_per_minute
    factor = health.effective_factor(row, queue, now)
    return ReleaseLimits(*health.throttled(rate, settings.max_concurrent_users, factor))
