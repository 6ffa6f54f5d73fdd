"""What a queue allows and how it counts, as tables: every status, every transition, every edge of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.queues import rules
from app.queues.errors import (
    IllegalQueueTransition,
    MaxConcurrentReached,
    QueueFull,
    QueueNotOpen,
    QueueNotServing,
    QueuePaused,
)
from app.queues.models import QueueStatus
from app.queues.rules import Transition

A, P, C, M, X = (
    QueueStatus.ACTIVE,
    QueueStatus.PAUSED,
    QueueStatus.CLOSED,
    QueueStatus.MAINTENANCE,
    QueueStatus.ARCHIVED,
)
Q = QueueStatus.PREQUEUE
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("status", "join", "call"),
    [
        (Q, None, QueueNotServing),
        (A, None, None),
        (P, None, QueuePaused),
        (C, QueueNotOpen, None),
        (M, QueueNotOpen, QueueNotServing),
        (X, QueueNotOpen, QueueNotServing),
    ],
)
def test_who_may_join_and_be_called(
    status: QueueStatus, join: type[Exception] | None, call: type[Exception] | None
) -> None:
    for ensure, refusal in ((rules.ensure_joinable, join), (rules.ensure_callable, call)):
        if refusal is None:
            ensure(status)
        else:
            with pytest.raises(refusal) as raised:
                ensure(status)
            assert getattr(raised.value, "status", status) is status


TRANSITIONS: dict[Transition, dict[QueueStatus, QueueStatus | None]] = {
    rules.OPEN: {Q: A, A: None, P: A, C: A, M: A},
    rules.PAUSE: {A: P, P: None},
    rules.RESUME: {A: None, P: A},
    rules.CLOSE: {Q: C, A: C, P: C, C: None, M: C},
    rules.MAINTAIN: {Q: M, A: M, P: M, C: M, M: None},
    rules.ARCHIVE: {Q: X, A: X, P: X, C: X, M: X, X: None},
}


@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda transition: transition.word)
@pytest.mark.parametrize("status", QueueStatus)
def test_every_transition_from_every_status(transition: Transition, status: QueueStatus) -> None:
    if status in TRANSITIONS[transition]:
        assert rules.next_status(transition, status) is TRANSITIONS[transition][status]
        return
    with pytest.raises(IllegalQueueTransition) as raised:
        rules.next_status(transition, status)
    assert raised.value.queue_status is status
    assert transition.word in str(raised.value)


@pytest.mark.parametrize(("capacity", "waiting", "fits"), [(None, 10**6, True), (1, 0, True), (1, 1, False)])
def test_room(capacity: int | None, waiting: int, fits: bool) -> None:
    if fits:
        return rules.ensure_room(capacity, waiting)
    with pytest.raises(QueueFull) as raised:
        rules.ensure_room(capacity, waiting)
    assert (raised.value.capacity, raised.value.waiting_count) == (capacity, waiting)
    return None


def test_a_closed_queue_says_what_the_tenant_says() -> None:
    with pytest.raises(QueueNotOpen) as raised:
        rules.ensure_joinable(QueueStatus.MAINTENANCE, NOON, "Back at noon.")
    assert (raised.value.queue_status, raised.value.next_opening_at) == (QueueStatus.MAINTENANCE, NOON)
    assert raised.value.refusal_message == "Back at noon."


def test_a_line_that_is_over_its_capacity_has_no_room() -> None:
    """Lowering the capacity sends nobody away."""
    with pytest.raises(QueueFull):
        rules.ensure_room(3, 7)


@pytest.mark.parametrize(("limit", "now", "fits"), [(None, 50, True), (2, 1, True), (2, 2, False), (2, 3, False)])
def test_max_concurrent(limit: int | None, now: int, fits: bool) -> None:
    if fits:
        return rules.ensure_under_max_concurrent(limit, now)
    with pytest.raises(MaxConcurrentReached) as raised:
        rules.ensure_under_max_concurrent(limit, now)
    assert raised.value.max_concurrent_users == limit
    return None


@pytest.mark.parametrize(
    ("now", "zone", "reset", "day"),
    [
        ("2026-05-04T00:00:00+00:00", "UTC", time(0), date(2026, 5, 4)),
        ("2026-05-03T23:59:59.999999+00:00", "UTC", time(0), date(2026, 5, 3)),
        # The queue's own clock, not UTC.
        ("2026-05-03T22:00:00+00:00", BERLIN, time(0), date(2026, 5, 4)),
        ("2026-05-03T21:59:59+00:00", BERLIN, time(0), date(2026, 5, 3)),
        ("2026-05-04T09:59:59+00:00", "Pacific/Kiritimati", time(0), date(2026, 5, 4)),
        ("2026-05-04T10:00:00+00:00", "Pacific/Kiritimati", time(0), date(2026, 5, 5)),
        # A reset at four: the night belongs to the day before.
        ("2026-05-04T01:59:59+00:00", BERLIN, time(4), date(2026, 5, 3)),
        ("2026-05-04T02:00:00+00:00", BERLIN, time(4), date(2026, 5, 4)),
        ("2026-05-04T22:30:00+00:00", BERLIN, time(23, 59), date(2026, 5, 4)),
        ("2026-05-04T21:58:59+00:00", BERLIN, time(23, 59), date(2026, 5, 3)),
        # 2026-03-29: 02:00 to 03:00 is left out; a reset in the gap happens when it is over.
        ("2026-03-29T00:59:59+00:00", BERLIN, time(2, 30), date(2026, 3, 28)),
        ("2026-03-29T01:00:00+00:00", BERLIN, time(2, 30), date(2026, 3, 29)),
    ],
)
def test_service_day(now: str, zone: str, reset: time, day: date) -> None:
    assert rules.service_day(datetime.fromisoformat(now), zone, reset) == day


def test_an_hour_that_comes_twice_makes_the_raw_service_day_go_back() -> None:
    """2026-10-25, 02:30 twice: the day flips, goes back and flips again. So lines never take an earlier day."""
    days = [
        rules.service_day(datetime(2026, 10, 25, hour, minute, tzinfo=UTC), BERLIN, time(2, 30)).day
        for hour, minute in [(0, 29), (0, 30), (0, 59), (1, 0), (1, 29), (1, 30)]
    ]
    assert days == [24, 25, 25, 24, 24, 25]


@given(
    st.integers(946_684_800, 2_051_222_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.times(),
)
def test_a_service_day_begins_at_its_reset_time(now: datetime, zone: str, reset: time) -> None:
    local = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    day = rules.service_day(now, zone, reset)
    start = datetime.combine(day, reset)
    assert start <= local < start + timedelta(days=1)


@pytest.mark.parametrize(
    ("prefix", "serial", "last", "ticket"),
    [
        ("A", 1, 999, "A001"),
        ("A", 42, 999, "A042"),
        ("A", 999, 999, "A999"),
        ("A", 1000, 999, "A1000"),
        ("", 0, 9, "0"),
        ("VIP-", 7, 9_999_999, "VIP-0000007"),
        ("B", 100, 99, "B100"),
    ],
)
def test_ticket_numbers_keep_their_width_and_go_on_beyond(prefix: str, serial: int, last: int, ticket: str) -> None:
    assert rules.ticket_number(prefix, serial, last) == ticket


@given(st.lists(st.floats(0, 36_000), min_size=1, max_size=50))
def test_the_mean_is_the_arithmetic_one_at_first(values: list[float]) -> None:
    mean: float | None = None
    for count, value in enumerate(values):
        mean = rules.moving_mean(mean, count, value)
    assert mean == pytest.approx(sum(values) / len(values), abs=1e-6)


def test_the_mean_forgets() -> None:
    mean: float | None = None
    for count in range(1000):
        mean = rules.moving_mean(mean, count, 600.0)
    for count in range(1000, 1200):
        mean = rules.moving_mean(mean, count, 60.0)
    assert mean is not None
    assert 60 < mean < 75, "200 quick services weigh more than 1,000 slow ones before them"


@pytest.mark.parametrize(
    ("active", "on_shift", "working", "open_count"),
    [(0, 0, 0, 0), (3, 0, 0, 3), (3, 1, 1, 1), (3, 2, 1, 1), (3, 1, 0, 0), (3, 3, 3, 3)],
)
def test_open_counters(active: int, on_shift: int, working: int, open_count: int) -> None:
    assert rules.open_counters(active, on_shift, working) == open_count


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (QueueNotOpen(M), "The queue is in maintenance; nobody can join now."),
        (QueueNotOpen(C), "The queue is closed; nobody can join now."),
        (QueueNotServing(Q), "The queue is in its pre-queue; nobody can be called."),
        (IllegalQueueTransition("paused", M), "A queue that is in maintenance cannot be paused."),
    ],
)
def test_refusals_are_sentences(refused: Exception, said: str) -> None:
    assert str(refused).startswith(said)
