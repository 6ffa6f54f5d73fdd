"""What came of the day: figures from the server's log beside those of the source, and their text. Asks nobody.

Times are the source's: seconds of the server's clock multiplied by the speed.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.replay.client import Traffic
from app.replay.invariants import INVARIANTS, Broken
from app.replay.log import LogEvent, Story, stories
from app.replay.plan import Plan, Wait, steps
from app.replay.player import Record

SHOWN_PER_INVARIANT = 5

# Agents in the source took the next caller after 5 seconds (median). Three times as much, and the line grows from it.
SLOW_SECONDS_OF_THE_DAY = 15.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Waits of a group; percentiles by nearest rank, so each is a wait somebody had."""

    callers: int
    mean: float
    p50: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The report as values; `to_json` is what `--json` writes."""

    day: str
    speed: float
    finished: bool
    callers: int
    joined: int
    served: int
    abandoned: int
    on_their_way: int
    source_abandoned: int
    waits: dict[str, Spread]
    """By `all` and by priority."""
    source_waits: dict[str, Spread]
    busiest_hour: str
    busiest_hour_joins: int
    most_waiting: int
    source_most_waiting: int
    estimate_median_error_seconds: float | None
    estimates: int
    updates: int
    updates_per_second: float
    most_sockets: int
    requests: int
    retries: int
    reconnects: int
    asked_in_vain: int
    late_wakeups: int
    gone_when_called: int
    unwatched: int
    stuck_feeds: int
    answer_p50_seconds: float
    answer_p99_seconds: float
    worst_lag_seconds: float
    p99_lag_seconds: float
    real_seconds: float
    events: int
    broken: dict[str, list[str]]

    @property
    def holds(self) -> bool:
        return not any(self.broken.values())

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that at least this share of the values does not exceed."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(waits: Iterable[Wait]) -> Spread | None:
    seconds = [wait.seconds for wait in waits]
    if not seconds:
        return None
    return Spread(
        callers=len(seconds),
        mean=sum(seconds) / len(seconds),
        p50=percentile(seconds, 0.5),
        p90=percentile(seconds, 0.9),
        p99=percentile(seconds, 0.99),
        longest=max(seconds),
    )


def spreads(waits: Sequence[Wait]) -> dict[str, Spread]:
    """Everybody's and each priority's."""
    groups = {"all": waits} | {
        str(priority): [wait for wait in waits if wait.priority == priority]
        for priority in sorted({wait.priority for wait in waits})
    }
    return {name: found for name, group in groups.items() if (found := spread(group)) is not None}


def replayed_waits(told: Iterable[Story], numbers: Mapping[str, int], plan: Plan, speed: float) -> tuple[Wait, ...]:
    """The waits that are over, in the source's seconds. A caller joins when planned: lag is reported by itself."""
    joins = {visitor.number: visitor.joins for visitor in plan.visitors}
    waits = []
    for story in told:
        left, number = story.left_line_at, numbers.get(story.session_id)
        if left is not None and number is not None:
            seconds = (left - story.joined_at).total_seconds() * speed
            waits.append(Wait(story.priority, joins[number], seconds, story.status == "CANCELLED"))
    return tuple(sorted(waits, key=lambda wait: wait.joins))


def most_waiting(waits: Iterable[Wait]) -> int:
    return max((level for _, level in steps((wait.joins, wait.ends) for wait in waits)), default=0)


