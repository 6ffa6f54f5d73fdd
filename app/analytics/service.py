"""The questions analytics answers, for the API and for whoever makes alerts, reports and simulations of it.

Everything is read from roll-ups, which the fold keeps: nothing here counts, locks or writes.
"""

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Uuid

from app.analytics import repository_figures as repository
from app.analytics import rules
from app.analytics.contribution import NOBODY, POSITION_BUCKETS, member_of_priority
from app.analytics.covering import cover
from app.analytics.figures import (
    Breakdown,
    Figures,
    Filters,
    Granularity,
    HeatCell,
    Period,
    Point,
    PositionShare,
    QueueNow,
    Series,
    Slice,
    StaffFigures,
    TenantFigures,
)
from app.analytics.models import Dimension
from app.analytics.repository_figures import Rows, on_the_wall
from app.analytics.sums import Sums, Tail, add_tails, figures_of, share
from app.core.db import ReadTx
from app.core.db.pages import Page, PageRequest, decode_cursor, encode_cursor
from app.core.errors import BadInput, NotFound
from app.counters import repository as counters
from app.identity import repository as users
from app.queues import repository as queues
from app.tenants import service as tenants

MOST_SLICES = 100
MOST_BUSIEST = 10
_TURN = 50
"""Rows that are counted in before everybody else has a turn: up to 0.1 ms each."""
_NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: whose figures (all of the tenant's queues if null), of when and of which visits."""

    queue_ids: tuple[UUID, ...] | None
    period: Period
    zone: ZoneInfo
    granularity: Granularity
    filters: Filters
    service_level_seconds: int
    now: datetime

    @property
    def is_one_line(self) -> bool:
        """Whether it is about one queue."""
        return self.queue_ids is not None and len(self.queue_ids) == 1


async def ask(
    tx: ReadTx,
    queue_ids: Sequence[UUID] | None,
    period: Period,
    *,
    now: datetime,
    granularity: Granularity = Granularity.DAY,
    filters: Filters = _NO_FILTERS,
    service_level_seconds: int | None = None,
) -> Asked:
    """What is asked for, made whole: to whole local hours, with the tenant's threshold. `BadInput`, `NotFound`."""
    settings = await tenants.settings_of(tx)
    zone = settings.time_zone
    if queue_ids is not None and len(queue_ids) == 1:
        # The clock by which it was counted: where the queue was moved, that is the old one until it is rebuilt.
        queue = await queues.get(tx, queue_ids[0])
        _, _, zones = await repository.cursors(tx, queue_ids)
        zone = next(iter(zones), queue.time_zone)
    await _ensure_there(tx, filters)
    rules.ensure_period(period, granularity)
    rules.ensure_filters(filters)
    if service_level_seconds is None:
        service_level_seconds = settings.service_level_seconds
    rules.ensure_threshold(service_level_seconds)
    found = ZoneInfo(zone)
    return Asked(
        None if queue_ids is None else tuple(queue_ids),
        rules.whole_hours(period, found),
        found,
        granularity,
        filters,
        service_level_seconds,
        now,
    )


async def _ensure_there(tx: ReadTx, filters: Filters) -> None:
    """`NotFound` for what the tenant does not have."""
    if (category_id := filters.category_id) is not None and not await queues.categories_by_id(tx, [category_id]):
        raise NotFound("QueueCategory")
    if filters.counter_id is not None:
        await counters.get(tx, filters.counter_id)
    if filters.user_id is not None:
        await users.get(tx, filters.user_id)


async def queue_figures(
    tx: ReadTx,
    queue_ids: Sequence[UUID] | None,
    period: Period,
    *,
    now: datetime,
    granularity: Granularity = Granularity.DAY,
    filters: Filters = _NO_FILTERS,
    service_level_seconds: int | None = None,
) -> Series:
    """The figures of queues together (all of the tenant's if null), whole and span by span. `BadInput`, `NotFound`."""
    return await series(
        tx,
        await ask(
            tx,
            queue_ids,
            period,
            now=now,
            granularity=granularity,
            filters=filters,
            service_level_seconds=service_level_seconds,
        ),
    )


async def series(tx: ReadTx, asked: Asked) -> Series:
    """What is asked for, whole and span by span."""
    spans = rules.spans(asked.period, asked.granularity, asked.zone)
    wanted = _rows(tx, asked)
    begins = [_key(wanted, span.starts) for span in spans]
    sums = [Sums() for _ in spans]
    stretches = cover(asked.period, asked.zone, asked.granularity)
    await _add_up(
        await repository.rollups(tx, wanted, stretches),
        lambda row: sums[bisect_right(begins, _begin_of(wanted, row)) - 1],
    )
    revision, tails, _ = await repository.cursors(tx, asked.queue_ids)
    for span, found in zip(spans, sums, strict=True):
        _add_tails(asked, found, tails, span)
    return Series(
        period=asked.period,
        time_zone=asked.zone.key,
        granularity=asked.granularity,
        service_level_seconds=asked.service_level_seconds,
        # From longer rows: they are few, and have been added up already.
        total=await _whole(tx, asked, tails),
        points=tuple(Point(span, _figures(asked, found, span)) for span, found in zip(spans, sums, strict=True)),
        revision=revision,
    )


async def previous_figures(tx: ReadTx, asked: Asked) -> tuple[Period, Figures]:
    """The period before the one asked for, and its figures."""
    period = rules.before(asked.period, asked.zone)
    return period, await _whole(tx, replace(asked, period=period))


async def heat_map(tx: ReadTx, asked: Asked) -> list[HeatCell]:
    """Visits by day of the week and hour: all 168, Monday 0:00 first."""
    stretches = cover(asked.period, asked.zone, Granularity.HOUR)
    found = {
        (row["weekday"], row["hour"]): row for row in await repository.by_hour_of_week(tx, _rows(tx, asked), stretches)
    }
    times = rules.hours_of_week(asked.period, asked.zone)
    return [_cell(weekday, hour, found.get((weekday, hour)), times) for weekday in range(7) for hour in range(24)]


def _cell(weekday: int, hour: int, row: Any, times: Counter[tuple[int, int]]) -> HeatCell:
    if row is None:
        return HeatCell(weekday, hour, 0, 0, None, times[weekday, hour])
    mean = share(row["wait_ms"] / 1000, row["called"])
    return HeatCell(weekday, hour, row["entered"], row["called"], mean, times[weekday, hour])


async def abandonment_by_position(tx: ReadTx, asked: Asked) -> list[PositionShare]:
    """Of those who came at each place, how many left before a call."""
    came: Counter[int] = Counter()
    left: Counter[int] = Counter()
    for row in await repository.positions(tx, _rows(tx, asked), cover(asked.period, asked.zone)):
        for counter, pairs in (came, row["position_buckets"]), (left, row["position_abandoned_buckets"] or ()):
            for bucket, count in zip(pairs[::2], pairs[1::2], strict=True):
                counter[bucket] += count
    return [
        PositionShare(first, last, came[bucket], left[bucket], share(left[bucket], came[bucket]))
        for bucket, (first, last) in enumerate(POSITION_BUCKETS)
    ]


async def slices(tx: ReadTx, asked: Asked, by: Breakdown) -> list[Slice]:
    """The figures told apart, most visits first. `BadInput` together with a filter."""
    if asked.filters != _NO_FILTERS:
        raise BadInput("Figures of a filter are told apart no further: leave out `filter`, or `slices`.")
    grouped = await _by_member(tx, replace(asked, filters=_NO_FILTERS), Dimension(by.value), None)
    ordered = sorted(grouped.items(), key=lambda each: (-each[1].counts["entered"], each[0]))
    return [
        Slice(
            category_id=member if by is Breakdown.CATEGORY and member != NOBODY else None,
            priority=member.int if by is Breakdown.PRIORITY else None,
            counter_id=member if by is Breakdown.COUNTER else None,
            user_id=member if by is Breakdown.STAFF else None,
            figures=_figures(asked, sums, asked.period, knows_line=False),
        )
        for member, sums in ordered[:MOST_SLICES]
    ]


async def tenant_figures(
    tx: ReadTx, period: Period | None = None, *, now: datetime, service_level_seconds: int | None = None
) -> TenantFigures:
    """The business at present, and its figures of a period: today up to now, if none is given. `BadInput`.

    At midnight sharp today is the day that ends: whoever rounds `now` up to the end of a minute is still in it.
    """
    settings = await tenants.settings_of(tx)
    zone = ZoneInfo(settings.time_zone)
    whole = period or Period(rules.day_of(now - timedelta.resolution, zone).starts, now)
    asked = await ask(tx, None, whole, now=now, service_level_seconds=service_level_seconds)
    before = rules.same_hours_before(asked.period, zone) if period is None else rules.before(asked.period, zone)
    line = await repository.lines_now(tx)
    revision, _, _ = await repository.cursors(tx, None)
    return TenantFigures(
        period=asked.period,
        time_zone=zone.key,
        service_level_seconds=asked.service_level_seconds,
        active_queue_count=line["active"],
        waiting_count=line["waiting"],
        held_count=line["held"],
        inside_count=line["inside"],
        open_counter_count=line["open"],
        total=await _whole(tx, asked),
        before=before,
        previous=await _whole(tx, replace(asked, period=before)),
        busiest=tuple(await _busiest(tx, asked)),
        revision=line["revision"] + revision,
    )


async def _busiest(tx: ReadTx, asked: Asked) -> list[QueueNow]:
    found = await repository.busiest(tx, MOST_BUSIEST)
    ids = tuple(row["id"] for row in found)
    wanted = Rows(ids, Dimension.ALL, None, asked.zone)
    sums: defaultdict[UUID, Sums] = defaultdict(Sums)
    rows = await repository.rollups(tx, wanted, cover(asked.period, asked.zone))
    await _add_up(rows, lambda row: sums[row["scope_id"]])
    return [
        QueueNow(
            row["id"],
            row["waiting_count"],
            row["inside"],
            row["open_counter_count"],
            _figures(asked, sums[row["id"]], asked.period),
        )
        for row in found
    ]


async def staff_figures(
    tx: ReadTx,
    period: Period,
    *,
    now: datetime,
    user_id: UUID | None = None,
    service_level_seconds: int | None = None,
) -> list[StaffFigures]:
    """What each member of staff did (or one), who served most first: all who called somebody or had a shift.

    `BadInput`, `NotFound`.
    """
    asked = await ask(tx, None, period, now=now, service_level_seconds=service_level_seconds)
    if user_id is not None:
        await users.get(tx, user_id)
    only = None if user_id is None else [user_id]
    grouped = await _by_member(tx, asked, Dimension.STAFF, only)
    duty = await repository.on_duty(tx, asked.period.starts, asked.period.ends, now, only)
    found = [
        _staff(asked, member, grouped.get(member) or Sums(), duty.get(member, 0.0))
        for member in grouped.keys() | duty.keys()
    ]
    return sorted(found, key=_place)


def staff_page(found: Sequence[StaffFigures], request: PageRequest) -> Page[StaffFigures]:
    """A page of them; whoever is found again elsewhere meanwhile stands where the figures put them."""
    rest = list(found)
    if request.after is not None:
        served, user_id = decode_cursor(request.after, [BigInteger(), Uuid()])
        rest = [each for each in found if _place(each) > (-int(str(served)), UUID(str(user_id)))]
    rows = rest[: request.first]
    cursors = [encode_cursor([each.figures.served_count, each.user_id]) for each in rows]
    return Page(rows, cursors, len(rest) > request.first)


def _place(found: StaffFigures) -> tuple[int, UUID]:
    return -found.figures.served_count, found.user_id


def _staff(asked: Asked, user_id: UUID, sums: Sums, on_duty: float) -> StaffFigures:
    figures = _figures(asked, sums, asked.period, knows_line=False)
    at_work = share(figures.service.total_seconds, on_duty)
    return StaffFigures(
        user_id=user_id,
        figures=figures,
        on_duty_seconds=on_duty,
        occupancy=None if at_work is None else min(1.0, at_work),
        served_per_hour=share(figures.served_count, on_duty / 3600),
    )


async def _by_member(
    tx: ReadTx, asked: Asked, dimension: Dimension, members: Sequence[UUID] | None
) -> dict[UUID, Sums]:
    wanted = replace(_rows(tx, asked), dimension=dimension, members=members)
    grouped: defaultdict[UUID, Sums] = defaultdict(Sums)
    rows = await repository.rollups(tx, wanted, cover(asked.period, asked.zone))
    await _add_up(rows, lambda row: grouped[row["member"]])
    return grouped


async def _add_up(rows: Iterable[Any], sums_of: Callable[[Any], Sums]) -> None:
    """Count rows in, each to its sums; of many, everybody else in the loop has turns in between."""
    for number, row in enumerate(rows, 1):
        sums_of(row).add_row(row)
        if number % _TURN == 0:
            await asyncio.sleep(0)


async def _whole(tx: ReadTx, asked: Asked, tails: Sequence[Tail] | None = None) -> Figures:
    """The figures of a period, from as few rows as there can be."""
    sums = Sums()
    await _add_up(
        await repository.rollups(tx, _rows(tx, asked), cover(asked.period, asked.zone)),
        lambda _: sums,
    )
    if tails is None:
        _, tails, _ = await repository.cursors(tx, asked.queue_ids)
    _add_tails(asked, sums, tails, asked.period)
    return _figures(asked, sums, asked.period)


def _rows(tx: ReadTx, asked: Asked) -> Rows:
    """Where the figures stand that are asked for."""
    scopes = (tx.tenant,) if asked.queue_ids is None else asked.queue_ids
    walls = None if asked.is_one_line else asked.zone
    filters = asked.filters
    if filters.category_id is not None:
        return Rows(scopes, Dimension.CATEGORY, [filters.category_id], walls)
    if filters.priority is not None:
        return Rows(scopes, Dimension.PRIORITY, [member_of_priority(filters.priority)], walls)
    if filters.counter_id is not None:
        return Rows(scopes, Dimension.COUNTER, [filters.counter_id], walls)
    if filters.user_id is not None:
        return Rows(scopes, Dimension.STAFF, [filters.user_id], walls)
    return Rows(scopes, Dimension.ALL, None, walls)


def _begin_of(wanted: Rows, row: Any) -> datetime:
    begin: datetime = row["begins_at"] if wanted.walls is None else row["local_at"]
    return begin


def _key(wanted: Rows, at: datetime) -> datetime:
    return at if wanted.walls is None else on_the_wall(at, wanted.walls)


def _add_tails(asked: Asked, sums: Sums, tails: Iterable[Tail], period: Period) -> None:
    if asked.filters == _NO_FILTERS:
        add_tails(sums, tails, period, asked.now)


def _figures(asked: Asked, sums: Sums, period: Period, *, knows_line: bool = True) -> Figures:
    return figures_of(
        sums,
        period,
        asked.now,
        asked.service_level_seconds,
        knows_line=knows_line and asked.filters == _NO_FILTERS,
        is_one_line=asked.is_one_line,
    )
