"""What a simulation is given and gives, as plain values that travel between processes. Nothing here decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import inf

from app.queues.disciplines import WHOLE
from app.queues.kinds import QueueDiscipline, QueueMode


class Fate(StrEnum):
    """How a visit ends, as far as figures tell apart."""

    SERVED = "SERVED"
    NO_SHOW = "NO_SHOW"
    """Called, and did not come."""
    ABANDONED = "ABANDONED"
    """Left before being called."""
    REMOVED = "REMOVED"
    """Taken out of the line by staff, or transferred, before being called."""
    REFUSED = "REFUSED"
    """The line was full."""
    UNSERVED = "UNSERVED"
    """Still in line when nobody calls any more."""


CALLED_FATES = frozenset({Fate.SERVED, Fate.NO_SHOW})


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who comes, with all that is theirs whoever serves: patience and how long they take."""

    joins_at: datetime
    occupied_seconds: float
    """From the call to the end: at the counter, or inside."""
    patience_seconds: float = inf
    priority: int = 0
    multiplier_hundredths: int = WHOLE
    comes: bool = True
    """False: does not show up when called, and keeps the place `occupied_seconds` until that is known."""
    leaves_as: Fate = Fate.ABANDONED


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a counter calls. When a shift ends the last one stays until the line is empty."""

    starts_at: datetime
    ends_at: datetime
    ends_shift: bool = True
    away_seconds: float = 0.0
    """At least so long it calls nobody afterwards, from when it is free: a break is not shorter for a long service."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is configured. Names are those of a queue."""

    mode: QueueMode = QueueMode.STAFFED
    discipline: QueueDiscipline = QueueDiscipline.PRIORITY
    credits: Mapping[int, float] = field(default_factory=dict)
    capacity: int | None = None
    max_concurrent_users: int | None = None
    release_rate_per_minute: int | None = None
    gap_seconds: float = 0.0
    """From the end of one visit to the next call of the same counter, while somebody waits."""

    def with_gap(self, seconds: float) -> "Rules":
        """The same with another gap."""
        return replace(self, gap_seconds=seconds)


@dataclass(frozen=True, slots=True)
class World:
    """What visits meet: rules, and counters with the times they work."""

    rules: Rules
    counters: Sequence[Sequence[Span]] = ()


@dataclass(slots=True)
class Played:
    """How it went. Lists have one place per visit, in the order given."""

    waits: list[float]
    """Seconds from joining to being called, or to leaving."""
    fates: list[Fate]
    busy: list[tuple[datetime, datetime]]
    """When a counter, or a place inside, was occupied."""
    on_duty: list[tuple[datetime, datetime]]
    """When a counter worked; empty for METERED."""
