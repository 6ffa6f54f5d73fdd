"""What an evaluation found: figures of each predictor under both scorings, what a target says of them, plots.

Judges by the figures alone; where they come from is `evaluation`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.estimates.values import Features, Predictor
from bench.estimates.evaluation import (
    CLASSIC,
    REGRESSION,
    SELECTED,
    UNWEIGHTED,
    Forecasters,
    Interval,
    Scored,
    Told,
    difference,
    measured,
    named,
    scored,
)
from bench.figures import Curve, Plot

MOST_MICROSECONDS = 50.0
COVERAGE, COVERAGE_TOLERANCE = 0.90, 0.03
SERVED, WEIGHTED = "those served", "weighted for those who left"
SCORINGS = {SERVED: False, WEIGHTED: True}
_DAY = 86_400.0
_AHEAD = ((0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 10_000))


@dataclass(slots=True)
class Found:
    """The figures of one evaluation."""

    learned: int
    """Waits that had ended before the scored time."""
    joined: int
    """Calls that entered the line in the scored time."""
    hidden: int
    """Of these, told nothing by the selector."""
    scored: dict[str, int] = field(default_factory=dict)
    """By scoring: calls scored."""
    left: int = 0
    """Of those who joined, who left unserved."""
    figures: dict[str, dict[str, dict[str, Interval]]] = field(default_factory=dict)
    """By scoring, predictor and measure."""
    differences: dict[str, dict[str, Interval]] = field(default_factory=dict)
    """By scoring and classic predictor: MAE of the selector less its own."""
    microseconds: dict[str, float] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)
    """How often the selector spoke with whose voice."""
    by_place: list[tuple[str, int, float, float]] = field(default_factory=list)
    """People ahead, calls, share within P90 (weighted), mean P90 said."""
    plots: list[Plot] = field(default_factory=list)


def find(all_told: Sequence[Told], since: float, forecasters: Forecasters, rounds: int = 1_000) -> Found:
    """All figures of the time from `since` on."""
    recent = [one for one in all_told if one.at >= since]
    found = Found(
        learned=len(all_told) - len(recent),
        joined=len(recent),
        hidden=sum(SELECTED not in one.estimates for one in recent),
        left=sum(not one.is_served for one in recent),
    )
    for scoring, is_weighted in SCORINGS.items():
        calls = scored(all_told, since, is_weighted=is_weighted)
        if not calls:
            raise ValueError("nothing to score: no served call was told something by every predictor")
        found.scored[scoring] = len(calls)
        found.figures[scoring] = {name: measured(calls, name, rounds) for name in _ordered(calls)}
        found.differences[scoring] = {name: difference(calls, SELECTED, name, rounds) for name in CLASSIC}
    for one in recent:
        if one.chosen is not None:
            name = named(forecasters.selector.predictors[one.chosen])
            found.chosen[name] = found.chosen.get(name, 0) + 1
    weighted = scored(all_told, since, is_weighted=True)
    found.by_place = [row for bounds in _AHEAD if (row := _place(weighted, *bounds)) is not None]
    found.microseconds = speed(forecasters, [one.features for one in recent])
    found.plots = _plots(all_told, found)
    return found


def _ordered(calls: Sequence[Scored]) -> list[str]:
    first = [SELECTED, REGRESSION, UNWEIGHTED]
    return [name for name in first if name in calls[0].estimates] + sorted(
        (name for name in calls[0].estimates if name not in first),
        key=lambda name: (", calibrated" in name, list(CLASSIC).index(name.removesuffix(", calibrated"))),
    )


def _place(calls: Sequence[Scored], least: int, most: int) -> tuple[str, int, float, float] | None:
    there = [call for call in calls if least <= call.ahead <= most]
    if not there:
        return None
    weight = sum(call.weight for call in there)
    within = sum(call.weight for call in there if call.waited_seconds <= call.estimates[SELECTED].p90_seconds)
    said = sum(call.weight * call.estimates[SELECTED].p90_seconds for call in there)
    label = f"{least}" if least == most else f"{least}–{most}" if most < 10_000 else f"{least} and more"
    return label, len(there), within / weight, said / weight


def speed(forecasters: Forecasters, lines: Sequence[Features], rounds: int = 5) -> dict[str, float]:
    """Microseconds of an estimate, without reading the line: the least of some rounds over real lines."""
    predictors: dict[str, Predictor] = {named(each): each for each in forecasters.selector.predictors.values()}
    predictors[UNWEIGHTED] = forecasters.unweighted
    asked = [each.predict for each in predictors.values()]
    names = [*predictors, SELECTED]
    some = list(lines[:2_000])
    least: dict[str, float] = {}
    for name, predict in zip(names, [*asked, forecasters.selector.predict], strict=True):
        for _ in range(rounds):
            began = time.perf_counter()
            for line in some:
                predict(line)
            taken = (time.perf_counter() - began) / len(some) * 1e6
            least[name] = min(taken, least.get(name, taken))
    return least


def failures(found: Found) -> list[str]:
    """What misses its target, in words; empty when all is met."""
    missed = []
    for scoring, figures in found.figures.items():
        ours = figures[SELECTED]
        missed += [
            f"{scoring}: MAE {ours['MAE'].value:.1f} s is not below {figures[name]['MAE'].value:.1f} s ({name})"
            for name in CLASSIC
            if ours["MAE"].value >= figures[name]["MAE"].value
        ]
        within = ours["within P90"].value
        if abs(within - COVERAGE) > COVERAGE_TOLERANCE:
            missed.append(
                f"{scoring}: {within:.1%} waited at most P90, {COVERAGE:.0%} ± {COVERAGE_TOLERANCE:.0%} is meant"
            )
    missed += [
        f"{name}: {taken:.0f} µs an estimate, at most {MOST_MICROSECONDS:.0f} µs is meant"
        for name, taken in found.microseconds.items()
        if taken > MOST_MICROSECONDS
    ]
    return missed


def _plots(all_told: Sequence[Told], found: Found) -> list[Plot]:
    by_day: dict[int, list[Scored]] = {}
    first = int(all_told[0].at // _DAY)
    for call in scored(all_told, 0.0, is_weighted=True):
        by_day.setdefault(call.day - first + 1, []).append(call)
    days = {day: calls for day, calls in sorted(by_day.items()) if len(calls) >= 30}
    weighted = found.figures[WEIGHTED]
    bars = [Curve(name, [(0.0, figures["MAE"].value)]) for name, figures in weighted.items()]
    pace = [SELECTED, CLASSIC[0]]
    return [
        Plot("mae", "Mean absolute error of P50, weighted for those who left", "s", "", bars, is_bars=True),
        Plot(
            "coverage",
            "Who waited at most P90, day by day from the first",
            "day",
            "share",
            [
                Curve("the selector", [(day, _mean(calls, SELECTED, "within")) for day, calls in days.items()]),
                Curve("meant", [(min(days, default=0), COVERAGE), (max(days, default=1), COVERAGE)]),
            ],
        ),
        Plot(
            "days",
            "Mean absolute error of P50, day by day from the first",
            "day",
            "s",
            [Curve(name, [(day, _mean(calls, name, "error")) for day, calls in days.items()]) for name in pace],
        ),
    ]


def _mean(calls: Sequence[Scored], name: str, what: str) -> float:
    total = 0.0
    for call in calls:
        said = call.estimates[name]
        if what == "within":
            total += call.weight * (call.waited_seconds <= said.p90_seconds)
        else:
            total += call.weight * abs(call.waited_seconds - said.p50_seconds)
    return total / sum(call.weight for call in calls)


def rows(figures: Mapping[str, Interval]) -> list[str]:
    """The cells of a predictor, each with its 95 % interval."""
    return [
        _percent(figure) if measure.startswith("within") else _seconds(figure) for measure, figure in figures.items()
    ]


def _seconds(figure: Interval) -> str:
    return f"{figure.value:.1f} ({figure.low:.1f}–{figure.high:.1f})".replace("-", "−")


def _percent(figure: Interval) -> str:
    return f"{figure.value * 100:.1f} ({figure.low * 100:.1f}–{figure.high * 100:.1f})"
