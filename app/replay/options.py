"""The options of `vq replay`, parsed and typed. Does nothing with them.

Where an option is not given, the settings of this installation say which server and password are meant.
"""

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.replay.source import SAMPLE
from app.replay.stage import Credentials
from app.settings import load_settings


@dataclass(frozen=True, slots=True)
class Options:
    csv: Path
    from_log: str | None
    day: date | None
    begins: float | None
    until: float | None
    limit: float | None
    speed: float
    url: str
    credentials: Credentials
    picture: Path | None
    json: Path | None
    with_breaks: bool
    seed: int
    most_sockets: int
    keep: bool


def parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="vq replay",
        description="Play a real day of calls through a running server and check what must hold.",
    )
    parser.add_argument("csv", nargs="?", type=Path, help="calls (default: the sample, 1999-08-02)")
    parser.add_argument(
        "--from-log",
        metavar="QUEUE",
        help="play a recorded day of this queue: its slug or id, or a file with an event of its log in each line",
    )
    parser.add_argument("--day", type=_day, help="day to play, e.g. 1999-08-02 (default: the file's only day)")
    parser.add_argument(
        "--from", dest="begins", type=_clock, metavar="HH:MM", help="play callers from this time of day"
    )
    parser.add_argument("--to", dest="until", type=_clock, metavar="HH:MM", help="play callers before this time of day")
    parser.add_argument("--limit-minutes", type=_positive, metavar="N", help="play only the first N minutes of the day")
    parser.add_argument("--speed", type=_positive, default=120.0, help="times as fast as the day was (default: 120)")
    parser.add_argument("--url", help="GraphQL endpoint (default: the server of these settings)")
    parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
    parser.add_argument("--email", default="admin@demo.example", help="an administrator of the tenant")
    parser.add_argument("--password", help="password (default: VQ_DEMO_PASSWORD)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the day as an SVG picture")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--no-breaks", action="store_true", help="agents take none of the breaks they took")
    parser.add_argument("--seed", type=int, default=1999, help="for the service times the source does not know")
    parser.add_argument(
        "--max-sockets", type=int, default=2000, metavar="N", help="visitors who watch at once, at most"
    )
    parser.add_argument("--keep", action="store_true", help="leave queue, counters and users on the server")
    given = parser.parse_args(argv)
    if given.csv is not None and given.from_log is not None:
        parser.error("give a file of calls or --from-log, not both")
    settings = load_settings()
    return Options(
        csv=given.csv or SAMPLE,
        from_log=given.from_log,
        day=given.day,
        begins=given.begins,
        until=given.until,
        limit=None if given.limit_minutes is None else given.limit_minutes * 60,
        speed=given.speed,
        url=given.url or f"{settings.base_url}/graphql",
        credentials=Credentials(given.tenant, given.email, given.password or settings.demo_password),
        picture=given.picture,
        json=given.json,
        with_breaks=not given.no_breaks,
        seed=given.seed,
        most_sockets=given.max_sockets,
        keep=given.keep,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write 1999-08-02") from None


def _clock(text: str) -> float:
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text)
    if match is None or int(match[1]) > 24:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time of day; write 10:30")
    return int(match[1]) * 3600.0 + int(match[2]) * 60.0


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
