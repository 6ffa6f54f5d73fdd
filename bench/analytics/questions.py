"""What a dashboard asks, as the product answers it and as plain SQL over the visits would."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.analytics import service
from app.analytics.figures import Breakdown, Granularity, Period
from app.core.db import ReadTx


@dataclass(frozen=True)
class Question:
    """One question, asked of one queue after the other, or of the tenant."""

    name: str
    ask: Callable[[ReadTx, UUID], Awaitable[object]]
    # `$1` is the tenant, `$2` a queue, `$3` and `$4` the period.
    sql: str
    period: Period


_MEASURES = """
    count(*), count(*) filter (where outcome = 'SERVED'), count(*) filter (where outcome = 'ABANDONED_WAITING'),
    count(*) filter (where outcome = 'NO_SHOW'), avg(wait_ms), avg(service_ms), avg(rating),
    percentile_cont(array[0.5, 0.9, 0.95]) within group (order by wait_ms),
    percentile_cont(array[0.5, 0.9, 0.95]) within group (order by service_ms)
"""
_QUEUE = "tenant_id = $1 and queue_id = $2 and entered_at >= $3 and entered_at < $4"
_TENANT = "tenant_id = $1 and $2::uuid is not null and entered_at >= $3 and entered_at < $4"


def _by(what: str, where: str, measures: str = _MEASURES) -> str:
    return f"select {what}, {measures} from session_facts where {where} group by 1"


def _spans(unit: str, where: str) -> str:
    return _by(f"date_trunc('{unit}', entered_at at time zone 'Europe/Berlin')", where)


def questions(now: datetime) -> list[Question]:
    """All of them; `now` is a midnight of the queues."""
    year = Period(now - timedelta(days=364), now)
    month = Period(now - timedelta(days=30), now)
    day = Period(now - timedelta(days=2), now - timedelta(days=1))

    def queue(granularity: Granularity, period: Period) -> Callable[[ReadTx, UUID], Awaitable[object]]:
        return lambda tx, id: service.queue_figures(tx, [id], period, now=now, granularity=granularity)

    def all_of_it(granularity: Granularity, period: Period) -> Callable[[ReadTx, UUID], Awaitable[object]]:
        return lambda tx, _: service.queue_figures(tx, None, period, now=now, granularity=granularity)

    async def heat(tx: ReadTx, id: UUID) -> object:
        return await service.heat_map(tx, await service.ask(tx, [id], year, now=now))

    async def positions(tx: ReadTx, id: UUID) -> object:
        return await service.abandonment_by_position(tx, await service.ask(tx, [id], year, now=now))

    async def categories(tx: ReadTx, id: UUID) -> object:
        return await service.slices(tx, await service.ask(tx, [id], year, now=now), Breakdown.CATEGORY)

    async def compared(tx: ReadTx, id: UUID) -> object:
        return await service.previous_figures(tx, await service.ask(tx, [id], month, now=now))

    heat_sql = _by(
        "extract(isodow from entered_at at time zone 'Europe/Berlin') * 24"
        " + extract(hour from entered_at at time zone 'Europe/Berlin')",
        _QUEUE,
        "count(*), avg(wait_ms)",
    )
    hour, days, months = Granularity.HOUR, Granularity.DAY, Granularity.MONTH
    return [
        Question("queue: a day by hour", queue(hour, day), _spans("hour", _QUEUE), day),
        Question("queue: a month by day", queue(days, month), _spans("day", _QUEUE), month),
        Question("queue: a month by hour", queue(hour, month), _spans("hour", _QUEUE), month),
        Question("queue: a year by day", queue(days, year), _spans("day", _QUEUE), year),
        Question("queue: a year by month", queue(months, year), _spans("month", _QUEUE), year),
        Question("queue: heat map of a year", heat, heat_sql, year),
        Question("queue: a year by category", categories, _by("category_id", _QUEUE), year),
        Question(
            "queue: who leaves, by position, a year",
            positions,
            _by("position", _QUEUE, "count(*), count(*) filter (where outcome = 'ABANDONED_WAITING')"),
            year,
        ),
        Question("queue: the month before", compared, _by("1", _QUEUE), month),
        Question("tenant: a day by hour", all_of_it(hour, day), _spans("hour", _TENANT), day),
        Question("tenant: a month by day", all_of_it(days, month), _spans("day", _TENANT), month),
        Question("tenant: a year by month", all_of_it(months, year), _spans("month", _TENANT), year),
        Question("tenant: a year by day", all_of_it(days, year), _spans("day", _TENANT), year),
        Question(
            "tenant: the dashboard of a month",
            lambda tx, _: service.tenant_figures(tx, month, now=now),
            _by("queue_id", _TENANT),
            month,
        ),
        Question(
            "tenant: staff, a month",
            lambda tx, _: service.staff_figures(tx, month, now=now),
            _by("served_by", _TENANT),
            month,
        ),
        Question(
            "tenant: staff, a year",
            lambda tx, _: service.staff_figures(tx, year, now=now),
            _by("served_by", _TENANT),
            year,
        ),
    ]
