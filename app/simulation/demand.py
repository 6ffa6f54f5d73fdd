"""Who comes in a run: as recorded, drawn anew from what was recorded, or invented from a few numbers. Pure and seeded.

What was not seen is drawn: the service of who left before it, the patience of who was called before it ended.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.simulation.patience import Patience
from app.simulation.records import Record, waiting
from app.simulation.values import Fate, Visit

_ENOUGH = 20
"""With fewer services of a priority, those of all speak for it."""
BLOCK = timedelta(minutes=15)
"""Within so long people are taken to come equally often."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of an invented demand have a priority, by weight."""

    priority: int
    weight: float


@dataclass(frozen=True, slots=True)
class Invented:
    """A demand of a few numbers: Poisson arrivals by the hour, lognormal services, exponential patience."""

    starts_at: datetime
    arrivals_per_hour: Sequence[float]
    service_seconds: float
    service_variation: float = 1.0
    """Standard deviation ÷ mean of the services."""
    patience_seconds: float | None = None
    """Mean; None: nobody leaves."""
    shares: Sequence[Share] = (Share(0, 1.0),)

    @property
    def ends_at(self) -> datetime:
        """When nobody comes any more."""
        return self.starts_at + timedelta(hours=len(self.arrivals_per_hour))


class Observed:
    """What recorded visits say of services and patience."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = sorted(records, key=lambda record: record.entered_at)
        called = [record for record in self._records if record.was_called and record.occupied_seconds is not None]
        self._called = called
        self._called_of = {
            priority: [record for record in called if record.priority == priority]
            for priority in {record.priority for record in self._records}
        }
        self.patience = Patience.seen(waiting(self._records))
        self._blocks = Counter(record.entered_at.timestamp() // BLOCK.total_seconds() for record in self._records)

    def recorded(self, chance: random.Random) -> list[Visit]:
        """The very visits. Who left leaves after the same time unless called before."""
        return [self._again(record, chance) for record in self._records]

    def resampled(self, chance: random.Random, factor: float = 1.0) -> list[Visit]:
        """Visits of days like these: as many as chance brings to each quarter of an hour, of those who came then."""
        visits = []
        seconds = BLOCK.total_seconds()
        place = 0
        for block, count in sorted(self._blocks.items()):
            came = self._records[place : place + count]
            place += count
            starts_at = datetime.fromtimestamp(block * seconds, tz=came[0].entered_at.tzinfo)
            for _ in range(_poisson(count * factor, chance)):
                record = came[int(chance.random() * count)]
                joins_at = starts_at + timedelta(seconds=chance.random() * seconds)
                visits.append(self._drawn(record, joins_at, chance))
        visits.sort(key=lambda visit: visit.joins_at)
        return visits

    def _again(self, record: Record, chance: random.Random) -> Visit:
        waited = record.waited_seconds or 0.0
        visit = self._drawn(record, record.entered_at, chance)
        if record.was_called:
            occupied = record.occupied_seconds
            return replace(
                visit,
                occupied_seconds=visit.occupied_seconds if occupied is None else occupied,
                comes=record.fate is not Fate.NO_SHOW,
                patience_seconds=self.patience.draw(chance, waited),
            )
        if record.fate is None or record.ended_at is None:
            return replace(visit, patience_seconds=self.patience.draw(chance, waited))
        return replace(visit, patience_seconds=waited, leaves_as=record.fate)

    def _drawn(self, record: Record, joins_at: datetime, chance: random.Random) -> Visit:
        alike = self._called_of[record.priority]
        alike = alike if len(alike) >= _ENOUGH else self._called
        # Always as many draws for one, so that one visitor's luck is not another's.
        luck = chance.random()
        like = alike[int(luck * len(alike))] if alike else None
        return Visit(
            joins_at,
            (like.occupied_seconds or 0.0) if like else 0.0,
            self.patience.draw(chance),
            record.priority,
            record.multiplier_hundredths,
            comes=like is None or like.fate is not Fate.NO_SHOW,
        )


def invented(demand: Invented, chance: random.Random, factor: float = 1.0) -> list[Visit]:
    """One run's visits of an invented demand."""
    spread = math.sqrt(math.log1p(demand.service_variation**2))
    middle = math.log(max(demand.service_seconds, 0.001)) - spread**2 / 2
    patience = Patience.exponential(demand.patience_seconds)
    priorities = [share.priority for share in demand.shares]
    weights = [share.weight for share in demand.shares]
    visits = []
    for hour, rate in enumerate(demand.arrivals_per_hour):
        starts_at = demand.starts_at + timedelta(hours=hour)
        for _ in range(_poisson(rate * factor, chance)):
            joins_at = starts_at + timedelta(seconds=chance.random() * 3600)
            occupied = math.exp(chance.gauss(middle, spread))
            priority = chance.choices(priorities, weights)[0]
            visits.append(Visit(joins_at, occupied, patience.draw(chance), priority))
    visits.sort(key=lambda visit: visit.joins_at)
    return visits


def _poisson(mean: float, chance: random.Random) -> int:
    """How many come where so many do on average: exponential gaps until the time is over, in portions."""
    count = 0
    while mean > 0.0:
        portion = min(mean, 500.0)
        mean -= portion
        limit, product = math.exp(-portion), chance.random()
        while product > limit:
            count += 1
            product *= chance.random()
    return count
