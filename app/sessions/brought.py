"""Sessions of the past, as another system has kept them: brought in with their times, over and done with.

They stand in no line and take no number of today; the queue's log says that they were brought in, so that figures know.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.core.ids import new_id
from app.core.texts import ensure_json, ensure_text
from app.queues import repository as queues
from app.queues.config import MAX_PRIORITY
from app.queues.line import lock, write_down
from app.queues.rules import service_day, ticket_number
from app.sessions import repository_brought as repository
from app.sessions.events import SessionImported, state_of
from app.sessions.models import Session, SessionStatus

_OF_REFERENCES = UUID("6b0f1a52-5f0e-4a35-9b55-2a1f6f6c2d51")
MOST_METADATA_BYTES = 10_000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSession:
    """A session as it is brought. `reference` is what the other system calls it: the same one comes once per queue."""

    queue_id: UUID
    status: SessionStatus
    joined_at: datetime
    ended_at: datetime
    called_at: datetime | None = None
    started_at: datetime | None = None
    reference: str | None = None
    ticket: str | None = None
    priority: int = 0
    party_size: int = 1
    category_id: UUID | None = None
    counter_id: UUID | None = None
    counter_name: str | None = None
    served_by: UUID | None = None
    cancelled_by_staff: bool = False
    user_identifier: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    metadata: dict[str, Any] | None = None


def ensure_past(past: PastSession, now: datetime) -> None:
    """`InvalidInput` unless it can have been so."""
    times = [("joined_at", past.joined_at), ("called_at", past.called_at), ("started_at", past.started_at)]
    known = [(name, at) for name, at in [*times, ("ended_at", past.ended_at)] if at is not None]
    for (_, before), (name, at) in pairwise(known):
        if at < before:
            raise InvalidInput(name, f"`{name}` is before the time that comes before it.")
    if past.joined_at < _EARLIEST:
        # Before that zones differ in seconds, and near the first year of all there is no other clock's time.
        raise InvalidInput("joined_at", f"Only sessions from {_EARLIEST:%Y} on can be brought in.")
    if past.ended_at > now:
        raise InvalidInput("ended_at", "Only what is over can be brought in.")
    match past.status:
        case SessionStatus.COMPLETED if past.called_at is None or past.started_at is None:
            raise InvalidInput("started_at", "Who was served was called and began to be served.")
        case SessionStatus.NO_SHOW if past.called_at is None or past.started_at is not None:
            raise InvalidInput("called_at", "Who did not show up was called, and not served.")
        case SessionStatus.CANCELLED if past.started_at is not None:
            raise InvalidInput("started_at", "Who cancelled was not served.")
        case SessionStatus.WAITING | SessionStatus.CALLED | SessionStatus.SERVING:
            raise InvalidInput("status", "The status is COMPLETED, NO_SHOW, CANCELLED or EXPIRED.")
    if not 0 <= past.priority <= MAX_PRIORITY:
        raise InvalidInput("priority", f"A priority is from 0 to {MAX_PRIORITY}.")
    if not 1 <= past.party_size <= 50:
        raise InvalidInput("party_size", "A party is 1 to 50 people.")
    for name, text, most in (
        ("reference", past.reference, 200),
        ("ticket_number", past.ticket, 16),
        ("user_identifier", past.user_identifier, 200),
        ("email", past.email, 254),
        ("phone", past.phone, 32),
        ("locale", past.locale, 35),
    ):
        if text is not None:
            ensure_text(name, text, 1, most)
    ensure_json("metadata", past.metadata, MOST_METADATA_BYTES)


async def bring_past(tx: WriteTx, past: PastSession) -> Session | None:
    """Write a session down that is over; None if the queue has one of this reference, which stays as it is.

    Raises `InvalidInput`, `NotFound` (of the queue).
    """
    line = await lock(tx, past.queue_id)
    ensure_past(past, line.now)
    queue = line.queue
    day = service_day(past.joined_at, queue.time_zone, queue.daily_reset_time)
    if day >= service_day(line.now, queue.time_zone, queue.daily_reset_time):
        # The numbers of today are given out by joins.
        raise InvalidInput("joined_at", "Only sessions of days that are over can be brought in.")
    if past.category_id is not None and past.category_id not in {
        each.id for each in await queues.categories_of(tx, [queue.id])
    }:
        raise InvalidInput("category", "The queue has no such category.")
    id = new_id()
    if past.reference is not None:
        id = uuid5(_OF_REFERENCES, f"{tx.tenant}:{queue.id}:{past.reference}")
        if await repository.exists(tx, id):
            return None
    serial = await repository.next_past_serial(tx, queue.id, day, queue.ticket_first_number)
    cancelled_at = past.ended_at if past.status is SessionStatus.CANCELLED else None
    session = Session(
        tenant_id=tx.tenant,
        id=id,
        queue_id=queue.id,
        status=past.status,
        ticket_queue_id=queue.id,
        service_day=day,
        ticket_serial=serial,
        ticket_number=past.ticket or ticket_number(queue.ticket_prefix, serial, queue.ticket_last_number),
        priority=past.priority,
        rank_class=0,
        rank_time=past.joined_at,
        rank_sequence=0,
        user_identifier=past.user_identifier,
        category_id=past.category_id,
        party_size=past.party_size,
        email=past.email,
        phone=past.phone,
        locale=past.locale,
        visitor_metadata=past.metadata,
        joined_at=past.joined_at,
        called_at=past.called_at,
        started_at=past.started_at,
        completed_at=past.ended_at if past.status is SessionStatus.COMPLETED else None,
        cancelled_at=cancelled_at,
        cancelled_by=None if cancelled_at is None else "STAFF" if past.cancelled_by_staff else "VISITOR",
        ended_at=past.ended_at,
        call_count=0 if past.called_at is None else 1,
        counter_id=past.counter_id,
        served_by=past.served_by,
    )
    tx.add(session)
    await tx.flush()
    write_down(tx, line, lambda state: SessionImported(state, state_of(session, past.counter_name)))
    return session
