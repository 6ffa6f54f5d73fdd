"""What is known of a line when somebody joins, and what is said to them. Plain values; nothing here decides."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Reason(StrEnum):
    """Why there is no estimate, or a wide one."""

    NO_OUTCOMES = "NO_OUTCOMES"
    """Too few waits of this line have ended: nothing is said."""
    FEW_OUTCOMES = "FEW_OUTCOMES"
    """Some have: P90 is further away than it will be."""
    NOBODY_ON_DUTY = "NOBODY_ON_DUTY"
    """No counter is on duty; when one will be is not in the line."""
    NOT_OBSERVED = "NOT_OBSERVED"
    """What this predictor reads off the line has not happened yet, as the first service."""
    NOT_RELEASING = "NOT_RELEASING"
    """Nobody is called or let in at present, and nobody can say for how long."""


@dataclass(frozen=True, slots=True)
class Features:
    """The line at the moment of joining, without the one who joins. Durations in seconds."""

    ahead: int
    """Who would be called before, if nobody else came: by the line's own order, so with priority."""
    ahead_alike: float
    """Of these, who wants the same (`category`), as far as the share of them among all who wait tells."""
    on_duty: int
    """Counters on duty."""
    service_seconds: float | None
    """Moving mean of the length of a service; None before the first one has ended."""
    starts_per_second: float
    """Services begun lately, by the second."""
    last_wait_seconds: float | None
    """How long the last one to enter service had waited; None before the first."""
    last_wait_age_seconds: float
    """How long ago that was; 0 before the first."""
    last_wait_alike_seconds: float | None
    """`last_wait_seconds` of the same category."""
    head_wait_seconds: float
    """How long the first in line has waited so far; 0 for whoever would be the first."""
    credit_seconds: float
    """What the priority is worth in waiting time."""
    local_hour: float
    """0 to 24, in the time zone of the queue."""
    category: str = ""
    """What is wanted; lines that do not tell leave it empty."""
    paced_seconds: float | None = None
    """What rate and cap of a metered line come to for this place; None for all other lines."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Half of those who join such a line wait at most P50, nine of ten at most P90."""

    p50_seconds: float
    p90_seconds: float
    reason: Reason | None = None
    """FEW_OUTCOMES while P90 is widened for want of data; else None."""


class Predictor(Protocol):
    """One way to estimate. Whoever left is learned from by the weight of those who stayed as long (`Staying`)."""

    def hidden_because(self, features: Features) -> Reason | None:
        """Why `predict` answers None; None when it gives an estimate."""
        ...

    def predict(self, features: Features) -> Estimate | None:
        """What to say on joining. Changes nothing."""
        ...

    def learn(self, features: Features, waited_seconds: float, weight: float) -> None:
        """A wait has ended in a service: the features of its joining, and for how many it stands (at least 1)."""
        ...
