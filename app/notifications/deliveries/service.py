"""What staff can do with messages on their way: have one sent again, and see how long they take."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import Database, ReadTx, WriteTx
from app.core.errors import InvalidInput
from app.core.events import record
from app.notifications.deliveries import repository
from app.notifications.deliveries.errors import NotificationNotRetriable
from app.notifications.deliveries.events import NOTIFICATION, NotificationRetried
from app.notifications.deliveries.repository import Delay
from app.notifications.models import Notification, NotificationStatus
from app.notifications.owing import send_later

LONGEST_SPAN = timedelta(days=31)
"""Of how much time delays are told at once."""

_KEEP_EARLY = timedelta(days=1)


async def retry(tx: WriteTx, notification_id: UUID) -> Notification:
    """Have a message that FAILED sent again, now. Raises `NotFound`, `NotificationNotRetriable`.

    Whoever asks takes it on themselves that it may arrive twice, if it was in doubt; its key stays the same.
    """
    row = await repository.lock(tx, notification_id)
    if row.status is not NotificationStatus.FAILED:
        raise NotificationNotRetriable(row.status, f"Only what FAILED can be sent again; this is {row.status.value}.")
    if row.recipient == f"erased:{row.id}":
        raise NotificationNotRetriable(row.status, "Its recipient has been erased: there is nobody to send it to.")
    row.status, row.error, row.handed_over_at, row.provider_message_id = NotificationStatus.PENDING, None, None, None
    row.due_at = tx.now()
    row.retries += 1
    await tx.flush()
    await send_later(tx, [row], again=row.retries)
    record(tx, NOTIFICATION, row.id, row.retries, NotificationRetried(row.kind, row.channel), row.due_at)
    return row


async def delays(tx: ReadTx, since: datetime, until: datetime) -> Sequence[Delay]:
    """How long messages that became owed in this time took. Raises `InvalidInput`."""
    if since.tzinfo is None or until.tzinfo is None or not timedelta(0) < until - since <= LONGEST_SPAN:
        raise InvalidInput("since", f"`since` is before `until`, and at most {LONGEST_SPAN.days} days.")
    return await repository.delays(tx, since, until)


async def tidy(system: Database) -> None:
    """Forget reports that were about no message of ours."""
    async with system.write(None) as tx:
        await repository.delete_early(tx, tx.now() - _KEEP_EARLY)
