"""An application whose clock is moved, and the clockwork's step for one line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.ids import decode
from app.queues.line import lock
from app.schedules.service import apply_due, is_due
from app.sessions.metered.settle import settle
from app.settings import Settings
from tests.support.api import Api, Business, Caller, open_api
from tests.support.queue_logs import events_of

# A Monday, ten in the morning in Berlin.
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Timed:
    """A business in an application with a clock of its own."""

    api: Api
    business: Business
    clock: ManualClock

    async def tick(self, queue_id: str) -> bool:
        """What the clockwork does with this line; whether its schedule had something to do."""
        queue = decode("Queue", queue_id)
        async with self.api.runtime.dbs.app.write(queue.tenant_id) as tx:
            line = await lock(tx, queue.id)
            was_due = is_due(line)
            await settle(tx, await apply_due(tx, line))
        return was_due

    async def go_to(self, queue_id: str, text: str) -> None:
        """Move the clock to a time and let the clockwork come by."""
        until = datetime.fromisoformat(text).astimezone(UTC)
        self.clock.advance(seconds=(until - self.clock.now()).total_seconds())
        await self.tick(queue_id)

    async def queue(self, queue_id: str, fields: str, caller: Caller | None = None) -> Any:
        """Some of a queue's fields; public ones without a caller."""
        return await (caller or self.api.anonymous)(f"query($id: ID!) {{ queue(id: $id) {{ {fields} }} }}", id=queue_id)

    async def status(self, queue_id: str) -> str:
        """A queue's status."""
        return str((await self.queue(queue_id, "status"))["status"])

    async def log(self, queue_id: str) -> list[str]:
        """Types of a queue's events."""
        return [event.type for event in await events_of(self.api, queue_id)]


@pytest.fixture
async def timed(migrated_settings: Settings) -> AsyncIterator[Timed]:
    """On a Monday at nine, UTC."""
    clock = ManualClock(START)
    # Days pass here, and nobody signs in again.
    settings = migrated_settings.model_copy(update={"access_token_seconds": 600_000})
    async with open_api(settings, clock) as api:
        yield Timed(api, await api.new_business(), clock)
