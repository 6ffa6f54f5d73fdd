"""A metered line that releases nobody, the API processes that see its visitors, and a clock that stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import col, update

from app.core.clock import ManualClock
from app.core.db import Database, Databases
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.ids import Ref, decode
from app.queues.line import LockedLine, lock
from app.sessions.metered.absence import Absence, absence
from app.sessions.metered.presence import Presence
from app.sessions.models import Device, Session
from app.settings import Settings
from tests.support.api import Business, Joined, key_of


@dataclass
class WaitingRoom:
    """What the tests of presence do with it."""

    business: Business
    queue_id: str
    queue: Ref
    dbs: Databases
    clock: ManualClock
    processes: list[Presence] = field(default_factory=list)

    async def join(self, device: Device = Device.BROWSER) -> Joined:
        """A visitor, whose session began when the clock stands."""
        joined = await self.business.join(self.queue_id, device=device.value)
        async with self.dbs.app.write(self.queue.tenant_id) as tx:
            of = update(Session).where(col(Session.id) == key_of("Session", joined.id))
            await tx.exec(of.values(joined_at=self.clock.now()))
        return joined

    def process(self) -> Presence:
        """Another API process."""
        process = Presence(self.dbs, self.clock)
        self.processes.append(process)
        return process

    def arrives(self, process: Presence, *visitors: Joined) -> None:
        for visitor in visitors:
            process.arrived(self.queue.tenant_id, key_of("Session", visitor.id))

    def leaves(self, process: Presence, *visitors: Joined) -> None:
        for visitor in visitors:
            process.left(self.queue.tenant_id, key_of("Session", visitor.id))

    def polls(self, process: Presence, *visitors: Joined) -> None:
        for visitor in visitors:
            process.seen(self.queue.tenant_id, key_of("Session", visitor.id))

    async def goes_by(self, seconds: float, *processes: Presence) -> None:
        """Time passes, and these processes report all along."""
        until = self.clock.now() + timedelta(seconds=seconds)
        for process in processes:
            await process.report()
        while (left := (until - self.clock.now()).total_seconds()) > 0:
            self.clock.advance(seconds=min(left, 4.0))
            for process in processes:
                await process.report()

    async def absence(self) -> Absence:
        """What the line is told of it now."""
        async with self.dbs.app.write(self.queue.tenant_id) as tx:
            return await absence(tx, await self.line(tx))

    async def absent(self, *visitors: Joined) -> list[bool]:
        """Of each of them, whether the place is lost."""
        gone = (await self.absence()).session_ids
        return [key_of("Session", visitor.id) in gone for visitor in visitors]

    async def line(self, tx: object) -> LockedLine:
        return await lock(tx, self.queue.id)  # type: ignore[arg-type]

    async def rows(self) -> list[tuple[UUID, UUID, bool]]:
        """Session, process, and whether it is there."""
        async with self.dbs.app.read(self.queue.tenant_id) as tx:
            found = await tx.rows(
                "select session_id, reporter_id, is_present from presences join sessions on sessions.id = session_id"
                " where queue_id = $1",
                self.queue.id,
            )
        return [tuple(row) for row in found]

    async def update(self, **values: object) -> None:
        done = await self.business.admin(
            "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename ... on UserError { message } } }",
            i={"queueId": self.queue_id} | values,
        )
        assert done["__typename"] == "QueueUpdateSuccess", done


@asynccontextmanager
async def open_room(business: Business, settings: Settings, **config: object) -> AsyncIterator[WaitingRoom]:
    """Grace: a minute, for phones five. Its clock is a day ahead: the application's own process is long lost there."""
    values = {"mode": "METERED", "releaseRatePerMinute": 0, "graceSeconds": 60, "phoneGraceSeconds": 300} | config
    queue_id = await business.queue(**values)
    clock = ManualClock(datetime.now(UTC) + timedelta(days=1))
    dbs = Databases(
        Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=3, clock=clock, name="room"),
        Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, clock=clock, name="room"),
    )
    room = WaitingRoom(business, queue_id, decode("Queue", queue_id), dbs, clock)
    try:
        yield room
    finally:
        for process in room.processes:
            await process.stop()
        await dbs.dispose()
