"""When a metered queue may release, as functions of plain values. Reads no clock and no table, and releases nobody.

Two rules hold together. The promise: of the releases in any 60 seconds up to and including a release, there are at most
as many as the rate that is in force at that release. And smoothness inside the minute: each release uses a slot, slots
are 60 / rate seconds apart, and of slots nobody used only those of the last second can be made up for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
"""What the rate looks back over: releases later than this before now count."""

_CATCH_UP = timedelta(seconds=1)
# Slots that come closer together are used together: twenty times a second is smooth enough.
_LEAST_PAUSE = timedelta(milliseconds=50)
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


@dataclass(frozen=True, slots=True)
class Round:
    """One look at a line that may release: `count` of the `wanted` have a slot, and then the promise is asked."""

    now: datetime
    rate_per_minute: int | None
    wanted: int
    count: int
    slots: Slots | None
    # When the promise lets the next one go; None if it holds nobody back.
    opens_at: datetime | None = None

    @classmethod
    def of(
        cls,
        now: datetime,
        *,
        rate_per_minute: int | None,
        max_concurrent_users: int | None,
        inside: int,
        waiting: int,
        release_due_at: datetime | None,
        portion: int,
    ) -> "Round":
        """With so many inside and waiting, and the next unused slot at `release_due_at`; at most a portion."""
        wanted = free_places(max_concurrent_users, inside, waiting)
        if rate_per_minute is None:
            return cls(now, None, wanted, min(wanted, portion), None)
        slots = Slots.of(rate_per_minute, release_due_at, now)
        return cls(now, rate_per_minute, wanted, min(wanted, portion, slots.due(now)), slots)

    def looks_back_at(self, release_count: int) -> tuple[int, int] | None:
        """The first and last number of the releases `within` asks for, of so many there were; None if of none."""
        if self.rate_per_minute is None or not self.count:
            return None
        last = release_count + self.count - self.rate_per_minute
        return (last - self.count + 1, last) if last > 0 else None

    def within(self, earlier: Sequence[datetime]) -> "Round":
        """What the promise leaves, by the times of the releases it looks back at."""
        left = window(self.count, earlier, self.now)
        return replace(self, count=left.allowed, opens_at=left.opens_at)

    def release_due_at(self, released: int) -> datetime | None:
        """The next slot nobody has used once so many are; None without a rate."""
        return None if self.slots is None else self.slots.without(released).next_at

    def next_at(self, released: int) -> datetime | None:
        """When to look again once so many are released; None where it is not time that the others wait for."""
        if self.wanted <= released:
            return None
        if self.opens_at is not None:
            return self.opens_at
        due_at = self.release_due_at(released)
        return self.now if due_at is None or due_at <= self.now else max(due_at, self.now + _LEAST_PAUSE)


def _ceiling(numerator: int, denominator: int) -> timedelta:
    # Rounded up: a slot never comes early, not by a microsecond.
    return timedelta(microseconds=-(-numerator // denominator))
