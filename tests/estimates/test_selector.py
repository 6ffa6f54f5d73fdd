"""The best measured speaks, who left teaches, and nothing is lost on the way through JSON."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimates.memory import recalled, remembered
from app.estimates.pace import LATELY_SECONDS, MOST_SERVICE_SECONDS, Pace
from app.estimates.selector import LEAST_MEASURED, Measured, Selector, pinball
from app.estimates.staying import Staying
from app.estimates.tracking import LEAST_OUTCOMES
from app.estimates.values import Estimate, Features, Reason
from tests.estimates.lines import PLAIN, line


def some_line(draw: random.Random) -> Features:
    return line(
        ahead=draw.randrange(20),
        head_wait_seconds=draw.uniform(10, 1_000),
        last_wait_seconds=draw.uniform(10, 1_000),
        category=draw.choice("AB"),
    )


def taught(outcomes: int, *, seed: int = 1) -> Selector:
    """In a line where the wait is what whoever stands first has waited, and one of four leaves."""
    selector, draw = Selector(), random.Random(seed)
    for _ in range(outcomes):
        features = some_line(draw)
        selector.learn(features, features.head_wait_seconds, served=draw.random() < 0.75)
    return selector


def test_pinball_by_hand() -> None:
    assert pinball(0.9, 100.0, 80.0) == pytest.approx(18)
    assert pinball(0.9, 80.0, 100.0) == pytest.approx(2)
    assert pinball(0.5, 80.0, 100.0) == pinball(0.5, 100.0, 80.0) == 10


def test_the_newest_loss_counts_most() -> None:
    measured = Measured()
    assert measured.mean == math.inf

    measured.add(Estimate(100.0, 100.0), 200.0, 1.0)
    assert measured.mean == pytest.approx(50 + 90)
    measured.add(Estimate(100.0, 100.0), 100.0, 2.0)
    assert measured.mean == pytest.approx(140 * 0.998 / 2.998)


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=15), st.sampled_from([0.5, 0.9]), st.floats(0, 1_000))
def test_no_number_loses_less_than_the_quantile(waits: list[float], tau: float, other: float) -> None:
    quantile = sorted(waits)[min(int(len(waits) * tau), len(waits) - 1)]

    def loss(said: float) -> float:
        return sum(pinball(tau, waited, said) for waited in waits)

    assert loss(quantile) <= loss(other) + 1e-6


def test_nothing_is_said_before_something_was_learned() -> None:
    assert Selector().predict(PLAIN) is None
    assert Selector().hidden_because(PLAIN) is Reason.NO_OUTCOMES
    assert taught(300).hidden_because(line(on_duty=0)) is Reason.NOBODY_ON_DUTY


def test_the_plain_rule_speaks_until_some_are_measured_then_the_best() -> None:
    selector, draw = Selector(), random.Random(2)
    voices = []
    for _ in range(LEAST_OUTCOMES + LEAST_MEASURED + 200):
        features = some_line(draw)
        voices.append(selector.chosen(features))
        selector.learn(features, features.head_wait_seconds, served=True)

    first = LEAST_OUTCOMES + LEAST_MEASURED
    assert voices[:LEAST_OUTCOMES] == [None] * LEAST_OUTCOMES
    assert voices[LEAST_OUTCOMES:first] == ["QUEUE_LENGTH"] * LEAST_MEASURED
    assert voices[first:] == ["HEAD_OF_LINE"] * 200


def test_the_voice_changes_with_the_line() -> None:
    selector, draw = taught(400), random.Random(3)
    assert selector.chosen(PLAIN) == "HEAD_OF_LINE"

    for _ in range(1_500):
        features = some_line(draw)
        selector.learn(features, features.last_wait_seconds or 0.0, served=True)

    assert selector.chosen(PLAIN) == "LAST_TO_ENTER"


def test_where_the_best_cannot_speak_the_next_does() -> None:
    selector, draw = Selector(), random.Random(4)
    for _ in range(400):
        features = some_line(draw)
        selector.learn(features, features.last_wait_seconds or 0.0, served=True)

    assert selector.chosen(PLAIN) == "LAST_TO_ENTER"
    unseen = line(last_wait_seconds=None)
    assert selector.chosen(unseen) not in (None, "LAST_TO_ENTER", "LAST_TO_ENTER_CALIBRATED")
    assert selector.predict(unseen) is not None


def test_who_left_is_no_outcome_but_gives_weight_to_who_stayed() -> None:
    left, stayed = Selector(), Selector()
    for _ in range(30):
        left.learn(PLAIN, 50.0, served=False)
    assert left.predictors == Selector().predictors
    assert left.measured == {}

    for _ in range(30):
        left.learn(PLAIN, 400.0, served=True)
        stayed.learn(PLAIN, 400.0, served=True)

    assert left.measured["QUEUE_LENGTH"].outcomes == stayed.measured["QUEUE_LENGTH"].outcomes == 10
    assert left.measured["QUEUE_LENGTH"].weight > stayed.measured["QUEUE_LENGTH"].weight


def test_all_is_remembered_through_json() -> None:
    before = taught(300)
    after = recalled(Selector, json.loads(json.dumps(remembered(before))))

    assert after == before
    draw = random.Random(9)
    for _ in range(50):
        features, waited, served = some_line(draw), draw.expovariate(1 / 200), draw.random() < 0.7
        assert after.predict(features) == before.predict(features)
        before.learn(features, waited, served=served)
        after.learn(features, waited, served=served)
    assert remembered(after) == remembered(before)


def test_what_is_remembered_does_not_grow() -> None:
    def size(outcomes: int) -> int:
        def count(state: object) -> int:
            if isinstance(state, dict):
                return sum(count(each) for each in state.values())
            return sum(count(each) for each in state) if isinstance(state, list) else 1

        return count(remembered(taught(outcomes)))

    assert size(600) == size(300) < 3_000


def test_anothers_state_is_refused() -> None:
    with pytest.raises(ValueError, match="validation error"):
        recalled(Selector, {"predictors": {"X": {"kind": "UNHEARD_OF"}}})
    with pytest.raises(ValueError, match="validation error"):
        recalled(Staying, {"ends": "none"})


def test_the_pace_by_hand() -> None:
    pace = Pace()
    assert pace.service_seconds is None
    assert pace.starts_per_second(100.0) == 0.0

    pace.ended(100.0)
    pace.ended(200.0)
    assert pace.service_seconds == pytest.approx(102)
    pace.ended(1e9)
    assert pace.service_seconds == pytest.approx(102 + (MOST_SERVICE_SECONDS - 102) / 50)

    pace.began(1_000.0)
    pace.entered(1_000.0, 70.0, "A")
    assert pace.starts_per_second(1_000.0) == pytest.approx(2 / LATELY_SECONDS)
    assert pace.starts_per_second(1_000.0 + LATELY_SECONDS) == pytest.approx(2 / LATELY_SECONDS / 2.718282)
    assert pace.last is not None
    assert (pace.last.at, pace.last.waited_seconds) == (1_000.0, 70.0)
    assert set(pace.last_by_category) == {"A"}
    assert recalled(Pace, json.loads(json.dumps(remembered(pace)))) == pace
