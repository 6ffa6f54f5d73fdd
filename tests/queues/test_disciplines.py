"""Who stands where: what each discipline promises, for whatever line hypothesis can think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.queues import disciplines
from app.queues.disciplines import BYPASS_CLASS, Lot, Rank, Standing, rank_of
from app.queues.models import QueueDiscipline

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
STEP = disciplines.SEQUENCE_STEP
CREDITS = st.dictionaries(st.integers(0, 9), st.floats(0, 600).map(lambda seconds: round(seconds, 3)), max_size=10)
MULTIPLIERS = st.sampled_from([0, 1, 50, 100, 150, 333, 1000])


def _later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@st.composite
def lines(draw: st.DrawFn, *, bypassed: bool = True) -> list[Standing]:
    """People in order of coming, some of them at the very same time."""
    people: list[Standing] = []
    at = 0.0
    for number in range(1, draw(st.integers(2, 25)) + 1):
        at += draw(st.sampled_from([0.0, 0.001, 1.0, 30.0, 300.0]))
        people.append(
            Standing(
                priority=draw(st.integers(0, 9)),
                joined_at=_later(at),
                sequence=number * STEP,
                multiplier_hundredths=draw(MULTIPLIERS),
                is_bypassed=bypassed and draw(st.integers(0, 5)) == 0,
            )
        )
    return people


@st.composite
def drawn_lines(draw: st.DrawFn) -> list[Standing]:
    """A line of which the first have drawn their places, and the rest have come after the opening."""
    people = draw(lines())
    present = draw(st.integers(0, len(people)))
    opening = people[present - 1].joined_at if present else NOON
    numbers = draw(st.lists(st.integers(0, 2**63 - 1), min_size=present, max_size=present, unique=True))
    drawn = [replace(one, lot=Lot(opening, number)) for one, number in zip(people, numbers, strict=False)]
    return drawn + [replace(one, joined_at=one.joined_at + timedelta(microseconds=1)) for one in people[present:]]


def _order(people: list[Standing], discipline: QueueDiscipline, credits: dict[int, float]) -> list[Standing]:
    return sorted(people, key=lambda one: rank_of(discipline, credits, one))


@given(drawn_lines(), CREDITS, st.sampled_from(list(QueueDiscipline)), st.randoms())
def test_the_order_is_the_same_whoever_asks_and_however_often(
    people: list[Standing], credits: dict[int, float], discipline: QueueDiscipline, random: Random
) -> None:
    """No two share a place; what is tried again, or asked of another process, comes out the same."""
    order = _order(people, discipline, credits)
    assert len({rank_of(discipline, credits, one) for one in people}) == len(people)
    again = [*people, *random.choices(people, k=len(people))]
    random.shuffle(again)
    assert list(dict.fromkeys(_order(again, discipline, credits))) == order


@given(drawn_lines(), CREDITS, st.sampled_from(list(QueueDiscipline)), st.randoms())
def test_who_comes_and_goes_does_not_turn_the_others_round(
    people: list[Standing], credits: dict[int, float], discipline: QueueDiscipline, random: Random
) -> None:
    order = _order(people, discipline, credits)
    some = random.sample(people, random.randint(0, len(people)))
    assert _order(some, discipline, credits) == [one for one in order if one in some]


@given(drawn_lines(), CREDITS, st.sampled_from(list(QueueDiscipline)))
def test_the_bypassed_are_first_in_every_discipline_in_join_order(
    people: list[Standing], credits: dict[int, float], discipline: QueueDiscipline
) -> None:
    order = _order(people, discipline, credits)
    first = [one for one in people if one.is_bypassed]
    assert order[: len(first)] == sorted(first, key=lambda one: (one.joined_at, one.sequence))
    assert [disciplines.is_bypassed(rank_of(discipline, credits, one).rank_class) for one in order] == [
        one.is_bypassed for one in order
    ]


@given(lines(bypassed=False), CREDITS)
def test_priority_puts_the_higher_class_first_and_each_in_join_order(
    people: list[Standing], credits: dict[int, float]
) -> None:
    expected = sorted(people, key=lambda one: (-disciplines.class_of(one), one.joined_at, one.sequence))
    assert _order(people, QueueDiscipline.PRIORITY, credits) == expected


@given(drawn_lines(), CREDITS)
def test_a_lottery_decides_within_a_class_and_late_joiners_follow_in_join_order(
    people: list[Standing], credits: dict[int, float]
) -> None:
    order = [one for one in _order(people, QueueDiscipline.LOTTERY, credits) if not one.is_bypassed]
    classes = [disciplines.class_of(one) for one in order]
    assert classes == sorted(classes, reverse=True)
    for higher in set(classes):
        of_class = [one for one in order if disciplines.class_of(one) == higher]
        drawn = [one for one in of_class if one.lot is not None]
        assert of_class[: len(drawn)] == drawn, "present at the opening, and behind somebody who was not"
        assert [one.lot for one in drawn] == sorted(one.lot for one in drawn if one.lot is not None)
        late = of_class[len(drawn) :]
        assert late == sorted(late, key=lambda one: (one.joined_at, one.sequence))


def _window(credits: dict[int, float], one: Standing, largest: int) -> timedelta:
    return timedelta(seconds=disciplines.overtaking_seconds(credits, one.priority, one.multiplier_hundredths, largest))


@given(lines(bypassed=False), CREDITS)
def test_under_time_credit_nobody_is_overtaken_after_their_window(
    people: list[Standing], credits: dict[int, float]
) -> None:
    """The bound: the largest credit less one's own. Whoever joins later than that after somebody is behind them."""
    largest = max(one.multiplier_hundredths for one in people)
    order = _order(people, QueueDiscipline.TIME_CREDIT, credits)
    for place, one in enumerate(order):
        last = one.joined_at + _window(credits, one, largest)
        # A credit is rounded to a microsecond, once for each of the two.
        assert all(ahead.joined_at <= last + timedelta(microseconds=1) for ahead in order[:place])


