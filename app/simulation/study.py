"""A question and its answer: runs of one demand in the world as it was and as it might be. Pure; run elsewhere.

Both worlds meet the same visitors run by run, so that what differs is the change and not chance.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.queues.kinds import QueueMode
from app.simulation import staffing
from app.simulation.demand import Invented, Observed, invented
from app.simulation.engine import play
from app.simulation.figures import HourFigures, LocalHours, Range, RunFigures, by_hour, of_records, of_run, ranges
from app.simulation.records import Record
from app.simulation.values import Played, Rules, Span, Visit, World


class Demand(StrEnum):
    """Who comes."""

    RECORDED = "RECORDED"
    RESAMPLED = "RESAMPLED"
    INVENTED = "INVENTED"


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant up to and without another, on the clock of a zone."""

    starts_at: datetime
    ends_at: datetime
    zone: str

    def days(self) -> list[date]:
        """The local days it touches."""
        zone = ZoneInfo(self.zone)
        first = self.starts_at.astimezone(zone).date()
        last = (self.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True)
class Block:
    """Other staff between two local times of every day: so many counters, or so many more (fewer)."""

    starts: time
    ends: time | None
    """None: midnight."""
    counters: int | None = None
    difference: int = 0

    def windows(self, period: Period) -> Iterator[tuple[datetime, datetime]]:
        """Its times on each day of a period."""
        zone = ZoneInfo(period.zone)
        for day in period.days():
            starts_at = datetime.combine(day, self.starts, zone)
            end_day = day + timedelta(days=1) if self.ends is None else day
            ends_at = datetime.combine(end_day, self.ends or time(), zone)
            # Instants of one zone compare by the clock on the wall: of UTC they compare as they are.
            begins = max(starts_at.astimezone(period.starts_at.tzinfo), period.starts_at)
            until = min(ends_at.astimezone(period.starts_at.tzinfo), period.ends_at)
            if begins < until:
                yield begins, until


@dataclass(frozen=True, slots=True)
class Study:
    """What is asked. `after` None: nothing is changed but staff and demand, if those are."""

    demand: Demand
    period: Period
    before: Rules
    after: Rules
    runs: int
    seed: int
    threshold_seconds: float
    records: Sequence[Record] = ()
    invented: Invented | None = None
    blocks: Sequence[Block] = ()
    factor: float = 1.0

    @property
    def changes(self) -> bool:
        """Whether anything is asked to be otherwise."""
        return self.after != self.before or bool(self.blocks) or self.factor != 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The runs of one world."""

    figures: dict[str, Range | None]
    hours: Sequence[HourFigures]
    runs: Sequence[RunFigures]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `before` is None of an invented demand, `after` where nothing was changed."""

    before: Outcome | None
    after: Outcome | None
    recorded: RunFigures | None
    gap_seconds: float
    counters: int


def answer(study: Study) -> Answer:
    """Run a study."""
    observed = Observed(study.records)
    counters, gap_seconds = staffing.worked(study.records)
    hours, days = LocalHours(study.period.zone), len(study.period.days())
    before_world = world(study.before, counters, gap_seconds)
    after_world = world(study.after, changed(counters, study.blocks, study.period), gap_seconds)
    before: list[tuple[Sequence[Visit], Played]] = []
    after: list[tuple[Sequence[Visit], Played]] = []
    for run in range(study.runs):
        visits = _visits(study, observed, run, 1.0)
        if study.demand is not Demand.INVENTED:
            before.append((visits, play(visits, before_world)))
        if study.changes or study.demand is Demand.INVENTED:
            visits = visits if study.factor == 1.0 else _visits(study, observed, run, study.factor)
            after.append((visits, play(visits, after_world)))
    return Answer(
        before=_outcome(hours, days, before, study.threshold_seconds),
        after=_outcome(hours, days, after, study.threshold_seconds),
        recorded=of_records(study.records, study.threshold_seconds) if study.records else None,
        gap_seconds=gap_seconds,
        counters=len(counters),
    )


def world(rules: Rules, counters: Sequence[Sequence[Span]], gap_seconds: float) -> World:
    """Rules and counters, with the recorded gap between two visits."""
    if rules.mode is QueueMode.METERED:
        return World(rules)
    return World(rules.with_gap(gap_seconds), counters)


def changed(counters: Sequence[Sequence[Span]], blocks: Sequence[Block], period: Period) -> Sequence[Sequence[Span]]:
    """The counters with other staff in some blocks, one block after the other."""
    for block in blocks:
        windows = list(block.windows(period))
        if block.counters is None:
            counters = staffing.more(counters, windows, block.difference)
        else:
            counters = staffing.exactly(counters, windows, block.counters)
    return counters


def _visits(study: Study, observed: Observed, run: int, factor: float) -> Sequence[Visit]:
    chance = random.Random(f"{study.seed}:{run}")
    if study.demand is Demand.RECORDED:
        return observed.recorded(chance)
    if study.invented is not None:
        return invented(study.invented, chance, factor)
    return observed.resampled(chance, factor)


def _outcome(
    hours: LocalHours, days: int, played: Sequence[tuple[Sequence[Visit], Played]], threshold_seconds: float
) -> Outcome | None:
    if not played:
        return None
    runs = [of_run(run, threshold_seconds) for _, run in played]
    return Outcome(ranges(runs), by_hour(hours, days, played, threshold_seconds), runs)
