"""When a metered queue may release, as functions of plain values. Reads no clock and no table, and releases nobody.

Two rules hold together. The promise: of the releases in any 60 seconds up to and including a release, there are at most
as many as the rate that is in force at that release. And smoothness inside the minute: each release uses a slot, slots
are 60 / rate seconds apart, and of slots nobody used only those of the last second can be made up for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
"""What the rate looks back over: releases later than this before now count."""

_CATCH_UP = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a rate of at least one a minute: the next one nobody has used, and those that follow it."""

    rate_per_minute: int
    next_at: datetime

    @classmethod
    def of(cls, rate_per_minute: int, next_at: datetime | None, now: datetime) -> "Slots":
        """The slots that can be used from now on, where the next one would have been at `next_at` (None: never used).

        Of those that were missed only the last second's are left, the one of now included. After a slow rate the next
        slot is never further away than one of the present rate: a rate that is raised counts at once.
        """
        spacing = _ceiling(_MINUTE, rate_per_minute)
        earliest = now - max(timedelta(0), _CATCH_UP - spacing)
        if next_at is None:
            return cls(rate_per_minute, earliest)
        return cls(rate_per_minute, min(max(next_at, earliest), now + spacing))

    def due(self, now: datetime) -> int:
        """How many slots have come."""
        if now < self.next_at:
            return 0
        return (now - self.next_at) // _MICROSECOND * self.rate_per_minute // _MINUTE + 1

    def without(self, used: int) -> "Slots":
        """The slots that are left after so many of them."""
        return Slots(self.rate_per_minute, self.next_at + _ceiling(used * _MINUTE, self.rate_per_minute))


@dataclass(frozen=True, slots=True)
class Window:
    """What the promise leaves of some releases that are wanted now."""

    allowed: int
    # When the next one is allowed; None if all of them are.
    opens_at: datetime | None


def window(wanted: int, earlier: Sequence[datetime], now: datetime) -> Window:
    """How many of `wanted` releases may happen now, where release `n` has to be a minute after release `n - rate`.

    `earlier` are the times of those releases `n - rate` there are, oldest first. Fewer than wanted, where the first of
    them have never happened or are long forgotten.
    """
    closed = [at for at in earlier if at > now - WINDOW]
    return Window(wanted - len(closed), closed[0] + WINDOW if closed else None)


def free_places(max_concurrent_users: int | None, inside: int, wanted: int) -> int:
    """How many of `wanted` the cap lets in where so many are released or inside."""
    return wanted if max_concurrent_users is None else max(0, min(wanted, max_concurrent_users - inside))


def _ceiling(numerator: int, denominator: int) -> timedelta:
    # Rounded up: a slot never comes early, not by a microsecond.
    return timedelta(microseconds=-(-numerator // denominator))
