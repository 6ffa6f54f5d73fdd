"""A year of made-up visits in the tables of facts and roll-ups, and a made-up log to fold. Measures nothing.

Visits are counted by the product's own code, so that the rows are those a fold would have made; they are copied in, for
a fold of the year would take an hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from app.analytics.contribution import EVERYBODY, Cell, Member, contribution, members
from app.analytics.facts import Fact
from app.analytics.hours import hours_of
from app.analytics.models import Outcome
from app.analytics.repository import FACT_COLUMNS, ROW
from app.analytics.rollups import COUNTS, HISTOGRAMS, Increments, flat, of_tenant, rows_of
from app.core.db import Database
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.queues.events import LineState
from app.queues.models import QueueStatus
from app.sessions.events import SessionState
from app.sessions.models import SessionStatus
from app.tenants import service as tenants
from app.tenants.service import NewTenant

ZONE = "Europe/Berlin"
DAYS = 365
_OPEN = range(8, 18)
_PROFILE = (2, 5, 8, 9, 7, 5, 6, 7, 5, 2)
_COUNTERS = 5


@dataclass
class Made:
    """A tenant and its queues."""

    tenant_id: UUID
    queue_ids: list[UUID] = field(default_factory=list)
    visits: int = 0


async def tenant(system: Database, app: Database, queue_count: int) -> Made:
    """A tenant with queues and nobody in them."""
    async with system.write(uuid4()) as tx:
        slug = f"t-{uuid4().hex[:12]}"
        made = Made((await tenants.create(tx, NewTenant("Business", slug, limits={"queues": 100_000}))).id)
    for number in range(queue_count):
        async with app.write(made.tenant_id) as tx:
            queue = await queues.create(tx, QueueConfig(name=f"Queue {number}", slug=f"q-{number}", time_zone=ZONE))
            made.queue_ids.append(queue.id)
    return made


def visits(random: Random, queue_id: UUID, count: int, first_day: datetime) -> Iterator[Fact]:
    """Visits of a year in one queue, in no order."""
    zone = ZoneInfo(ZONE)
    categories = [UUID(int=random.getrandbits(128)) for _ in range(4)]
    counters = [UUID(int=random.getrandbits(128)) for _ in range(_COUNTERS)]
    staff = [UUID(int=random.getrandbits(128)) for _ in range(_COUNTERS)]
    for _ in range(count):
        day = first_day + timedelta(days=random.randrange(DAYS))
        (hour,) = random.choices(_OPEN, _PROFILE)
        local = datetime(day.year, day.month, day.day, hour, tzinfo=zone) + timedelta(seconds=random.random() * 3600)
        entered_at = local.astimezone(UTC)
        wait = random.lognormvariate(5.5 if hour in (10, 11) else 4.8, 0.9)
        fact = Fact(
            queue_id=queue_id,
            session_id=UUID(int=random.getrandbits(128)),
            entered_at=entered_at,
            joined_at=entered_at,
            is_transfer=False,
            category_id=random.choice(categories),
            priority=random.choices((0, 3, 5), (85, 10, 5))[0],
            party_size=random.choices((1, 2, 3), (80, 15, 5))[0],
            position=1 + int(wait / 60),
            waiting_ahead=int(wait / 60),
            call_count=1,
        )
        fate = random.random()
        if fate < 0.08:
            fact.ended_at, fact.outcome = entered_at + timedelta(seconds=wait / 2), Outcome.ABANDONED_WAITING
        else:
            at = random.randrange(_COUNTERS)
            fact.counter_id, fact.served_by = counters[at], staff[at]
            fact.called_at, fact.wait_ms = entered_at + timedelta(milliseconds=int(wait * 1000)), int(wait * 1000)
            service_ms = int(random.lognormvariate(5.2, 0.7) * 1000)
            if fate < 0.12:
                fact.ended_at, fact.outcome = fact.called_at + timedelta(minutes=3), Outcome.NO_SHOW
            else:
                fact.started_at = fact.called_at + timedelta(seconds=20)
                fact.ended_at, fact.service_ms = fact.started_at + timedelta(milliseconds=service_ms), service_ms
                fact.outcome = Outcome.SERVED
                fact.rating = random.choices((None, 1, 3, 4, 5), (75, 2, 4, 7, 12))[0]
        yield fact


async def year(admin: "asyncpg.Connection[Any]", made: Made, per_queue: int, first_day: datetime, seed: int) -> None:
    """A year of visits of every queue of a tenant, with what they add up to."""
    own = Increments()
    hours = hours_of(ZONE)
    for number, queue_id in enumerate(made.queue_ids):
        cells: dict[Member, dict[Cell, int]] = {}
        found = list(visits(Random(seed * 10_000 + number), queue_id, per_queue, first_day))
        for fact in found:
            added = contribution(fact, hours)
            for member in members(fact):
                there = cells.setdefault(member, {})
                for cell, amount in added.items():
                    there[cell] = there.get(cell, 0) + amount
        everybody = cells[EVERYBODY]
        for hour in {hour for hour, _, _ in everybody}:
            everybody[hour, "counter_ms", None] = _COUNTERS * 3_600_000
            everybody[hour, "waiting_ms", None] = everybody.get((hour, "wait_ms", None), 0)
            everybody[hour, "serving_ms", None] = everybody.get((hour, "service_ms", None), 0)
        rows = rows_of(queue_id, hours, cells, {})
        for key, increment in of_tenant(made.tenant_id, rows.items()).items():
            if key in own:
                own[key].merge(increment)
            else:
                own[key] = increment
        await admin.copy_records_to_table(
            "session_facts",
            records=((made.tenant_id, *(getattr(fact, name) for name in FACT_COLUMNS)) for fact in found),
            columns=("tenant_id", *FACT_COLUMNS),
        )
        await _copy_rows(admin, made.tenant_id, rows)
        made.visits += len(found)
    await _copy_rows(admin, made.tenant_id, own)
    await admin.execute(
        "insert into analytics_cursors (tenant_id, queue_id, revision, time_zone, occurred_at, waiting_count,"
        " called_count, serving_count, open_counter_count)"
        " select tenant_id, id, 1, time_zone, created_at, 0, 0, 0, 0 from queues where tenant_id = $1",
        made.tenant_id,
    )


async def _copy_rows(admin: "asyncpg.Connection[Any]", tenant_id: UUID, rows: Increments) -> None:
    await admin.copy_records_to_table(
        "analytics_rollups",
        records=(
            (
                tenant_id,
                *key,
                row.local_at,
                *(row.counts.get(name, 0) for name in COUNTS),
                *(flat(row.histograms.get(name, {})) for name in HISTOGRAMS),
                row.waiting_max,
            )
            for key, row in rows.items()
        ),
        columns=("tenant_id", *(name.strip() for name in ROW.split(","))),
    )


async def log(admin: "asyncpg.Connection[Any]", made: Made, sessions_per_queue: int, began_at: datetime) -> int:
    """A log of joins, calls, starts and ends, in every queue of a tenant; how many events."""
    written = 0
    for number, queue_id in enumerate(made.queue_ids):
        revision = await admin.fetchval("select revision from queue_lines where id = $1", queue_id)
        events = list(_events(Random(number), sessions_per_queue, began_at))
        await admin.copy_records_to_table(
            "events",
            records=(
                (
                    made.tenant_id,
                    "queue",
                    queue_id,
                    revision + at,
                    occurred_at,
                    uuid4(),
                    type,
                    data,
                    "SYSTEM",
                    occurred_at,
                )
                for at, (occurred_at, type, data) in enumerate(events, 1)
            ),
            columns=(
                "tenant_id",
                "aggregate_type",
                "aggregate_id",
                "revision",
                "occurred_at",
                "id",
                "type",
                "data",
                "actor",
                "published_at",
            ),
        )
        await admin.execute("update queue_lines set revision = $2 where id = $1", queue_id, revision + len(events))
        written += len(events)
    return written


def _events(random: Random, sessions: int, began_at: datetime) -> Iterator[tuple[datetime, str, str]]:
    """Everybody is served a while later, by one of five, in the order of coming."""
    staff = [uuid4() for _ in range(_COUNTERS)]
    category = uuid4()
    at, waiting, serving = began_at, 0, 0
    lined_up: list[SessionState] = []

    def told(type: str, state: SessionState) -> tuple[datetime, str, str]:
        line = LineState(QueueStatus.ACTIVE, waiting, 0, 0, serving, _COUNTERS, None)
        return at, type, orjson.dumps({"line": asdict(line), "session": asdict(state)}).decode()

    for number in range(sessions + 8):
        at += timedelta(seconds=random.uniform(5, 60))
        if number < sessions:
            state = SessionState(
                uuid4(), f"A{number}", SessionStatus.WAITING, 0, 1, 0, at, number, None, at, None, None, None, None,
                None, None, 0, None, None, None, category_id=category,
            )  # fmt: skip
            waiting += 1
            lined_up.append(state)
            yield told("SESSION_JOINED", state)
        if number >= 8 and lined_up:
            state = lined_up.pop(0)
            waiting -= 1
            at += timedelta(seconds=1)
            state.status, state.called_at, state.call_count = SessionStatus.CALLED, at, 1
            state.counter_id = state.served_by = random.choice(staff)
            yield told("SESSION_CALLED", state)
            at += timedelta(seconds=5)
            serving += 1
            state.status, state.started_at = SessionStatus.SERVING, at
            yield told("SESSION_STARTED", state)
            at += timedelta(seconds=random.uniform(20, 200))
            serving -= 1
            state.status, state.completed_at, state.ended_at = SessionStatus.COMPLETED, at, at
            yield told("SESSION_COMPLETED", state)


def per_queue(sessions: int, queue_ids: Sequence[UUID]) -> int:
    """Visits of each queue."""
    return max(1, sessions // len(queue_ids))
