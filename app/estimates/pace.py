"""What a line has to remember of its past so that `Features` can be told: how long services take, who came in last.

Times are seconds of whatever clock the caller has, as long as it is the same and does not go back.
"""

import math
from dataclasses import dataclass, field

# A service weighs a fiftieth in the mean: a change of pace is known after some dozens.
_SERVICE_WEIGHT = 0.02
# One forgotten open over lunch must not become the mean.
MOST_SERVICE_SECONDS = 1_800.0
LATELY_SECONDS = 600.0
"""The memory of `starts_per_second`."""
MOST_CATEGORIES = 16


@dataclass(slots=True)
class LastWait:
    """Somebody entered service from the line."""

    at: float
    waited_seconds: float


@dataclass(slots=True)
class Pace:
    """The pace of one line."""

    service_seconds: float | None = None
    last: LastWait | None = None
    last_by_category: dict[str, LastWait] = field(default_factory=dict)
    starts: float = 0.0
    """Services begun, each fading within `LATELY_SECONDS`."""
    starts_at: float = 0.0

    def entered(self, at: float, waited_seconds: float, category: str = "") -> None:
        """Somebody entered service after waiting in line; who did not wait says nothing of the line (`began`)."""
        self.last = LastWait(at, waited_seconds)
        if category in self.last_by_category or len(self.last_by_category) < MOST_CATEGORIES:
            self.last_by_category[category] = self.last
        self.began(at)

    def began(self, at: float) -> None:
        """A service began."""
        self.starts = self._faded(at) + 1.0
        self.starts_at = at

    def ended(self, service_seconds: float) -> None:
        """A service ended after so long."""
        seconds = min(max(service_seconds, 0.0), MOST_SERVICE_SECONDS)
        mean = self.service_seconds
        self.service_seconds = seconds if mean is None else mean + (seconds - mean) * _SERVICE_WEIGHT

    def starts_per_second(self, at: float) -> float:
        """How often services began lately."""
        return self._faded(at) / LATELY_SECONDS

    def _faded(self, at: float) -> float:
        return self.starts * math.exp(-max(at - self.starts_at, 0.0) / LATELY_SECONDS)
