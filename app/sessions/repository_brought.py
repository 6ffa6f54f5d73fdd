"""Statements about sessions that are brought in from elsewhere. Those of the line are `repository.py`."""

from datetime import date
from uuid import UUID

from app.core.db import ReadTx, WriteTx

_LAST_SERIAL = """
    select max(ticket_serial) from sessions
    where tenant_id = $1 and ticket_queue_id = $2 and ticket_category_id is null and service_day = $3
"""


async def exists(tx: ReadTx, session_id: UUID) -> bool:
    """Whether the tenant has this session."""
    return bool(await tx.rows("select 1 from sessions where tenant_id = $1 and id = $2", tx.tenant, session_id))


async def next_past_serial(tx: WriteTx, queue_id: UUID, day: date, first: int) -> int:
    """The next number of a service day that is over; the line is held."""
    (row,) = await tx.rows(_LAST_SERIAL, tx.tenant, queue_id, day)
    return first if row[0] is None else max(first, row[0] + 1)
