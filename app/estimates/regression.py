"""Moving quantile regression: logarithms of what the classic rules see, and of the place, pace, hour and category.

One step down the pinball loss for each wait that ended (AdaGrad, averaged); it keeps no waits and never starts again.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from app.estimates.tracking import ENOUGH_OUTCOMES, LEAST_OUTCOMES, Track, widening
from app.estimates.values import Estimate, Features, Reason

# Chosen on the second week of the calls of docs/estimates.md, not on the week that is scored there.
_RATE = 0.15
# Of the tracks by place: slow, for they see few outcomes each; and what they may not go beyond, in logarithms.
_PLACE_STEP = 0.01
_PLACE_DELAY = 10.0
_MOST_BY_PLACE = 1.5
PLACES = 7
"""Places that have a track of P90 of their own: nobody ahead, 1–2, 3–6, … 63 and more."""
_AVERAGING = 0.001
# Between the loss in logarithms (0), where short waits count as much, and the loss in seconds (1).
_BY_SECONDS = 0.5
MOST_CATEGORIES = 16
"""Further categories share what is true of all."""
# What is written in logarithms cannot run away further: e to this is six weeks.
_MOST_LOG = 15.0


def shown(features: Features) -> list[float]:
    """The regression's inputs, each near zero for a line of minutes; the second is the queue-length rule."""
    log1p = math.log1p
    on_duty = max(features.on_duty, 1)
    people = features.ahead + 1
    by_length = log1p(people * (features.service_seconds or 0.0) / on_duty)
    last = features.last_wait_seconds
    last_alike = features.last_wait_alike_seconds
    last_log = by_length if last is None else log1p(last)
    by_head = log1p(features.head_wait_seconds)
    angle = features.local_hour * (math.tau / 24.0)
    return [
        1.0,
        by_length - 5.0,
        last_log - 4.0,
        by_head - 4.0,
        log1p(people / max(features.starts_per_second, 1e-4)) - 5.0,
        log1p(features.ahead) - 1.0,
        log1p(features.last_wait_age_seconds) - 3.0,
        log1p(features.credit_seconds) / 4.5,
        math.sin(angle),
        math.cos(angle),
        math.log(on_duty) - 2.0,
        (by_length - 5.0) * (by_head - 4.0),
        log1p(features.ahead_alike) - 1.0,
        (last_log if last_alike is None else log1p(last_alike)) - 4.0,
    ]


INPUTS = 14


@dataclass(slots=True)
class Slope:
    """One quantile's weights: those that walk (`now`), those that are used (`mean`), and how far each has walked."""

    tau: float
    now: list[float]
    mean: list[float]
    walked: list[float]

    @classmethod
    def starting(cls, tau: float, above: float) -> "Slope":
        """At the queue-length rule, in logarithms `above` it."""
        start = [5.0 + above, 1.0, *[0.0] * (INPUTS - 2 + MOST_CATEGORIES)]
        return cls(tau, start, list(start), [1e-6] * len(start))

    def value(self, inputs: list[float], category: int | None) -> float:
        """The logarithm of 1 s + the quantile."""
        mean = self.mean
        total = 0.0 if category is None else mean[INPUTS + category]
        for weight, given in zip(mean, inputs, strict=False):
            total += weight * given
        return min(max(total, 0.0), _MOST_LOG)

    def step(self, inputs: list[float], category: int | None, outcome: float, weight: float, seen: int) -> None:
        """Towards an outcome, which stands for `weight`."""
        now, mean, walked = self.now, self.mean, self.walked
        active = list(enumerate(inputs))
        if category is not None:
            active.append((INPUTS + category, 1.0))
        value = min(max(sum(now[place] * given for place, given in active), 0.0), _MOST_LOG)
        slope = ((1.0 if outcome < value else 0.0) - self.tau) * weight * math.exp(_BY_SECONDS * (value - 4.5))
        for place, given in active:
            part = slope * given
            walked[place] += part * part
            now[place] -= _RATE * part / math.sqrt(walked[place])
        rate = max(_AVERAGING, 1.0 / (1.0 + seen))
        for place, there in enumerate(now):
            mean[place] += rate * (there - mean[place])


@dataclass(slots=True)
class ByPlace:
    """What P90 lacks with so many ahead: a long line is rare, and what is true of all is too little for it."""

    value: float = 0.0
    seen: int = 0

    def follow(self, residual: float, weight: float) -> None:
        """One more outcome, as what it is above P90."""
        step = max(_PLACE_STEP, 1.0 / (_PLACE_DELAY + self.seen) ** 0.6)
        value = self.value + min(step * weight, 1.0) * (0.9 - (1.0 if residual <= self.value else 0.0))
        self.value = min(max(value, -1.0), _MOST_BY_PLACE)
        self.seen += 1


def place_of(ahead: int) -> int:
    """Which of the tracks."""
    return min((ahead + 1).bit_length() - 1, PLACES - 1)


@dataclass(slots=True)
class MovingQuantiles:
    """The regression of P50 and P90, each with a track that takes out what bias is left, P90 with one by place too."""

    kind: Literal["REGRESSION"] = "REGRESSION"
    middle: Slope = field(default_factory=lambda: Slope.starting(0.5, 0.0))
    high: Slope = field(default_factory=lambda: Slope.starting(0.9, 1.0))
    middle_track: Track = field(default_factory=lambda: Track(0.5))
    high_track: Track = field(default_factory=lambda: Track(0.9))
    by_place: list[ByPlace] = field(default_factory=lambda: [ByPlace() for _ in range(PLACES)])
    categories: list[str] = field(default_factory=list)

    def hidden_because(self, features: Features) -> Reason | None:
        """As `Predictor` says."""
        if features.on_duty < 1:
            return Reason.NOBODY_ON_DUTY
        if features.service_seconds is None:
            return Reason.NOT_OBSERVED
        return Reason.NO_OUTCOMES if self.high_track.seen < LEAST_OUTCOMES else None

    def predict(self, features: Features) -> Estimate | None:
        """As `Predictor` says."""
        if self.hidden_because(features):
            return None
        inputs, category, seen = shown(features), self._category(features), self.high_track.seen
        middle = self.middle.value(inputs, category) + self.middle_track.value
        high = self._high(inputs, category) + self.by_place[place_of(features.ahead)].value
        p50 = max(math.expm1(min(middle, _MOST_LOG)), 0.0)
        reason = Reason.FEW_OUTCOMES if seen < ENOUGH_OUTCOMES else None
        return Estimate(p50, max(math.expm1(min(high, _MOST_LOG)), p50), reason)

    def learn(self, features: Features, waited_seconds: float, weight: float) -> None:
        """As `Predictor` says."""
        if features.service_seconds is None:
            return
        if features.category not in self.categories and len(self.categories) < MOST_CATEGORIES:
            self.categories.append(features.category)
        inputs, category = shown(features), self._category(features)
        outcome = math.log1p(max(waited_seconds, 0.0))
        if not self.hidden_because(features):
            high = min(self._high(inputs, category), _MOST_LOG)
            self.by_place[place_of(features.ahead)].follow(outcome - high, weight)
        for slope, track in ((self.middle, self.middle_track), (self.high, self.high_track)):
            before = slope.value(inputs, category)
            slope.step(inputs, category, outcome, weight, track.seen)
            track.follow(outcome - before, weight)

    def _high(self, inputs: list[float], category: int | None) -> float:
        return self.high.value(inputs, category) + self.high_track.value + widening(self.high_track.seen)

    def _category(self, features: Features) -> int | None:
        try:
            return self.categories.index(features.category)
        except ValueError:
            return None
