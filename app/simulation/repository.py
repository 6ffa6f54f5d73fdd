"""Every statement of simulations: visits of a queue's past, read in portions from the facts analytics keeps."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.analytics.models import Outcome
from app.core.db import ReadTx
from app.queues.disciplines import WHOLE
from app.simulation.records import Record
from app.simulation.values import Fate

_PORTION = 1_000

_VISITS = """
    select facts.entered_at, facts.called_at, facts.started_at, facts.ended_at, facts.outcome, facts.counter_id,
        facts.priority, categories.multiplier_hundredths
    from session_facts facts
    left join queue_categories categories on categories.tenant_id = $1 and categories.id = facts.category_id
    where facts.tenant_id = $1 and facts.queue_id = $2 and facts.entered_at >= $3 and facts.entered_at < $4
    order by facts.entered_at, facts.session_id limit $5
"""


async def visits(
    tx: ReadTx, queue_id: UUID, starts_at: datetime, ends_at: datetime, limit: int
) -> AsyncIterator[Sequence[Record]]:
    """Visits that began in a period, in the order of beginning, at most so many."""
    async for rows in tx.portions(_PORTION, _VISITS, tx.tenant, queue_id, starts_at, ends_at, limit):
        yield [_record(row) for row in rows]


def _record(row: Any) -> Record:
    return Record(
        entered_at=row["entered_at"],
        called_at=row["called_at"],
        ended_at=row["ended_at"],
        fate=_fate(row["called_at"] is not None, row["started_at"] is not None, row["outcome"]),
        counter=None if row["counter_id"] is None else str(row["counter_id"]),
        priority=row["priority"],
        multiplier_hundredths=WHOLE if row["multiplier_hundredths"] is None else row["multiplier_hundredths"],
    )


def _fate(was_called: bool, has_started: bool, outcome: str | None) -> Fate | None:
    if outcome is None:
        return None
    if was_called:
        return Fate.SERVED if has_started else Fate.NO_SHOW
    return Fate.ABANDONED if outcome == Outcome.ABANDONED_WAITING else Fate.REMOVED
