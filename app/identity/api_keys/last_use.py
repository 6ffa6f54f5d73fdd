"""When each API key was last used, written down at most once a minute. Nobody waits for it; nothing depends on it."""

import asyncio
import logging
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import Database
from app.identity.api_keys import repository
from app.identity.api_keys.repository import KeyStanding

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
_MOST_REMEMBERED = 10_000


class LastUse:
    """What this process has written down. Belongs to the loop that uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: dict[UUID, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, tenant_id: UUID, standing: KeyStanding, now: datetime) -> None:
        """A key was used just now."""
        known = [at for at in (self._written.get(standing.secret_id), standing.last_used_at) if at is not None]
        if known and now - max(known) < EVERY:
            return
        if len(self._written) >= _MOST_REMEMBERED:
            self._written.clear()
        # Before it is written: who comes meanwhile need not write it again.
        self._written[standing.secret_id] = now
        task = asyncio.create_task(self._write(tenant_id, standing.secret_id, now), name="api-key-use")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Return when everything is written."""
        await asyncio.gather(*self._tasks)

    async def _write(self, tenant_id: UUID, secret_id: UUID, now: datetime) -> None:
        try:
            async with self._database.write(tenant_id) as tx:
                await repository.note_use(tx, secret_id, now, EVERY)
        except Exception:
            # The database is away, say. The next use writes it down.
            self._written.pop(secret_id, None)
            logger.warning("The use of an API key could not be written down.", exc_info=True)
