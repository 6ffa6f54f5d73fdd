"""A line in a process of its own: loaded from the tables, asked for places, fed events. Prints what that cost, as JSON.

`product` does it as an API process does; `bare` keeps a sorted list of tuples and a dict of them, the reference.
"""

import argparse
import asyncio
import gc
import json
import random
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from app.sessions.line import Line, read_event
from app.sessions.stored import load
from app.settings import Settings, load_settings

_ASKED = 20_000
_EVENTS = 2_000
_SEED = 1


class Measured(Protocol):
    """A way to keep a line."""

    async def load(self, tenant_id: UUID, queue_id: UUID) -> None:
        """From the tables."""

    def position(self, id: UUID) -> int:
        """1-based."""

    def apply(self, event: dict[str, Any]) -> None:
        """The next event of the log."""


class Product:
    """As `app/sessions/live.py` does."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(role_url(settings, APP_ROLE), secret=settings.secret, clock=SystemClock())
        self._line = Line()

    async def load(self, tenant_id: UUID, queue_id: UUID) -> None:
        """In a snapshot."""
        async with self._database.read(tenant_id, snapshot=True) as tx:
            self._line = await load(tx, queue_id)

    def position(self, id: UUID) -> int:
        """From the line."""
        place = self._line.place(id)
        assert place is not None
        return place.position

    def apply(self, event: dict[str, Any]) -> None:
        """As the bus brings it."""
        read = read_event(self._line.revision + 1, event["type"], event["at"], event["data"])
        self._line.apply(read)


Key = tuple[int, datetime, int, UUID, str]


class Bare:
    """A sorted list of tuples and a dict of them."""

    def __init__(self, settings: Settings) -> None:
        url = make_url(role_url(settings, APP_ROLE)).set(drivername="postgresql")
        self._url = url.render_as_string(hide_password=False)
        self._keys: dict[UUID, Key] = {}
        self._order: list[Key] = []

    async def load(self, tenant_id: UUID, queue_id: UUID) -> None:
        """With the driver alone."""
        connection = await asyncpg.connect(self._url)
        async with connection.transaction():
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant_id))
            rows = await connection.fetch(
                "select rank_class, rank_time, rank_sequence, id, ticket_number from sessions where tenant_id = $1"
                " and queue_id = $2 and status = 'WAITING' and held_at is null"
                " order by rank_class, rank_time, rank_sequence",
                tenant_id,
                queue_id,
            )
            self._order = [tuple(row) for row in rows]
            self._keys = {key[3]: key for key in self._order}
        await connection.close()

    def position(self, id: UUID) -> int:
        """By bisection."""
        return bisect_left(self._order, self._keys[id]) + 1

    def apply(self, event: dict[str, Any]) -> None:
        """Out of the list, into the list."""
        session = event["data"]["session"]
        id = UUID(session["id"])
        if (old := self._keys.pop(id, None)) is not None:
            del self._order[bisect_left(self._order, old)]
        if session["status"] == "WAITING":
            at = datetime.fromisoformat(session["rank_time"])
            key = (session["rank_class"], at, session["rank_sequence"], id, session["ticket_number"])
            self._keys[id] = key
            insort(self._order, key)


async def measure(line: Measured, settings: Settings, tenant_id: UUID, small: UUID, large: UUID) -> dict[str, float]:
    """What `large` costs once `small` has been loaded. `AssertionError` if a place is wrong."""
    await line.load(tenant_id, small)
    ids = await _ids(settings, large)
    process = psutil.Process()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    before, began = process.memory_full_info().uss, time.perf_counter()
    await line.load(tenant_id, large)
    took = time.perf_counter() - began
    grown = process.memory_full_info().uss - before

    chosen = random.Random(_SEED).sample(range(len(ids)), min(_ASKED, len(ids)))
    asked = [ids[place] for place in chosen]
    began = time.perf_counter()
    positions = [line.position(id) for id in asked]
    asking = time.perf_counter() - began
    assert positions == [place + 1 for place in chosen], "a place is wrong"

    costs = {"load_seconds": took, "bytes": grown / len(ids), "position_us": asking / len(asked) * 1e6}
    count = min(_EVENTS, len(ids) // 4)
    middle = random.Random(_SEED).sample(ids[count:], count)
    joined = [uuid4() for _ in range(count)]
    kinds: dict[str, tuple[str, str, Sequence[UUID]]] = {
        "join": ("SESSION_JOINED", "WAITING", joined),
        "cancel": ("SESSION_CANCELLED", "CANCELLED", middle),
        "call": ("SESSION_CALLED", "CALLED", ids[:count]),
    }
    for name, (type, status, sessions) in kinds.items():
        costs[f"{name}_us"] = _applied(line.apply, type, status, sessions)
    assert line.position(joined[0]) == len(ids) - 2 * count + 1, "a place is wrong after the events"
    return costs


def _applied(apply: Callable[[dict[str, Any]], None], type: str, status: str, ids: Sequence[UUID]) -> float:
    start = datetime.now(UTC) + timedelta(days=1)
    events = [_event(type, status, id, number, start) for number, id in enumerate(ids)]
    began = time.perf_counter()
    for event in events:
        apply(event)
    return (time.perf_counter() - began) / len(events) * 1e6


def _event(type: str, status: str, id: UUID, number: int, start: datetime) -> dict[str, Any]:
    # Through JSON, as the bus brings it; reading the JSON is not measured.
    at = (start + timedelta(microseconds=number)).isoformat()
    session: dict[str, Any] = dict.fromkeys(_NULL)
    session |= {"id": str(id), "ticket_number": f"A{number:05}", "status": status, "rank_time": at, "joined_at": at}
    session |= dict.fromkeys(("priority", "rank_class", "call_count"), 0)
    session |= {"party_size": 1, "rank_sequence": number * 64, "called_at": at if status == "CALLED" else None}
    line = dict.fromkeys(_COUNTS, 1) | {"status": "ACTIVE", "service_seconds_mean": 60.5}
    return {"type": type, "at": start, "data": json.loads(json.dumps({"line": line, "session": session}))}


_NULL = (
    *("held_at", "started_at", "completed_at", "cancelled_at", "cancelled_by", "ended_at"),
    *("counter_id", "counter_name", "served_by"),
)
_COUNTS = ("waiting_count", "held_count", "called_count", "serving_count", "open_counter_count")


async def _ids(settings: Settings, queue_id: UUID) -> list[UUID]:
    """The line in order, as the administrator sees it."""
    url = make_url(settings.database_url or "").set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    rows = await connection.fetch(
        "select id::text from sessions where queue_id = $1 order by rank_class, rank_time, rank_sequence", queue_id
    )
    await connection.close()
    return [UUID(row["id"]) for row in rows]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("product", "bare"))
    for name in ("tenant", "small", "large"):
        parser.add_argument(name, type=UUID)
    given = parser.parse_args()
    settings = load_settings()
    line: Measured = Product(settings) if given.kind == "product" else Bare(settings)
    print(json.dumps(asyncio.run(measure(line, settings, given.tenant, given.small, given.large))))


if __name__ == "__main__":
    main()
