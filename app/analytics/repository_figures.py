"""Every statement that reads figures: roll-up rows, cursors, lines at present, shifts. Writing is the fold's.

Queues in several time zones are asked by the clocks on their own walls: ten o'clock is ten o'clock everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.analytics.covering import Stretch
from app.analytics.models import Dimension
from app.analytics.sums import COLUMNS, HISTOGRAMS, Tail
from app.core.db import ReadTx

# Histograms as they are sent, so that the driver does not make lists of them.
_SUMMED = ", ".join(f"array_send({name}) as {name}" if name in HISTOGRAMS else name for name in COLUMNS)
_FARTHEST = timedelta(hours=27)
"""More than two clocks on the wall can differ."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which roll-up rows: of queues or of the tenant, of a dimension, of some of its members (null: of all).

    `walls`: they are of several time zones; an instant stands for what the clocks of this zone show then.
    """

    scopes: Sequence[UUID]
    dimension: Dimension
    members: Sequence[UUID] | None
    walls: ZoneInfo | None

    def within(self, stretch: Stretch, values: list[object]) -> str:
        """The condition on rows of a stretch; adds its values."""
        starts, ends = stretch.starts, stretch.ends
        condition = f" and grain = ${_given(values, stretch.grain.value)}"
        if self.walls is not None:
            condition += f" and local_at >= ${_given(values, on_the_wall(starts, self.walls))}"
            condition += f" and local_at < ${_given(values, on_the_wall(ends, self.walls))}"
            starts, ends = starts - _FARTHEST, ends + _FARTHEST
        condition += f" and begins_at >= ${_given(values, starts)} and begins_at < ${_given(values, ends)}"
        if self.members is not None:
            condition += f" and member = any(${_given(values, list(self.members))})"
        return condition

    def statement(self, columns: str, stretches: Sequence[Stretch], rest: str = "") -> tuple[str, list[object]]:
        """Reads columns of the rows of some stretches."""
        values: list[object] = []
        parts = [
            f"select {columns} from analytics_rollups where tenant_id = $1 and scope_id = any($2) and dimension = $3"
            + self.within(stretch, values)
            + rest
            for stretch in stretches
        ]
        return " union all ".join(parts), values

    async def read(self, tx: ReadTx, columns: str, stretches: Sequence[Stretch], rest: str = "") -> Sequence[Any]:
        """What these rows say."""
        if not stretches:
            return []
        text, values = self.statement(columns, stretches, rest)
        return await tx.rows(text, tx.tenant, list(self.scopes), self.dimension.value, *values)


def on_the_wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at an instant, as if it were UTC."""
    return at.astimezone(zone).replace(tzinfo=UTC)


def _given(values: list[object], value: object) -> int:
    # Behind the three that every statement has.
    values.append(value)
    return len(values) + 3


async def rollups(tx: ReadTx, wanted: Rows, stretches: Sequence[Stretch]) -> Sequence[Any]:
    """The rows of some stretches, with when they begin and whose they are."""
    return await wanted.read(tx, f"begins_at, local_at, scope_id, member, {_SUMMED}", stretches)


async def by_hour_of_week(tx: ReadTx, wanted: Rows, stretches: Sequence[Stretch]) -> Sequence[Any]:
    """What happened by day of the week (Monday 0) and hour, on the wall's clock."""
    columns = (
        "extract(isodow from local_at at time zone 'UTC')::int - 1 as weekday,"
        " extract(hour from local_at at time zone 'UTC')::int as hour,"
        " sum(entered)::bigint as entered, sum(called)::bigint as called, sum(wait_ms)::bigint as wait_ms"
    )
    return await wanted.read(tx, columns, stretches, " group by 1, 2")


async def positions(tx: ReadTx, wanted: Rows, stretches: Sequence[Stretch]) -> Sequence[Any]:
    """Who came by position, and who of them left, row by row."""
    columns = "position_buckets, position_abandoned_buckets"
    return await wanted.read(tx, columns, stretches, " and position_buckets is not null")


_CURSORS = """
    select queue_id, revision, time_zone, occurred_at, waiting_count, called_count, serving_count, open_counter_count
    from analytics_cursors where tenant_id = $1 and ($2::uuid[] is null or queue_id = any($2))
"""


async def cursors(tx: ReadTx, queue_ids: Sequence[UUID] | None) -> tuple[int, list[Tail], set[str]]:
    """How far logs are counted, summed over the queues (all of the tenant's if null); how it has been since; zones."""
    found = await tx.rows(_CURSORS, tx.tenant, None if queue_ids is None else list(queue_ids))
    tails = [
        Tail(
            row["occurred_at"],
            row["waiting_count"],
            row["called_count"],
            row["serving_count"],
            row["open_counter_count"],
        )
        for row in found
        if row["occurred_at"] is not None
    ]
    return sum(row["revision"] for row in found), tails, {row["time_zone"] for row in found}


_NOW = """
    select count(*) filter (where queue.status = 'ACTIVE') as active,
        coalesce(sum(line.waiting_count) filter (where queue.archived_at is null), 0)::int as waiting,
        coalesce(sum(line.held_count) filter (where queue.archived_at is null), 0)::int as held,
        coalesce(sum(line.called_count + line.serving_count) filter (where queue.archived_at is null), 0)::int
            as inside,
        coalesce(sum(line.open_counter_count) filter (where queue.archived_at is null), 0)::int as open,
        coalesce(sum(line.revision), 0)::bigint as revision
    from queue_lines line join queues queue on queue.tenant_id = line.tenant_id and queue.id = line.id
    where line.tenant_id = $1
"""


async def lines_now(tx: ReadTx) -> Any:
    """The tenant's lines at present, all together. The revision is of all there ever were: it never shrinks."""
    (found,) = await tx.rows(_NOW, tx.tenant)
    return found


_BUSIEST = """
    select line.id, line.waiting_count, line.called_count + line.serving_count as inside, line.open_counter_count
    from queue_lines line join queues queue on queue.tenant_id = line.tenant_id and queue.id = line.id
    where line.tenant_id = $1 and queue.archived_at is null
    order by line.waiting_count desc, queue.name, line.id
    limit $2
"""


async def busiest(tx: ReadTx, most: int) -> Sequence[Any]:
    """The queues with most people in line."""
    return await tx.rows(_BUSIEST, tx.tenant, most)


_DUTY = """
    with clipped as (
        select user_id, break_seconds, paused_at, started_at, coalesce(ended_at, $4) as ends_at,
            greatest(started_at, $2) as first, least(coalesce(ended_at, $4), $3, $4) as last
        from shifts
        where tenant_id = $1 and started_at < $3 and coalesce(ended_at, $4) > $2
            and ($5::uuid[] is null or user_id = any($5))
    )
    select user_id, sum(extract(epoch from last - first) * (1 - least(1, (break_seconds
            + coalesce(extract(epoch from ends_at - paused_at), 0))
            / greatest(0.000001, extract(epoch from ends_at - started_at)))))::float8 as seconds
    from clipped where last > first group by user_id
"""


async def on_duty(
    tx: ReadTx, starts: datetime, ends: datetime, now: datetime, user_ids: Sequence[UUID] | None
) -> dict[UUID, float]:
    """Seconds of shifts in a period without breaks, by user; of a shift that is cut, breaks in proportion."""
    wanted = None if user_ids is None else list(user_ids)
    found = await tx.rows(_DUTY, tx.tenant, starts, ends, now, wanted)
    return {row["user_id"]: row["seconds"] for row in found}
