"""Writing down that messages are owed, with what makes each of them arrive. Who is owed what is decided elsewhere.

The row and its job are one commit with whatever made the message owed; the constraints of `Notification` say which
messages are the same. Nothing is sent here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.db import WriteTx
from app.core.ids import new_id
from app.core.jobs.context import write_jobs
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import NewJob
from app.notifications import repository
from app.notifications.deliveries.rules import URGENT, gives_up_after
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.notifications.texts import Value

DELIVER = "notifications.deliver"
"""The job that sends one message; `tasks.py` declares it."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to one recipient on one channel, with its text. Not to be logged.

    - `recipient`: an e-mail address; a number in E.164 for SMS and WHATSAPP; for PUSH what `devices_of` gives; for
      IN_APP `session:<uuid>` or `user:<uuid>`; for CHAT an empty text
    - `due_at`: not to be sent before; None: now
    - `suppressed`: why it must not be sent, for staff: the row is written, and nothing else happens
    - `attachment_ids`: of what goes with an e-mail (`attachments/`)
    - `values`, `link`: what the text was filled in with, for providers with templates of their own
    """

    event_id: UUID
    kind: NotificationKind
    channel: NotificationChannel
    recipient: str
    locale: str
    subject: str
    body: str
    queue_id: UUID | None = None
    session_id: UUID | None = None
    user_id: UUID | None = None
    rule_id: UUID | None = None
    broadcast_id: UUID | None = None
    due_at: datetime | None = None
    suppressed: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    link: str | None = None
    attachment_ids: Sequence[UUID] = ()

    def __repr__(self) -> str:
        return f"Owed({self.kind}, {self.channel})"


async def owe(tx: WriteTx, owed: Sequence[Owed]) -> list[UUID]:
    """Write messages that are not written yet, and the jobs that send them; the ids of those that are new.

    In any block: a job's are sent right after its commit, a mutation's within a second. What is suppressed gets a row
    and no job; it is among the new ones.
    """
    rows = [_row(tx, each) for each in owed]
    new = await repository.insert_owed(tx, rows)
    await send_later(tx, [row for row in rows if row.id in new and row.status is NotificationStatus.PENDING])
    return [row.id for row in rows if row.id in new]


async def send_later(tx: WriteTx, rows: Sequence[Notification], *, again: int = 0) -> None:
    """Write the job that sends each of these messages when it is due; `again`: the how manieth time by staff."""
    suffix = f":{again}" if again else ""
    await write_jobs(
        tx,
        [
            NewJob(
                tx.tenant,
                DELIVER,
                {"notificationId": str(row.id)},
                f"deliver:{row.id}{suffix}",
                tx.request_id,
                due_at=row.due_at,
                lane=_lane(row),
            )
            for row in rows
        ],
    )


def _lane(row: Notification) -> Lane:
    """What thousands get at once must not hold up who is called."""
    if row.broadcast_id is not None:
        return Lane.BULK
    return Lane.URGENT if gives_up_after(row.kind) == URGENT else Lane.NORMAL


def _row(tx: WriteTx, owed: Owed) -> Notification:
    now = tx.now()
    return Notification(
        tenant_id=tx.tenant,
        id=new_id(),
        queue_id=owed.queue_id,
        session_id=owed.session_id,
        user_id=owed.user_id,
        event_id=owed.event_id,
        rule_id=owed.rule_id,
        broadcast_id=owed.broadcast_id,
        kind=owed.kind,
        channel=owed.channel,
        recipient=owed.recipient,
        locale=owed.locale,
        subject=owed.subject,
        body=owed.body,
        parameters=_parameters(owed),
        status=NotificationStatus.PENDING if owed.suppressed is None else NotificationStatus.SUPPRESSED,
        error=None if owed.suppressed is None else owed.suppressed[:1000],
        created_at=now,
        due_at=owed.due_at or now,
    )


def _parameters(owed: Owed) -> dict[str, Any] | None:
    found: dict[str, Any] = {"values": dict(owed.values), "link": owed.link} if owed.values or owed.link else {}
    if owed.attachment_ids:
        found["attachments"] = [str(each) for each in owed.attachment_ids]
    return found or None
