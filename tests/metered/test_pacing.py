"""The two rules of a rate, on plain values: at most so many in any minute, and none of a slot that has not come."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.metered.pacing import WINDOW, Slots, free_places, window

NOON = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("rate", "idle", "due"),
    [
        # However long nobody came, only the last second's are left; a slow rate has one.
        (60, 3600, 1),
        (1, 3600, 1),
        (600, 3600, 10),
        (600, 0.5, 6),
        (3000, 3600, 50),
        (1_000_000, 3600, 16_666),
    ],
)
def test_slots_nobody_used_are_kept_for_a_second(rate: int, idle: float, due: int) -> None:
    assert Slots.of(rate, NOON, at(idle)).due(at(idle)) == due


def test_slots_come_one_by_one() -> None:
    slots = Slots.of(60, NOON, NOON)
    assert slots.due(at(-0.001)) == 0
    assert slots.due(NOON) == 1
    slots = slots.without(1)
    assert slots.next_at == at(1)
    assert slots.due(at(0.999999)) == 0
    assert slots.due(at(1)) == 1


def test_a_slot_is_never_early_by_a_part_of_a_microsecond() -> None:
    # A minute by 7 is no whole number of microseconds.
    slots = Slots.of(7, NOON, NOON).without(7)
    assert slots.next_at == at(60)
    assert Slots.of(7, NOON, NOON).without(1).next_at == at(8.571429)


def test_a_late_release_does_not_push_the_later_ones_back() -> None:
    slots = Slots.of(600, at(0.1), at(0.15))
    assert slots.due(at(0.15)) == 1
    assert slots.without(1).next_at == at(0.2)


def test_a_rate_that_is_raised_counts_at_once() -> None:
    assert Slots.of(600, at(59), NOON).next_at == at(0.1)
    assert Slots.of(600, at(0.05), NOON).next_at == at(0.05)


def test_the_window_closes_for_those_whose_counterpart_is_too_young() -> None:
    earlier = [at(0), at(1), at(2)]
    assert window(3, earlier, at(62)) == window(3, [], at(0))
    half = window(3, earlier, at(60.5))
    assert (half.allowed, half.opens_at) == (1, at(61))
    assert (window(3, earlier, at(59.999999)).allowed, window(3, earlier, at(60)).allowed) == (0, 1)


def test_what_is_long_forgotten_does_not_count() -> None:
    assert window(3, [at(2)], at(10)).allowed == 2


@pytest.mark.parametrize(
    ("cap", "inside", "wanted", "free"), [(None, 9, 5, 5), (3, 0, 5, 3), (3, 3, 5, 0), (3, 7, 5, 0), (10, 3, 5, 5)]
)
def test_free_places(cap: int | None, inside: int, wanted: int, free: int) -> None:
    assert free_places(cap, inside, wanted) == free


@given(
    rates=st.lists(st.integers(1, 240), min_size=1, max_size=4),
    pauses=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=120),
    wanted=st.integers(1, 50),
)
def test_no_minute_has_more_than_the_rate(rates: list[int], pauses: list[float], wanted: int) -> None:
    now, next_at, released = NOON, None, list[datetime]()
    for number, pause in enumerate(pauses):
        now += timedelta(seconds=pause)
        rate = rates[number * len(rates) // len(pauses)]
        slots = Slots.of(rate, next_at, now)
        count = min(wanted, slots.due(now))
        first, last = len(released) + 1 - rate, len(released) + count - rate
        left = window(count, [released[n - 1] for n in range(first, last + 1) if n > 0], now)
        released += [now] * left.allowed
        next_at = slots.without(left.allowed).next_at
        in_window = len(released) - bisect_right(released, now - WINDOW)
        assert not left.allowed or in_window <= rate
        # Smooth: what one look releases, a second would have.
        assert left.allowed <= max(1, -(-rate // 60))
