"""Every statement about what is attached to messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, select

from app.core.db import ReadTx, WriteTx
from app.notifications.attachments.models import NotificationAttachment


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, NotificationAttachment]:
    """Those of these files that are there."""
    found = await tx.exec(
        select(NotificationAttachment).where(
            NotificationAttachment.tenant_id == tx.tenant, col(NotificationAttachment.id).in_(ids)
        )
    )
    return {row.id: row for row in found}


async def delete_before(tx: WriteTx, moment: datetime) -> int:
    """Delete what was kept before a time, in whichever tenant; how many that were."""
    gone = await tx.exec(delete(NotificationAttachment).where(col(NotificationAttachment.created_at) < moment))
    return gone.rowcount
