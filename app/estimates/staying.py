"""How likely somebody is to be still in line after so long: Kaplan–Meier of leaving, one per category, kept online.

Knows only how waits ended. It assumes that of two alike with the same wait so far, who leaves does not depend on how
long the rest would have been; where people are told and leave because of it, this is only nearly so.
"""

import math
from dataclasses import dataclass, field

# Ends of waits are counted in cells each 12 % longer than the one before, from a second to more than a day: the same
# for a line of seconds and a line of hours.
GROWTH = 0.12
CELLS = 110
# The longest wait that somebody can be made to stand for: the rare stayer among many who left must not be everything.
MOST_WEIGHT = 8.0
# Halved when reached, so that the older half weighs less and the newer shows in weeks.
MOST_COUNTED = 8_000.0
# A category of its own speaks as soon as it has more ends than this in a cell; before, all categories together do.
POOLED_ENDS = 20.0


def cell_of(waited_seconds: float) -> int:
    """The cell a wait is counted in."""
    return min(int(math.log1p(max(waited_seconds, 0.0)) / GROWTH), CELLS - 1)


@dataclass(slots=True)
class Ends:
    """How many waits ended in each cell, by a service and by leaving."""

    served: list[float] = field(default_factory=lambda: [0.0] * CELLS)
    left: list[float] = field(default_factory=lambda: [0.0] * CELLS)
    counted: float = 0.0

    def count(self, cell: int, *, served: bool) -> None:
        """One more end."""
        (self.served if served else self.left)[cell] += 1.0
        self.counted += 1.0
        if self.counted >= MOST_COUNTED:
            self.served = [number / 2 for number in self.served]
            self.left = [number / 2 for number in self.left]
            self.counted /= 2


@dataclass(slots=True)
class Staying:
    """The estimator. `weight` is the inverse of the probability to have stayed, as those served need it."""

    ends: Ends = field(default_factory=Ends)
    by_category: dict[str, Ends] = field(default_factory=dict)
    most_categories: int = 16
    """Further categories are looked at with all together."""

    def learn(self, category: str, waited_seconds: float, *, served: bool) -> None:
        """A wait has ended."""
        cell = cell_of(waited_seconds)
        self.ends.count(cell, served=served)
        if category not in self.by_category and len(self.by_category) < self.most_categories:
            self.by_category[category] = Ends()
        if category in self.by_category:
            self.by_category[category].count(cell, served=served)

    def probability(self, category: str, waited_seconds: float) -> float:
        """To be still in line after so long, had nobody been called: 1 before anybody left."""
        pooled, own = self.ends, self.by_category.get(category)
        risk, own_risk = pooled.counted, own.counted if own else 0.0
        staying = 1.0
        for cell in range(cell_of(waited_seconds)):
            served, left = pooled.served[cell], pooled.left[cell]
            if risk <= 0:
                break
            # Served within the cell: on average at risk for half of it (the life table's usage).
            leaving = left / at_risk if (at_risk := risk - served / 2) > 0 else 0.0
            risk -= served + left
            if own is not None:
                own_served, own_left = own.served[cell], own.left[cell]
                leaving = (own_left + POOLED_ENDS * leaving) / (max(own_risk - own_served / 2, own_left) + POOLED_ENDS)
                own_risk -= own_served + own_left
            staying *= 1.0 - leaving
        return staying

    def weight(self, category: str, waited_seconds: float) -> float:
        """For how many somebody served after so long stands: themselves and those alike who left before."""
        return 1.0 / max(self.probability(category, waited_seconds), 1.0 / MOST_WEIGHT)
