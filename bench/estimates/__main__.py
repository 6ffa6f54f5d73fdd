"""`python -m bench.estimates --calls FILE`: how good each predictor is on recorded calls; 1 if a target is missed.

Without a file: the sample day of `vq replay`, learning until 13:00, which is too little to be held against the targets.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from app.replay.source import SAMPLE
from bench.estimates.calls import moments, read
from bench.estimates.evaluation import Forecasters, told
from bench.estimates.findings import failures, find
from bench.estimates.page import printed, write

SAMPLE_LEARNING_HOURS = 13.0
_DAY = 86_400.0


def main(arguments: list[str] | None = None) -> int:
    """Reads, lets them speak and learn, scores, writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.estimates", description=__doc__)
    parser.add_argument("--calls", type=Path, help="CSV of calls (columns as docs/replay.md has them, and `type`)")
    parser.add_argument("--learn-days", type=float, default=14.0, help="days of the file before scoring begins")
    parser.add_argument("--write-docs", action="store_true", help="write docs/estimates.md")
    chosen = parser.parse_args(arguments)

    calls = read(chosen.calls or SAMPLE)
    first_day = calls[0].joined_at // _DAY * _DAY
    since = first_day + (chosen.learn_days * _DAY if chosen.calls else SAMPLE_LEARNING_HOURS * 3_600)
    forecasters = Forecasters()
    found = find(told(moments(calls), forecasters), since, forecasters)
    missed = failures(found) if chosen.calls else []
    printed(found, missed if chosen.calls else ["The sample day is not held against the targets."], Console(width=200))
    if chosen.write_docs and chosen.calls:
        data = (
            f"`{chosen.calls.name}`: {len(calls):,} calls of an Israeli bank's call centre in August 1999 (the "
            "“Anonymous Bank” data of the Technion; Brown et al., *Statistical Analysis of a Telephone Call Center*, "
            "JASA 2005).\n"
            f"Priority callers have 90 s of waiting credit. {chosen.learn_days:g} days were only learned "
            f"from ({found.learned:,} waits), the rest is scored\nwhile learning goes on: {found.joined:,} calls "
            f"entered the line, {found.left:,} of them left unserved."
        )
        command = f"python -m bench.estimates --calls {chosen.calls.name} --write-docs"
        write(found, missed, command, data)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
