"""What a rule may say, and what becomes of it with each measurement: functions of plain values. Reads nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from types import MappingProxyType
from typing import Final
from uuid import UUID

from app.alerts.models import AlertMetric, AlertResolution, AlertRule
from app.core.errors import InvalidInput
from app.notifications.models import NotificationChannel

MAX_RULES = 100
MAX_USERS = 50
MAX_SECONDS = 86_400
MIN_WINDOW_MINUTES, MAX_WINDOW_MINUTES = 5, 1_440
MAX_LEAST_COUNT = 1_000

UNSEEN_AFTER: Final = timedelta(minutes=2)
"""What was not measured for so long begins anew: nobody knows whether it has lasted."""

NO_DATA_AFTER: Final = timedelta(hours=1)
"""An alert about which nothing could be measured for so long is over."""


class Unit(Enum):
    """What a metric counts."""

    PEOPLE = auto()
    SECONDS = auto()
    PERCENT = auto()
    # 1: so it is; 0: it is not.
    YES_OR_NO = auto()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What there is to know of a metric."""

    unit: Unit
    most: float
    is_platform: bool = False
    # Measured over the rule's last minutes, not at the moment.
    has_window: bool = False


METRICS: Final[Mapping[AlertMetric, Meaning]] = MappingProxyType(
    {
        AlertMetric.WAITING_COUNT: Meaning(Unit.PEOPLE, 1_000_000),
        AlertMetric.UNSTAFFED_WAITING_COUNT: Meaning(Unit.PEOPLE, 1_000_000),
        AlertMetric.AVERAGE_WAIT_SECONDS: Meaning(Unit.SECONDS, 604_800, has_window=True),
        AlertMetric.P90_WAIT_SECONDS: Meaning(Unit.SECONDS, 604_800, has_window=True),
        AlertMetric.ABANDONMENT_PERCENT: Meaning(Unit.PERCENT, 99, has_window=True),
        AlertMetric.NO_SHOW_PERCENT: Meaning(Unit.PERCENT, 99, has_window=True),
        AlertMetric.API_ERROR_PERCENT: Meaning(Unit.PERCENT, 99, is_platform=True, has_window=True),
        AlertMetric.DEPENDENCY_DOWN: Meaning(Unit.YES_OR_NO, 0, is_platform=True),
        AlertMetric.WORKER_LAG_SECONDS: Meaning(Unit.SECONDS, 86_400, is_platform=True),
        AlertMetric.RELAY_LAG_SECONDS: Meaning(Unit.SECONDS, 86_400, is_platform=True),
    }
)
PLATFORM_METRICS: Final = frozenset(metric for metric, meaning in METRICS.items() if meaning.is_platform)
"""Those of the installation: for who operates it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a rule, what decides."""

    threshold: float
    clear_threshold: float
    for_seconds: int
    clear_for_seconds: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered of one subject between two measurements: `AlertWatch`."""

    breached_since: datetime
    seen_at: datetime
    value: float
    cleared_since: datetime | None = None
    alert_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from a measurement: what is remembered from now on, and what has to be done."""

    watched: Watched | None
    fires: bool = False
    resolves: AlertResolution | None = None


def step(limits: Limits, before: Watched | None, value: float | None, now: datetime) -> Step:
    """What becomes of a subject with its newest value; None if there is none to be had.

    Above the threshold for `for_seconds`: it fires. At the clear threshold or below for `clear_for_seconds`: it is
    over. Between the two nothing changes, and without a value neither, so that a number that swings or stays away makes
    no second alert.
    """
    if value is None:
        return _unmeasured(before, now)
    if before is None or before.alert_id is None:
        return _quiet_so_far(limits, before, value, now)
    if value > limits.clear_threshold:
        return Step(replace(before, cleared_since=None, seen_at=now, value=value))
    since = before.cleared_since if _is_seen(before, now) else None
    after = replace(before, cleared_since=since or now, seen_at=now, value=value)
    if _lasts(after.cleared_since, now, limits.clear_for_seconds):
        return Step(None, resolves=AlertResolution.CLEARED)
    return Step(after)


def _quiet_so_far(limits: Limits, before: Watched | None, value: float, now: datetime) -> Step:
    if value <= limits.threshold:
        return Step(None)
    since = before.breached_since if before is not None and _is_seen(before, now) else now
    return Step(Watched(since, now, value), fires=_lasts(since, now, limits.for_seconds))


def _unmeasured(before: Watched | None, now: datetime) -> Step:
    if before is None or _is_seen(before, now):
        return Step(before)
    if before.alert_id is None:
        return Step(None)
    over = now - before.seen_at >= NO_DATA_AFTER
    return Step(None, resolves=AlertResolution.NO_DATA) if over else Step(before)


def _is_seen(watched: Watched, now: datetime) -> bool:
    return now - watched.seen_at <= UNSEEN_AFTER


def _lasts(since: datetime | None, now: datetime, seconds: int) -> bool:
    return since is not None and now - since >= timedelta(seconds=seconds)


def limits_of(rule: AlertRule) -> Limits:
    """A rule's."""
    return Limits(rule.threshold, rule.clear_threshold, rule.for_seconds, rule.clear_for_seconds)


def check(rule: AlertRule) -> None:
    """`InvalidInput` unless a rule can be followed."""
    meaning = METRICS[rule.metric]
    if meaning.is_platform and rule.queue_id is not None:
        raise InvalidInput("queueId", f"{rule.metric} is about the installation, not about a queue.")
    if meaning.is_platform and rule.tells_staff:
        raise InvalidInput("tellsStaff", f"{rule.metric} is about no queue that has staff: name users.")
    _check_number("threshold", rule.threshold, 0, meaning.most)
    _check_number("clearThreshold", rule.clear_threshold, 0, rule.threshold)
    _check_number("forSeconds", rule.for_seconds, 0, MAX_SECONDS)
    _check_number("clearForSeconds", rule.clear_for_seconds, 0, MAX_SECONDS)
    _check_number("windowMinutes", rule.window_minutes, MIN_WINDOW_MINUTES, MAX_WINDOW_MINUTES)
    _check_number("leastCount", rule.least_count, 1, MAX_LEAST_COUNT)
    if len(set(rule.channels)) != len(rule.channels):
        raise InvalidInput("channels", "Name each channel once.")
    if len(rule.user_ids) > MAX_USERS:
        raise InvalidInput("userIds", f"At most {MAX_USERS} users.")
    in_rooms = NotificationChannel.CHAT in rule.channels
    if rule.channels and not (rule.tells_staff or rule.user_ids or in_rooms):
        raise InvalidInput("channels", "Nobody is told by them: name users, tell the staff, or use CHAT.")
    if any(each is not None and each.tzinfo is not None for each in (rule.quiet_from, rule.quiet_until)):
        raise InvalidInput("quietHours", "Quiet hours are local times, without a time zone: `22:00`.")
    if rule.quiet_from is not None and rule.quiet_from == rule.quiet_until:
        raise InvalidInput("quietHours", "Quiet hours begin and end at different times.")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise InvalidInput(name, f"`{name}` is from {least:,g} to {most:,g}.")
