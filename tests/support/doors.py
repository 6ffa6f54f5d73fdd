"""Doors to one queue, each a process of its own as far as the database can tell: own connections, own turns.

Real contenders, without the transport: commands go straight to where they are gathered.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.core.actor import ANONYMOUS
from app.core.db import Database
from app.core.ids import Ref, decode
from app.core.turns import Turns
from app.queues.line import lock
from app.sessions.calls import Called, CallNext
from app.sessions.commands import LineCommands
from app.sessions.joins import Join, JoinRequest
from app.sessions.models import Joined, Session
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Door:
    """One process's way into a queue."""

    name: str
    db: Database
    queue: Ref
    commands: LineCommands

    async def join(self, **given: object) -> Joined | Session:
        return await self.commands.join(self.queue, join_of(self.queue.id, **given))

    async def call_next(self, counter_id: UUID, key: str | None = None) -> Called:
        return await self.commands.call_next(self.queue, CallNext(counter_id, ANONYMOUS, None, key))

    async def all(self, wanted: Sequence[dict[str, object]]) -> list[Joined | Session | BaseException]:
        """All at once, and surely together: they wait behind the line's lock, at most 200 in a transaction."""
        async with self.db.write(self.queue.tenant_id) as tx:
            await lock(tx, self.queue.id)
            tasks = [asyncio.create_task(self.join(**given)) for given in wanted]
            await self.waiting_for_lock()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def waiting_for_lock(self, count: int = 1) -> None:
        """Until so many transactions of this process wait for a lock."""

        async def waits() -> bool:
            return len(await self.waiting_backends()) == count

        await eventually(waits)

    async def waiting_backends(self) -> list[int]:
        async with self.db.read(None) as tx:
            found = await tx.exec(  # type: ignore[call-overload]
                text(
                    "select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name = :name"
                    " and datname = current_database()"
                ),
                params={"name": self.name},
            )
            return [row.pid for row in found]


def join_of(queue_id: UUID, key: str | None = None, request_id: str | None = None, **given: object) -> Join:
    return Join(JoinRequest(queue_id, **given), ANONYMOUS, request_id, key)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Doors:
    """Opens doors, and knows which."""

    url: str
    open: list[Door]

    def to(self, queue_id: str) -> Door:
        """Another process's door to this queue."""
        name = f"door {len(self.open)}"
        db = Database(self.url, pool_size=4, name=name)
        door = Door(name, db, decode("Queue", queue_id), LineCommands(db, Turns()))
        self.open.append(door)
        return door


def names(answers: Sequence[object]) -> Counter[str]:
    return Counter(type(one).__name__ for one in answers)
