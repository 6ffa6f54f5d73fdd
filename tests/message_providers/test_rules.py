"""When a provider is left alone and how often it is used, decided on plain values."""

from datetime import UTC, datetime, timedelta

import pytest

from app.notifications.channels.interface import InDoubt, TryLater
from app.notifications.providers.rules import (
    LONGEST_PAUSE,
    MOST_FAILURES,
    PAUSE,
    TRIAL,
    Health,
    ProviderState,
    entered,
    failed,
    spread,
    state_of,
    succeeded,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BROKEN = TryLater("It answered 500.")


def after(count: int, *, every: timedelta = timedelta(seconds=1)) -> tuple[Health, datetime]:
    """So many failures, one after the other, and the time of the last one."""
    health, now = Health(), NOW
    for _ in range(count):
        now += every
        health = failed(health, now, BROKEN)
    return health, now


def test_who_does_well_is_never_held_up() -> None:
    assert entered(Health(), NOW, None) == (Health(), None)


def test_it_opens_with_the_fifth_failure_and_not_before() -> None:
    health, now = after(MOST_FAILURES - 1)
    assert (state_of(health, now), entered(health, now, None)) == (ProviderState.WORKING, (health, None))
    health, now = after(MOST_FAILURES)
    assert (health.failures, health.last_error, health.last_error_at) == (MOST_FAILURES, BROKEN.reason, now)
    assert state_of(health, now) is ProviderState.PAUSED
    assert entered(health, now, None) == (health, PAUSE.total_seconds())


def test_failures_that_are_far_apart_are_not_in_a_row() -> None:
    health, now = after(3 * MOST_FAILURES, every=timedelta(seconds=61))
    assert (health.failures, state_of(health, now)) == (1, ProviderState.WORKING)


def test_a_success_between_two_failures_begins_anew() -> None:
    health, now = after(MOST_FAILURES - 1)
    health = failed(succeeded(health), now, BROKEN)
    assert (health.failures, health.paused_until) == (1, None)


def test_after_the_pause_one_is_let_in_and_the_others_wait_for_it() -> None:
    health, now = after(MOST_FAILURES)
    now += PAUSE
    assert state_of(health, now) is ProviderState.TRYING
    trial, wait = entered(health, now, None)
    assert wait is None
    assert entered(trial, now, None) == (trial, TRIAL.total_seconds())
    # Whoever sends the trial may have died: another one has its turn.
    assert entered(trial, now + TRIAL, None)[1] is None
    well = succeeded(trial)
    assert (well.is_well, entered(well, now, None)[1]) == (True, None)
    assert well.last_error == BROKEN.reason, "what it was stays to be seen"


def test_a_trial_that_fails_pauses_again_at_once() -> None:
    health, now = after(MOST_FAILURES)
    trial, _ = entered(health, now + PAUSE, None)
    again = failed(trial, now + PAUSE + timedelta(seconds=1), BROKEN)
    assert state_of(again, now + PAUSE + timedelta(seconds=1)) is ProviderState.PAUSED


@pytest.mark.parametrize(
    ("outcome", "pause"),
    [
        (BROKEN, None),
        (InDoubt("lost"), None),
        (TryLater("wrong password", is_ours=True), PAUSE),
        (TryLater("too fast", timedelta(seconds=40)), timedelta(seconds=40)),
        (TryLater("too fast", timedelta(days=2)), LONGEST_PAUSE),
        (TryLater("wrong password", timedelta(seconds=1), is_ours=True), PAUSE),
    ],
)
def test_how_long_a_first_failure_pauses(outcome: TryLater | InDoubt, pause: timedelta | None) -> None:
    assert failed(Health(), NOW, outcome).paused_until == (None if pause is None else NOW + pause)


def test_who_was_under_way_does_not_shorten_what_a_provider_asked_for() -> None:
    asked = failed(Health(), NOW, TryLater("too fast", timedelta(minutes=10)))
    assert failed(asked, NOW + timedelta(seconds=1), BROKEN).paused_until == NOW + timedelta(minutes=10)


def test_a_long_reason_is_cut() -> None:
    assert failed(Health(), NOW, TryLater("x" * 1_000)).last_error == "x" * 300


@pytest.mark.parametrize(
    ("rate", "asked_seconds", "let_in"),
    [
        (60, 10.0, 11),  # one at once, then one a second
        (600, 10.0, 110),  # ten at once, then ten a second
        (6, 60.0, 7),
        (60_000, 1.0, 2_000),
    ],
)
def test_a_rate_lets_in_so_many(rate: int, asked_seconds: float, let_in: int) -> None:
    """Somebody asks all the time: as often as told to, and never sooner."""
    health, now, count = Health(), NOW, 0
    while now <= NOW + timedelta(seconds=asked_seconds):
        health, wait = entered(health, now, rate)
        if wait is None:
            count += 1
        else:
            now += max(timedelta(seconds=wait), timedelta(microseconds=1))
    assert abs(count - let_in) <= 1 + let_in // 500


def test_a_rate_that_was_not_used_is_not_saved_up() -> None:
    health, _ = entered(Health(), NOW, 60)
    later = NOW + timedelta(hours=1)
    health, first = entered(health, later, 60)
    assert (first, entered(health, later, 60)[1]) == (None, 1.0)


def test_a_pause_is_not_used_up_by_who_is_too_early_for_the_rate() -> None:
    paused = Health(MOST_FAILURES, NOW - timedelta(seconds=1), NOW + timedelta(seconds=30))
    health, wait = entered(paused, NOW, 1)
    assert (health, wait) == (paused, 30.0), "no trial was begun"


def test_waiting_is_spread_and_bounded() -> None:
    assert all(5.0 <= spread(5.0) <= 5.5 for _ in range(50))
    assert len({spread(5.0) for _ in range(50)}) > 40
    assert spread(86_400) <= 60.5
