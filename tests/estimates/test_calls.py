"""The recorded line by hand: what is seen on joining, in which order things are known, and that nobody looks ahead."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from app.replay.source import SAMPLE
from bench.estimates.calls import Call, Decided, Joined, moments, read
from bench.estimates.evaluation import Forecasters, told


def call(joined: float, left: float, *, served: bool = True, credit: float = 0.0, **details: object) -> Call:
    started, ended = (left, left + 100.0) if served else (None, None)
    plain = Call(joined, left, served, "PS", credit, started, ended, "ANN" if served else None)
    return replace(plain, **details)  # type: ignore[arg-type]


def test_what_is_seen_on_joining() -> None:
    seen = moments(
        [
            call(0, 0),
            call(10, 100, agent="BOB"),
            call(20, 300, category="NW"),
            call(60, 250, served=False),
            # Ninety seconds of credit: as if it had joined at 20, so behind the call of that second only.
            call(110, 205, credit=90.0, agent="BOB"),
            # The three who still wait are ahead, one of them of its own category.
            call(120, 400, category="NW"),
        ]
    )
    joins = [moment.features for moment in seen if isinstance(moment, Joined)]

    assert len(joins) == 5
    first, second, _, with_credit, last = joins
    assert (first.ahead, first.on_duty, first.service_seconds, first.last_wait_seconds) == (0, 1, None, None)
    assert (first.head_wait_seconds, first.starts_per_second) == (0.0, pytest.approx(1 / 600, rel=0.02))
    assert (second.ahead, second.ahead_alike, second.head_wait_seconds, second.category) == (1, 0, 10.0, "NW")
    assert (with_credit.ahead, with_credit.credit_seconds, with_credit.head_wait_seconds) == (1, 90.0, 90.0)
    assert (with_credit.on_duty, with_credit.service_seconds) == (2, 100.0)
    assert (with_credit.last_wait_seconds, with_credit.last_wait_age_seconds) == (90.0, 10.0)
    assert (with_credit.last_wait_alike_seconds, last.last_wait_alike_seconds) == (90.0, None)
    assert (last.ahead, last.ahead_alike, last.head_wait_seconds) == (3, 1, 100.0)
    assert last.local_hour == pytest.approx(120 / 3_600)


def test_of_one_second_joins_are_first() -> None:
    # At 50 one is called and one joins: who joins still sees the line with the other in it.
    seen = list(moments([call(0, 50), call(50, 80)]))

    assert [(type(moment), moment.call) for moment in seen] == [(Joined, 0), (Joined, 1), (Decided, 0), (Decided, 1)]
    joined = seen[1]
    assert isinstance(joined, Joined)
    assert (joined.features.ahead, joined.features.last_wait_seconds) == (1, None)


def test_who_was_answered_at_once_never_joined() -> None:
    assert list(moments([call(0, 0), call(5, 5)])) == []


AT = 12 * 3_600


def forecasts(seen: Iterable[Joined | Decided], before: float) -> list[object]:
    """All that was said before a moment."""
    return [(one.at, one.chosen, one.estimates) for one in told(seen, Forecasters()) if one.at <= before]


@pytest.fixture(scope="module")
def worlds() -> tuple[list[Call], list[Call], float]:
    """The sample morning, and another that is the same until noon: who then waits is decided later and otherwise."""
    calls = [each for each in read(SAMPLE) if each.joined_at % 86_400 < AT + 1_800]
    noon = calls[0].joined_at // 86_400 * 86_400 + AT
    others = []
    for each in calls:
        if each.joined_at > noon:
            continue
        if each.left_at > noon:
            each = replace(each, left_at=each.left_at + 900, is_served=not each.is_served, ended_at=None, agent=None)
        elif each.ended_at is not None and each.ended_at > noon:
            each = replace(each, ended_at=each.ended_at + 900)
        others.append(each)
    return calls, others, noon


def test_what_is_said_does_not_depend_on_what_comes(worlds: tuple[list[Call], list[Call], float]) -> None:
    calls, others, noon = worlds
    ours, theirs = forecasts(moments(calls), noon), forecasts(moments(others), noon)

    assert len(ours) > 500
    assert ours == theirs


def test_an_outcome_known_too_early_is_seen(worlds: tuple[list[Call], list[Call], float]) -> None:
    """The check above can fail: learned on joining, the outcomes after noon show before it."""
    calls, others, noon = worlds

    def leaking(seen: Iterable[Joined | Decided]) -> Iterable[Joined | Decided]:
        all_seen = list(seen)
        decided = {moment.call: moment for moment in all_seen if isinstance(moment, Decided)}
        for moment in all_seen:
            if isinstance(moment, Joined):
                yield moment
                yield decided[moment.call]

    assert forecasts(leaking(moments(calls)), noon) != forecasts(leaking(moments(others)), noon)


def test_a_feature_from_the_future_is_seen(worlds: tuple[list[Call], list[Call], float]) -> None:
    calls, others, noon = worlds

    def leaking(of: list[Call]) -> Iterable[Joined | Decided]:
        for moment in moments(of):
            if isinstance(moment, Joined):
                rest = of[moment.call].left_at - moment.at
                moment = replace(moment, features=replace(moment.features, head_wait_seconds=rest))
            yield moment

    assert forecasts(leaking(calls), noon) != forecasts(leaking(others), noon)
