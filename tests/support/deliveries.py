"""A message that has failed, as if it had been tried: how that comes about is tested elsewhere."""

from uuid import UUID, uuid4

from app.core.clock import SystemClock
from app.core.ids import encode
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from tests.support.api import Api, key_of


async def failed_message(api: Api, tenant_id: UUID, session_id: str, recipient: str = "anna@example.com") -> str:
    """What could not be sent to a session's visitor; its opaque id."""
    now = SystemClock().now()
    row = Notification(
        tenant_id=tenant_id,
        id=uuid4(),
        session_id=key_of("Session", session_id),
        event_id=uuid4(),
        kind=NotificationKind.CALLED,
        channel=NotificationChannel.EMAIL,
        recipient=recipient,
        locale="en",
        subject="Your turn",
        body="Please come.",
        status=NotificationStatus.FAILED,
        attempts=1,
        error="The mail server cannot be reached.",
        created_at=now,
        due_at=now,
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(row)
    return encode("Notification", tenant_id, row.id)
