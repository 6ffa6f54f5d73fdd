"""What a schedule does to a queue, step by step: hours, events and pre-queues, and one behind the other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from app.queues.models import QueueStatus
from app.schedules.hours import Weekday, hours_of
from app.schedules.plan import (
    LOOK_AGAIN,
    Boundary,
    BoundaryKind,
    Plan,
    PlannedEvent,
    Standing,
    end_now,
    next_opening,
    overlapping,
    step,
    steps,
)

ACTIVE, PAUSED, CLOSED = QueueStatus.ACTIVE, QueueStatus.PAUSED, QueueStatus.CLOSED
MAINTENANCE, PREQUEUE = QueueStatus.MAINTENANCE, QueueStatus.PREQUEUE
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NINE_TO_FIVE = hours_of([{"day": day.value, "opens": "09:00", "closes": "17:00"} for day in Weekday], [], "UTC")


def at(hour: float, day: int = 0) -> datetime:
    """A time of that week."""
    return MONDAY + timedelta(days=day, hours=hour)


def event(
    start: float, end: float, prequeue: float | None = None, status: QueueStatus | None = None, **overrides: object
) -> PlannedEvent:
    """An event of Monday, by hours."""
    return PlannedEvent(
        uuid4(), at(start), at(end), None if prequeue is None else at(prequeue), None, status, tuple(overrides.items())
    )


def walked(plan: Plan, status: QueueStatus, until: float = 24, start: float = 0) -> list[tuple[float, QueueStatus]]:
    """When the status changes on Monday, and to what."""
    shown, found = status, []
    for boundary, standing in steps(plan, Standing(status), at(start), at(until)):
        if standing.status is not shown:
            found.append(((boundary.at - MONDAY) / timedelta(hours=1), standing.status))
        shown = standing.status
    return found


def test_hours_open_and_close() -> None:
    assert walked(Plan(NINE_TO_FIVE), CLOSED) == [(9, ACTIVE), (17, CLOSED)]
    assert walked(Plan(NINE_TO_FIVE), PAUSED) == [(17, CLOSED)], "a pause is staff's to end, until it closes"


def test_what_staff_did_stays_until_the_next_boundary() -> None:
    assert walked(Plan(NINE_TO_FIVE), ACTIVE, start=6) == [(17, CLOSED)], "opened early"
    assert walked(Plan(NINE_TO_FIVE), CLOSED, start=10, until=40) == [(33, ACTIVE)], "closed early: until tomorrow"


def test_maintenance_is_ended_by_staff_alone() -> None:
    plan = Plan(NINE_TO_FIVE, (event(10, 12, prequeue=9.5), event(13, 14, status=ACTIVE)))
    assert walked(plan, MAINTENANCE) == []


def test_an_event_without_a_status_leaves_it_to_the_hours() -> None:
    sale = event(16, 18, capacity=5)
    plan = Plan(NINE_TO_FIVE, (sale,))
    assert walked(plan, CLOSED) == [(9, ACTIVE), (17, CLOSED)]
    in_force = [standing.event for _, standing in steps(plan, Standing(CLOSED), at(0), at(24))]
    assert in_force == [None, sale, sale, None]


def test_a_prequeue_then_the_opening_then_the_hours_again() -> None:
    plan = Plan(NINE_TO_FIVE, (event(20, 22, prequeue=19),))
    assert walked(plan, CLOSED, start=18) == [(19, PREQUEUE), (20, ACTIVE), (22, CLOSED)]


def test_hours_pass_behind_an_event_that_decides() -> None:
    plan = Plan(NINE_TO_FIVE, (event(16, 18, status=ACTIVE),))
    assert walked(plan, ACTIVE, start=15) == [(18, CLOSED)], "the hours closed meanwhile"
    plan = Plan(NINE_TO_FIVE, (event(8, 10, status=CLOSED),))
    assert walked(plan, CLOSED, until=12) == [(10, ACTIVE)], "the hours opened meanwhile"
    plan = Plan(NINE_TO_FIVE, (event(8, 9, status=MAINTENANCE),))
    assert walked(plan, CLOSED, until=12) == [(8, MAINTENANCE), (9, ACTIVE)], "end and opening at one instant"


def test_without_hours_the_queue_is_afterwards_what_it_was() -> None:
    plan = Plan(None, (event(10, 12, status=MAINTENANCE),))
    assert walked(plan, PAUSED) == [(10, MAINTENANCE), (12, PAUSED)]
    plan = Plan(None, (event(10, 12, prequeue=9, status=PAUSED),))
    assert walked(plan, ACTIVE) == [(9, PREQUEUE), (10, PAUSED), (12, ACTIVE)]


def test_events_may_touch() -> None:
    first, second = event(10, 11, status=ACTIVE, capacity=1), event(11, 12, status=PAUSED, capacity=2)
    plan = Plan(None, (second, first))
    assert walked(plan, CLOSED) == [(10, ACTIVE), (11, CLOSED), (11, PAUSED), (12, CLOSED)]
    assert overlapping([first], second) is None


def test_overlaps_name_the_earliest_other_event() -> None:
    first, second, third = event(10, 11), event(12, 14, prequeue=11.5), event(15, 16)
    events = [third, second, first]
    assert overlapping(events, event(11.75, 11.9)) is second, "its pre-queue counts"
    assert overlapping(events, event(10.5, 15.5)) is first
    assert overlapping(events, event(11, 11.5)) is None
    assert overlapping(events, replace(second, ends_at=at(14.5))) is None, "not with itself"


def test_what_staff_does_in_a_prequeue_stays_until_the_next_boundary() -> None:
    plan = Plan(None, (sale := event(20, 22, prequeue=19),))
    closed = Standing(CLOSED, sale, False, ACTIVE)
    (opened, ended) = [standing for _, standing in steps(plan, closed, at(19.5), at(23))]
    assert (opened.status, opened.has_started, ended) == (ACTIVE, True, Standing(ACTIVE))
    early = Standing(ACTIVE, sale, False, CLOSED)
    assert [standing.status for _, standing in steps(plan, early, at(19.5), at(23))] == [ACTIVE, CLOSED]


def test_nothing_is_done_twice() -> None:
    sale = event(20, 22, prequeue=19, status=PAUSED)
    standing = Standing(CLOSED)
    for boundary in sale.boundaries():
        after = step(standing, boundary)
        assert after != standing
        assert step(after, boundary) == after
        standing = after
    other = Boundary(at(23), BoundaryKind.EVENT_ENDS, event(21, 23))
    assert step(Standing(ACTIVE, sale, True, CLOSED), other) == Standing(ACTIVE, sale, True, CLOSED)


def test_an_event_that_is_taken_away_ends() -> None:
    sale = event(20, 22, prequeue=19)
    assert end_now(Standing(PREQUEUE, sale, False, CLOSED)) == Standing(CLOSED)
    assert end_now(Standing(MAINTENANCE, sale, True, ACTIVE)) == Standing(MAINTENANCE), "staff's"
    assert end_now(Standing(ACTIVE)) == Standing(ACTIVE)


def test_when_it_opens_next() -> None:
    plan = Plan(NINE_TO_FIVE, (event(20, 22, prequeue=19),))
    assert next_opening(plan, Standing(CLOSED), at(6)) == at(9)
    assert next_opening(plan, Standing(CLOSED), at(9)) == at(19), "closed by staff just after nine: the pre-queue"
    assert next_opening(plan, Standing(CLOSED), at(23)) == at(9, day=1)
    assert next_opening(plan, Standing(ACTIVE), at(6)) is None
    assert next_opening(plan, Standing(MAINTENANCE), at(6)) is None, "staff's to end"
    assert next_opening(Plan(None), Standing(CLOSED), at(6)) is None


def test_when_there_is_something_to_do() -> None:
    assert Plan(None).due_after(at(6)) is None
    assert Plan(NINE_TO_FIVE).due_after(at(6)) == at(9)
    assert Plan(NINE_TO_FIVE).due_after(at(9)) == at(17), "what is due now has been done"
    never = hours_of([], [], "UTC")
    assert Plan(never).due_after(at(6)) == at(6) + LOOK_AGAIN
    far = PlannedEvent(UUID(int=1), at(0, day=30), at(1, day=30))
    assert Plan(None, (far,)).due_after(at(6)) == at(6) + LOOK_AGAIN


_HOURS = st.integers(0, 47)


@given(
    cuts=st.lists(_HOURS, max_size=6),
    marks=st.lists(st.integers(0, 48), min_size=2, max_size=8, unique=True).map(sorted),
    status=st.sampled_from([ACTIVE, PAUSED, CLOSED, MAINTENANCE]),
    wanted=st.lists(st.sampled_from([None, ACTIVE, PAUSED, CLOSED, MAINTENANCE]), min_size=4, max_size=4),
    with_hours=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_late_or_often_is_the_same(
    cuts: list[int],
    marks: list[int],
    status: QueueStatus,
    wanted: list[QueueStatus | None],
    with_hours: bool,
) -> None:
    """Applied in one go after an outage, or in pieces whenever a worker came by: the same boundaries, the same end."""
    events = [
        event(start, end, prequeue=start - 0.5 if number % 2 else None, status=wanted[number])
        for number, (start, end) in enumerate(zip(marks[::2], marks[1::2], strict=False))
    ]
    events = [one for number, one in enumerate(events) if overlapping(events[:number], one) is None]
    plan = Plan(NINE_TO_FIVE if with_hours else None, tuple(events))
    at_once = list(steps(plan, Standing(status), at(-1), at(48)))
    in_pieces, standing, begin = [], Standing(status), at(-1)
    for until in [*(at(cut) for cut in sorted(set(cuts))), at(48)]:
        done = list(steps(plan, standing, begin, until))
        in_pieces += done
        standing = done[-1][1] if done else standing
        begin = until + timedelta(microseconds=1)
    assert in_pieces == at_once
    if marks[-1] < 48:
        assert standing.event is None, "every event has ended"
