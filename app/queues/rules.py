"""What a queue allows and how it counts, as functions of plain values. Reads and writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.queues.errors import (
    IllegalQueueTransition,
    MaxConcurrentReached,
    QueueFull,
    QueueNotOpen,
    QueueNotServing,
    QueuePaused,
)
from app.queues.kinds import QueueMode, QueueStatus

# A pause is a break of the staff: people may still line up. Closing is the end of the day: nobody joins, and whoever
# waits is still served.
JOINABLE = frozenset({QueueStatus.PREQUEUE, QueueStatus.ACTIVE, QueueStatus.PAUSED})
CALLABLE = frozenset({QueueStatus.ACTIVE, QueueStatus.CLOSED})


def ensure_joinable(
    status: QueueStatus, next_opening_at: datetime | None = None, refusal_message: str | None = None
) -> None:
    """`QueueNotOpen` unless people may join; it says when they may by the schedule."""
    if status not in JOINABLE:
        raise QueueNotOpen(status, next_opening_at, refusal_message)


def ensure_callable(status: QueueStatus, mode: QueueMode = QueueMode.STAFFED) -> None:
    """A paused queue is not called from (`QueuePaused`), nor one in maintenance or archived (`QueueNotServing`).

    Nor one that releases by itself (`QueueNotServing`): its rate counts whoever is let in.
    """
    if mode is not QueueMode.STAFFED:
        raise QueueNotServing(status, mode)
    if status is QueueStatus.PAUSED:
        raise QueuePaused
    if status not in CALLABLE:
        raise QueueNotServing(status)


def ensure_room(capacity: int | None, waiting_count: int) -> None:
    """`QueueFull` when the line has no place left."""
    if capacity is not None and waiting_count >= capacity:
        raise QueueFull(capacity, waiting_count)


def ensure_under_max_concurrent(max_concurrent_users: int | None, called_and_serving: int) -> None:
    """`MaxConcurrentReached` when nobody more may be served."""
    if max_concurrent_users is not None and called_and_serving >= max_concurrent_users:
        raise MaxConcurrentReached(max_concurrent_users)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of status: from which, to which, and its word for messages."""

    word: str
    sources: frozenset[QueueStatus]
    target: QueueStatus


_LIVE = frozenset(QueueStatus) - {QueueStatus.ARCHIVED}
OPEN = Transition("opened", _LIVE, QueueStatus.ACTIVE)
PAUSE = Transition("paused", frozenset({QueueStatus.ACTIVE}), QueueStatus.PAUSED)
RESUME = Transition("resumed", frozenset({QueueStatus.PAUSED}), QueueStatus.ACTIVE)
CLOSE = Transition("closed", _LIVE, QueueStatus.CLOSED)
MAINTAIN = Transition("put into maintenance", _LIVE, QueueStatus.MAINTENANCE)
ARCHIVE = Transition("archived", _LIVE, QueueStatus.ARCHIVED)


def next_status(transition: Transition, status: QueueStatus) -> QueueStatus | None:
    """The new status; None if the queue is there already. `IllegalQueueTransition` if it cannot get there."""
    if status is transition.target:
        return None
    if status not in transition.sources:
        raise IllegalQueueTransition(transition.word, status)
    return transition.target


def service_day(now: datetime, time_zone: str, reset: time) -> date:
    """The day whose ticket numbers are given out at `now`; it starts at the reset time on the queue's clock."""
    local = now.astimezone(ZoneInfo(time_zone))
    return local.date() if local.time() >= reset else local.date() - timedelta(days=1)


def ticket_number(prefix: str, serial: int, last_number: int) -> str:
    """`A042`: padded to the width of the range. A busier day goes on beyond: nobody is sent home for a number."""
    return f"{prefix}{serial:0{len(str(last_number))}d}"


# The mean forgets: after this many services an old one weighs as little as one of this many.
_MEAN_WINDOW = 50


def moving_mean(mean: float | None, count: int, value: float) -> float:
    """The mean after one more value: arithmetic at first, exponentially forgetting from 50 values on."""
    return value if mean is None else mean + (value - mean) / min(count + 1, _MEAN_WINDOW)


def open_counters(active: int, on_shift: int, working: int, *, shift_required: bool = False) -> int:
    """Counters that call people: those with a shift at work. Where nobody keeps shifts, every active counter."""
    return working if on_shift or shift_required else active
