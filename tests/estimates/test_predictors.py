"""What each predictor says: the rules by hand, when nothing or little is said, and what holds for any line."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.estimates.classic import Classic, Rule, number
from app.estimates.memory import remembered
from app.estimates.regression import INPUTS, MovingQuantiles, Slope, place_of, shown
from app.estimates.selector import Selector
from app.estimates.tracking import ENOUGH_OUTCOMES, LEAST_OUTCOMES, Track, widening
from app.estimates.values import Features, Predictor, Reason
from tests.estimates.lines import PLAIN, line, lines


def taught(predictor: Predictor, outcomes: int, waited_seconds: float = 100.0) -> Predictor:
    for _ in range(outcomes):
        predictor.learn(PLAIN, waited_seconds, 1.0)
    return predictor


@pytest.mark.parametrize(
    ("rule", "features", "seconds"),
    [
        (Rule.QUEUE_LENGTH, PLAIN, 4 * 120 / 2),
        (Rule.QUEUE_LENGTH, line(ahead=0, on_duty=4), 30.0),
        (Rule.QUEUE_LENGTH, line(service_seconds=None), None),
        (Rule.QUEUE_LENGTH, line(on_duty=0), None),
        (Rule.LAST_TO_ENTER, PLAIN, 200.0),
        (Rule.LAST_TO_ENTER, line(last_wait_seconds=None), None),
        (Rule.HEAD_OF_LINE, PLAIN, 150.0),
    ],
)
def test_the_rules_by_hand(rule: Rule, features: Features, seconds: float | None) -> None:
    assert number(rule, features) == seconds


@pytest.mark.parametrize("predictor", [Classic(Rule.QUEUE_LENGTH), MovingQuantiles()])
def test_few_outcomes_are_said_so(predictor: Predictor) -> None:
    taught(predictor, LEAST_OUTCOMES - 1)
    assert predictor.predict(PLAIN) is None
    assert predictor.hidden_because(PLAIN) is Reason.NO_OUTCOMES

    taught(predictor, 1)
    first = predictor.predict(PLAIN)
    assert first is not None
    assert first.reason is Reason.FEW_OUTCOMES

    taught(predictor, ENOUGH_OUTCOMES - LEAST_OUTCOMES)
    later = predictor.predict(PLAIN)
    assert later is not None
    assert later.reason is None
    assert later.p90_seconds < first.p90_seconds


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        (line(on_duty=0), Reason.NOBODY_ON_DUTY),
        (line(service_seconds=None), Reason.NOT_OBSERVED),
    ],
)
def test_a_line_that_cannot_be_read_is_said_so(features: Features, reason: Reason) -> None:
    for predictor in (taught(Classic(Rule.QUEUE_LENGTH), 100), taught(MovingQuantiles(), 100)):
        assert predictor.hidden_because(features) is reason
        assert predictor.predict(features) is None


def test_a_rule_as_it_stands_and_calibrated() -> None:
    # Waits are always half of what the rule says.
    plain = taught(Classic(Rule.QUEUE_LENGTH), 400, 120.0).predict(PLAIN)
    calibrated = taught(Classic(Rule.QUEUE_LENGTH, is_calibrated=True), 400, 120.0).predict(PLAIN)

    assert plain is not None
    assert calibrated is not None
    assert plain.p50_seconds == 240.0
    assert calibrated.p50_seconds == pytest.approx(120, rel=0.1)
    # What is never exceeded: P90 is not below P50, as said.
    assert plain.p90_seconds == 240.0
    assert calibrated.p90_seconds == pytest.approx(120, rel=0.1)


def test_the_regression_begins_at_the_queue_length() -> None:
    assert len(shown(PLAIN)) == INPUTS
    assert MovingQuantiles().middle.value(shown(PLAIN), None) == pytest.approx(math.log1p(240))


def test_the_regression_learns_what_no_rule_sees() -> None:
    # Category B waits ten times as long; nothing else differs.
    quantiles, draw = MovingQuantiles(), random.Random(5)
    for _ in range(3_000):
        category = draw.choice("AB")
        quantiles.learn(line(category=category), (10 if category == "B" else 1) * draw.uniform(20, 40), 1.0)

    a, b = quantiles.predict(line(category="A")), quantiles.predict(line(category="B"))
    assert a is not None
    assert b is not None
    assert (a.p50_seconds, a.p90_seconds) == pytest.approx((30, 38), rel=0.15)
    assert (b.p50_seconds, b.p90_seconds) == pytest.approx((300, 380), rel=0.15)


def test_a_step_of_the_regression_has_its_weight() -> None:
    one, three = Slope.starting(0.5, 0.0), Slope.starting(0.5, 0.0)
    one.step(shown(PLAIN), None, 1.0, 1.0, 0)
    three.step(shown(PLAIN), None, 1.0, 3.0, 0)

    # What is walked is counted in squares.
    assert three.walked[0] - 1e-6 == pytest.approx(9 * (one.walked[0] - 1e-6))


@pytest.mark.parametrize("predictor", [Classic(Rule.QUEUE_LENGTH), MovingQuantiles()])
def test_with_few_outcomes_only_p90_is_further(predictor: Classic | MovingQuantiles) -> None:
    track = predictor.high if isinstance(predictor, Classic) else predictor.high_track
    said = []
    for track.seen in (LEAST_OUTCOMES, ENOUGH_OUTCOMES):
        estimate = predictor.predict(PLAIN)
        assert estimate is not None
        said.append(estimate)

    few, enough = said
    assert few.p50_seconds == enough.p50_seconds
    assert (1 + few.p90_seconds) / (1 + enough.p90_seconds) == pytest.approx(math.exp(widening(LEAST_OUTCOMES)))


def test_more_categories_than_are_kept() -> None:
    quantiles = MovingQuantiles()
    for number_ in range(40):
        quantiles.learn(line(category=f"{number_}"), 100.0, 1.0)

    assert len(quantiles.categories) == 16
    assert quantiles.predict(line(category="39")) is not None


@settings(max_examples=25, deadline=None)
@given(lines, st.lists(st.tuples(lines, st.floats(0, 1e6), st.floats(1, 8)), max_size=8), st.integers(0, 300))
def test_for_any_line_and_past(now: Features, past: list[tuple[Features, float, float]], seen: int) -> None:
    selector = Selector()
    for features, waited, weight in past:
        for predictor in selector.predictors.values():
            predictor.learn(features, waited, weight)
    for predictor in selector.predictors.values():
        track = predictor.high if isinstance(predictor, Classic) else predictor.high_track
        track.seen += seen
        before = remembered(predictor)
        estimate = predictor.predict(now)

        assert (estimate is None) == (predictor.hidden_because(now) is not None)
        assert estimate is None or 0 <= estimate.p50_seconds <= estimate.p90_seconds < math.inf
        assert remembered(predictor) == before


def test_a_track_finds_its_quantile() -> None:
    draw, track, above = random.Random(11), Track(0.9), 0
    for count in range(8_000):
        value = draw.gauss(3.0, 1.0)
        above += count >= 2_000 and value > track.value
        track.follow(value)

    assert above / 6_000 == pytest.approx(0.1, abs=0.01)
    assert track.value == pytest.approx(3.0 + 1.2816, abs=0.15)


def test_a_track_gives_a_heavy_value_its_weight() -> None:
    # A quarter of the values is 10 and stands for three each: half of the weight, so 0.4 lies at 0 and 0.6 at 10.
    low, high = Track(0.4), Track(0.6)
    for count in range(8_000):
        value, weight = (10.0, 3.0) if count % 4 == 0 else (0.0, 1.0)
        low.follow(value, weight)
        high.follow(value, weight)

    assert low.value == pytest.approx(0, abs=0.1)
    assert high.value == pytest.approx(10, abs=0.1)


def test_widening_ends() -> None:
    assert [widening(count) for count in (ENOUGH_OUTCOMES, 10_000)] == [0.0, 0.0]
    values = [widening(count) for count in range(ENOUGH_OUTCOMES + 1)]
    assert values == sorted(values, reverse=True)
    assert math.exp(widening(LEAST_OUTCOMES)) == pytest.approx(1.58, abs=0.01)


def test_a_long_line_has_a_p90_of_its_own() -> None:
    """Where more than one of ten waits longer than was said, more is added there, and for nobody else."""
    predictor = taught(MovingQuantiles(), 300)
    assert isinstance(predictor, MovingQuantiles)
    short, long = line(ahead=0), line(ahead=12)
    before = {each.ahead: predictor.predict(each) for each in (short, long)}
    for _ in range(20):
        predictor.by_place[place_of(12)].follow(1.0, 1.0)
    there, elsewhere = predictor.predict(long), predictor.predict(short)
    assert elsewhere == before[0]
    assert there is not None
    was = before[12]
    assert was is not None
    assert there.p90_seconds > was.p90_seconds * 1.2
    assert there.p50_seconds == was.p50_seconds
