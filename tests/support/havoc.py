"""Whatever can be done with queues and sessions, at random. Refusals are part of it; nothing is checked here."""

from random import Random
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from app.core.db import Database
from app.queues import service as queues
from app.sessions import calls, service
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from tests.support.contenders import LAST, ORIGINAL, attempt


async def random_things(
    random: Random, dbs: list[Database], tenant_id: UUID, keys: list[UUID], counters: list[UUID], count: int
) -> None:
    """Verbs of all kinds, each through one of the databases."""
    known: list[UUID] = []
    for _ in range(count):
        db, queue_id, other = random.choice(dbs), random.choice(keys), random.choice(keys)
        async with db.read(tenant_id) as tx:
            known = await _everybody(tx)
        who, counter = random.choice(known), random.choice(counters)
        verb, *given = random.choice(
            [
                (service.join, JoinRequest(queue_id, priority=random.randrange(3))),
                (calls.call_next, queue_id, counter),
                (calls.call_next, queue_id, counter),
                (calls.call, who, counter),
                (calls.recall, who),
                (calls.start, who),
                (calls.complete, who),
                (calls.mark_no_show, who),
                (calls.return_to_queue, who, random.choice([LAST, ORIGINAL])),
                (service.transfer, who, other),
                (service.put_on_hold, who),
                (service.unhold, who),
                (service.step_back, who, 2),
                (service.set_priority, who, random.randrange(4)),
                (service.add_note, who, "Hm."),
                (queues.pause, queue_id),
                (queues.open_queue, queue_id),
                (queues.open_queue, queue_id),
                (queues.update, queue_id, {"announcement": f"Number {random.randrange(9)}"}),
            ]
        )
        await attempt(db, tenant_id, verb, *given)


async def _everybody(tx: Any) -> list[UUID]:
    return sorted((await tx.exec(select(Session.id).where(col(Session.ended_at).is_(None)))).all()) or [UUID(int=0)]
