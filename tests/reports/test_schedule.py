"""When a report is due and of which days it is: on a tenant's calendar and clock, whatever that does."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.reports import rules
from app.reports.content import Days
from app.reports.periods import RelativePeriod, days_before, days_of, instants
from app.reports.schedule import Frequency, Schedule, instant

BERLIN = ZoneInfo("Europe/Berlin")
DAILY, WEEKLY, MONTHLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def first(schedule: Schedule, after: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[datetime]:
    return list(islice(schedule.slots(after, zone), count))


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (RelativePeriod.TODAY, (2026, 3, 4), (2026, 3, 4)),
        (RelativePeriod.YESTERDAY, (2026, 3, 3), (2026, 3, 3)),
        (RelativePeriod.THIS_WEEK, (2026, 3, 2), (2026, 3, 4)),
        (RelativePeriod.LAST_WEEK, (2026, 2, 23), (2026, 3, 1)),
        (RelativePeriod.LAST_SEVEN_DAYS, (2026, 2, 25), (2026, 3, 3)),
        (RelativePeriod.THIS_MONTH, (2026, 3, 1), (2026, 3, 4)),
        (RelativePeriod.LAST_MONTH, (2026, 2, 1), (2026, 2, 28)),
        (RelativePeriod.LAST_THIRTY_DAYS, (2026, 2, 2), (2026, 3, 3)),
    ],
)
def test_days_are_named_by_how_far_away_they_are(
    period: RelativePeriod, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    # A Wednesday.
    assert days_of(period, date(2026, 3, 4)) == Days(date(*first), date(*last))


def test_the_days_before_are_as_many() -> None:
    week = Days(date(2026, 3, 2), date(2026, 3, 8))
    assert days_before(week) == Days(date(2026, 2, 23), date(2026, 3, 1))
    day = Days(date(2026, 3, 2), date(2026, 3, 2))
    assert days_before(day) == Days(date(2026, 3, 1), date(2026, 3, 1))


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was() -> None:
    short = instants(Days(date(2026, 3, 29), date(2026, 3, 29)), BERLIN)
    assert (short.starts, short.ends) == (utc(2026, 3, 28, 23), utc(2026, 3, 29, 22))
    long = instants(Days(date(2026, 10, 25), date(2026, 10, 25)), BERLIN)
    assert long.hours == 25


def test_a_daily_report_keeps_its_time_of_the_day() -> None:
    assert first(Schedule(DAILY, time(7, 30)), utc(2026, 3, 28, 6, 30), 3) == [
        # The clocks were put on in between; at its own time it is not due again.
        utc(2026, 3, 29, 5, 30),
        utc(2026, 3, 30, 5, 30),
        utc(2026, 3, 31, 5, 30),
    ]


def test_a_time_that_is_skipped_is_the_instant_of_the_change_and_one_that_comes_twice_its_first() -> None:
    assert first(Schedule(DAILY, time(2, 30)), utc(2026, 3, 28, 12), 2) == [
        utc(2026, 3, 29, 1),
        utc(2026, 3, 30, 0, 30),
    ]
    assert first(Schedule(DAILY, time(2, 30)), utc(2026, 10, 24, 12), 2) == [
        utc(2026, 10, 25, 0, 30),
        utc(2026, 10, 26, 1, 30),
    ]
    # Where midnight itself is skipped.
    assert instant(date(2026, 9, 6), time(0, 0), ZoneInfo("America/Santiago")) == utc(2026, 9, 6, 4)


def test_weekly_and_monthly_reports() -> None:
    assert first(Schedule(WEEKLY, time(6), weekday=0), utc(2026, 11, 16, 5), 2) == [
        utc(2026, 11, 23, 5),
        utc(2026, 11, 30, 5),
    ]
    # The last day of shorter months.
    assert [slot.date() for slot in first(Schedule(MONTHLY, time(6), month_day=31), utc(2026, 1, 15), 4)] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]


EARLY, LATE = utc(2024, 1, 1).replace(tzinfo=None), utc(2027, 12, 1).replace(tzinfo=None)
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]


@given(
    st.datetimes(EARLY, LATE, timezones=st.just(UTC)),
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([(DAILY, None, None), (WEEKLY, 3, None), (MONTHLY, None, 30)]),
)
def test_slots_are_one_for_each_day_in_order_and_go_on_from_any_of_them(
    after: datetime, zone: str, at: time, kind: tuple[Frequency, int | None, int | None]
) -> None:
    schedule, there = Schedule(kind[0], at, kind[1], kind[2]), ZoneInfo(zone)
    slots = first(schedule, after, 5, there)
    assert slots == sorted(slots)
    assert slots[0] > after
    days = [slot.astimezone(there).date() for slot in slots]
    assert len(set(days)) == 5
    assert all(schedule.is_on(day) for day in days)
    # Whoever goes on from a slot finds those behind it, and no other.
    assert first(schedule, slots[1], 3, there) == slots[2:]


def test_only_the_newest_slot_is_made_and_only_while_it_is_of_use() -> None:
    daily = Schedule(DAILY, time(6))
    slot = utc(2026, 11, 20, 5)
    hour, day = timedelta(hours=1), timedelta(days=1)
    in_time = rules.due(daily, slot, slot, BERLIN)
    assert in_time == rules.Due(slot, (), slot + day)
    assert rules.due(daily, slot, slot + 12 * hour, BERLIN) == rules.Due(slot, (), slot + day)
    assert rules.due(daily, slot, slot + 13 * hour, BERLIN) == rules.Due(None, (slot,), slot + day)
    late = rules.due(daily, slot, slot + 2 * day + hour, BERLIN)
    assert late == rules.Due(slot + 2 * day, (slot, slot + day), slot + 3 * day)
    ages = rules.due(daily, slot, slot + 100 * day, BERLIN)
    assert ages.made == slot + 100 * day
    assert ages.missed == tuple(slot + number * day for number in range(69, 100))


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Schedule(WEEKLY, time(6)), "schedule.weekday"),
        (Schedule(DAILY, time(6), weekday=1), "schedule.weekday"),
        (Schedule(MONTHLY, time(6)), "schedule.monthDay"),
        (Schedule(WEEKLY, time(6), weekday=1, month_day=1), "schedule.monthDay"),
        (Schedule(MONTHLY, time(6), month_day=32), "schedule.monthDay"),
        (Schedule(MONTHLY, time(6), month_day=0), "schedule.monthDay"),
        (Schedule(DAILY, time(6, 0, 30)), "schedule.timeOfDay"),
        (Schedule(DAILY, time(6, tzinfo=UTC)), "schedule.timeOfDay"),
    ],
)
def test_a_schedule_has_what_its_frequency_needs_and_nothing_else(schedule: Schedule, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.ensure_schedule(schedule)
    assert refused.value.field == field
    rules.ensure_schedule(Schedule(WEEKLY, time(6), weekday=1))
    rules.ensure_schedule(Schedule(MONTHLY, time(6), month_day=31))
