"""When counters worked, as their services say, and the same with others; and blocks on the clock of a zone."""

from datetime import UTC, datetime, time, timedelta

import pytest

from app.simulation.records import Record
from app.simulation.staffing import exactly, more, worked, worked_seconds
from app.simulation.study import Block, Period
from app.simulation.values import Fate, Span

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def served(joins: float, called: float, ends: float, counter: str = "one") -> Record:
    return Record(at(joins), at(called), at(ends), Fate.SERVED, counter)


def test_short_gaps_are_gaps_long_ones_breaks_and_an_hour_is_the_end() -> None:
    records = [
        served(0, 0, 100),
        served(10, 110, 200),  # 10 s, somebody waiting all the time
        served(190, 400, 500),  # 200 s of which somebody waited: a break
        served(900, 900, 1_000),  # nobody waited: it was there
        served(6_000, 6_000, 6_100),  # more than an hour later
    ]
    (spans,), gap = worked(records)
    assert gap == 10
    # Each ends in the middle of its last visit.
    assert spans == (
        Span(at(0), at(155), ends_shift=False, away_seconds=200),
        Span(at(400), at(950)),
        Span(at(6_000), at(6_050)),
    )


def test_who_was_never_called_or_called_by_nobody_says_nothing_of_staff() -> None:
    assert worked([Record(at(0), None, at(5), Fate.ABANDONED), Record(at(0), at(1), at(5), Fate.SERVED)]) == ((), 0.0)


def test_counters_more_and_fewer_in_a_window() -> None:
    counters = ((Span(at(0), at(1_000)),), (Span(at(500), at(1_000)),))
    window = [(at(200), at(600))]
    assert more(counters, window, 2) == (*counters, *[(Span(at(200), at(600), ends_shift=False),)] * 2)
    # Whoever works there longest is the one that is spared.
    assert more(counters, window, -1) == (
        (Span(at(0), at(200), ends_shift=False), Span(at(600), at(1_000))),
        counters[1],
    )
    assert more(counters, window, -5)[1] == (Span(at(600), at(1_000)),)
    assert exactly(counters, window, 1) == (
        (Span(at(0), at(200), ends_shift=False), Span(at(600), at(1_000))),
        (Span(at(600), at(1_000)),),
        (Span(at(200), at(600)),),
    )
    assert worked_seconds(counters[0], at(-50), at(200)) == 200


def test_blocks_are_on_the_clock_of_the_zone_whatever_the_clocks_do() -> None:
    # The clocks go back on 25 October 2026: 10:00 is 08:00 UTC before, and 09:00 after.
    period = Period(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 26, 23, tzinfo=UTC), "Europe/Berlin")
    assert len(period.days()) == 2
    assert list(Block(time(10), time(12), difference=1).windows(period)) == [
        (datetime(2026, 10, 25, 9, tzinfo=UTC), datetime(2026, 10, 25, 11, tzinfo=UTC)),
        (datetime(2026, 10, 26, 9, tzinfo=UTC), datetime(2026, 10, 26, 11, tzinfo=UTC)),
    ]
    whole = [ends_at - starts_at for starts_at, ends_at in Block(time(0), None, difference=1).windows(period)]
    assert whole == [timedelta(hours=25), timedelta(hours=24)]
    part = Period(datetime(2026, 10, 26, 10, tzinfo=UTC), datetime(2026, 10, 26, 10, 30, tzinfo=UTC), "Europe/Berlin")
    assert list(Block(time(10), time(12), difference=1).windows(part)) == [(part.starts_at, part.ends_at)]
    with pytest.raises(StopIteration):
        next(Block(time(13), None, difference=1).windows(part))