def figures(
    *,
    plan: Plan,
    record: Record,
    events: Sequence[LogEvent],
    broken: Mapping[str, Sequence[Broken]],
    traffic: Traffic,
    day: str,
    speed: float,
    finished: bool,
    real_seconds: float,
) -> Figures:
    told = stories(events)
    waits = replayed_waits(told.values(), record.numbers, plan, speed)
    # A run that was stopped is compared with what the same callers met in the source.
    source = plan.source if finished else plan.source[: record.joined]
    statuses = Counter(story.status for story in told.values())
    hours = Counter(int(visitor.joins // 3600) for visitor in plan.visitors[: record.joined])
    busiest, busiest_joins = hours.most_common(1)[0] if hours else (0, 0)
    errors = [
        abs(estimate - (story.left_line_at - story.joined_at).total_seconds()) * speed
        for session, estimate in record.estimates.items()
        if (story := told.get(session)) is not None and story.called_at is not None and story.left_line_at is not None
    ]
    return Figures(
        day=day,
        speed=speed,
        finished=finished,
        callers=len(source),
        joined=len(told),
        served=statuses["COMPLETED"],
        abandoned=statuses["CANCELLED"],
        on_their_way=statuses["WAITING"] + statuses["CALLED"] + statuses["SERVING"],
        source_abandoned=sum(wait.abandoned for wait in source),
        waits=spreads(waits),
        source_waits=spreads(source),
        busiest_hour=f"{busiest:02d}:00 to {busiest + 1:02d}:00",
        busiest_hour_joins=busiest_joins,
        most_waiting=most_waiting(waits),
        source_most_waiting=most_waiting(source),
        estimate_median_error_seconds=percentile(errors, 0.5) if errors else None,
        estimates=len(errors),
        updates=len(record.updates),
        updates_per_second=len(record.updates) / real_seconds if real_seconds else 0.0,
        most_sockets=traffic.most_open_sockets,
        requests=traffic.requests,
        retries=traffic.retries,
        reconnects=traffic.reconnects,
        asked_in_vain=record.asked_in_vain,
        late_wakeups=record.late_wakeups,
        gone_when_called=record.gone_when_called,
        unwatched=record.unwatched,
        stuck_feeds=record.stuck_feeds,
        answer_p50_seconds=percentile(traffic.answer_seconds, 0.5) if traffic.answer_seconds else 0.0,
        answer_p99_seconds=percentile(traffic.answer_seconds, 0.99) if traffic.answer_seconds else 0.0,
        worst_lag_seconds=max(record.lags, default=0.0),
        p99_lag_seconds=percentile(record.lags, 0.99) if record.lags else 0.0,
        real_seconds=real_seconds,
        events=len(events),
        broken={name: [str(one) for one in found] for name, found in broken.items()},
    )


def write(console: Console, found: Figures) -> None:
    """The report as text."""
    title = f"{found.day} at speed {found.speed:g}" + ("" if found.finished else ", stopped early")
    console.print(Text(f"\nReplay of {title}", style="bold"))
    console.print(_people(found))
    console.print(_wait_table(found))
    console.print(_wire(found))
    if found.answer_p50_seconds * found.speed > SLOW_SECONDS_OF_THE_DAY:
        console.print(
            f"Answers took long for this speed: {found.answer_p50_seconds * found.speed:.0f} s of the day each. "
            "The waits say more about this machine than about the day; play it slower.",
            style="yellow",
        )
    console.print(_invariants(found))
    verdict = "All invariants hold." if found.holds else "INVARIANTS ARE BROKEN: "
    if not found.holds:
        verdict += ", ".join(name for name, what in found.broken.items() if what)
    console.print(Text(verdict, style="bold green" if found.holds else "bold red"))


def _people(found: Figures) -> Table:
    table = Table(title="People", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("replay", justify="right")
    table.add_column("source", justify="right")
    done = found.served + found.abandoned
    everybody = found.callers
    table.add_row("joined", f"{found.joined:,}", f"{everybody:,}")
    table.add_row("served", f"{found.served:,}", f"{everybody - found.source_abandoned:,}")
    table.add_row(
        "hung up while waiting",
        f"{found.abandoned:,}{_share(found.abandoned, done)}",
        f"{found.source_abandoned:,}{_share(found.source_abandoned, everybody)}",
    )
    if found.on_their_way:
        table.add_row("still on their way", f"{found.on_their_way:,}", "")
    table.add_row("most waiting at once", f"{found.most_waiting}", f"{found.source_most_waiting}")
    table.add_row("busiest hour (joins)", f"{found.busiest_hour} ({found.busiest_hour_joins})", "")
    return table


def _wait_table(found: Figures) -> Table:
    table = Table(title="Wait by priority (minutes:seconds of the day)", title_justify="left", title_style="bold")
    table.add_column("priority")
    table.add_column("")
    for name in ("callers", "mean", "p50", "p90", "p99", "longest"):
        table.add_column(name, justify="right")
    for priority, theirs in found.source_waits.items():
        for who, group in (("replay", found.waits.get(priority)), ("source", theirs)):
            cells = ("-",) * 6 if group is None else _cells(group)
            table.add_row(priority if who == "replay" else "", who, *cells, end_section=who == "source")
    return table


def _cells(group: Spread) -> tuple[str, ...]:
    times = (group.mean, group.p50, group.p90, group.p99, group.longest)
    return (f"{group.callers:,}", *(minutes(seconds) for seconds in times))


def minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""


def _wire(found: Figures) -> Table:
    table = Table(title="On the wire", title_justify="left", title_style="bold", show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("took", f"{minutes(found.real_seconds)} ({found.speed:g} times as fast as the day)")
    table.add_row("updates of the own place received", f"{found.updates:,} ({found.updates_per_second:.1f}/s)")
    table.add_row("sockets open at once, at most", f"{found.most_sockets:,}")
    table.add_row("requests (sent again)", f"{found.requests:,} ({found.retries:,})")
    table.add_row(
        "answered after, p50 (p99)",
        f"{_ms(found.answer_p50_seconds)} ({_ms(found.answer_p99_seconds)}), "
        f"{found.answer_p50_seconds * found.speed:.1f} s of the day",
    )
    table.add_row("sockets reconnected", f"{found.reconnects:,}")
    table.add_row(
        "player behind schedule, p99 (worst)", f"{_ms(found.p99_lag_seconds)} ({_ms(found.worst_lag_seconds)})"
    )
    if found.estimate_median_error_seconds is not None:
        table.add_row(
            f"first estimate of the wait, median error of {found.estimates:,}",
            minutes(found.estimate_median_error_seconds),
        )
    for text, count in (
        ("agents who asked and nobody waited", found.asked_in_vain),
        ("calls made without having been told that somebody waits", found.late_wakeups),
        ("callers gone between call and start", found.gone_when_called),
        ("callers not watched (too many sockets)", found.unwatched),
        ("feeds that did not tell the end", found.stuck_feeds),
    ):
        if count:
            table.add_row(text, f"{count:,}")
    return table


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _invariants(found: Figures) -> Table:
    table = Table(
        title=f"Invariants, from {found.events:,} events of the log", title_justify="left", title_style="bold"
    )
    table.add_column("")
    table.add_column("what must hold")
    for name, what in found.broken.items():
        meaning = (INVARIANTS[name].__doc__ or name).strip()
        table.add_row("BROKEN" if what else "holds", meaning, style="red" if what else None)
        for line in what[:SHOWN_PER_INVARIANT]:
            table.add_row("", line, style="red")
        if len(what) > SHOWN_PER_INVARIANT:
            table.add_row("", f"… and {len(what) - SHOWN_PER_INVARIANT:,} more", style="red")
    return table
