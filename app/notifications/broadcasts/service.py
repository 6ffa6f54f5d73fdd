"""Telling everybody who waits: start it, cancel it, and see how far it is. The writing out is `writing.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.events import record
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.notifications.broadcasts import repository, rules
from app.notifications.broadcasts.errors import BroadcastOver, BroadcastRunning, ChannelNotCarried
from app.notifications.broadcasts.events import BROADCAST, BroadcastCancelled, BroadcastStarted
from app.notifications.broadcasts.models import Broadcast, BroadcastStatus
from app.notifications.broadcasts.rules import Words
from app.notifications.models import NotificationChannel
from app.notifications.providers.service import providers_for
from app.queues import repository as queues
from app.settings import Settings

_SCOPE = "notificationBroadcastStart"


@dataclass(frozen=True, slots=True)
class NewBroadcast:
    """A broadcast as it is asked for."""

    queue_id: UUID
    texts: Sequence[Words]
    channels: Sequence[NotificationChannel]
    every_channel: bool = False
    idempotency_key: str | None = None


async def start(tx: WriteTx, settings: Settings, new: NewBroadcast) -> Broadcast:
    """Tell everybody who waits in a queue when the job looks, which is within a second.

    Raises `NotFound`, `InvalidInput`, `InvalidTemplate`, `SmsTooLong`, `ChannelNotCarried`, `BroadcastRunning`,
    `IdempotencyConflict`.
    """
    channels = rules.channels(new.channels)
    texts = [
        {"locale": each.locale, "subject": each.text.subject, "body": each.text.body}
        for each in rules.words(new.texts, channels)
    ]
    given = (str(new.queue_id), texts, channels, new.every_channel)
    if (first := await first_result(tx, _SCOPE, new.idempotency_key, *given)) is not None:
        return await repository.get(tx, first)
    await queues.get(tx, new.queue_id)
    for channel in channels:
        if not await providers_for(tx, settings, channel):
            raise ChannelNotCarried(channel)
    broadcast = Broadcast(
        tenant_id=tx.tenant,
        id=new_id(),
        queue_id=new.queue_id,
        texts=texts,
        channels=[each.value for each in channels],
        every_channel=new.every_channel,
        created_at=tx.now(),
        created_by=tx.actor.label,
    )
    tx.add(broadcast)
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "broadcasts_running_key":
            raise BroadcastRunning from None
        raise
    remember(tx, _SCOPE, new.idempotency_key, broadcast.id, *given)
    started = BroadcastStarted(new.queue_id, broadcast.channels, [each["locale"] for each in texts])
    record(tx, BROADCAST, broadcast.id, 1, started, broadcast.created_at)
    return broadcast


async def cancel(tx: WriteTx, broadcast_id: UUID) -> Broadcast:
    """Write no more messages, and send none that is not sent. Raises `NotFound`, `BroadcastOver`."""
    broadcast = await repository.lock(tx, broadcast_id)
    if broadcast.status is BroadcastStatus.CANCELLED:
        raise BroadcastOver(broadcast.id)
    broadcast.status = BroadcastStatus.CANCELLED
    broadcast.ended_at = tx.now()
    broadcast.revision += 1
    await tx.flush()
    # The first event was of the start; that it is written out is none.
    record(tx, BROADCAST, broadcast.id, 2, BroadcastCancelled(broadcast.queue_id), broadcast.ended_at)
    return broadcast
