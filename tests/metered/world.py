"""A tenant's metered queues, their verbs as a test says them, and the clock they all live by."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from app.core.clock import Clock, ManualClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.ids import Ref
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.queues.models import QueueMode
from app.sessions import calls, service
from app.sessions.metered.clockwork import settle_due
from app.sessions.metered.settle import settle_changed
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from app.settings import Settings
from app.tenants import service as tenants
from app.tenants.service import NewTenant
from tests.support.contenders import Verb, attempt
from tests.support.queue_logs import StoredQueue, read_queue

START = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """One metered queue."""

    db: Database
    clock: Clock
    queue: Ref

    def through(self, db: Database) -> "World":
        """The same, through others' connections."""
        return replace(self, db=db)

    async def do(self, verb: Verb, *given: Any) -> Any:
        """One verb in one transaction; a refusal is an answer."""
        return await attempt(self.db, self.queue.tenant_id, verb, *given)

    async def join(self, **given: Any) -> Session:
        """Somebody who has joined."""
        joined = await self.do(service.join, JoinRequest(self.queue.id, **given))
        assert isinstance(joined, Session), joined
        return joined

    async def crowd(self, count: int) -> list[Session]:
        """So many who have joined, one after the other."""
        return [await self.join() for _ in range(count)]

    async def enter(self, session: Session) -> Any:
        """Let a released visitor in."""
        return await self.do(calls.start, session.id)

    async def leave(self, session: Session) -> Any:
        """Whoever is inside leaves."""
        return await self.do(calls.complete, session.id)

    async def change(self, **changes: Any) -> None:
        """Change the configuration."""
        async with self.db.write(self.queue.tenant_id) as tx:
            await queues.update(tx, self.queue.id, changes)
            await settle_changed(tx, self.queue.id)

    async def settle(self) -> None:
        """What the clockwork does in this line, as long as there is something."""
        while (await self.stored()).line.due_at is not None and await settle_due(self.db, self.queue):
            pass

    async def after(self, seconds: float) -> None:
        """Some time later, when the clockwork has looked."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(seconds=seconds)
        await self.settle()

    async def stored(self) -> StoredQueue:
        """Everything the database has of it."""
        return await read_queue(self.db, self.queue.tenant_id, self.queue.id)

    async def statuses(self, sessions: Sequence[Session]) -> list[str]:
        """What has become of these."""
        rows = {row.id: row.status.value for row in (await self.stored()).sessions}
        return [rows[session.id] for session in sessions]


@dataclass
class Opened:
    """Worlds of one tenant."""

    settings: Settings
    tenant_id: UUID
    databases: list[Database] = field(default_factory=list)

    def database(self, clock: Clock) -> Database:
        """Connections of one's own."""
        url = role_url(self.settings, APP_ROLE)
        self.databases.append(Database(url, secret=self.settings.secret, pool_size=4, clock=clock, name="metered"))
        return self.databases[-1]

    async def world(self, clock: Clock | None = None, db: Database | None = None, **config: Any) -> World:
        """A queue; metered, unless something else is asked for."""
        clock = clock or ManualClock(START)
        db = db or self.database(clock)
        db.clock = clock
        config = {"mode": QueueMode.METERED} | config
        wanted = QueueConfig(name="Door", slug=f"q-{uuid4().hex[:12]}", **config)
        async with db.write(self.tenant_id) as tx:
            queue = await queues.create(tx, wanted)
        return World(db, clock, Ref(self.tenant_id, queue.id))


async def open_worlds(settings: Settings) -> Opened:
    """A tenant nobody else uses."""
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="metered")
    async with system.write(uuid4()) as tx:
        tenant = await tenants.create(tx, NewTenant("Business", f"t-{uuid4().hex[:12]}", limits={"queues": 100_000}))
    await system.dispose()
    return Opened(settings, tenant.id)
