"""Who stands where: the disciplines of a line as functions of plain values. Reads and writes nothing, knows no queue.

A place is a rank, given once and compared ever after: whoever else comes, goes or tries again does not change the order
of two who stay. The lower the rank, the sooner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from app.queues.kinds import QueueDiscipline

BYPASS_CLASS = -1_000
"""Before every class a priority can give: 9 times the largest multiplier is 90."""
WHOLE = 100
"""A multiplier of 1: multipliers are counted in hundredths, so that a class is never a matter of rounding."""
MAX_MULTIPLIER = 10 * WHOLE

# Sequences are given out so far apart that six people one after the other fit between any two.
SEQUENCE_STEP = 64


class Rank(NamedTuple):
    """A place in the order: the lower, the sooner. Compared from left to right."""

    rank_class: int
    rank_time: datetime
    sequence: int


class Lot(NamedTuple):
    """A place drawn in a lottery: among those of one `time` the lower number goes first.

    `time` is one that nobody who joins after the opening can have joined before.
    """

    time: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a place is decided on. `sequence` grows with every place a line gives."""

    priority: int
    joined_at: datetime
    sequence: int
    multiplier_hundredths: int = WHOLE
    is_bypassed: bool = False
    lot: Lot | None = None


def rank_of(discipline: QueueDiscipline, credits: Mapping[int, float], standing: Standing) -> Rank:
    """Where a visitor stands.

    PRIORITY: in order of class, the higher the sooner, each in join order. TIME_CREDIT: in order of an effective join
    time, which lies `worth_seconds` before the real one, so that nobody starves (accumulating priority with equal
    slopes; the call centre of Brown et al., JASA 2005, ran on it): who joins more than `overtaking_seconds` later never
    goes first. LOTTERY: as PRIORITY, but of a class those whose places were drawn come first, in the order of the draw.
    Whoever is bypassed stands before all of these in every discipline, in join order.
    """
    if standing.is_bypassed:
        return Rank(BYPASS_CLASS, standing.joined_at, standing.sequence)
    match discipline:
        case QueueDiscipline.PRIORITY:
            return Rank(-class_of(standing), standing.joined_at, standing.sequence)
        case QueueDiscipline.LOTTERY:
            return Rank(-class_of(standing), *(standing.lot or (standing.joined_at, standing.sequence)))
        case QueueDiscipline.TIME_CREDIT:
            worth = worth_seconds(credits, standing.priority, standing.multiplier_hundredths)
            return Rank(0, standing.joined_at - timedelta(seconds=worth), standing.sequence)


def class_of(standing: Standing) -> int:
    """Priority times multiplier, halves rounded up: 3 at a multiplier of 1.5 is 5."""
    return (standing.priority * standing.multiplier_hundredths + WHOLE // 2) // WHOLE


def worth_seconds(credits: Mapping[int, float], priority: int, multiplier_hundredths: int = WHOLE) -> float:
    """The seconds of waiting somebody is ahead by under TIME_CREDIT: the priority's credit times the multiplier."""
    return credits.get(priority, 0.0) * multiplier_hundredths / WHOLE


def overtaking_seconds(
    credits: Mapping[int, float], priority: int, multiplier_hundredths: int = WHOLE, largest_multiplier: int = WHOLE
) -> float:
    """How long after somebody's join others can still come to stand before them under TIME_CREDIT, bypassed ones aside.

    The bound of starving: afterwards the number ahead only falls. `largest_multiplier` is that of the queue's
    categories.
    """
    most = max(credits.values(), default=0.0) * largest_multiplier / WHOLE
    return max(0.0, most - worth_seconds(credits, priority, multiplier_hundredths))


def is_bypassed(rank_class: int) -> bool:
    """Whether a place is one before all priorities."""
    return rank_class <= BYPASS_CLASS


def rank_behind(rank: Rank, next_sequence: int | None, fresh_sequence: int) -> Rank:
    """Right behind somebody: of the same class and time, before whoever has that class and time and comes next.

    `next_sequence` is that next one's. Where no number is left in between, behind all who share the class and time.
    """
    if next_sequence is not None and next_sequence - rank.sequence > 1:
        return rank._replace(sequence=(rank.sequence + next_sequence) // 2)
    if rank.sequence >= fresh_sequence:
        # Drawn numbers are far beyond those a line gives. Nobody has joined within a microsecond of a draw's time.
        return Rank(rank.rank_class, rank.rank_time + timedelta(microseconds=1), fresh_sequence)
    return rank._replace(sequence=fresh_sequence)


def credits_by_priority(stored: Iterable[Mapping[str, float]]) -> dict[int, float]:
    """The stored list of credits as a mapping."""
    return {int(entry["priority"]): float(entry["seconds"]) for entry in stored}
