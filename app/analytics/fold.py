"""The fold: a queue's events, one after the other, into visits and what they add up to. Pure; reads and writes nothing.

Whoever folds gives it what was known at a revision and takes what has changed; the same events make the same rows,
wherever one stopped in between.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from app.analytics.contribution import EVERYBODY, Cell, Member, contribution, members
from app.analytics.facts import ENTERING, Fact, Rank, change, entered, imported, rate
from app.analytics.hours import Hours, Span

_RATED: Final = "SESSION_RATED"
_IMPORTED: Final = "SESSION_IMPORTED"


class LogGap(Exception):
    """An event is missing; a queue's log has no gaps."""


class Happened(NamedTuple):
    """An event of a queue's log."""

    revision: int
    type: str
    occurred_at: datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Position:
    """How far a queue's log is folded, and how its line was then."""

    revision: int = 0
    occurred_at: datetime | None = None
    waiting_count: int = 0
    called_count: int = 0
    serving_count: int = 0
    open_counter_count: int = 0


@dataclass(slots=True)
class _Visit:
    """A visit and what it has been counted as."""

    fact: Fact
    counted: dict[Cell, int] = field(default_factory=dict)
    counted_for: tuple[Member, ...] = ()


class QueueFold:
    """Folds events of one queue."""

    __slots__ = ("_hours", "_order", "_queue_id", "_visits", "cells", "changed", "maxima", "position")

    def __init__(
        self, queue_id: UUID, hours: Hours, position: Position, facts: list[Fact], order: list[Rank] | None
    ) -> None:
        """`facts` are the latest visits of the sessions that events are about; `order` the ranks of who waits.

        Without an order nobody may enter.
        """
        self._queue_id = queue_id
        self._hours = hours
        self._order = order
        self._visits = {str(fact.session_id): _Visit(fact, contribution(fact, hours), members(fact)) for fact in facts}
        self.position = position
        # What changes: visits by session and time of entering; amounts by member and cell; the longest lines.
        self.changed: dict[tuple[UUID, datetime], Fact] = {}
        self.cells: dict[Member, dict[Cell, int]] = {}
        self.maxima: dict[Span, int] = {}

    def apply(self, event: Happened) -> None:
        """The next event. `LogGap` if it is another one."""
        if event.revision != self.position.revision + 1:
            raise LogGap(f"expected revision {self.position.revision + 1} of {self._queue_id}, found {event.revision}")
        line = event.data["line"]
        self._pass_time(event.occurred_at)
        position = self.position
        position.revision, position.occurred_at = event.revision, event.occurred_at
        position.waiting_count, position.called_count = line["waiting_count"], line["called_count"]
        position.serving_count, position.open_counter_count = line["serving_count"], line["open_counter_count"]
        if (state := event.data.get("session")) is not None:
            self._visit(event, state, line)
        elif event.type == _IMPORTED:
            self._import(event.data["visit"])

    def _visit(self, event: Happened, state: dict[str, Any], line: dict[str, Any]) -> None:
        if event.type in ENTERING:
            fact = entered(self._queue_id, event.type, event.occurred_at, state, line["waiting_count"])
            visit = self._visits[state["id"]] = _Visit(fact)
            self._move(None, rank := fact.rank())
            if rank is not None and line["status"] != "PREQUEUE":
                assert self._order is not None
                fact.position = bisect_left(self._order, rank) + 1
        else:
            found = self._visits.get(state["id"])
            if found is None:
                # Its visit is older than what is kept.
                return
            visit, fact = found, found.fact
            before = fact.rank()
            if event.type == _RATED:
                rate(fact, event.data)
            else:
                change(fact, event.type, event.occurred_at, state)
            self._move(before, fact.rank())
        self.changed[fact.session_id, fact.entered_at] = fact
        self._count(visit)

    def _import(self, state: dict[str, Any]) -> None:
        """A visit of the past that another system has kept: it counts when it happened, and stood in no line here."""
        fact = imported(self._queue_id, state)
        visit = self._visits[state["id"]] = _Visit(fact)
        self.changed[fact.session_id, fact.entered_at] = fact
        self._count(visit)

    def _move(self, before: Rank | None, after: Rank | None) -> None:
        if self._order is None or before == after:
            return
        if before is not None and self._order[place := bisect_left(self._order, before)] == before:
            del self._order[place]
        if after is not None:
            insort(self._order, after)

    def _count(self, visit: _Visit) -> None:
        now, whose = contribution(visit.fact, self._hours), members(visit.fact)
        if whose == visit.counted_for:
            changes = {cell: amount - visit.counted.get(cell, 0) for cell, amount in now.items()}
            changes |= {cell: -amount for cell, amount in visit.counted.items() if cell not in now}
            self._add(whose, {cell: amount for cell, amount in changes.items() if amount})
        else:
            self._add(visit.counted_for, {cell: -amount for cell, amount in visit.counted.items()})
            self._add(whose, now)
        visit.counted, visit.counted_for = now, whose

    def _add(self, whose: tuple[Member, ...], changes: dict[Cell, int]) -> None:
        for member in whose:
            cells = self.cells.setdefault(member, {})
            for cell, amount in changes.items():
                cells[cell] = cells.get(cell, 0) + amount

    def _pass_time(self, until: datetime) -> None:
        """Count how the line was from the last event to this one, in each hour."""
        was = self.position
        lengths = (
            ("waiting_ms", was.waiting_count),
            ("called_ms", was.called_count),
            ("serving_ms", was.serving_count),
            ("counter_ms", was.open_counter_count),
        )
        if was.occurred_at is None or not any(count for _, count in lengths):
            return
        cells = self.cells.setdefault(EVERYBODY, {})
        for hour, milliseconds in self._hours.parts(was.occurred_at, until):
            self.maxima[hour] = max(self.maxima.get(hour, 0), was.waiting_count)
            for column, count in lengths:
                if amount := count * milliseconds:
                    cells[hour, column, None] = cells.get((hour, column, None), 0) + amount
