"""A business with a queue and a counter, on a clock that stands still, and its relay and worker driven by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from app.core.actor import SYSTEM
from app.core.clock import Clock, ManualClock
from app.core.db import Databases
from app.core.events.relay import Relay
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.models import Job
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import JobRunner
from app.core.live.bus import Bus
from app.counters import service as counters
from app.notifications.models import Notification, NotificationChannel
from app.notifications.preferences import service as preferences
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.reactions import JOBS, REACTIONS
from app.sessions import calls
from app.sessions import service as sessions
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from app.settings import Settings
from app.tenants.models import Tenant
from tests.jobs.support import new_tenant


@dataclass
class World:
    """One tenant's queue, and what follows from what happens in it."""

    settings: Settings
    dbs: Databases
    clock: Clock
    relay: Relay
    runner: JobRunner
    tenant_id: UUID
    queue_id: UUID
    counter_id: UUID

    async def join(self, name: str, *, email: str | None = "", **values: Any) -> Session:
        """Somebody joins, with the address `name@example.com` unless another (or None) is given."""
        self._tick()
        async with self.dbs.app.write(self.tenant_id, SYSTEM) as tx:
            address = f"{name}@example.com" if email == "" else email
            request = JoinRequest(queue_id=self.queue_id, user_identifier=name, email=address, **values)
            return await sessions.join(tx, request)

    async def call_next(self, *, then: str | None = "complete") -> Session:
        """Call, and by default serve, whoever is first."""
        self._tick()
        async with self.dbs.app.write(self.tenant_id, SYSTEM) as tx:
            session = await calls.call_next(tx, self.queue_id, self.counter_id)
        if then == "complete":
            await self.act(calls.start, session.id)
            await self.act(calls.complete, session.id)
        return session

    async def act(self, verb: Any, *given: Any) -> Session:
        """Any verb of sessions."""
        self._tick()
        async with self.dbs.app.write(self.tenant_id, SYSTEM) as tx:
            acted: Session = await verb(tx, *given)
            return acted

    async def relay_all(self) -> None:
        while await self.relay.relay_once():
            pass

    async def settle(self) -> list[str]:
        """Relay everything and run every job that is due, until there is none; the names of what ran, in order."""
        await self.relay_all()
        ran: list[str] = []
        while due := await self._due():
            for name, ref in due:
                await self.runner.run(ref)
                ran.append(name)
        return ran

    async def notifications(
        self, channel: NotificationChannel | None = NotificationChannel.EMAIL
    ) -> Sequence[Notification]:
        """What is or was owed, by mail unless another channel (or None: any) is given."""
        async with self.dbs.app.read(self.tenant_id) as tx:
            found = (await tx.exec(select(Notification))).all()
            found = [row for row in found if channel in (None, row.channel)]
        return sorted(found, key=lambda row: (row.created_at, row.kind, row.recipient))

    async def told(self) -> list[tuple[str, str]]:
        """Kind and name of everybody to whom a mail is or was owed."""
        return [(row.kind.value, row.recipient.split("@")[0]) for row in await self.notifications()]

    async def change_tenant(self, **values: Any) -> None:
        async with self.dbs.app.write(self.tenant_id, SYSTEM) as tx:
            tenant = (await tx.exec(select(Tenant))).one()
            for name, value in values.items():
                setattr(tenant, name, value)

    async def _due(self) -> list[tuple[str, JobRef]]:
        async with self.dbs.app.read(self.tenant_id) as tx:
            found = await tx.exec(
                select(Job.name, Job.id)
                .where(col(Job.done_at).is_(None), col(Job.failed_at).is_(None), Job.due_at <= self.clock.now())
                .order_by(col(Job.created_at), col(Job.name))
            )
            return [(name, JobRef(self.tenant_id, job_id)) for name, job_id in found]

    def _tick(self) -> None:
        if isinstance(self.clock, ManualClock):
            self.clock.advance(seconds=1)


@asynccontextmanager
async def world(settings: Settings, dbs: Databases, clock: Clock) -> AsyncIterator[World]:
    """A fresh business that tells people by mail and in no other way, as far as they choose nothing else."""
    tenant_id = await new_tenant(dbs)
    async with dbs.app.write(tenant_id, SYSTEM) as tx:
        queue = await queues.create(tx, QueueConfig(name="Brot & Brötchen", slug="brot"))
        counter = await counters.create(tx, "Tresen 1", [queue.id])
        await preferences.set_defaults(tx, {"channels": [NotificationChannel.EMAIL]})
    bus, dispatcher = Bus(settings.redis_url or "", prefix=settings.bus_prefix), Dispatcher(settings)
    await bus.start()
    relay = Relay(dbs.system, bus, REACTIONS, dispatcher, sealing_key=b"key")
    runner = JobRunner(settings, clock, dbs.app, JOBS, dispatcher)
    try:
        yield World(settings, dbs, clock, relay, runner, tenant_id, queue.id, counter.id)
    finally:
        await bus.stop()
        await dispatcher.close()


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
