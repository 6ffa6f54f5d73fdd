"""The evaluation on one day: its figures by hand, a page with pictures, and a judge that can say no."""

import copy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app.estimates.values import Estimate
from app.replay.source import SAMPLE
from bench.estimates import page
from bench.estimates.calls import moments, read
from bench.estimates.evaluation import (
    CLASSIC,
    SELECTED,
    Forecasters,
    Interval,
    Scored,
    Told,
    difference,
    interval,
    measured,
    scored,
    told,
)
from bench.estimates.findings import SERVED, WEIGHTED, Found, failures, find
from tests.estimates.lines import PLAIN, line


def one(block: int, waited: float, p50: float, p90: float, weight: float = 1.0) -> Scored:
    estimates = {"ours": Estimate(p50, p90), "theirs": Estimate(p50 + 10, p90)}
    return Scored(0, block, 3, waited, weight, estimates)


def test_the_measures_by_hand() -> None:
    figures = measured([one(0, 100, 80, 90), one(1, 40, 80, 100, weight=3.0)], "ours", 10)

    assert {measure: figure.value for measure, figure in figures.items()} == pytest.approx(
        {
            "MAE": (20 + 3 * 40) / 4,
            "pinball 0.5": (10 + 3 * 20) / 4,
            "pinball 0.9": (9 + 3 * 6) / 4,
            "bias": (-20 + 3 * 40) / 4,
            "within P50": 3 / 4,
            "within P90": 3 / 4,
        }
    )


def test_an_interval_is_of_blocks() -> None:
    # Ten calls of one hour are one piece of luck: redrawing knows only two hours.
    figure = interval({0: (0.0, 10.0), 1: (100.0, 10.0)}, 1_000)
    assert figure == Interval(5.0, 0.0, 10.0)

    assert difference([one(number, 100, 80, 90) for number in range(20)], "ours", "theirs", 50) == Interval(10, 10, 10)


def test_weighted_scoring_stands_for_those_who_left() -> None:
    estimates = {"ours": Estimate(10, 20)}
    ends = [(10, False), (20, True), (40, False), (80, True)]
    all_told = [Told(0.0, PLAIN, estimates, None, float(waited), served) for waited, served in ends]
    # Told nothing by somebody, still waiting, too early: not scored.
    all_told += [
        Told(0.0, line(category="Z"), {}, None, 50.0, True),
        Told(0.0, PLAIN, estimates, None),
        Told(-1.0, PLAIN, estimates, None, 50.0, True),
    ]

    assert [(each.waited_seconds, each.weight) for each in scored(all_told, 0.0, is_weighted=False)] == [
        (20.0, 1.0),
        (80.0, 1.0),
    ]
    weights = [each.weight for each in scored(all_told, 0.0, is_weighted=True)]
    assert 1.0 < weights[0] < weights[1]


@pytest.fixture(scope="module")
def found() -> Found:
    calls = read(SAMPLE)
    forecasters = Forecasters()
    noon = calls[0].joined_at // 86_400 * 86_400 + 12 * 3_600
    return find(told(moments(calls), forecasters), noon, forecasters, rounds=40)


def test_a_day_is_evaluated(found: Found) -> None:
    assert set(found.figures) == {SERVED, WEIGHTED}
    for figures in found.figures.values():
        assert len(figures) == 9
        for measures in figures.values():
            assert all(figure.low <= figure.value <= figure.high for figure in measures.values())
    assert found.learned > 500
    assert found.scored[SERVED] == found.scored[WEIGHTED] > 500
    assert sum(found.chosen.values()) == found.joined - found.hidden
    assert sum(calls for _, calls, _, _ in found.by_place) == found.scored[WEIGHTED]
    assert set(found.microseconds) == set(found.figures[SERVED])
    # A morning is enough to be better than the worst, whatever else.
    assert found.figures[SERVED][SELECTED]["MAE"].value < found.figures[SERVED][CLASSIC[2]]["MAE"].value


def good(found: Found) -> Found:
    """The same with all targets met."""
    found = copy.deepcopy(found)
    found.microseconds = dict.fromkeys(found.microseconds, 10.0)
    for figures in found.figures.values():
        figures[SELECTED]["MAE"] = Interval(50.0, 45.0, 55.0)
        figures[SELECTED]["within P90"] = Interval(0.9, 0.88, 0.92)
        for name in CLASSIC:
            figures[name]["MAE"] = Interval(51.0, 45.0, 55.0)
    return found


def test_the_judge_says_yes_and_no(found: Found) -> None:
    assert failures(good(found)) == []

    equal, wide, narrow, slow = (good(found) for _ in range(4))
    equal.figures[SERVED][CLASSIC[1]]["MAE"] = Interval(50.0, 45.0, 55.0)
    wide.figures[WEIGHTED][SELECTED]["within P90"] = Interval(0.94, 0.9, 0.95)
    narrow.figures[WEIGHTED][SELECTED]["within P90"] = Interval(0.86, 0.8, 0.9)
    slow.microseconds[SELECTED] = 51.0

    assert failures(equal) == [f"those served: MAE 50.0 s is not below 50.0 s ({CLASSIC[1]})"]
    assert failures(wide) == ["weighted for those who left: 94.0% waited at most P90, 90% ± 3% is meant"]
    assert failures(narrow) == ["weighted for those who left: 86.0% waited at most P90, 90% ± 3% is meant"]
    assert failures(slow) == ["the selector: 51 µs an estimate, at most 50 µs is meant"]


def test_the_page_has_its_figures_and_pictures(found: Found, tmp_path: Path) -> None:
    page.write(found, ["something is missed"], "a command", "some data", tmp_path / "estimates.md")

    text = (tmp_path / "estimates.md").read_text()
    assert f"{found.scored[SERVED]:,} calls. `a command`" in text
    assert f"| **{SELECTED}** | {page.rows(found.figures[WEIGHTED][SELECTED])[0]} |" in text
    assert "missed:\n\n- something is missed\n" in text
    for name in ("mae", "coverage", "days"):
        assert f"(estimates/{name}.svg)" in text
        assert ET.parse(tmp_path / "estimates" / f"{name}.svg").getroot().tag.endswith("svg")
