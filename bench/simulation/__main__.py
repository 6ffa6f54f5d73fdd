"""`python -m bench.simulation --calls FILE`: simulated beside recorded waits, day by day; 1 if the error is missed.

Without a file: the sample day of `vq replay`. With `--write-docs` the figures of docs/simulation.md are written anew.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean, median

from rich.console import Console

from app.queues.kinds import QueueMode
from app.replay.source import SAMPLE
from app.simulation.demand import Invented, invented
from app.simulation.engine import play
from app.simulation.figures import Range, figures, rank
from app.simulation.records import Record
from app.simulation.study import Answer, Demand, Period, Study, answer
from app.simulation.values import Rules, Span, World
from bench.simulation.days import RULES, days, replayed

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "simulation.md"
BEGIN, END = "<!-- figures: written by the bench -->", "<!-- end of figures -->"
STATED = {"mean_wait_seconds": 0.10, "p90_wait_seconds": 0.10}
"""Mean over the days of |simulated ÷ recorded − 1|."""
_ENOUGH = 400
"""Days of fewer visits are shown, and not held against anything: a dozen waits decide their percentiles."""
_TEN, _TWELVE = 36_000.0, 43_200.0
# What `vq replay --from 10:00 --to 12:00 --speed 120` reported of its own run on a server: seconds of the day.
_REPLAYED = {"hung up": 92.0, "mean": 72.0, "P50": 52.0, "P90": 181.0, "longest": 312.0}
_ANSWER_SECONDS = 1.2


@dataclass(frozen=True, slots=True)
class Day:
    """One day, recorded and simulated."""

    day: date
    visits: int
    answer: Answer

    def error(self, name: str) -> float:
        """Simulated ÷ recorded − 1."""
        recorded = getattr(self.answer.recorded, name)
        return self.simulated(name).median / recorded - 1 if recorded else 0.0

    def simulated(self, name: str) -> Range:
        """A figure of the runs."""
        assert self.answer.before is not None
        found = self.answer.before.figures[name]
        assert found is not None
        return found


def main(arguments: list[str] | None = None) -> int:
    """Simulates each day, measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=__doc__)
    parser.add_argument("--calls", type=Path, help="CSV of calls (columns as docs/replay.md has them, and `type`)")
    parser.add_argument("--runs", type=int, default=15, help="how often each day is played")
    parser.add_argument("--write-docs", action="store_true", help="write the figures of docs/simulation.md")
    chosen = parser.parse_args(arguments)
    found = [simulated(day, records, chosen.runs) for day, records in days(chosen.calls or SAMPLE)]
    lines = [*fit(found, chosen.runs), "", *beside_replay(), "", *speed()]
    Console(width=200).print("\n".join(lines), markup=False, highlight=False)
    if chosen.write_docs:
        text = DOCUMENT.read_text()
        before, _, rest = text.partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2]}")
    counted = [each for each in found if each.visits >= _ENOUGH]
    missed = [name for name, most in STATED.items() if mean(abs(each.error(name)) for each in counted) > most]
    return 1 if missed else 0


def simulated(day: date, records: list[Record], runs: int) -> Day:
    """A day with the staff that was there."""
    starts_at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    period = Period(starts_at, starts_at + timedelta(days=1), "UTC")
    study = Study(Demand.RECORDED, period, RULES, RULES, runs, 1, threshold_seconds=60, records=records)
    return Day(day, len(records), answer(study))


def fit(found: list[Day], runs: int) -> list[str]:
    """A row for each day, and what they come to."""
    lines = [
        f"Recorded → simulated (median of {runs} runs), with the recorded staff; waits in seconds, of those called.",
        "",
        "| day | visits | mean wait | P50 | P90 | left, % | error of mean | of P90 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in found:
        recorded = each.answer.recorded
        assert recorded is not None
        pairs = [
            f"{getattr(recorded, name) * scale:.0f} → {each.simulated(name).median * scale:.0f}"
            for name, scale in (
                ("mean_wait_seconds", 1),
                ("p50_wait_seconds", 1),
                ("p90_wait_seconds", 1),
                ("abandonment_rate", 100),
            )
        ]
        errors = [f"{each.error(name):+.0%}" for name in STATED]
        lines.append(f"| {each.day} | {each.visits:,} | {' | '.join(pairs)} | {' | '.join(errors)} |")
    counted = [each for each in found if each.visits >= _ENOUGH]
    for name, word in (("mean_wait_seconds", "mean wait"), ("p90_wait_seconds", "P90")):
        off = [each.error(name) for each in counted]
        sizes = [abs(error) for error in off]
        told = (
            f"Error of the {word} over the {len(counted)} days of {_ENOUGH} visits and more: {mean(off):+.1%} on "
            f"average, {mean(sizes):.1%} as the mean of its size, {max(sizes):.0%} at worst "
            f"(stated: at most {STATED[name]:.0%} as the mean of its size)."
        )
        lines += ["", told]
    return lines


def beside_replay() -> list[str]:
    """The very two hours that `vq replay` has played on a server, by its rules of who hangs up and of breaks."""
    visits, world = replayed(_TEN, _TWELVE, _ANSWER_SECONDS)
    played = play(visits, world)
    waits = sorted(played.waits)
    all_of_them = figures(zip(played.waits, played.fates, strict=True), 60)
    own = {
        "hung up": (all_of_them.abandonment_rate or 0.0) * all_of_them.visits,
        "mean": mean(waits),
        "P50": median(waits),
        "P90": rank(waits, 0.9) or 0.0,
        "longest": waits[-1],
    }
    return [
        "Beside a real replay: 10:00 to 12:00 of 2 August 1999, 391 visits, all waits (also of those who hung up).",
        "",
        "| | `vq replay` on a server | simulated |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {_REPLAYED[name]:.0f} | {value:.0f} |" for name, value in own.items()),
    ]


def speed() -> list[str]:
    """Visits a second of processor time, the best of three: both modes, and drawing them."""
    starts_at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    demand = Invented(starts_at, [600.0] * 10, 180.0, patience_seconds=600.0)
    visits = invented(demand, random.Random(1))
    counters = [[Span(starts_at, demand.ends_at)]] * 29
    metered = Rules(QueueMode.METERED, release_rate_per_minute=9, max_concurrent_users=29)
    measured = {
        "STAFFED, 29 counters": _seconds(lambda: play(visits, World(Rules(gap_seconds=5.0), counters))),
        "METERED, rate and cap": _seconds(lambda: play(visits, World(metered))),
        "drawing an invented demand": _seconds(lambda: invented(demand, random.Random(1))),
    }
    return [
        f"Visits a second of one processor, of {len(visits):,}:",
        "",
        "| what | visits a second |",
        "| --- | ---: |",
        *(f"| {name} | {len(visits) / seconds:,.0f} |" for name, seconds in measured.items()),
    ]


def _seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


if __name__ == "__main__":
    sys.exit(main())
