"""When a message is tried again, when it is given up, and what a report makes of it. Reads and writes nothing."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.notifications.models import NotificationKind, NotificationStatus

URGENT = timedelta(minutes=30)
PATIENT = timedelta(hours=24)
_URGENT_KINDS = frozenset(
    {
        NotificationKind.PEOPLE_AHEAD,
        NotificationKind.WAIT_BELOW,
        NotificationKind.CALLED,
        NotificationKind.RECALLED,
        NotificationKind.OPENING_SOON,
        NotificationKind.QUEUE_ALERT,
        NotificationKind.REPLY,
        NotificationKind.TEST,
    }
)
_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 15.0
_SHARE_OF_AGE = 1 / 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a message: how far it is, and when it arrived."""

    status: NotificationStatus
    error: str | None = None
    delivered_at: datetime | None = None


def gives_up_after(kind: NotificationKind) -> timedelta:
    """For how long after it was due a message is tried: whoever was called has been served by then, or has gone."""
    return URGENT if kind in _URGENT_KINDS else PATIENT


def delay(tries: int, waits: Sequence[timedelta], age: timedelta = timedelta(0)) -> timedelta:
    """How long to leave a message alone that could not be sent now.

    2 s, 4 s, 8 s, then 15 s after the first tries, and a sixtieth of its `age` from a quarter of an hour on, less up to
    a quarter, so that what failed together does not come back together; longer if everybody who could carry it wants to
    be left alone for longer. Without a try, only that.
    """
    wanted = min(waits, default=timedelta(0))
    if not tries:
        return wanted
    longest = max(_LONGEST_DELAY_SECONDS, age.total_seconds() * _SHARE_OF_AGE)
    seconds = min(longest, _FIRST_DELAY_SECONDS * 2.0 ** min(tries - 1, 20))
    return max(wanted, timedelta(seconds=seconds * random.uniform(0.75, 1.0)))


def reported(now: Standing, *, is_delivered: bool, at: datetime, reason: str | None) -> Standing:
    """What a report makes of a message. In whichever order reports come, and however often, the end is the same.

    What has arrived has arrived, whatever is said before or afterwards; the earliest time counts.
    """
    if is_delivered:
        earliest = at if now.delivered_at is None else min(at, now.delivered_at)
        return Standing(NotificationStatus.DELIVERED, None, earliest)
    if now.status is NotificationStatus.DELIVERED or (now.status is NotificationStatus.FAILED and now.error):
        return now
    return Standing(NotificationStatus.FAILED, reason or "The provider reported that it could not be delivered.")
