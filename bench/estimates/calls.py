"""The recorded calls as a line would have seen them: who joined, seeing what, and how each wait ended, in time order.

A moment tells only what was known then: of a call that joins, the line before it; of a wait, its length when it ended.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.estimates.pace import Pace
from app.estimates.values import Features

# The line's own rule: priority is worth waiting time already done.
PRIORITY, CREDIT_SECONDS = "2", 90.0
# The bank's switch books calls nobody of flesh and blood took under this name.
NOT_AN_AGENT = "NO_SERVER"
# The record does not tell who is on duty: whoever serves, or ended a service so lately.
ON_DUTY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call; times are seconds of local time."""

    joined_at: float
    left_at: float
    is_served: bool
    category: str
    credit_seconds: float
    started_at: float | None
    ended_at: float | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Joined:
    """A call entered the line. One answered within the second it came in never did."""

    call: int
    at: float
    features: Features


@dataclass(frozen=True, slots=True)
class Decided:
    """Its wait ended."""

    call: int
    at: float
    waited_seconds: float
    is_served: bool


def read(path: Path) -> list[Call]:
    """The calls of a file in the order of joining."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        calls = [_call(row) for row in csv.DictReader(file)]
    return sorted(calls, key=lambda call: (call.joined_at, call.left_at))


def _call(row: dict[str, str]) -> Call:
    left_at = _seconds(row["left_queue_at"])
    is_served = row["outcome"] == "served"
    has_service = is_served and bool(row["service_ended_at"])
    return Call(
        joined_at=_seconds(row["joined_at"]),
        left_at=left_at,
        is_served=is_served,
        category=row.get("type") or "",
        credit_seconds=CREDIT_SECONDS if row["priority"] == PRIORITY else 0.0,
        started_at=_seconds(row["service_started_at"]) if has_service else None,
        # A broken record has a service before the call; its end is known when the line was left.
        ended_at=max(_seconds(row["service_ended_at"]), left_at) if has_service else None,
        agent=row["agent"] if row["agent"] not in ("", NOT_AN_AGENT) else None,
    )


def _seconds(text: str) -> float:
    # Local times of one place: calling them UTC changes nothing, only differences are used.
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class _Line:
    """What a switch would know of its line while the day goes by."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.waiting: dict[int, Call] = {}
        self.serving: dict[str, int] = {}
        self.seen_at: dict[str, float] = {}

    def features(self, call: Call) -> Features:
        at, pace = call.joined_at, self.pace
        waiting = self.waiting.values()
        alike = sum(each.category == call.category for each in waiting)
        ahead = _ahead(waiting, at - call.credit_seconds)
        last, last_alike = pace.last, pace.last_by_category.get(call.category)
        return Features(
            ahead=ahead,
            ahead_alike=ahead * alike / len(waiting) if waiting else 0.0,
            on_duty=sum(agent in self.serving or seen >= at - ON_DUTY_SECONDS for agent, seen in self.seen_at.items()),
            service_seconds=pace.service_seconds,
            starts_per_second=pace.starts_per_second(at),
            last_wait_seconds=last.waited_seconds if last else None,
            last_wait_age_seconds=at - last.at if last else 0.0,
            last_wait_alike_seconds=last_alike.waited_seconds if last_alike else None,
            head_wait_seconds=at - min(waiting, key=_place).joined_at if ahead else 0.0,
            credit_seconds=call.credit_seconds,
            local_hour=(at % 86_400) / 3_600,
            category=call.category,
        )

    def leaves(self, number: int, call: Call) -> None:
        has_waited = self.waiting.pop(number, None) is not None
        if not call.is_served:
            return
        if has_waited:
            self.pace.entered(call.left_at, call.left_at - call.joined_at, call.category)
        else:
            self.pace.began(call.left_at)
        if call.agent:
            self.serving[call.agent] = number
            self.seen_at[call.agent] = call.left_at

    def ends(self, number: int, call: Call) -> None:
        if call.agent:
            if self.serving.get(call.agent) == number:
                del self.serving[call.agent]
            self.seen_at[call.agent] = call.ended_at or 0.0
        self.pace.ended((call.ended_at or 0.0) - max(call.started_at or 0.0, call.joined_at))


def _place(call: Call) -> float:
    return call.joined_at - call.credit_seconds


def _ahead(waiting: Iterable[Call], place: float) -> int:
    return sum(_place(each) <= place for each in waiting)


def moments(calls: list[Call]) -> Iterator[Joined | Decided]:
    """What happened, in time order. Of one second the joins come first: the least that can have been known."""
    happenings: list[tuple[float, int, int]] = []
    for number, call in enumerate(calls):
        waits = call.left_at > call.joined_at
        happenings.append((call.joined_at, 0, number))
        happenings.append((call.left_at, 2 if waits else 1, number))
        if call.ended_at is not None:
            happenings.append((call.ended_at, 3, number))
    line = _Line()
    for at, what, number in sorted(happenings):
        call = calls[number]
        if what == 0:
            if call.left_at > call.joined_at:
                yield Joined(number, at, line.features(call))
                line.waiting[number] = call
        elif what == 3:
            line.ends(number, call)
        else:
            line.leaves(number, call)
            if what == 2:
                yield Decided(number, at, at - call.joined_at, call.is_served)
