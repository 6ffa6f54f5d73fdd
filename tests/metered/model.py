"""What a metered line promises, checked from outside: its log, its rows and its releases, against what was asked of it.

Counts everything itself; shares no rule with the product.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tests.metered.world import World
from tests.support.log_checks import LogEvent, check
from tests.support.queue_logs import StoredQueue, disagreements

MINUTE = timedelta(seconds=60)
# Microseconds by which changes of a line are apart, and what slots that come close together wait for each other.
SLACK = timedelta(milliseconds=60)


@dataclass(frozen=True)
class Limits:
    """What was asked for, from a revision on."""

    revision: int
    rate: int | None
    cap: int | None


@dataclass(frozen=True)
class Release:
    """A stored number."""

    number: int
    session_id: str
    released_at: datetime


async def releases_of(world: World) -> list[Release]:
    """The stored numbers of a queue."""
    async with world.db.read(world.queue.tenant_id) as tx:
        rows = await tx.rows(
            "select number, session_id, released_at from queue_releases where queue_id = $1 order by number",
            world.queue.id,
        )
    return [Release(number, str(id), at) for number, id, at in rows]


def broken(stored: StoredQueue, releases: Sequence[Release], limits: Sequence[Limits]) -> list[str]:
    """Everything that must not be, whenever one looks."""
    found = [f"{one.rule} at {one.revision}: {one.what}" for one in check(stored.events)]
    found += disagreements(stored)
    log = [event for event in stored.events if event.type == "SESSION_RELEASED"]
    told = [(n, event.data["session"]["id"], event.occurred_at) for n, event in enumerate(log, start=1)]
    if told != (kept := [(one.number, one.session_id, one.released_at) for one in releases]):
        found.append(f"the log tells of {told}, the numbers are {kept}")
    found += _rate_and_cap(log, limits)
    found += _twice(stored.events)
    found += _places(stored)
    return found


def owed(stored: StoredQueue, limits: Limits, now: datetime) -> list[str]:
    """What should have happened by now, when the clockwork has just looked."""
    found = [
        f"{row.ticket_number} is {row.status} although its time was over at {row.expires_at}"
        for row in stored.sessions
        if row.expires_at is not None and row.expires_at <= now
    ]
    waiting = sum(row.status == "WAITING" and row.held_at is None for row in stored.sessions)
    inside = sum(row.status in ("CALLED", "SERVING") for row in stored.sessions)
    has_room = limits.cap is None or inside < limits.cap
    if not waiting or not has_room or limits.rate == 0 or stored.queue.status not in ("ACTIVE", "CLOSED"):
        return found
    at = [event.occurred_at for event in stored.events if event.type == "SESSION_RELEASED"]
    in_minute = len(at) - bisect_right(at, now - MINUTE)
    # Slots are counted from the last release and, where the rate was raised since then, from that.
    since = [*at[-1:], *(event.occurred_at for event in stored.events if event.type == "QUEUE_UPDATED")]
    is_slot = limits.rate is None or not at or now - max(since) > MINUTE / limits.rate + SLACK
    if (limits.rate is None or in_minute < limits.rate) and is_slot:
        found.append(f"{waiting} wait although there is room: {inside} inside, {in_minute} in the last minute")
    if stored.line.due_at is None or stored.line.due_at > now + MINUTE + SLACK:
        found.append(f"{waiting} wait, and nobody looks before {stored.line.due_at}")
    return found


def _rate_and_cap(log: Sequence[LogEvent], limits: Sequence[Limits]) -> list[str]:
    found, at = [], [event.occurred_at for event in log]
    for number, event in enumerate(log, start=1):
        in_force = limits[bisect_right([one.revision for one in limits], event.revision) - 1]
        in_minute = number - bisect_right(at, event.occurred_at - MINUTE)
        if in_force.rate is not None and in_minute > in_force.rate:
            found.append(f"release {number} is the {in_minute}. of its minute, of {in_force.rate}")
        line = event.data["line"]
        inside = line["called_count"] + line["serving_count"]
        if in_force.cap is not None and inside > in_force.cap:
            found.append(f"release {number} makes {inside} inside, of {in_force.cap}")
    return found


def _twice(events: Sequence[LogEvent]) -> list[str]:
    released: set[str] = set()
    found = []
    for event in events:
        if (session := event.data.get("session")) is None:
            continue
        if event.type == "SESSION_RETURNED":
            released.discard(session["id"])
        if event.type == "SESSION_RELEASED":
            if session["id"] in released:
                found.append(f"{session['ticket_number']} was released twice")
            released.add(session["id"])
    return found


def _places(stored: StoredQueue) -> list[str]:
    """Every join is a place, and every place is in one count or has ended."""
    joined = {event.data["session"]["id"] for event in stored.events if event.type == "SESSION_JOINED"}
    rows = {str(row.id) for row in stored.sessions}
    line = stored.line
    counted = line.waiting_count + line.held_count + line.called_count + line.serving_count
    ended = sum(row.ended_at is not None for row in stored.sessions)
    found = [] if joined == rows else [f"of joins and rows only one has {joined ^ rows}"]
    if counted + ended != len(joined):
        found.append(f"{len(joined)} have joined, {counted} are there and {ended} have gone")
    if any(row.expires_at is not None and row.ended_at is not None for row in stored.sessions):
        found.append("somebody who is gone still has time")
    for one, next_one in pairwise(sorted(stored.sessions, key=lambda row: row.joined_at)):
        if one.joined_at == next_one.joined_at:
            found.append(f"{one.ticket_number} and {next_one.ticket_number} joined at the same time")
    return found
