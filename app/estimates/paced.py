"""What a metered line says: P50 is what rate and cap come to for the place, P90 a factor of it that follows the waits.

Rate and cap are promises and not guesses, so there is something to say from the first visitor on.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from app.estimates.tracking import LEAST_OUTCOMES, Track
from app.estimates.values import Estimate, Features, Reason

# A quarter more, until waits have ended that tell better.
_FIRST_FACTOR = math.log(1.25)


@dataclass(slots=True)
class Paced:
    """The line's own number, with the nine-tenths quantile of (wait ÷ number) around it."""

    kind: Literal["PACED"] = "PACED"
    high: Track = field(default_factory=lambda: Track(0.9, _FIRST_FACTOR))

    def hidden_because(self, features: Features) -> Reason | None:
        """As `Predictor` says."""
        return Reason.NOT_OBSERVED if features.paced_seconds is None else None

    def predict(self, features: Features) -> Estimate | None:
        """As `Predictor` says."""
        return None if features.paced_seconds is None else self.around(features.paced_seconds)

    def around(self, seconds: float) -> Estimate:
        """The estimate where rate and cap come to so many seconds."""
        seconds = max(seconds, 0.0)
        is_young = self.high.seen < LEAST_OUTCOMES
        factor = max(self.high.value, _FIRST_FACTOR) if is_young else max(self.high.value, 0.0)
        high = math.expm1(math.log1p(seconds) + factor)
        return Estimate(seconds, max(high, seconds), Reason.FEW_OUTCOMES if is_young else None)

    def learn(self, features: Features, waited_seconds: float, weight: float) -> None:
        """As `Predictor` says."""
        if features.paced_seconds is None:
            return
        said = math.log1p(max(features.paced_seconds, 0.0))
        self.high.follow(math.log1p(max(waited_seconds, 0.0)) - said, weight)
