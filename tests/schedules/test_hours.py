"""Business hours as functions of time: periods, midnight, exceptions, and the days on which clocks are moved."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedules.hours import Hours, HoursException, Period, Weekday, collide, hours_of, instant, overlap

Text = tuple[str, str]


def hours(zone: str, *exceptions: HoursException, **days: list[Text]) -> Hours:
    """Hours by weekday, e.g. `monday=[("09:00", "17:00")]`; `daily` for all days."""
    stored = [
        {"day": day.value, "opens": opens, "closes": closes}
        for day in Weekday
        for opens, closes in days.get(day.value.lower(), days.get("daily", []))
    ]
    made = hours_of(stored, [], zone)
    assert made is not None
    return Hours(zone, made.weekly, exceptions)


def closed(first: str, last: str | None = None, *, every_year: bool = False, periods: Any = ()) -> HoursException:
    """An exception."""
    return HoursException(
        date.fromisoformat(first),
        date.fromisoformat(last or first),
        every_year,
        tuple(Period(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in periods),
    )


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def told(shown: Hours, start: str, until: str) -> list[tuple[str, bool]]:
    """Boundaries as local times with their offset."""
    zone = ZoneInfo(shown.time_zone)
    return [
        (moment.astimezone(zone).isoformat(timespec="minutes"), opens)
        for moment, opens in shown.boundaries(at(start), at(until))
    ]


def test_no_weekly_hours_is_not_the_same_as_never_open() -> None:
    assert hours_of(None, [], "UTC") is None
    never = hours_of([], [], "UTC")
    assert never is not None
    assert not never.is_open(at("2026-11-23T12:00Z"))
    assert told(never, "2026-11-23T00:00Z", "2027-11-23T00:00Z") == []


def test_several_periods_a_day() -> None:
    shop = hours("Europe/Berlin", monday=[("14:00", "18:00"), ("09:00", "12:30")])
    assert told(shop, "2026-11-23T00:00+01:00", "2026-11-30T00:00+01:00") == [
        ("2026-11-23T09:00+01:00", True),
        ("2026-11-23T12:30+01:00", False),
        ("2026-11-23T14:00+01:00", True),
        ("2026-11-23T18:00+01:00", False),
    ]


def test_a_period_includes_its_first_instant_and_not_its_last() -> None:
    shop = hours("Europe/Berlin", monday=[("09:00", "17:00")])
    for moment, is_open in [
        ("2026-11-23T08:59:59.999999+01:00", False),
        ("2026-11-23T09:00+01:00", True),
        ("2026-11-23T16:59:59.999999+01:00", True),
        ("2026-11-23T17:00+01:00", False),
        ("2026-11-24T12:00+01:00", False),
    ]:
        assert shop.is_open(at(moment)) is is_open, moment


def test_boundaries_include_the_start_and_not_the_end() -> None:
    shop = hours("UTC", monday=[("09:00", "17:00")])
    assert told(shop, "2026-11-23T09:00Z", "2026-11-23T17:00Z") == [("2026-11-23T09:00+00:00", True)]
    assert told(shop, "2026-11-23T17:00Z", "2026-11-23T17:01Z") == [("2026-11-23T17:00+00:00", False)]


def test_over_midnight_belongs_to_the_day_it_begins() -> None:
    bar = hours("Europe/Berlin", friday=[("20:00", "02:00")])
    assert told(bar, "2026-11-23T00:00+01:00", "2026-11-30T00:00+01:00") == [
        ("2026-11-27T20:00+01:00", True),
        ("2026-11-28T02:00+01:00", False),
    ]
    assert bar.is_open(at("2026-11-28T01:59+01:00"))
    assert not bar.is_open(at("2026-11-27T01:59+01:00"))


def test_a_day_and_a_night_and_round_the_clock() -> None:
    saturday = hours("Europe/Berlin", saturday=[("08:00", "08:00")])
    assert told(saturday, "2026-11-23T00:00+01:00", "2026-11-30T00:00+01:00") == [
        ("2026-11-28T08:00+01:00", True),
        ("2026-11-29T08:00+01:00", False),
    ]
    always = hours("Europe/Berlin", daily=[("00:00", "00:00")])
    assert told(always, "2026-01-01T00:00Z", "2027-02-01T00:00Z") == [], "never closed for an instant"
    assert always.is_open(at("2026-10-25T02:30+01:00"))


def test_what_adjoins_is_one_opening() -> None:
    shop = hours(
        "UTC", monday=[("09:00", "12:00"), ("12:00", "24:00".replace("24", "00"))], tuesday=[("00:00", "03:00")]
    )
    assert told(shop, "2026-11-23T00:00Z", "2026-11-26T00:00Z") == [
        ("2026-11-23T09:00+00:00", True),
        ("2026-11-24T03:00+00:00", False),
    ]


def test_a_holiday_and_a_shorter_day() -> None:
    shop = hours(
        "Europe/Berlin",
        closed("2026-12-25", "2026-12-26", every_year=True),
        closed("2026-12-24", periods=[("09:00", "12:00")]),
        daily=[("09:00", "17:00")],
    )
    assert told(shop, "2026-12-24T00:00+01:00", "2026-12-28T00:00+01:00") == [
        ("2026-12-24T09:00+01:00", True),
        ("2026-12-24T12:00+01:00", False),
        ("2026-12-27T09:00+01:00", True),
        ("2026-12-27T17:00+01:00", False),
    ]
    assert not shop.is_open(at("2031-12-25T10:00+01:00")), "every year"
    assert shop.is_open(at("2027-12-24T16:00+01:00")), "that year only"


def test_the_night_before_a_holiday_goes_on_into_it() -> None:
    bar = hours("Europe/Berlin", closed("2026-12-25"), daily=[("20:00", "02:00")])
    assert told(bar, "2026-12-24T12:00+01:00", "2026-12-26T22:00+01:00") == [
        ("2026-12-24T20:00+01:00", True),
        ("2026-12-25T02:00+01:00", False),
        ("2026-12-26T20:00+01:00", True),
    ]


def test_a_date_of_one_year_beats_the_same_day_of_every_year() -> None:
    shop = hours(
        "UTC",
        closed("2026-12-25", every_year=True),
        closed("2027-12-25", periods=[("10:00", "11:00")]),
        daily=[("09:00", "17:00")],
    )
    assert not shop.is_open(at("2026-12-25T10:30Z"))
    assert shop.is_open(at("2027-12-25T10:30Z"))
    assert not shop.is_open(at("2028-12-25T10:30Z"))


def test_every_year_over_new_year_and_on_a_leap_day() -> None:
    new_year = closed("2026-12-31", "2027-01-01", every_year=True)
    assert [new_year.covers(date(2030, *day)) for day in [(12, 30), (12, 31), (1, 1), (1, 2)]] == [
        False, True, True, False,
    ]  # fmt: skip
    leap = closed("2028-02-29", every_year=True)
    assert [leap.covers(date(2027, 2, 28)), leap.covers(date(2027, 3, 1)), leap.covers(date(2032, 2, 29))] == [
        False, False, True,
    ]  # fmt: skip


# Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. New York: 2026-03-08, 2026-11-01, at 02:00.
# Lord Howe moves by half an hour: 2026-10-04 02:00 becomes 02:30, 2026-04-05 02:00 becomes 01:30. Cairo's clocks skip
# midnight: 2026-04-24 00:00 becomes 01:00. Apia skipped 2011-12-30 altogether.
SPRING: list[tuple[str, Text, str, list[tuple[str, bool]]]] = [
    (
        "Europe/Berlin",
        ("02:30", "04:00"),
        "2026-03-29",
        [("2026-03-29T03:00+02:00", True), ("2026-03-29T04:00+02:00", False)],
    ),
    (
        "Europe/Berlin",
        ("01:00", "02:30"),
        "2026-03-29",
        [("2026-03-29T01:00+01:00", True), ("2026-03-29T03:00+02:00", False)],
    ),
    ("Europe/Berlin", ("02:00", "03:00"), "2026-03-29", []),
    ("Europe/Berlin", ("02:10", "02:50"), "2026-03-29", []),
    (
        "Europe/Berlin",
        ("09:00", "17:00"),
        "2026-03-29",
        [("2026-03-29T09:00+02:00", True), ("2026-03-29T17:00+02:00", False)],
    ),
    (
        "America/New_York",
        ("02:30", "04:00"),
        "2026-03-08",
        [("2026-03-08T03:00-04:00", True), ("2026-03-08T04:00-04:00", False)],
    ),
    (
        "Australia/Lord_Howe",
        ("02:15", "04:00"),
        "2026-10-04",
        [("2026-10-04T02:30+11:00", True), ("2026-10-04T04:00+11:00", False)],
    ),
    ("Australia/Lord_Howe", ("02:00", "02:30"), "2026-10-04", []),
    (
        "Africa/Cairo",
        ("00:00", "03:00"),
        "2026-04-24",
        [("2026-04-24T01:00+03:00", True), ("2026-04-24T03:00+03:00", False)],
    ),
    ("Pacific/Apia", ("09:00", "17:00"), "2011-12-30", []),
]
AUTUMN: list[tuple[str, Text, str, list[tuple[str, bool]]]] = [
    (
        "Europe/Berlin",
        ("02:30", "04:00"),
        "2026-10-25",
        [("2026-10-25T02:30+02:00", True), ("2026-10-25T04:00+01:00", False)],
    ),
    (
        "Europe/Berlin",
        ("01:00", "02:30"),
        "2026-10-25",
        [("2026-10-25T01:00+02:00", True), ("2026-10-25T02:30+02:00", False)],
    ),
    (
        "Europe/Berlin",
        ("02:10", "02:50"),
        "2026-10-25",
        [("2026-10-25T02:10+02:00", True), ("2026-10-25T02:50+02:00", False)],
    ),
    (
        "America/New_York",
        ("01:30", "03:00"),
        "2026-11-01",
        [("2026-11-01T01:30-04:00", True), ("2026-11-01T03:00-05:00", False)],
    ),
    (
        "Australia/Lord_Howe",
        ("01:45", "03:00"),
        "2026-04-05",
        [("2026-04-05T01:45+11:00", True), ("2026-04-05T03:00+10:30", False)],
    ),
]


@pytest.mark.parametrize(("zone", "period", "day", "expected"), SPRING + AUTUMN)
def test_days_on_which_clocks_are_moved(zone: str, period: Text, day: str, expected: list[tuple[str, bool]]) -> None:
    """Skipped times are the moment of the skip, repeated ones the first; what lies in a skip altogether is not open."""
    first = date.fromisoformat(day)
    shop = Hours(zone, ((),) * 7, (closed(day, periods=[period]),))
    start = datetime.combine(first - timedelta(days=2), time(), UTC).isoformat()
    until = datetime.combine(first + timedelta(days=2), time(), UTC).isoformat()
    assert told(shop, start, until) == expected


def test_a_shop_that_closes_at_night_is_open_an_hour_less_or_more() -> None:
    bar = hours("Europe/Berlin", daily=[("22:00", "04:00")])
    lengths = {
        night: next(iter(bar.intervals(at(f"{night}T21:00+00:00"), at(f"{night}T23:00+00:00"))))
        for night in ("2026-03-27", "2026-03-28", "2026-10-24")
    }
    assert [(one.ends_at - one.starts_at) / timedelta(hours=1) for one in lengths.values()] == [6, 5, 7]


def test_round_the_clock_stays_open_on_every_day_clocks_are_moved() -> None:
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"):
        always = hours(zone, daily=[("00:00", "00:00")])
        assert told(always, "2025-12-01T00:00Z", "2027-01-31T00:00Z") == [], zone


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns", "UTC"]


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    of_day=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
)
@settings(max_examples=300, deadline=None)
def test_an_instant_is_the_first_at_which_the_clock_shows_no_less(zone: str, day: date, of_day: time) -> None:
    """Checked against walking: no minute before it, and after the day's begin, shows that time or a later one."""
    found = instant(day, of_day, ZoneInfo(zone))
    wanted = datetime.combine(day, of_day)
    shown = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown >= wanted
    before = (found - timedelta(minutes=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert before < wanted


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2025, 1, 1), date(2027, 1, 1)),
    periods=st.lists(
        st.tuples(st.sampled_from(list(Weekday)), st.integers(0, 95), st.integers(0, 95)), min_size=1, max_size=8
    ),
)
@settings(max_examples=150, deadline=None)
def test_open_and_closed_take_turns_and_agree_with_each_instant(
    zone: str, day: date, periods: list[tuple[Weekday, int, int]]
) -> None:
    def quarter(number: int) -> str:
        return f"{number // 4:02d}:{number % 4 * 15:02d}"

    stored = [{"day": day.value, "opens": quarter(opens), "closes": quarter(closes)} for day, opens, closes in periods]
    shop = hours_of(stored, [], zone)
    assert shop is not None
    first = datetime.combine(day, time(11, 7), UTC)
    found = list(shop.boundaries(first, first + timedelta(days=15)))
    assert [opens for _, opens in found] == [number % 2 == 0 for number in range(len(found))] or [
        opens for _, opens in found
    ] == [number % 2 == 1 for number in range(len(found))]
    tick = timedelta(microseconds=1)
    for moment, opens in found:
        assert shop.is_open(moment) is opens
        assert shop.is_open(moment - tick) is not opens


def test_what_can_be_refused() -> None:
    def period(opens: str, closes: str) -> Period:
        return Period(time.fromisoformat(opens), time.fromisoformat(closes))

    assert not overlap([period("09:00", "12:00"), period("12:00", "17:00")])
    assert overlap([period("09:00", "12:01"), period("12:00", "17:00")])
    assert not overlap([period("20:00", "02:00"), period("09:00", "17:00")])
    assert overlap([period("08:00", "02:00"), period("09:00", "17:00")]), "over midnight, and something behind it"
    assert collide(closed("2026-12-24", "2026-12-26"), closed("2026-12-26"))
    assert not collide(closed("2026-12-24", "2026-12-26"), closed("2026-12-27"))
    assert not collide(closed("2026-12-25"), closed("2026-12-25", every_year=True)), "one beats the other"
    assert collide(closed("2026-12-24", "2027-01-01", every_year=True), closed("2030-01-01", every_year=True))
