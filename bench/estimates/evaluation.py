"""Lets all predictors speak at each join and learn at each end, and scores what was said when the truth was known.

A forecast is kept as it was said on joining. Teaching goes on through the scored time, one ended wait after the other.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.estimates.classic import Classic, Rule
from app.estimates.regression import MovingQuantiles
from app.estimates.selector import Selector, pinball
from app.estimates.staying import Staying
from app.estimates.values import Estimate, Features
from bench.estimates.calls import Decided, Joined

BLOCK_SECONDS = 3_600.0
SELECTED = "the selector"
REGRESSION = "moving quantile regression"
UNWEIGHTED = "the same, blind to who left"
AS_SAID = {
    Rule.QUEUE_LENGTH: "queue length ÷ service rate",
    Rule.LAST_TO_ENTER: "delay of the last to enter service",
    Rule.HEAD_OF_LINE: "delay of the head of the line",
}
CLASSIC = tuple(AS_SAID.values())


@dataclass(slots=True)
class Forecasters:
    """The selector with its predictors, and what is compared beside it."""

    selector: Selector = field(default_factory=Selector)
    unweighted: MovingQuantiles = field(default_factory=MovingQuantiles)

    def predict(self, features: Features) -> dict[str, Estimate]:
        """What each says, if it says something."""
        said = {SELECTED: self.selector.predict(features), UNWEIGHTED: self.unweighted.predict(features)}
        for predictor in self.selector.predictors.values():
            said[named(predictor)] = predictor.predict(features)
        return {name: estimate for name, estimate in said.items() if estimate is not None}

    def learn(self, features: Features, waited_seconds: float, *, is_served: bool) -> None:
        """A wait has ended."""
        self.selector.learn(features, waited_seconds, served=is_served)
        if is_served:
            self.unweighted.learn(features, waited_seconds, 1.0)


def named(predictor: Classic | MovingQuantiles) -> str:
    """As the report calls it."""
    if isinstance(predictor, MovingQuantiles):
        return REGRESSION
    return AS_SAID[predictor.rule] + (", calibrated" if predictor.is_calibrated else "")


@dataclass(slots=True)
class Told:
    """What was said to one call on joining, and how it came out."""

    at: float
    features: Features
    estimates: dict[str, Estimate]
    chosen: str | None
    waited_seconds: float | None = None
    is_served: bool = False


def told(moments: Iterable[Joined | Decided], forecasters: Forecasters) -> list[Told]:
    """The forecasts in the order of joining, each taught by what had ended before."""
    all_told: dict[int, Told] = {}
    for moment in moments:
        if isinstance(moment, Joined):
            features = moment.features
            chosen = forecasters.selector.chosen(features)
            all_told[moment.call] = Told(moment.at, features, forecasters.predict(features), chosen)
        else:
            one = all_told[moment.call]
            one.waited_seconds, one.is_served = moment.waited_seconds, moment.is_served
            forecasters.learn(one.features, moment.waited_seconds, is_served=moment.is_served)
    return list(all_told.values())


@dataclass(frozen=True, slots=True)
class Scored:
    """A served call: the truth, what it stands for, and what each predictor said."""

    day: int
    block: int
    ahead: int
    waited_seconds: float
    weight: float
    estimates: dict[str, Estimate]


def scored(all_told: Sequence[Told], since: float, *, is_weighted: bool) -> list[Scored]:
    """Those served of who joined from `since` on and was told something by everybody.

    `is_weighted`: each stands for those alike who left before (Kaplan–Meier of the same time: scoring may know it).
    """
    recent = [one for one in all_told if one.at >= since and one.waited_seconds is not None]
    most = max((len(one.estimates) for one in recent), default=0)
    staying = Staying()
    for one in recent:
        staying.learn(one.features.category, one.waited_seconds or 0.0, served=one.is_served)
    return [
        Scored(
            day=int(one.at // 86_400),
            block=int(one.at // BLOCK_SECONDS),
            ahead=one.features.ahead,
            waited_seconds=one.waited_seconds or 0.0,
            weight=staying.weight(one.features.category, one.waited_seconds or 0.0) if is_weighted else 1.0,
            estimates=one.estimates,
        )
        for one in recent
        if one.is_served and len(one.estimates) == most
    ]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it lies in 95 of 100 redrawn weeks."""

    value: float
    low: float
    high: float


Measure = Callable[[float, Estimate], float]
MEASURES: dict[str, Measure] = {
    "MAE": lambda waited, said: abs(waited - said.p50_seconds),
    "pinball 0.5": lambda waited, said: pinball(0.5, waited, said.p50_seconds),
    "pinball 0.9": lambda waited, said: pinball(0.9, waited, said.p90_seconds),
    "bias": lambda waited, said: said.p50_seconds - waited,
    "within P50": lambda waited, said: 1.0 if waited <= said.p50_seconds else 0.0,
    "within P90": lambda waited, said: 1.0 if waited <= said.p90_seconds else 0.0,
}

Sums = dict[int, tuple[float, float]]
"""By block: the sum of a measure, and of the weights."""


def sums(calls: Sequence[Scored], value: Callable[[Scored], float]) -> Sums:
    """Of each block."""
    totals: Sums = {}
    for call in calls:
        total, weight = totals.get(call.block, (0.0, 0.0))
        totals[call.block] = (total + value(call) * call.weight, weight + call.weight)
    return totals


def interval(totals: Sums, rounds: int = 1_000) -> Interval:
    """The weighted mean, with the percentile bootstrap over whole hours: calls of one hour share their luck."""
    blocks = [totals[block] for block in sorted(totals)]
    draw = random.Random(7)
    means = sorted(_mean(draw.choices(blocks, k=len(blocks))) for _ in range(rounds))
    return Interval(_mean(blocks), means[int(rounds * 0.025)], means[int(rounds * 0.975) - 1])


def _mean(blocks: Sequence[tuple[float, float]]) -> float:
    return sum(total for total, _ in blocks) / sum(weight for _, weight in blocks)


def measured(calls: Sequence[Scored], name: str, rounds: int = 1_000) -> dict[str, Interval]:
    """All measures of one predictor."""
    return {measure: interval(sums(calls, partial(_value, name, of)), rounds) for measure, of in MEASURES.items()}


def difference(calls: Sequence[Scored], name: str, other: str, rounds: int = 1_000) -> Interval:
    """MAE of `name` less that of `other`, on the same calls: below zero is better."""
    absolute = MEASURES["MAE"]
    return interval(sums(calls, lambda call: _value(name, absolute, call) - _value(other, absolute, call)), rounds)


def _value(name: str, of: Measure, call: Scored) -> float:
    return of(call.waited_seconds, call.estimates[name])
