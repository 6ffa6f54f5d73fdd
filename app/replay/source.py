"""Reads a day of calls from CSV and refuses what is not one, with the line and the reason.

Knows the source's columns and its known errors; it does not decide who does what when (`plan`).
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

SAMPLE = Path(__file__).parent / "data" / "bank-calls-1999-08-02.csv"
SAMPLE_DAY = date(1999, 8, 2)
SOURCE_NAME = "“Anonymous Bank” call centre, Technion"

COLUMNS = (
    "call_id",
    "priority",
    "joined_at",
    "left_queue_at",
    "outcome",
    "service_started_at",
    "service_ended_at",
    "service_seconds",
    "agent",
)

# The bank's switch books calls nobody of flesh and blood took under this name.
NOT_AN_AGENT = "NO_SERVER"

# A handful of records have a service at 00:00:00 of zero seconds, hours before the call itself. Rounding explains a
# second or two and a re-dialled transfer some minutes, so only what started long before the join is a broken record.
IMPOSSIBLE_HEAD_START_SECONDS = 600


class SourceError(Exception):
    """The file is not a day of calls; says where and why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One caller. Times are seconds after local midnight of the day the caller joined."""

    call_id: str
    priority: int
    joins: int
    leaves_line: int
    abandoned: bool
    service_starts: int | None
    service_ends: int | None
    service_seconds: int | None
    agent: str | None
    """Null when abandoned, when nobody took the call, and when the record of the service is broken."""

    @property
    def wait_seconds(self) -> int:
        return self.leaves_line - self.joins


def read_day(path: Path, day: date | None) -> tuple[date, list[Call]]:
    """The calls of `day` in the order of joining; without `day` the file's only day."""
    days: dict[date, list[Call]] = {}
    for joined_on, call in _rows(path):
        days.setdefault(joined_on, []).append(call)
    return choose_day(str(path), days, day)


def choose_day(name: str, days: Mapping[date, list[Call]], day: date | None) -> tuple[date, list[Call]]:
    """The calls of one of these days, in the order of joining; without `day` of the only one. `SourceError`."""
    if not days:
        raise SourceError(f"{name}: no calls in it")
    if day is None:
        if len(days) > 1:
            raise SourceError(f"{name}: holds {len(days)} days from {min(days)} to {max(days)}; choose one with --day")
        day = next(iter(days))
    if day not in days:
        raise SourceError(f"{name}: no calls on {day}; it holds {min(days)} to {max(days)}")
    return day, sorted(days[day], key=lambda call: call.joins)


def _rows(path: Path) -> Iterator[tuple[date, Call]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if header is None:
                raise SourceError(f"{path}: the file is empty")
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise SourceError(f"{path} line 1: missing column {', '.join(missing)}")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise SourceError(f"{path} line {reader.line_num}: {len(cells)} cells, expected {len(header)}")
                try:
                    yield _call(dict(zip(header, cells, strict=True)))
                except ValueError as problem:
                    raise SourceError(f"{path} line {reader.line_num}: {problem}") from None
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise SourceError(f"{path}: not UTF-8 text at byte {problem.start}") from None
    except csv.Error as problem:
        raise SourceError(f"{path}: not CSV: {problem}") from None


def _call(row: dict[str, str]) -> tuple[date, Call]:
    joined_at = _time(row, "joined_at")
    left_at = _time(row, "left_queue_at")
    if left_at < joined_at:
        raise ValueError(f"left_queue_at {left_at} is before joined_at {joined_at}")
    if left_at - joined_at > timedelta(days=1):
        raise ValueError(f"waited from {joined_at} to {left_at}, more than a day")
    outcome = row["outcome"]
    if outcome not in ("served", "abandoned"):
        raise ValueError(f"outcome is {outcome!r}, expected served or abandoned")
    midnight = joined_at.replace(hour=0, minute=0, second=0)
    starts = ends = seconds = agent = None
    if outcome == "served":
        if not row["agent"]:
            raise ValueError("agent is empty, but the call was served")
        starts = _seconds_after(midnight, _time(row, "service_started_at"))
        ends = _seconds_after(midnight, _time(row, "service_ended_at"))
        seconds = _whole(row, "service_seconds")
        agent = row["agent"] if row["agent"] != NOT_AN_AGENT else None
        if starts < _seconds_after(midnight, joined_at) - IMPOSSIBLE_HEAD_START_SECONDS:
            starts = ends = seconds = agent = None
        elif ends < starts:
            raise ValueError("service_ended_at is before service_started_at")
    return joined_at.date(), Call(
        call_id=row["call_id"],
        priority=_whole(row, "priority"),
        joins=_seconds_after(midnight, joined_at),
        leaves_line=_seconds_after(midnight, left_at),
        abandoned=outcome == "abandoned",
        service_starts=starts,
        service_ends=ends,
        service_seconds=seconds,
        agent=agent,
    )


def _time(row: dict[str, str], column: str) -> datetime:
    text = row[column]
    try:
        # Local times of one place: calling them UTC changes nothing, only differences within a day are used.
        value = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{column} is {text!r}, expected a local time like 1999-08-02T09:06:46") from None
    return value


def _whole(row: dict[str, str], column: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{column} is {text!r}, expected a whole number")
    return int(text)


def _seconds_after(midnight: datetime, value: datetime) -> int:
    return int((value - midnight).total_seconds())
