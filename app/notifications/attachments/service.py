"""Keeping a file for messages that are owed, finding it when they are sent, and forgetting it afterwards."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import Database, ReadTx, WriteTx
from app.core.ids import new_id
from app.notifications.attachments import repository
from app.notifications.attachments.models import NotificationAttachment
from app.notifications.channels.interface import Attachment
from app.notifications.models import Notification

MAX_BYTES: Final = 5_000_000
"""Of one file: with what base64 adds, mail servers and providers take it everywhere."""

KEPT_FOR: Final = timedelta(days=8)
"""Messages are given up after a day; staff may have what failed sent again for some time after it."""

_NAMED: Final = "attachments"


async def keep(tx: WriteTx, name: str, media_type: str, content: bytes) -> UUID:
    """Keep a file for messages of this block; its id, for `Owed.attachment_ids`."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"a file of {len(content):,} bytes is sent as a link")
    row = NotificationAttachment(
        tenant_id=tx.tenant, id=new_id(), name=name, media_type=media_type, content=content, created_at=tx.now()
    )
    tx.add(row)
    await tx.flush()
    return row.id


async def of(tx: ReadTx, message: Notification) -> list[Attachment]:
    """The files that go with a message, in order; those that are still there."""
    ids = [UUID(each) for each in (message.parameters or {}).get(_NAMED, [])]
    if not ids:
        return []
    found = await repository.by_ids(tx, ids)
    return [Attachment(found[id].name, found[id].media_type, found[id].content) for id in ids if id in found]


async def tidy(system: Database) -> None:
    """Delete what no message can need any more."""
    async with system.write(None) as tx:
        await repository.delete_before(tx, tx.now() - KEPT_FOR)
