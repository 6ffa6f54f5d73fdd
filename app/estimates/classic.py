"""The three estimates of the books, each one number read off the line; P90 follows what was seen around it.

No model: without `is_calibrated`, P50 is the number as it stands, as products say it.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.estimates.tracking import ENOUGH_OUTCOMES, LEAST_OUTCOMES, Track, widening
from app.estimates.values import Estimate, Features, Reason


class Rule(StrEnum):
    """Which number."""

    QUEUE_LENGTH = "QUEUE_LENGTH"
    """People ahead and oneself, times the mean service, by the counters on duty."""
    LAST_TO_ENTER = "LAST_TO_ENTER"
    """What the last one to enter service had waited."""
    HEAD_OF_LINE = "HEAD_OF_LINE"
    """What whoever waits longest has waited so far."""


def number(rule: Rule, features: Features) -> float | None:
    """The rule's number in seconds; None when what it reads has not happened yet."""
    if rule is Rule.HEAD_OF_LINE:
        return features.head_wait_seconds
    if rule is Rule.LAST_TO_ENTER:
        return features.last_wait_seconds
    if features.service_seconds is None or features.on_duty < 1:
        return None
    return (features.ahead + 1) * features.service_seconds / features.on_duty


@dataclass(slots=True)
class Classic:
    """One rule, with the quantiles of (wait ÷ number) around it."""

    rule: Rule
    is_calibrated: bool = False
    kind: Literal["CLASSIC"] = "CLASSIC"
    middle: Track = field(default_factory=lambda: Track(0.5))
    high: Track = field(default_factory=lambda: Track(0.9, 1.0))

    def hidden_because(self, features: Features) -> Reason | None:
        """As `Predictor` says."""
        if features.on_duty < 1:
            return Reason.NOBODY_ON_DUTY
        if number(self.rule, features) is None:
            return Reason.NOT_OBSERVED
        return Reason.NO_OUTCOMES if self.high.seen < LEAST_OUTCOMES else None

    def predict(self, features: Features) -> Estimate | None:
        """As `Predictor` says."""
        seconds = number(self.rule, features)
        if seconds is None or self.hidden_because(features):
            return None
        middle = math.expm1(math.log1p(seconds) + self.middle.value) if self.is_calibrated else seconds
        high = math.expm1(math.log1p(seconds) + self.high.value + widening(self.high.seen))
        reason = Reason.FEW_OUTCOMES if self.high.seen < ENOUGH_OUTCOMES else None
        return Estimate(max(middle, 0.0), max(high, middle, 0.0), reason)

    def learn(self, features: Features, waited_seconds: float, weight: float) -> None:
        """As `Predictor` says."""
        seconds = number(self.rule, features)
        if seconds is None:
            return
        residual = math.log1p(max(waited_seconds, 0.0)) - math.log1p(seconds)
        self.middle.follow(residual, weight)
        self.high.follow(residual, weight)
