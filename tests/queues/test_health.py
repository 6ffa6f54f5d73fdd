"""How much of the rate a site's health leaves: slowed at once, sped up on a ramp, by the mode where it is silent."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.queues.health import assumed_health, effective_factor, is_stale, next_change_at, throttled
from app.queues.models import FailureMode, OriginHealth

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNKNOWN, HEALTHY, DEGRADED, DOWN = (
    OriginHealth.UNKNOWN,
    OriginHealth.HEALTHY,
    OriginHealth.DEGRADED,
    OriginHealth.DOWN,
)


@dataclass(frozen=True)
class Known:
    origin_health: OriginHealth = UNKNOWN
    health_changed_at: datetime | None = None
    health_reported_at: datetime | None = None
    health_factor: float = 1.0


@dataclass(frozen=True)
class Settings:
    degraded_percent: int = 50
    ramp_seconds: int = 60
    health_stale_seconds: int = 30
    failure_mode: FailureMode = FailureMode.FAIL_CLOSED


SETTINGS = Settings()
OPEN = replace(SETTINGS, failure_mode=FailureMode.FAIL_OPEN)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def known(health: OriginHealth, factor: float, *, heard: float = 0) -> Known:
    """Decided at NOW, when `factor` was in force; last heard of some seconds later."""
    return Known(health, NOW, after(heard), factor)


@pytest.mark.parametrize(
    ("health", "before", "seconds", "expected"),
    [
        (HEALTHY, 1.0, 0, 1.0),
        (DOWN, 1.0, 0, 0.0),
        (DOWN, 0.4, 29, 0.0),
        (DEGRADED, 1.0, 0, 0.5),
        (DEGRADED, 0.7, 10, 0.5),
        # Up again: from where it was, with the slope of the whole ramp.
        (HEALTHY, 0.0, 0, 0.0),
        (HEALTHY, 0.0, 15, 0.25),
        (HEALTHY, 0.5, 15, 0.75),
        (HEALTHY, 0.5, 29, 0.5 + 29 / 60),
        (DEGRADED, 0.0, 15, 0.25),
        (DEGRADED, 0.0, 29, 29 / 60),
        (DEGRADED, 0.4, 29, 0.5),
        (UNKNOWN, 0.0, 15, 0.25),
        # A machine whose clock is behind does not slow anything down.
        (HEALTHY, 0.5, -5, 0.5),
    ],
)
def test_what_is_left_of_the_rate(health: OriginHealth, before: float, seconds: float, expected: float) -> None:
    assert effective_factor(known(health, before), SETTINGS, after(seconds)) == pytest.approx(expected)


def test_a_ramp_ends_at_everything() -> None:
    heard = known(HEALTHY, 0.0, heard=300)
    assert [effective_factor(heard, SETTINGS, after(seconds)) for seconds in (60, 61, 300)] == [1.0] * 3
    at_once = replace(SETTINGS, ramp_seconds=0)
    assert effective_factor(known(HEALTHY, 0.0), at_once, NOW) == 1.0


def test_where_nobody_tells_nothing_is_slowed() -> None:
    for settings in (SETTINGS, OPEN):
        assert effective_factor(Known(), settings, NOW) == 1.0
        assert not is_stale(Known(), settings, after(10**9))
        assert next_change_at(Known(), settings, NOW) is None


def test_silence_counts_from_the_second_the_last_report_is_too_old() -> None:
    healthy = known(HEALTHY, 1.0)
    assert effective_factor(healthy, SETTINGS, after(29.9)) == 1.0
    assert (assumed_health(healthy, SETTINGS, after(30)), effective_factor(healthy, SETTINGS, after(30))) == (DOWN, 0)
    assert (assumed_health(healthy, OPEN, after(30)), effective_factor(healthy, OPEN, after(30))) == (UNKNOWN, 1.0)


def test_failing_open_goes_up_on_a_ramp_too() -> None:
    down = known(DOWN, 1.0)
    assert effective_factor(down, OPEN, after(30)) == 0.0
    assert effective_factor(down, OPEN, after(60)) == pytest.approx(0.5)
    assert effective_factor(down, OPEN, after(90)) == 1.0
    # In the middle of a ramp: it goes on, and does not begin again.
    rising = known(HEALTHY, 0.0)
    assert effective_factor(rising, OPEN, after(30)) == pytest.approx(0.5)
    assert effective_factor(rising, OPEN, after(45)) == pytest.approx(0.75)


def test_silence_that_was_written_down_stays_what_it_is() -> None:
    """The row says DOWN since second 30; the old report's time is still there."""
    decided = Known(DOWN, after(30), NOW, 1.0)
    assert effective_factor(decided, SETTINGS, after(31)) == 0.0
    # And gives way when the mode is changed.
    assert effective_factor(decided, OPEN, after(60)) == pytest.approx(0.5)


