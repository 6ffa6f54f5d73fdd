"""A message in the app as if it had been sent: how it becomes one is tested elsewhere."""

from datetime import datetime
from uuid import UUID, uuid4

from app.core.clock import SystemClock
from app.core.ids import encode
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from tests.support.api import Api, key_of


async def received(
    api: Api, tenant_id: UUID, session_id: str, text: str = "Hello", sent_at: datetime | None = None
) -> str:
    """What a visitor has received; its opaque id."""
    now, session = SystemClock().now(), key_of("Session", session_id)
    row = Notification(
        tenant_id=tenant_id,
        id=uuid4(),
        session_id=session,
        event_id=uuid4(),
        kind=NotificationKind.JOINED,
        channel=NotificationChannel.IN_APP,
        recipient=f"session:{session}",
        locale="en",
        subject=f"Subject {text}",
        body=f"Body {text}",
        status=NotificationStatus.SENT,
        created_at=now,
        due_at=now,
        sent_at=sent_at or now,
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(row)
    return encode("ReceivedNotification", tenant_id, row.id)
