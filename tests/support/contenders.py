"""People who do everything at once: tasks of this process, or processes of their own that are killed in the middle.

As a program it reads what to do from its first argument and goes on until it is killed.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson

from app.core.db import Database
from app.core.errors import UserFacingError
from app.sessions import calls, service
from app.sessions.calls import ReturnPlace
from app.sessions.errors import IllegalTransition, SessionMoved
from app.sessions.models import Session
from app.sessions.service import JoinRequest

Verb = Callable[..., Awaitable[Any]]
"""A function of a service: it takes the transaction first."""


@dataclass(frozen=True)
class Hall:
    """A tenant's queues and counters, by key; every counter serves every queue."""

    database_url: str
    # The installation's: visitors' data are sealed.
    secret: str
    tenant_id: UUID
    queue_ids: Sequence[UUID]
    counter_ids: Sequence[UUID]

    def open(self, pool_size: int) -> Database:
        """Connections of one's own."""
        return Database(self.database_url, secret=self.secret, pool_size=pool_size, name="contender")


async def attempt(db: Database, tenant_id: UUID, verb: Verb, *given: Any) -> Any:
    """One verb in one transaction; a refusal is an answer, anything else is a failure."""
    while True:
        try:
            async with db.write(tenant_id) as tx:
                return await verb(tx, *given)
        except UserFacingError as refusal:
            return refusal
        except SessionMoved:
            continue


async def all_at_once(db: Database, tenant_id: UUID, verbs: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Each verb (with what it is given) in a transaction of its own, all started together."""
    return await asyncio.gather(*(attempt(db, tenant_id, *verb) for verb in verbs))


async def work(hall: Hall, counter_id: UUID, seed: int, db: Database, *, rounds: int | None = None) -> None:
    """A member of staff who calls from random queues and does something random with whoever comes."""
    random, tenant_id, done = Random(seed), hall.tenant_id, 0
    while rounds is None or done < rounds:
        done += 1
        queue_id = random.choice(hall.queue_ids)
        if random.random() < 0.35:
            await attempt(db, tenant_id, service.join, _somebody(random, queue_id))
        called = await attempt(db, tenant_id, calls.call_next, queue_id, counter_id)
        if not isinstance(called, Session):
            continue
        target = random.choice(hall.queue_ids)
        for verb, *given in random.choice(_STORIES):
            answer = await attempt(db, tenant_id, verb, called.id, *(target if one is TARGET else one for one in given))
            # Full, or there already: let the visitor go another way, so that the counter is free.
            if isinstance(answer, UserFacingError) and not isinstance(answer, IllegalTransition):
                await attempt(db, tenant_id, calls.return_to_queue, called.id, LAST)


def start_process(hall: Hall, counter_id: UUID, seed: int) -> subprocess.Popen[bytes]:
    """A member of staff in a process of its own."""
    given = asdict(hall) | {"counter_id": counter_id, "seed": seed}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.contenders", orjson.dumps(given, default=str).decode()],
        cwd=Path(__file__).resolve().parents[2],
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """As a power cut would."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


LAST, ORIGINAL = ReturnPlace.LAST, ReturnPlace.ORIGINAL
TARGET = object()
_STORIES: list[list[tuple[Any, ...]]] = [
    [(calls.start,), (calls.complete,)],
    [(calls.start,), (service.transfer, TARGET)],
    [(service.transfer, TARGET)],
    [(calls.recall,), (calls.mark_no_show,)],
    [(calls.return_to_queue, LAST), (service.put_on_hold,)],
    [(calls.return_to_queue, ORIGINAL), (service.cancel,)],
    [(calls.return_to_queue, LAST), (service.set_priority, 3)],
    [(calls.return_to_queue, LAST), (service.step_back, 2)],
]


def _somebody(random: Random, queue_id: UUID) -> JoinRequest:
    return JoinRequest(queue_id, user_identifier=f"person {random.randrange(200)}", priority=random.randrange(4))


async def _main(given: dict[str, object]) -> None:
    counter_id, seed = UUID(str(given.pop("counter_id"))), int(str(given.pop("seed")))
    hall = Hall(
        str(given["database_url"]),
        str(given["secret"]),
        UUID(str(given["tenant_id"])),
        [UUID(id) for id in given["queue_ids"]],  # type: ignore[attr-defined]
        [UUID(id) for id in given["counter_ids"]],  # type: ignore[attr-defined]
    )
    await work(hall, counter_id, seed, hall.open(2))


if __name__ == "__main__":
    asyncio.run(_main(orjson.loads(sys.argv[1])))
