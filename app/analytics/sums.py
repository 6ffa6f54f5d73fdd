"""What roll-up rows add up to, and the figures it makes: every formula of analytics stands here. Pure.

Which visit counts where is decided when a row is written (`contribution.py`); nothing is weighed again here.
"""

import sys
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from app.analytics import rollups
from app.analytics.figures import Durations, Figures, Period, Satisfaction
from app.analytics.sketch import bucket_of, milliseconds_of
from app.ratings.rules import csat, mean_score, nps

# No figure shows heads instead of visits, and places on joining are read by a question of their own.
COUNTS = tuple(name for name in rollups.COUNTS if name != "people")
HISTOGRAMS = tuple(name for name in rollups.HISTOGRAMS if not name.startswith("position"))
COLUMNS = (*COUNTS, *HISTOGRAMS, "waiting_max")
_QUANTILES = (0.5, 0.9, 0.95)


class Sums:
    """What some rows add up to."""

    __slots__ = ("counts", "histograms", "waiting_max")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.histograms: dict[str, Counter[int]] = {name: Counter() for name in HISTOGRAMS}
        self.waiting_max = 0

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Count a roll-up row in: the columns of `COLUMNS`, histograms as lists or as PostgreSQL sends them."""
        counts = self.counts
        for name in COUNTS:
            if amount := row[name]:
                counts[name] += amount
        for name in HISTOGRAMS:
            if pairs := row[name]:
                if isinstance(pairs, bytes):
                    pairs = _read(pairs)
                # An empty one takes them all at once: most spans are one row.
                self.histograms[name].update(dict(zip(pairs[::2], pairs[1::2], strict=True)))
        self.waiting_max = max(self.waiting_max, row["waiting_max"])

    def add(self, other: "Sums") -> None:
        """Count in what others add up to."""
        self.counts.update(other.counts)
        for name, histogram in other.histograms.items():
            self.histograms[name].update(histogram)
        self.waiting_max = max(self.waiting_max, other.waiting_max)


def _read(sent: bytes) -> Sequence[int]:
    """The numbers of an `int[]` in PostgreSQL's binary format: 20 bytes about it, then a length and a number for each.

    The driver makes a list in ten times as long, which is most of what a year of days costs.
    """
    words = array("i", sent[20:])
    if sys.byteorder == "little":
        words.byteswap()
    return words[1::2]


@dataclass(frozen=True, slots=True)
class Tail:
    """How a line is since its last event: time that goes by there is in no row yet."""

    since: datetime
    waiting_count: int
    called_count: int
    serving_count: int
    open_counter_count: int


def add_tails(sums: Sums, tails: Iterable[Tail], period: Period, now: datetime) -> None:
    """Count in the time since the last events that lies in the period."""
    for tail in tails:
        milliseconds = int((min(period.ends, now) - max(period.starts, tail.since)).total_seconds() * 1000)
        if milliseconds <= 0:
            continue
        sums.counts["waiting_ms"] += milliseconds * tail.waiting_count
        sums.counts["called_ms"] += milliseconds * tail.called_count
        sums.counts["serving_ms"] += milliseconds * tail.serving_count
        sums.counts["counter_ms"] += milliseconds * tail.open_counter_count
        sums.waiting_max = max(sums.waiting_max, tail.waiting_count)


def figures_of(
    sums: Sums, period: Period, now: datetime, threshold_seconds: int, *, knows_line: bool, is_one_line: bool = True
) -> Figures:
    """The figures of a period of which so much has passed.

    `knows_line`: whether the sums are of all visits, so that they know how long the line was and who was on duty.
    """
    counts, histograms = sums.counts, sums.histograms
    milliseconds = max(0.0, (min(period.ends, now) - period.starts).total_seconds() * 1000)
    answered = counts["called"] + counts["abandoned"]
    counter_ms = counts["counter_ms"]
    in_time = up_to(histograms["wait_buckets"], threshold_seconds)
    ratings, answers = histograms["rating_buckets"], histograms["nps_buckets"]
    return Figures(
        joined_count=counts["entered"] - counts["transferred_in"],
        transferred_in_count=counts["transferred_in"],
        called_count=counts["called"],
        served_count=counts["served"],
        abandoned_count=counts["abandoned"],
        cancelled_after_call_count=counts["cancelled_after_call"],
        cancelled_by_staff_count=counts["cancelled_by_staff"],
        no_show_count=counts["no_show"],
        expired_count=counts["stay_over"],
        revoked_count=counts["revoked"],
        transferred_out_count=counts["transferred_out"],
        wait=durations(counts["called"], counts["wait_ms"], histograms["wait_buckets"]),
        service=durations(counts["service_count"], counts["service_ms"], histograms["service_buckets"]),
        abandoned_wait=durations(counts["abandoned"], counts["abandoned_ms"], histograms["abandoned_buckets"]),
        abandonment_rate=share(counts["abandoned"], answered),
        no_show_rate=share(counts["no_show"], counts["called"]),
        service_level=share(in_time, answered),
        throughput_per_hour=counts["served"] / (milliseconds / 3_600_000) if milliseconds else 0.0,
        occupancy=min(1.0, (counts["called_ms"] + counts["serving_ms"]) / counter_ms)
        if knows_line and counter_ms > 0
        else None,
        mean_waiting_count=counts["waiting_ms"] / milliseconds if knows_line and milliseconds else None,
        most_waiting_count=sums.waiting_max if knows_line and is_one_line else None,
        satisfaction=Satisfaction(
            rating_count=ratings.total(),
            mean_rating=mean_score(ratings),
            csat=csat(ratings),
            nps_count=answers.total(),
            nps=nps(answers),
        ),
    )


def durations(count: int, milliseconds: int, buckets: Mapping[int, int]) -> Durations:
    """How long something took."""
    p50, p90, p95 = quantiles(buckets, _QUANTILES)
    total = milliseconds / 1000
    return Durations(count, total, total / count if count else None, p50, p90, p95)


def quantiles(buckets: Mapping[int, int], shares: Sequence[float]) -> list[float | None]:
    """For each share (growing) the value number 1 + floor(share × (n − 1)) of n in order, in seconds; null of none."""
    ordered = sorted(buckets)
    passed = list(accumulate(map(buckets.__getitem__, ordered)))
    if not passed or not passed[-1]:
        return [None] * len(shares)
    ranks = (int(share * (passed[-1] - 1)) for share in shares)
    return [milliseconds_of(ordered[bisect_right(passed, rank)]) / 1000 for rank in ranks]


def up_to(buckets: Mapping[int, int], seconds: float) -> int:
    """How many of them are at most so long; the class of the threshold counts whole."""
    last = bucket_of(round(seconds * 1000))
    return sum(count for bucket, count in buckets.items() if bucket <= last)


def share(part: float, whole: float) -> float | None:
    """The one over the other; null of nothing."""
    return part / whole if whole else None


def change(before: float | None, now: float | None) -> float | None:
    """By which share a figure has grown; null where there is nothing to compare."""
    return None if now is None or not before else now / before - 1
