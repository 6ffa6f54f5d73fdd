"""How good estimates were, from sums: against the same worked out sample by sample, and what people are told of it."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from app.estimates.selector import pinball
from app.estimates.staying import cell_of
from app.sessions.waits.accuracy import Cell, Figures, sentence, served_only, weighted

NOW = datetime(2026, 5, 11, 12, 0, tzinfo=UTC)


def cells(samples: list[tuple[float, bool]], p50: float, p90: float) -> list[Cell]:
    """Samples of waits and whether a call ended them, all told the same."""
    found, by_cell = [], defaultdict[int, list[tuple[float, bool]]](list)
    for one in samples:
        by_cell[cell_of(one[0])].append(one)
    for number, there in sorted(by_cell.items()):
        served = [waited for waited, is_served in there if is_served]
        found.append(
            Cell(
                cell=number,
                left=float(len(there) - len(served)),
                served=float(len(served)),
                told=float(len(served)),
                samples=len(served),
                absolute=sum(abs(waited - p50) for waited in served),
                signed=sum(p50 - waited for waited in served),
                pinball_p50=sum(pinball(0.5, waited, p50) for waited in served),
                pinball_p90=sum(pinball(0.9, waited, p90) for waited in served),
                within_p50=float(sum(waited <= p50 for waited in served)),
                within_p90=float(sum(waited <= p90 for waited in served)),
            )
        )
    return found


def test_of_those_served_it_is_the_plain_mean() -> None:
    found = served_only(cells([(10.0, True), (100.0, True), (400.0, True), (90.0, False)], 60.0, 200.0))
    assert found is not None
    assert found.mean_absolute_error_seconds == pytest.approx((50 + 40 + 340) / 3)
    assert found.bias_seconds == pytest.approx((50 - 40 - 340) / 3)
    assert found.pinball_p90_seconds == pytest.approx((19 + 10 + 180) / 3)
    assert (found.within_p50, found.within_p90) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert served_only(cells([(90.0, False)], 60.0, 200.0)) is None
    assert weighted([]) is None


def test_whoever_stays_stands_for_those_who_left() -> None:
    """Everybody's wait is drawn, and everybody's patience; what is known of the impatient is only that they left."""
    random = Random(4)
    waits = [random.expovariate(1 / 300) for _ in range(4_000)]
    seen = [(min(wait, patience := random.expovariate(1 / 600)), wait <= patience) for wait in waits]
    p50, p90 = sorted(waits)[2_000], sorted(waits)[3_600]
    plain, whole = served_only(cells(seen, p50, p90)), weighted(cells(seen, p50, p90))
    assert plain is not None
    assert whole is not None
    # Of the patient alone far more seem to wait less than was said.
    assert plain.within_p90 > 0.95
    assert whole.within_p90 == pytest.approx(0.9, abs=0.03)
    assert whole.within_p50 == pytest.approx(0.5, abs=0.03)


FIGURES = Figures(30.0, 0.0, 15.0, 9.0, 0.5, 0.96)


@pytest.mark.parametrize(
    ("locale", "days", "said"),
    [
        ("en", 7, "In the last 7 days 9 of 10 visitors waited less than we said."),
        ("en-GB", 1, "In the last 24 hours 9 of 10 visitors waited less than we said."),
        ("de", 30, "In den letzten 30 Tagen warteten 9 von 10 Besuchern kürzer als angekündigt."),
        ("fr", 7, "Ces 7 derniers jours 9 visiteurs sur 10 ont attendu moins longtemps qu’annoncé."),
        ("es", 7, "En los últimos 7 días 9 de cada 10 visitantes esperaron menos de lo anunciado."),
        ("ar", 7, "خلال آخر 7 أيام انتظر 9 من كل 10 زوار أقل مما أعلنّا."),
        ("ar", 30, "خلال آخر 30 يومًا انتظر 9 من كل 10 زوار أقل مما أعلنّا."),
        ("tlh", 3, "In the last 3 days 9 of 10 visitors waited less than we said."),
    ],
)
def test_what_people_are_told(locale: str, days: int, said: str) -> None:
    assert sentence(FIGURES, 20, NOW - timedelta(days=days), NOW, NOW, locale) == said


def test_of_another_time_the_days_are_named_and_of_few_nothing_is_said() -> None:
    since, until = NOW - timedelta(days=9), NOW - timedelta(days=2)
    assert (
        sentence(FIGURES, 400, since, until, NOW, "en")
        == "Between 2026-05-02 and 2026-05-09 9 of 10 visitors waited less than we said."
    )
    assert sentence(FIGURES, 19, since, NOW, NOW, "en") is None
    assert sentence(None, 0, since, NOW, NOW, "en") is None
