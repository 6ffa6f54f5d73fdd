"""Statements about the facts' months. Which are kept is `upkeep.py`'s question."""

from datetime import datetime
from typing import Final

from app.core.db import WriteTx

# A long export may read the facts: whoever else wants them must not queue up behind us.
_IMPATIENT: Final = "set local lock_timeout = '2s'"
# Of all months that are kept only those there is a log of.
_OLDEST: Final = """
    select min(to_date(right(month.relname, 7), 'YYYY_MM'))::timestamp at time zone 'UTC'
    from pg_inherits part join pg_class month on month.oid = part.inhrelid
    where part.inhparent = 'events'::regclass and month.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
"""


async def make_partitions(tx: WriteTx, since: datetime) -> None:
    """A partition for each month from the log's first on, if not before `since`, and for those to come."""
    await tx.rows(_IMPATIENT)
    ((oldest,),) = await tx.rows(_OLDEST)
    await tx.rows("select ensure_fact_partitions($1, 3)", since if oldest is None else max(oldest, since))


async def drop_before(tx: WriteTx, before: datetime) -> int:
    """Drop whole months; how many."""
    ((dropped,),) = await tx.rows("select drop_fact_partitions($1)", before)
    await tx.rows("delete from session_facts where entered_at < $1", before)
    return int(dropped)
