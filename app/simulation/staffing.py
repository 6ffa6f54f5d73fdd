"""When counters worked, read off what they served; and the same with counters more or less at some hours. Pure.

Who serves nobody for two minutes while somebody waits is away, not slow: of the values tried for `docs/replay.md` the
one that came closest to the source. Shifts are not asked: a counter of several lines is away from this one meanwhile.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.simulation.records import Record
from app.simulation.values import Span

BREAK = timedelta(seconds=120)
OFF_DUTY = timedelta(hours=1)
"""Whoever serves nobody for so long is off duty, whether anybody waits or not."""


class Waiting:
    """For how long of a span somebody was in line."""

    def __init__(self, records: Sequence[Record]) -> None:
        changes: dict[datetime, int] = {}
        for record in records:
            until = record.called_at or record.ended_at
            if until is not None and until > record.entered_at:
                changes[record.entered_at] = changes.get(record.entered_at, 0) + 1
                changes[until] = changes.get(until, 0) - 1
        self._at = sorted(changes)
        self._levels: list[int] = []
        self._before: list[timedelta] = []
        level, total, last = 0, timedelta(0), None
        for at in self._at:
            if last is not None and level:
                total += at - last
            level += changes[at]
            last = at
            self._levels.append(level)
            self._before.append(total)

    def within(self, starts_at: datetime, ends_at: datetime) -> timedelta:
        """Of the span between the two."""
        return self._until(ends_at) - self._until(starts_at)

    def _until(self, at: datetime) -> timedelta:
        place = bisect_right(self._at, at) - 1
        if place < 0:
            return timedelta(0)
        return self._before[place] + (at - self._at[place] if self._levels[place] else timedelta(0))


def worked(records: Sequence[Record]) -> tuple[tuple[tuple[Span, ...], ...], float]:
    """Each counter's spans, in the order of appearing, and the gap between two visits while somebody waits."""
    services: dict[str, list[tuple[datetime, datetime]]] = {}
    for record in records:
        if record.counter is not None and record.was_called and record.called_at and record.ended_at:
            services.setdefault(record.counter, []).append((record.called_at, record.ended_at))
    waiting = Waiting(records)
    counters, gaps = [], list[float]()
    for served in services.values():
        served.sort()
        counters.append(_spans(served, waiting, gaps))
    counters.sort(key=lambda spans: spans[0].starts_at)
    return tuple(counters), sum(gaps) / len(gaps) if gaps else 0.0


def _spans(served: Sequence[tuple[datetime, datetime]], waiting: Waiting, gaps: list[float]) -> tuple[Span, ...]:
    spans = []
    starts_at, free_from = served[0]
    last_call_at = starts_at
    for called_at, ended_at in served[1:]:
        gap = called_at - free_from
        if gap > timedelta(0):
            somebody = waiting.within(free_from, called_at)
            if gap >= OFF_DUTY:
                spans.append(Span(starts_at, _calls_until(starts_at, last_call_at, free_from)))
                starts_at = called_at
            elif somebody >= BREAK:
                ends_at = _calls_until(starts_at, last_call_at, free_from)
                spans.append(Span(starts_at, ends_at, ends_shift=False, away_seconds=gap.total_seconds()))
                starts_at = called_at
            elif somebody >= gap:
                gaps.append(gap.total_seconds())
        free_from, last_call_at = max(free_from, ended_at), called_at
    spans.append(Span(starts_at, _calls_until(starts_at, last_call_at, free_from)))
    return tuple(spans)


def _calls_until(starts_at: datetime, last_call_at: datetime, free_from: datetime) -> datetime:
    """When a counter stops calling whose last visit of the span lay so: in the middle of it.

    At that time of a simulation it is in the middle of some visit. Were it to stop calling at the end of the recorded
    one, it would work half a visit more at each break and shift; at its beginning, half a visit less.
    """
    return max(starts_at, last_call_at + (free_from - last_call_at) / 2)


def without(spans: Iterable[Span], starts_at: datetime, ends_at: datetime) -> tuple[Span, ...]:
    """The spans of a counter that is away in between."""
    left = []
    for span in spans:
        if span.ends_at <= starts_at or span.starts_at >= ends_at:
            left.append(span)
            continue
        if span.starts_at < starts_at:
            left.append(Span(span.starts_at, starts_at, ends_shift=False))
        if span.ends_at > ends_at:
            left.append(replace(span, starts_at=ends_at))
    return tuple(left)


def worked_seconds(spans: Iterable[Span], starts_at: datetime, ends_at: datetime) -> float:
    """How much of a time a counter works."""
    return sum(
        max((min(span.ends_at, ends_at) - max(span.starts_at, starts_at)).total_seconds(), 0.0) for span in spans
    )


def more(
    counters: Sequence[Sequence[Span]], windows: Iterable[tuple[datetime, datetime]], count: int
) -> tuple[tuple[Span, ...], ...]:
    """So many counters more in each window; where `count` is negative fewer, those that work there longest."""
    changed = [tuple(spans) for spans in counters]
    for starts_at, ends_at in windows:
        if count >= 0:
            changed += [(Span(starts_at, ends_at, ends_shift=False),)] * count
            continue
        there = sorted(
            (number for number, spans in enumerate(changed) if worked_seconds(spans, starts_at, ends_at) > 0),
            key=lambda number: (-worked_seconds(changed[number], starts_at, ends_at), number),
        )
        for number in there[:-count]:
            changed[number] = without(changed[number], starts_at, ends_at)
    return tuple(spans for spans in changed if spans)


def exactly(
    counters: Sequence[Sequence[Span]], windows: Iterable[tuple[datetime, datetime]], count: int
) -> tuple[tuple[Span, ...], ...]:
    """So many counters in each window, all the time, whoever worked there."""
    changed = [tuple(spans) for spans in counters]
    extra: list[tuple[Span, ...]] = []
    for starts_at, ends_at in windows:
        changed = [without(spans, starts_at, ends_at) for spans in changed]
        extra += [(Span(starts_at, ends_at),)] * count
    return tuple(spans for spans in [*changed, *extra] if spans)
