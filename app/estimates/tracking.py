"""Follows a quantile of a stream, so that nine of ten stay nine of ten while the line changes (conformal tracking).

Knows nothing of lines: it moves up by the quantile when it was exceeded, and down by the rest when not.
"""

import math
from dataclasses import dataclass

LEAST_OUTCOMES = 20
"""Before so many waits have ended nothing is said."""
ENOUGH_OUTCOMES = 200
"""From so many on P90 is not widened any more."""
# What P90 is multiplied by at the first outcome is e to this; it falls with the root of their number, as errors do.
_WIDENING = 3.0
_FIRST_STEP = 1.0
_LEAST_STEP = 0.005


@dataclass(slots=True)
class Track:
    """A moving quantile `tau`, in logarithms of seconds here."""

    tau: float
    value: float = 0.0
    seen: int = 0

    def follow(self, residual: float, weight: float = 1.0) -> None:
        """One more value of the stream, standing for `weight`; large steps first, so that it arrives."""
        step = max(_LEAST_STEP, _FIRST_STEP / (1.0 + self.seen) ** 0.6)
        # A heavy one may not throw it far: as far as an outcome of weight 1 does in the first step.
        move = min(step * weight, _FIRST_STEP)
        self.value += move * (self.tau - (1.0 if residual <= self.value else 0.0))
        self.seen += 1


def widening(outcomes: int) -> float:
    """By how much the logarithm of P90 is raised while few outcomes are known; 0 from `ENOUGH_OUTCOMES` on."""
    if outcomes >= ENOUGH_OUTCOMES:
        return 0.0
    return _WIDENING * (1.0 / math.sqrt(max(outcomes, 1)) - 1.0 / math.sqrt(ENOUGH_OUTCOMES))
