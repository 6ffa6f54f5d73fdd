"""What has to be done now and then to keep the tables in order. Safe to run twice and beside itself."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, text

from app.core.db import Database
from app.core.jobs import repository as jobs

KEEP_IDEMPOTENCY_KEYS = timedelta(days=7)
KEEP_DONE_JOBS = timedelta(days=7)
MONTHS_AHEAD = 3
_BATCH = 2_000


async def make_partitions(system: Database) -> None:
    """Keep the event log's months ahead of time."""
    async with system.write(None) as tx:
        await tx.exec(text("select ensure_event_partitions(:months)"), params={"months": MONTHS_AHEAD})  # type: ignore[call-overload]


async def delete_old(system: Database) -> None:
    """Delete idempotency keys and done jobs nobody will ask for any more, in batches that hold nobody up."""
    deleted = _BATCH
    while deleted == _BATCH:
        async with system.write(None) as tx:
            found = await tx.exec(  # type: ignore[call-overload]
                text(
                    """
                    delete from idempotency_keys where (tenant_id, scope, key) in (
                        select tenant_id, scope, key from idempotency_keys where created_at < :before limit :limit
                    )
                    """
                ),
                params={"before": tx.now() - KEEP_IDEMPOTENCY_KEYS, "limit": _BATCH},
            )
            deleted = cast(CursorResult[Any], found).rowcount
    deleted = _BATCH
    while deleted == _BATCH:
        async with system.write(None) as tx:
            deleted = await jobs.delete_done(tx, before=tx.now() - KEEP_DONE_JOBS, limit=_BATCH)
