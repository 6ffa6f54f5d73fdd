"""How long people wait before they leave, from who left and who was called first: Kaplan–Meier, and its draws. Pure.

Beyond the longest wait that was seen, people leave as often a second as they did over all that was seen.
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """`staying[i]` is the share that is still there after `seconds[i]`, had nobody been called."""

    seconds: tuple[float, ...] = ()
    staying: tuple[float, ...] = ()
    leaving_per_second: float = 0.0

    @classmethod
    def seen(cls, waits: Iterable[tuple[float, bool]]) -> "Patience":
        """From waits in seconds and whether each ended by leaving; the others were only known to last longer."""
        ordered = sorted(waits, key=lambda wait: (wait[0], not wait[1]))
        at_risk, staying, left, exposure = len(ordered), 1.0, 0, 0.0
        seconds: list[float] = []
        shares: list[float] = []
        for waited, has_left in ordered:
            exposure += waited
            if has_left:
                left += 1
                staying *= 1.0 - 1.0 / at_risk
                if seconds and seconds[-1] == waited:
                    shares[-1] = staying
                else:
                    seconds.append(waited)
                    shares.append(staying)
            at_risk -= 1
        return cls(tuple(seconds), tuple(shares), left / exposure if exposure > 0 else 0.0)

    @classmethod
    def exponential(cls, mean_seconds: float | None) -> "Patience":
        """Of people who leave equally often at any time; None: nobody ever does."""
        return cls(leaving_per_second=0.0 if mean_seconds is None else 1.0 / max(mean_seconds, 0.001))

    def share(self, waited_seconds: float) -> float:
        """How many are still there after so long."""
        place = bisect_right(self.seconds, waited_seconds)
        last = self.staying[place - 1] if place else 1.0
        if place < len(self.seconds):
            return last
        return last * math.exp(-self.leaving_per_second * (waited_seconds - (self.seconds[-1] if place else 0.0)))

    def draw(self, chance: random.Random, beyond_seconds: float = 0.0) -> float:
        """After how long one leaves who is known to stay longer than `beyond_seconds`; infinite: never."""
        level = (1.0 - chance.random()) * self.share(beyond_seconds)
        if self.seconds and level >= self.staying[-1] and self.staying[-1] < 1.0:
            place = bisect_left(self.staying, -level, key=lambda share: -share)
            return max(self.seconds[place], math.nextafter(beyond_seconds, math.inf))
        if self.leaving_per_second <= 0.0 or level <= 0.0:
            return math.inf
        start = self.seconds[-1] if self.seconds else 0.0
        last = self.staying[-1] if self.seconds else 1.0
        return max(start + math.log(last / level) / self.leaving_per_second, math.nextafter(beyond_seconds, math.inf))