def test_when_to_look_again() -> None:
    assert next_change_at(known(HEALTHY, 1.0), SETTINGS, after(1)) == after(30)
    assert next_change_at(known(HEALTHY, 0.0), SETTINGS, after(1)) == after(2)
    assert next_change_at(known(HEALTHY, 1.0), SETTINGS, after(30)) is None
    assert next_change_at(known(DOWN, 1.0), OPEN, after(31)) == after(32)
    assert next_change_at(known(DOWN, 1.0), SETTINGS, after(31)) is None


@pytest.mark.parametrize(
    ("rate", "cap", "factor", "expected"),
    [
        (3000, 2000, 1.0, (3000, 2000)),
        (3000, 2000, 0.5, (1500, 2000)),
        (100, None, 0.29, (29, None)),
        (3000, 2000, 0.0, (0, 2000)),
        (1, None, 0.01, (1, None)),
        (0, 10, 1.0, (0, 10)),
        (0, 10, 0.5, (0, 10)),
        (None, 100, 0.5, (None, 50)),
        (None, 1, 0.5, (None, 1)),
        (None, 100, 0.0, (0, 100)),
        (None, None, 0.5, (None, None)),
        (None, None, 0.0, (0, None)),
    ],
)
def test_rate_and_cap(
    rate: int | None, cap: int | None, factor: float, expected: tuple[int | None, int | None]
) -> None:
    assert throttled(rate, cap, factor) == expected


healths = st.sampled_from(OriginHealth)
factors = st.floats(0, 1)
moments = st.floats(-10, 400)


@given(healths, factors, moments, moments, st.integers(1, 100), st.integers(0, 300), st.sampled_from(FailureMode))
def test_it_is_never_more_than_everything_and_rises_no_faster_than_the_ramp(
    health: OriginHealth, before: float, one: float, other: float, percent: int, ramp: int, mode: FailureMode
) -> None:
    settings = Settings(percent, ramp, 30, mode)
    decided = known(health, before)
    first, second = sorted((max(0.0, one), max(0.0, other)))
    early, late = (effective_factor(decided, settings, after(moment)) for moment in (first, second))
    assert 0 <= early <= 1
    assert 0 <= late <= 1
    if ramp:
        # Times are whole microseconds.
        assert late - early <= (second - first + 1e-6) / ramp + 1e-9
    if health is DOWN and mode is FailureMode.FAIL_CLOSED:
        assert late == 0


@example(UNKNOWN, 0.0, 29.5, 30)  # the report is too old before the ramp's next step
@given(healths, factors, st.floats(0, 400), st.integers(1, 300))
def test_who_looks_when_told_to_misses_nothing(health: OriginHealth, before: float, seconds: float, ramp: int) -> None:
    """Between two looks nothing changes but what a running ramp adds."""
    settings = replace(SETTINGS, ramp_seconds=ramp)
    decided = known(health, before)
    now = after(seconds)
    look = next_change_at(decided, settings, now)
    until = look or now + timedelta(hours=1)
    here = effective_factor(decided, settings, now)
    just_before = effective_factor(decided, settings, until - timedelta(microseconds=1))
    soon = until - now <= timedelta(seconds=1)
    assert abs(just_before - here) <= ((until - now).total_seconds() / ramp if soon else 0) + 1e-9
