"""What counts where, as functions of plain values: local hours, buckets, positions, and what one visit adds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analytics.contribution import (
    COLUMN_OF_OUTCOME,
    EVERYBODY,
    POSITION_BUCKETS,
    contribution,
    members,
    position_bucket,
)
from app.analytics.facts import Fact
from app.analytics.fold import Happened, LogGap, Position, QueueFold
from app.analytics.hours import Hours, hours_of, milliseconds
from app.analytics.models import Dimension, Grain, Outcome
from app.analytics.rollups import Increments, flat, of_tenant, rows_of, unflat
from app.analytics.sketch import bucket_of, milliseconds_of
from app.analytics.upkeep import kept_since

ID = UUID(int=7)
NIGHT = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "instant", "hour", "day"),
    [
        ("Europe/Berlin", "2026-07-01T12:34:56Z", "2026-07-01T12:00Z", "2026-06-30T22:00Z"),
        # Clocks are put back at 1:00 UTC: there are two hours that begin at two o'clock, in a day of 25.
        ("Europe/Berlin", "2026-10-25T00:59:59Z", "2026-10-25T00:00Z", "2026-10-24T22:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:00Z", "2026-10-24T22:00Z"),
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25T22:00Z", "2026-10-24T22:00Z"),
        ("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-25T23:00Z", "2026-10-25T23:00Z"),
        # Put forward at 1:00 UTC: what is three o'clock then comes after one.
        ("Europe/Berlin", "2026-03-29T01:15:00Z", "2026-03-29T01:00Z", "2026-03-28T23:00Z"),
        ("Asia/Kolkata", "2026-07-01T12:34:56Z", "2026-07-01T12:30Z", "2026-06-30T18:30Z"),
        ("Asia/Kathmandu", "2026-07-01T12:10:00Z", "2026-07-01T11:15Z", "2026-06-30T18:15Z"),
        # A day that begins at one o'clock, because midnight is left out.
        ("America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T12:00Z", "2018-11-04T03:00Z"),
        # Half an hour of daylight saving.
        ("Australia/Lord_Howe", "2026-04-04T15:20:00Z", "2026-04-04T14:00Z", "2026-04-04T13:00Z"),
    ],
)
def test_hours_and_days_are_those_of_the_wall(zone: str, instant: str, hour: str, day: str) -> None:
    found = Hours(zone).of(at(instant))
    assert found.begins_at == at(hour)
    assert found.local_at.replace(tzinfo=None) == at(instant).astimezone(ZoneInfo(zone)).replace(
        minute=0, second=0, microsecond=0, tzinfo=None
    )
    assert Hours(zone).longer(Grain.DAY, found).begins_at == at(day)
    assert Hours(zone).longer(Grain.MONTH, found).local_at.day == 1


@given(
    st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 20 * 365 * 86_400_000),
    st.integers(1, 8 * 3600 * 1000),
)
def test_a_stretch_of_time_is_shared_out_among_hours_without_a_rest(zone: str, since: int, length: int) -> None:
    starts = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(milliseconds=since)
    hours, ends = hours_of(zone), starts + timedelta(milliseconds=length)
    parts = hours.parts(starts, ends)
    assert sum(part for _, part in parts) == milliseconds(ends) - milliseconds(starts)
    assert parts[0][0] == hours.of(starts)
    assert all(before != after for (before, _), (after, _) in pairwise(parts))
    # Shared out in two goes it is the same.
    middle = starts + (ends - starts) / 2
    amounts: dict[object, int] = {}
    for hour, part in (*hours.parts(starts, middle), *hours.parts(middle, ends)):
        amounts[hour] = amounts.get(hour, 0) + part
    expected: dict[object, int] = {}
    for hour, part in parts:
        expected[hour] = expected.get(hour, 0) + part
    assert {hour: part for hour, part in amounts.items() if part} == {
        hour: part for hour, part in expected.items() if part
    }


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_a_bucket_stands_for_its_durations_within_one_percent_and_keeps_their_order(one: int, other: int) -> None:
    assert abs(milliseconds_of(bucket_of(one)) - one) <= 0.01 * one * (1 + 1e-9)
    assert (bucket_of(one) <= bucket_of(other)) or one > other
    assert bucket_of(0) < bucket_of(1), "nothing is less than a millisecond"


def test_every_position_is_in_one_bucket() -> None:
    for bucket, (first, last) in enumerate(POSITION_BUCKETS):
        assert position_bucket(first) == bucket
        assert position_bucket(last or 10**6) == bucket
    assert [first for first, _ in POSITION_BUCKETS[1:]] == [last + 1 for _, last in POSITION_BUCKETS if last]


def test_every_outcome_has_a_column() -> None:
    assert set(COLUMN_OF_OUTCOME) == set(Outcome)


@given(st.dictionaries(st.integers(-1, 2000), st.integers(-3, 3)))
def test_a_histogram_is_stored_in_order_and_without_what_was_taken_out(histogram: dict[int, int]) -> None:
    stored = flat(histogram)
    assert unflat(stored) == {bucket: count for bucket, count in histogram.items() if count}
    assert stored is None or stored[::2] == sorted(stored[::2])


def test_a_visit_counts_in_the_hours_in_which_things_happen() -> None:
    fact = Fact(
        ID, ID, NIGHT + timedelta(minutes=50), NIGHT, True, None, 3, 2, 12, 11,
        called_at=NIGHT + timedelta(minutes=70), started_at=NIGHT + timedelta(minutes=71),
        ended_at=NIGHT + timedelta(minutes=130), outcome=Outcome.SERVED, counter_id=UUID(int=1), served_by=None,
        wait_ms=1_200_000, service_ms=3_540_000, rating=4, nps=0,
    )  # fmt: skip
    found = {
        (hour.begins_at.hour, column, bucket): amount
        for (hour, column, bucket), amount in contribution(fact, hours_of("UTC")).items()
    }
    assert found == {
        (0, "entered", None): 1,
        (0, "people", None): 2,
        (0, "transferred_in", None): 1,
        (0, "position_buckets", 10): 1,
        (1, "called", None): 1,
        (1, "wait_ms", None): 1_200_000,
        (1, "wait_buckets", bucket_of(1_200_000)): 1,
        (2, "served", None): 1,
        (2, "service_count", None): 1,
        (2, "service_ms", None): 3_540_000,
        (2, "service_buckets", bucket_of(3_540_000)): 1,
        (2, "rating_buckets", 4): 1,
        (2, "nps_buckets", 0): 1,
    }
    assert [(member.dimension, member.member.int) for member in members(fact)] == [
        (Dimension.ALL, 0),
        (Dimension.CATEGORY, 0),
        (Dimension.PRIORITY, 3),
        (Dimension.COUNTER, 1),
    ]


LINE = {"status": "ACTIVE", "waiting_count": 1, "called_count": 0, "serving_count": 0, "open_counter_count": 0}
STATE = {
    "id": str(ID), "status": "WAITING", "priority": 0, "party_size": 1, "rank_class": 0,
    "rank_time": "2026-10-25T00:00:00+00:00", "rank_sequence": 64, "held_at": None,
    "joined_at": "2026-10-25T00:00:00+00:00", "called_at": None, "started_at": None, "ended_at": None,
    "call_count": 0, "counter_id": None, "served_by": None, "cancelled_by": None, "category_id": None,
}  # fmt: skip


def happened(revision: int, type: str, minutes: int, **state: object) -> Happened:
    return Happened(revision, type, NIGHT + timedelta(minutes=minutes), {"line": LINE, "session": STATE | state})


def test_who_returns_to_the_line_has_waited_until_the_last_call_and_recalls_make_no_wait_longer() -> None:
    fold = QueueFold(ID, hours_of("UTC"), Position(), [], [])
    called = {"status": "CALLED", "counter_id": str(UUID(int=1)), "call_count": 1}
    fold.apply(happened(1, "SESSION_JOINED", 0))
    fold.apply(happened(2, "SESSION_CALLED", 5, **called, called_at="2026-10-25T00:05:00+00:00"))
    fold.apply(happened(3, "SESSION_RETURNED", 10))
    (fact,) = fold.changed.values()
    assert (fact.called_at, fact.wait_ms, fact.counter_id) == (None, None, None)
    assert {cell[1] for cell, amount in fold.cells[EVERYBODY].items() if amount} == {
        "entered", "people", "position_buckets", "waiting_ms",
    }, "a call that was taken back has left nothing"  # fmt: skip
    fold.apply(happened(4, "SESSION_CALLED", 70, **called, called_at="2026-10-25T01:10:00+00:00"))
    fold.apply(happened(5, "SESSION_RECALLED", 75, **called, called_at="2026-10-25T01:15:00+00:00"))
    fold.apply(
        happened(6, "SESSION_NO_SHOW", 80, **(called | {"status": "NO_SHOW"}), called_at="2026-10-25T01:15:00+00:00")
    )
    assert (fact.wait_ms, fact.outcome) == (70 * 60_000, Outcome.NO_SHOW)
    # Whoever leaves no counter behind keeps the one of the call.
    assert fact.counter_id == UUID(int=1)


def test_a_rating_that_is_changed_counts_once_in_the_hour_in_which_the_visit_ended() -> None:
    fold = QueueFold(ID, hours_of("UTC"), Position(), [], [])
    over = {"status": "COMPLETED", "started_at": "2026-10-25T00:10:00+00:00", "ended_at": "2026-10-25T00:20:00+00:00"}
    fold.apply(happened(1, "SESSION_JOINED", 0))
    fold.apply(happened(2, "SESSION_COMPLETED", 20, **over))
    for revision, (score, nps) in enumerate([(2, 0), (5, None)], 3):
        rated = happened(revision, "SESSION_RATED", 7 * 24 * 60, **over)
        fold.apply(rated._replace(data=rated.data | {"score": score, "nps": nps}))
    assert {
        (hour.begins_at, column, bucket): amount
        for (hour, column, bucket), amount in fold.cells[EVERYBODY].items()
        if column in ("rating_buckets", "nps_buckets") and amount
    } == {(NIGHT, "rating_buckets", 5): 1}


def test_a_gap_in_the_log_is_not_counted_over() -> None:
    fold = QueueFold(ID, hours_of("UTC"), Position(revision=4), [], [])
    with pytest.raises(LogGap, match="expected revision 5"):
        fold.apply(happened(6, "SESSION_JOINED", 0))
    assert not fold.cells


@pytest.mark.parametrize(
    ("now", "months", "since"),
    [("2026-11-21T12:00Z", 3, "2026-08-01T00:00Z"), ("2026-01-31T23:59Z", 24, "2024-01-01T00:00Z")],
)
def test_facts_are_kept_for_whole_months(now: str, months: int, since: str) -> None:
    assert kept_since(at(now), months) == at(since)


def test_one_instant_is_another_hour_of_the_business_on_each_wall() -> None:
    queues = {uuid4(): "Europe/Berlin", uuid4(): "America/New_York"}
    tenant_id, now = uuid4(), at("2026-11-21T15:10:00+00:00")
    increments = Increments()
    for queue_id, zone in queues.items():
        cells = {EVERYBODY: {(Hours(zone).of(now), "entered", None): 1}}
        increments |= rows_of(queue_id, Hours(zone), cells, {})
    hours = {
        (key.begins_at, row.local_at): row.counts["entered"]
        for key, row in of_tenant(tenant_id, increments.items()).items()
        if key.grain == "HOUR"
    }
    walls = at("2026-11-21T16:00:00+00:00"), at("2026-11-21T10:00:00+00:00")
    assert hours == {(wall, wall): 1 for wall in walls}
