"""How the protected site's health slows a queue, as functions of plain values. Hears no reports and asks no site.

The health is what was last decided and written into the line; how much of the rate and of the cap it leaves is derived
from it at every release, so that a ramp needs no clockwork of its own and a report that is too old counts from the very
second it is. Slowing down is immediate. Speeding up is a ramp: a site that has just come back is not run over again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.queues.models import FailureMode, OriginHealth

# A ramp is a straight line; whoever waits for it looks again this often.
RAMP_STEP = timedelta(seconds=1)


class KnownHealth(Protocol):
    """What a line knows; the columns of its row."""

    @property
    def origin_health(self) -> OriginHealth:
        """As it was decided last."""

    @property
    def health_changed_at(self) -> datetime | None:
        """When that was; None if nothing was ever decided."""

    @property
    def health_reported_at(self) -> datetime | None:
        """When somebody last told us, or we last asked; None if nobody ever did, or does any more."""

    @property
    def health_factor(self) -> float:
        """The factor that was in force when it changed: where a ramp begins."""


class HealthSettings(Protocol):
    """What a queue's configuration says about it."""

    @property
    def degraded_percent(self) -> int:
        """How much of the rate is left while the site is DEGRADED."""

    @property
    def ramp_seconds(self) -> int:
        """How long it takes from nothing to everything."""

    @property
    def health_stale_seconds(self) -> int:
        """How long a report is believed."""

    @property
    def failure_mode(self) -> FailureMode:
        """What counts when nothing is known any more."""


@dataclass(frozen=True, slots=True)
class _Since:
    """A health, the moment it began, and the factor at that moment."""

    health: OriginHealth
    at: datetime | None
    factor: float


def effective_factor(known: KnownHealth, settings: HealthSettings, now: datetime) -> float:
    """How much of the configured rate may be used now: 0 (nobody is released) to 1."""
    return _factor(_assumed(known, settings, now), settings, now)


def assumed_health(known: KnownHealth, settings: HealthSettings, now: datetime) -> OriginHealth:
    """The health that counts now: the decided one, or what the failure mode says once the last report is too old."""
    return _assumed(known, settings, now).health


def is_stale(known: KnownHealth, settings: HealthSettings, now: datetime) -> bool:
    """Whether somebody used to tell us and does not any more."""
    stale_at = stale_from(known, settings)
    return stale_at is not None and now >= stale_at


def stale_from(known: KnownHealth, settings: HealthSettings) -> datetime | None:
    """When the last report becomes too old; None where there is none."""
    if known.health_reported_at is None:
        return None
    return known.health_reported_at + timedelta(seconds=settings.health_stale_seconds)


def throttled(rate: int | None, cap: int | None, factor: float) -> tuple[int | None, int | None]:
    """Rate per minute and cap as the factor leaves them; None stays unlimited, and a rate of 0 means nobody.

    Where there is a rate, it is what is slowed; a queue that has only a cap is slowed by that. Whoever is not stopped
    altogether keeps at least one.
    """
    if factor <= 0.0:
        return 0, cap
    if rate is not None:
        return _part(rate, factor), cap
    return None, None if cap is None else _part(cap, factor)


def next_change_at(known: KnownHealth, settings: HealthSettings, now: datetime) -> datetime | None:
    """When to look at the factor again: in a step of a running ramp, or when the last report is too old, if sooner."""
    since = _assumed(known, settings, now)
    stale_at = stale_from(known, settings)
    looks = [stale_at] if stale_at is not None and stale_at > now else []
    if _factor(since, settings, now) < _target(since.health, settings):
        looks.append(now + RAMP_STEP)
    return min(looks, default=None)


def _assumed(known: KnownHealth, settings: HealthSettings, now: datetime) -> _Since:
    decided = _Since(known.origin_health, known.health_changed_at, known.health_factor)
    stale_at = stale_from(known, settings)
    if stale_at is None or now < stale_at:
        return decided
    health = OriginHealth.UNKNOWN if settings.failure_mode is FailureMode.FAIL_OPEN else OriginHealth.DOWN
    if health is decided.health:
        return decided
    return _Since(health, stale_at, _factor(decided, settings, stale_at))


def _factor(since: _Since, settings: HealthSettings, now: datetime) -> float:
    target = _target(since.health, settings)
    if since.at is None or since.factor >= target or settings.ramp_seconds <= 0:
        return target
    # A clock that was behind when it was written down must not take from what was in force already.
    elapsed = max(0.0, (now - since.at).total_seconds())
    return min(target, since.factor + elapsed / settings.ramp_seconds)


def _target(health: OriginHealth, settings: HealthSettings) -> float:
    match health:
        case OriginHealth.DOWN:
            return 0.0
        case OriginHealth.DEGRADED:
            return settings.degraded_percent / 100
        case OriginHealth.HEALTHY | OriginHealth.UNKNOWN:
            return 1.0


def _part(whole: int, factor: float) -> int:
    # Less a hair's breadth, so that 0.29 * 100 is 29 and not 28.
    return min(whole, max(1, int(whole * factor + 1e-9)))
