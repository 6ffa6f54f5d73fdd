"""Who left is not forgotten: Kaplan–Meier by hand, what always holds, and quantiles found behind the leaving."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.estimates import staying as module
from app.estimates.regression import MovingQuantiles
from app.estimates.staying import MOST_WEIGHT, Staying
from tests.estimates.lines import PLAIN

ends = st.lists(st.tuples(st.sampled_from("AB"), st.floats(0, 1e5), st.booleans()), max_size=40)


def taught(*waits: tuple[float, bool], category: str = "A") -> Staying:
    staying = Staying()
    for waited, served in waits:
        staying.learn(category, waited, served=served)
    return staying


def test_four_waits_by_hand() -> None:
    # Left after 10 s (1 of 4), served after 20 s, left after 40 s (1 of 2), served after 80 s.
    staying = taught((10, False), (20, True), (40, False), (80, True))

    assert staying.probability("A", 5) == 1.0
    assert staying.probability("A", 20) == pytest.approx(3 / 4)
    # Who leaves just then still stood beside.
    assert staying.probability("A", 40) == pytest.approx(3 / 4)
    assert staying.probability("A", 80) == pytest.approx(3 / 4 * 1 / 2)
    # The two served stand for all four.
    assert staying.weight("A", 20) + staying.weight("A", 80) == pytest.approx(4)


def test_who_is_served_in_the_same_cell_was_at_risk_for_half_of_it() -> None:
    # One of three left, one was served meanwhile: one of two and a half.
    staying = taught((10, False), (10, True), (100, True))

    assert staying.probability("A", 100) == pytest.approx(1 - 1 / 2.5)


def test_where_nobody_leaves_each_stands_for_themselves() -> None:
    staying = taught(*[(waited, True) for waited in (1.0, 10.0, 100.0, 1_000.0)])

    assert [staying.weight("A", waited) for waited in (0.0, 50.0, 1e6)] == [1.0, 1.0, 1.0]


def test_nobody_stands_for_more_than_the_bound() -> None:
    staying = taught(*[(10.0, False)] * 99, (1_000.0, True))

    assert staying.probability("A", 1_000) == pytest.approx(1 / 100)
    assert staying.weight("A", 1_000) == MOST_WEIGHT


def test_the_impatience_of_a_category_is_its_own() -> None:
    staying = Staying()
    for _ in range(200):
        staying.learn("patient", 100.0, served=True)
        staying.learn("impatient", 20.0, served=False)
        staying.learn("impatient", 100.0, served=True)

    # Pooled a third left; nearly none of the patient and nearly half of the impatient did.
    assert staying.probability("unknown", 100) == pytest.approx(2 / 3)
    assert staying.probability("patient", 100) == pytest.approx(1 - 20 / 3 / 220)
    assert staying.probability("impatient", 100) == pytest.approx(1 - (200 + 20 / 3) / 420)


def test_the_seventeenth_category_is_looked_at_with_all() -> None:
    staying = Staying()
    for number in range(17):
        staying.learn(f"{number}", 10.0, served=True)

    assert len(staying.by_category) == 16
    assert staying.ends.counted == 17


def test_older_ends_weigh_less_once_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 100.0)
    staying = taught(*[(10.0, False)] * 50, *[(100.0, True)] * 50)
    assert staying.probability("A", 100) == pytest.approx(1 / 2)
    assert staying.ends.counted == 50

    for _ in range(49):
        staying.learn("A", 100.0, served=True)

    # 50 halved to 25 of 99.
    assert staying.probability("A", 100) == pytest.approx(1 - 25 / 99)


@given(ends, st.lists(st.floats(0, 1e6), min_size=2, max_size=2))
def test_the_longer_the_fewer(waits: list[tuple[str, float, bool]], two: list[float]) -> None:
    staying = Staying()
    for category, waited, served in waits:
        staying.learn(category, waited, served=served)
    sooner, later = sorted(two)

    assert 0 <= staying.probability("A", later) <= staying.probability("A", sooner) <= 1
    assert 1 <= staying.weight("A", sooner) <= staying.weight("A", later) <= MOST_WEIGHT


def test_quantiles_are_those_had_all_stayed() -> None:
    # Waits are exponential with mean 100 s, patience with mean 200 s: a third leave, more of those with long waits.
    draw = random.Random(3)
    weighted, blind, staying = MovingQuantiles(), MovingQuantiles(), Staying()
    within = {"P50": 0, "P90": 0, "blind P50": 0, "blind P90": 0}
    for number in range(4_000):
        wait, patience = draw.expovariate(1 / 100), draw.expovariate(1 / 200)
        if number >= 1_000:
            # Only here the whole wait of those who will leave is known.
            for name, quantiles in (("", weighted), ("blind ", blind)):
                said = quantiles.predict(PLAIN)
                assert said is not None
                within[f"{name}P50"] += wait <= said.p50_seconds
                within[f"{name}P90"] += wait <= said.p90_seconds
        if wait <= patience:
            weighted.learn(PLAIN, wait, staying.weight("A", wait))
            blind.learn(PLAIN, wait, 1.0)
        staying.learn("A", min(wait, patience), served=wait <= patience)

    shares = {name: count / 3_000 for name, count in within.items()}
    # Blind, the median is that of both rates together, 46 s, which 37 % wait at most; and 78 % their P90.
    meant = {"P50": 0.5, "P90": 0.9, "blind P50": 0.37, "blind P90": 0.785}
    assert shares == pytest.approx(meant, abs=0.025)
