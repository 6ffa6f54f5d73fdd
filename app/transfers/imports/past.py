"""A past session from a row: names become the queue, category, counter and member of staff they are of."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson

from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.ids import decode
from app.counters import repository as counters
from app.identity import repository as users
from app.queues import repository as queues
from app.queues.models import Queue
from app.sessions.brought import PastSession, bring_past
from app.sessions.models import SessionStatus

REQUIRED: Final = ("queue", "status", "joined_at", "ended_at")
COLUMNS: Final = (
    *REQUIRED,
    "reference",
    "called_at",
    "started_at",
    "ticket_number",
    "priority",
    "party_size",
    "category",
    "counter",
    "served_by",
    "cancelled_by",
    "user_identifier",
    "email",
    "phone",
    "locale",
    "metadata",
)


async def bring(tx: WriteTx, values: Mapping[str, str]) -> bool:
    """Write it down; False if it was there already. Raises `InvalidInput`."""
    given = {name: values.get(name, "").strip() or None for name in COLUMNS}
    queue = await _queue(tx, given["queue"] or "")
    counter_id = await _counter(tx, given["counter"])
    past = PastSession(
        queue_id=queue.id,
        status=_status(given["status"] or ""),
        joined_at=_required("joined_at", given["joined_at"]),
        ended_at=_required("ended_at", given["ended_at"]),
        called_at=_time("called_at", given["called_at"]),
        started_at=_time("started_at", given["started_at"]),
        reference=given["reference"],
        ticket=given["ticket_number"],
        priority=_number("priority", given["priority"], 0),
        party_size=_number("party_size", given["party_size"], 1),
        category_id=await _category(tx, queue.id, given["category"]),
        counter_id=counter_id,
        counter_name=given["counter"],
        served_by=await _user(tx, given["served_by"]),
        cancelled_by_staff=(given["cancelled_by"] or "").upper() == "STAFF",
        user_identifier=given["user_identifier"],
        email=given["email"],
        phone=given["phone"],
        locale=given["locale"],
        metadata=_metadata(given["metadata"]),
    )
    return await bring_past(tx, past) is not None


async def _queue(tx: WriteTx, text: str) -> Queue:
    found = await queues.by_slug(tx, text)
    if found is not None:
        return found[0]
    try:
        ref = decode("Queue", text)
        if ref.tenant_id == tx.tenant:
            return await queues.get(tx, ref.id)
    except NotFound:
        pass
    raise InvalidInput("queue", "There is no queue with this slug or id.")


async def _category(tx: WriteTx, queue_id: UUID, name: str | None) -> UUID | None:
    if name is None:
        return None
    for category in await queues.categories_of(tx, [queue_id]):
        if category.name == name:
            return category.id
    raise InvalidInput("category", "The queue has no category of this name.")


async def _counter(tx: WriteTx, name: str | None) -> UUID | None:
    if name is None:
        return None
    found = await counters.by_name(tx, name)
    if found is None:
        raise InvalidInput("counter", "There is no counter of this name.")
    return found.id


async def _user(tx: WriteTx, email: str | None) -> UUID | None:
    if email is None:
        return None
    found = await users.by_email(tx, email)
    if found is None:
        raise InvalidInput("served_by", "There is no user with this e-mail address.")
    return found.id


def _status(text: str) -> SessionStatus:
    try:
        return SessionStatus(text.upper())
    except ValueError:
        raise InvalidInput("status", "The status is COMPLETED, NO_SHOW, CANCELLED or EXPIRED.") from None


def _required(name: str, text: str | None) -> datetime:
    at = _time(name, text)
    if at is None:
        raise InvalidInput(name, f"`{name}` is missing.")
    return at


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(name, f"`{name}` is a time with a zone, like `2026-01-31T09:30:00+01:00`.") from None


def _number(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise InvalidInput(name, f"`{name}` is a whole number.")
    return int(text)


def _metadata(text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    try:
        found = orjson.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("metadata", "`metadata` is a JSON object.")
    return found
