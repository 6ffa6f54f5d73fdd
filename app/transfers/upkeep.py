"""Deletes what is over: files whose time is up, exports and imports of long ago. When is the timetable's business."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from app.core.db import Database, WriteTx
from app.transfers import repository
from app.transfers.exports import repository as exports
from app.transfers.imports import repository as imports

KEPT: Final = timedelta(days=90)
"""That somebody exported or imported something; the log says it for good."""
_BATCH = 500


async def tidy(system: Database) -> bool:
    """Delete what is over, of every tenant, in portions that wait for nobody."""
    await _all(system, lambda tx: repository.delete_expired_files(tx, tx.now(), limit=_BATCH))
    await _all(system, lambda tx: exports.delete_before(tx, tx.now() - KEPT, limit=_BATCH))
    await _all(system, lambda tx: imports.delete_before(tx, tx.now() - KEPT, limit=_BATCH))
    return True


async def _all(system: Database, delete: Callable[[WriteTx], Awaitable[int]]) -> None:
    done = _BATCH
    while done == _BATCH:
        async with system.write(None) as tx:
            done = await delete(tx)