@given(lines(bypassed=False), CREDITS, st.floats(0.5, 120))
def test_under_time_credit_nobody_starves_however_many_come(
    people: list[Standing], credits: dict[int, float], service_seconds: float
) -> None:
    """One server, and people who never stop coming with the largest credit there is: everybody is served in time.

    In time: when those are served who were ahead at the join, or came within the window. Under plain priority this line
    starves everybody but the highest class.
    """
    largest = max(one.multiplier_hundredths for one in people)
    best = max(credits, key=lambda priority: credits[priority], default=0)
    windows = {one: _window(credits, one, largest) for one in people}
    end = max(one.joined_at + windows[one] for one in people) + timedelta(seconds=service_seconds * 3)
    pressing, at = [], NOON
    while at < end and len(pressing) < 300:
        at += timedelta(seconds=max(service_seconds * 0.9, (end - NOON).total_seconds() / 300))
        pressing.append(Standing(best, at, (len(people) + len(pressing) + 1) * STEP, largest))
    coming = sorted([*people, *pressing], key=lambda one: (one.joined_at, one.sequence))
    ranks = {one: rank_of(QueueDiscipline.TIME_CREDIT, credits, one) for one in coming}
    served: list[Standing] = []
    waiting: list[Standing] = []
    now = NOON
    for one in coming:
        while waiting and now < one.joined_at:
            first = min(waiting, key=ranks.__getitem__)
            waiting.remove(first)
            served.append(first)
            now += timedelta(seconds=service_seconds)
        now = max(now, one.joined_at)
        waiting.append(one)
    served += sorted(waiting, key=ranks.__getitem__)
    for one in people:
        most = sum(other.joined_at <= one.joined_at + windows[one] + timedelta(microseconds=1) for other in coming)
        assert served.index(one) < most


def test_under_priority_somebody_does_starve() -> None:
    """What the two tests above would see: the bound is one of time credit, not of the way it is tested."""
    low, high = Standing(0, NOON, STEP), Standing(1, _later(10_000), 2 * STEP)
    assert rank_of(QueueDiscipline.PRIORITY, {1: 1.0}, high) < rank_of(QueueDiscipline.PRIORITY, {1: 1.0}, low)
    assert rank_of(QueueDiscipline.TIME_CREDIT, {1: 1.0}, high) > rank_of(QueueDiscipline.TIME_CREDIT, {1: 1.0}, low)


def test_time_credit_is_worth_its_seconds_and_no_more() -> None:
    credits = {1: 90.0, 2: 0.0}

    def rank(priority: int, seconds: float, sequence: int, multiplier: int = 100) -> Rank:
        return rank_of(QueueDiscipline.TIME_CREDIT, credits, Standing(priority, _later(seconds), sequence, multiplier))

    assert rank(1, 89.999, 2) < rank(0, 0, 1)
    assert rank(1, 90.001, 2) > rank(0, 0, 1)
    assert rank(1, 90, 2) > rank(0, 0, 1), "in a tie whoever came first"
    assert rank(2, 1, 2) > rank(0, 0, 1)
    assert rank(9, 1, 2) > rank(0, 0, 1), "a priority that is not listed is worth nothing"
    assert rank(1, 134.999, 2, 150) < rank(0, 0, 1), "a multiplier of 1.5 makes 135 seconds of it"
    assert rank(1, 135.001, 2, 150) > rank(0, 0, 1)
    assert rank(1, 1, 2, 0) > rank(0, 0, 1)


@pytest.mark.parametrize(
    ("priority", "hundredths", "expected"),
    [(0, 1000, 0), (3, 100, 3), (3, 150, 5), (5, 30, 2), (5, 29, 1), (9, 1000, 90), (9, 0, 0), (1, 50, 1), (1, 49, 0)],
)
def test_a_class_is_priority_times_multiplier_with_halves_rounded_up(
    priority: int, hundredths: int, expected: int
) -> None:
    assert disciplines.class_of(Standing(priority, NOON, STEP, hundredths)) == expected
    assert -expected > BYPASS_CLASS


def test_right_behind_somebody_before_the_next_of_the_same_time() -> None:
    target = Rank(0, NOON, STEP)
    assert disciplines.rank_behind(target, None, 9216) == Rank(0, NOON, 9216)
    last = 2 * STEP
    for _ in range(6):
        rank = disciplines.rank_behind(target, last, 9216)
        assert target < rank < Rank(0, NOON, last)
        last = rank.sequence
    assert disciplines.rank_behind(target, last, 9216) == Rank(0, NOON, 9216), "no number is left"


@given(st.integers(0, 2**63 - 1), st.none() | st.integers(1, 2**63 - 1), st.integers(1, 10**9))
def test_behind_somebody_is_behind_them_whatever_number_they_have_drawn(
    number: int, gap: int | None, fresh: int
) -> None:
    target = Rank(-3, NOON, number)
    following = None if gap is None else min(number + gap, 2**63 - 1)
    behind = disciplines.rank_behind(target, following if following != number else None, fresh * STEP)
    assert target < behind < Rank(-3, NOON + timedelta(microseconds=2), 0)
    assert behind.sequence < 2**63
    if following is not None and following - number > 1:
        assert behind < Rank(-3, NOON, following)


def test_stored_credits_are_read_back() -> None:
    assert disciplines.credits_by_priority([{"priority": 2, "seconds": 90.0}, {"priority": 3.0, "seconds": 1}]) == {
        2: 90.0,
        3: 1.0,
    }
