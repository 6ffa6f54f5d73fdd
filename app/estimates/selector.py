"""Chooses the predictor that measured best so far in this line, and teaches them all.

A predictor is measured on each wait that has ended, before it learns from it; nothing is known of those still waiting.
"""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from app.estimates.classic import Classic, Rule
from app.estimates.regression import MovingQuantiles
from app.estimates.staying import Staying
from app.estimates.values import Estimate, Features, Predictor, Reason

# What is left of a loss after 500 outcomes is a third (1/e): a change of the line is seen within a day.
_KEPT = 0.998
# Until so many losses are known, the plain rule is said: a lucky start must not choose.
LEAST_MEASURED = 50


def pinball(tau: float, waited_seconds: float, said_seconds: float) -> float:
    """The loss whose least is the quantile `tau`, in seconds."""
    over = waited_seconds - said_seconds
    return tau * over if over >= 0 else (tau - 1.0) * over


@dataclass(slots=True)
class Measured:
    """A predictor's mean pinball loss at P50 and P90 together, the newest counting most."""

    loss: float = 0.0
    weight: float = 0.0
    outcomes: int = 0

    def add(self, estimate: Estimate, waited_seconds: float, weight: float) -> None:
        """One more estimate whose truth is known."""
        loss = pinball(0.5, waited_seconds, estimate.p50_seconds) + pinball(0.9, waited_seconds, estimate.p90_seconds)
        self.loss = self.loss * _KEPT + loss * weight
        self.weight = self.weight * _KEPT + weight
        self.outcomes += 1

    @property
    def mean(self) -> float:
        """In seconds; infinite before anything was measured."""
        return self.loss / self.weight if self.weight > 0 else float("inf")


def _all() -> dict[str, Annotated[Classic | MovingQuantiles, Field(discriminator="kind")]]:
    rules: dict[str, Classic | MovingQuantiles] = {rule.value: Classic(rule) for rule in Rule}
    return (
        rules
        | {f"{rule.value}_CALIBRATED": Classic(rule, is_calibrated=True) for rule in Rule}
        | {"MOVING_QUANTILES": MovingQuantiles()}
    )


@dataclass(slots=True)
class Selector:
    """All predictors of one line, beginning with the one that is said until some are measured."""

    predictors: dict[str, Annotated[Classic | MovingQuantiles, Field(discriminator="kind")]] = field(
        default_factory=_all
    )
    measured: dict[str, Measured] = field(default_factory=dict)
    staying: Staying = field(default_factory=Staying)

    def chosen(self, features: Features) -> str | None:
        """The name of the best predictor that has an estimate for this line; None when none has."""
        able = [name for name, predictor in self.predictors.items() if predictor.hidden_because(features) is None]
        known = [name for name in able if name in self.measured and self.measured[name].outcomes >= LEAST_MEASURED]
        if known:
            return min(known, key=lambda name: self.measured[name].mean)
        return able[0] if able else None

    def hidden_because(self, features: Features) -> Reason | None:
        """Why there is no estimate; None when there is one."""
        if self.chosen(features) is not None:
            return None
        reasons = [predictor.hidden_because(features) for predictor in self.predictors.values()]
        return next((reason for reason in reasons if reason is not None), None)

    def predict(self, features: Features) -> Estimate | None:
        """The chosen predictor's estimate."""
        name = self.chosen(features)
        return None if name is None else self.predictors[name].predict(features)

    def learn(self, features: Features, waited_seconds: float, *, served: bool) -> None:
        """A wait has ended; `served` is false for who left. Call it in the order in which waits end."""
        if served:
            weight = self.staying.weight(features.category, waited_seconds)
            for name, predictor in self.predictors.items():
                self._teach(name, predictor, features, waited_seconds, weight)
        # After it was used: a weight is what was known before this end.
        self.staying.learn(features.category, waited_seconds, served=served)

    def _teach(self, name: str, predictor: Predictor, features: Features, waited_seconds: float, weight: float) -> None:
        estimate = predictor.predict(features)
        if estimate is not None:
            self.measured.setdefault(name, Measured()).add(estimate, waited_seconds, weight)
        predictor.learn(features, waited_seconds, weight)
