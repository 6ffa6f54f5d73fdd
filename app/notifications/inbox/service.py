"""What somebody has received in the app, live and later, and what they have read. Who it is, is for callers to know."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import record
from app.core.live.bus import Bus
from app.notifications.inbox import repository
from app.notifications.inbox.events import NOTIFICATION_READ, NotificationRead
from app.notifications.live import inbox_topic
from app.notifications.models import Notification, NotificationStatus

MOST_UNREAD = 100
MOST_AT_ONCE = 100
OVERLAP = timedelta(seconds=60)
"""Messages are sent by several workers, whose clocks and commits are not in one order: so far we look back."""

# A ring may be lost between worker and bus; nobody waits for the next one longer than this.
_LOOK_SECONDS = 60.0
# More than anybody receives in the time we look back.
_REMEMBERED = 1_000

Read = Callable[[], AbstractAsyncContextManager[ReadTx]]


def of_session(session_id: UUID) -> str:
    """What a message to a session's visitor has as its recipient."""
    return f"session:{session_id}"


def of_user(user_id: UUID) -> str:
    """What a message to a user has as its recipient."""
    return f"user:{user_id}"


async def received(
    bus: Bus, read: Read, tenant_id: UUID, recipient: str, now: datetime, after: UUID | None = None
) -> AsyncGenerator[Notification, None]:
    """First what was not read, with what came after a message if one is given; then each as it comes. At least once.

    Raises `NotFound` if this recipient has received no message `after`.
    """
    async with bus.subscribe(inbox_topic(tenant_id, recipient)) as feed:
        async with read() as tx:
            last = None if after is None else await repository.find(tx, recipient, after)
            if after is not None and last is None:
                raise NotFound("ReceivedNotification")
            found: Sequence[Notification] = await repository.unread(tx, recipient, limit=MOST_UNREAD)
        if last is not None:
            assert last.sent_at is not None  # it was found among what is sent
            now = last.sent_at
            found = [each async for each in _since(read, recipient, now - OVERLAP) if each.id != last.id]
            found = [each for each in found if each.read_at is None or _sent_at(each) > now]
        seen: OrderedDict[UUID, None] = OrderedDict.fromkeys([] if last is None else [last.id])
        while True:
            for each in found:
                now = max(now, _sent_at(each))
                if each.id not in seen:
                    seen[each.id] = None
                    yield each
            while len(seen) > _REMEMBERED:
                seen.popitem(last=False)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await anext(feed)
            except TimeoutError:
                pass
            except StopAsyncIteration:
                return
            feed.take()
            found = [each async for each in _since(read, recipient, now - OVERLAP) if each.read_at is None]


async def mark_read(tx: WriteTx, recipient: str, ids: Sequence[UUID]) -> Sequence[Notification]:
    """Note that messages were read, which is their arrival, too; the messages. Nothing happens to those that were.

    Raises `InvalidInput`, and `NotFound` if one of them is not this recipient's: then nothing is noted.
    """
    wanted = set(ids)
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise InvalidInput("notificationIds", f"Give 1 to {MOST_AT_ONCE} messages.")
    rows = await repository.lock(tx, recipient, sorted(wanted))
    if len(rows) < len(wanted):
        raise NotFound("ReceivedNotification")
    now = tx.now()
    for row in rows:
        if row.read_at is None:
            row.read_at, row.status = now, NotificationStatus.DELIVERED
            row.delivered_at = row.delivered_at or now
            record(tx, NOTIFICATION_READ, row.id, 1, NotificationRead(), now)
    return rows


async def _since(read: Read, recipient: str, sent_at: datetime) -> AsyncIterator[Notification]:
    position = (sent_at, UUID(int=0))
    while True:
        async with read() as tx:
            rows = await repository.sent_since(tx, recipient, position, limit=MOST_AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < MOST_AT_ONCE:
            return
        position = (_sent_at(rows[-1]), rows[-1].id)


def _sent_at(row: Notification) -> datetime:
    assert row.sent_at is not None  # what is found is sent
    return row.sent_at
