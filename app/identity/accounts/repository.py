"""Every statement about messages of accounts and about invitations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, delete, select, update

from app.core.db import ReadTx, WriteTx
from app.identity.accounts.models import AccountMessage, MessageKind


async def hold_recipient(tx: WriteTx, recipient_hash: str) -> None:
    """Until the transaction ends nobody else writes a message to this recipient: so they can be counted."""
    await tx.exec(  # type: ignore[call-overload]
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        params={"name": f"{tx.tenant}:{recipient_hash}"},
    )


async def sent_since(tx: ReadTx, recipient_hash: str, since: datetime) -> Sequence[datetime]:
    """When this recipient was owed messages, from a time on, oldest first."""
    found = await tx.exec(
        select(AccountMessage.created_at)
        .where(
            AccountMessage.tenant_id == tx.tenant,
            AccountMessage.recipient_hash == recipient_hash,
            AccountMessage.created_at > since,
        )
        .order_by(col(AccountMessage.created_at))
    )
    return found.all()


async def find_message(tx: ReadTx, message_id: UUID) -> AccountMessage | None:
    """A message, if it is still there."""
    return await tx.get(AccountMessage, (tx.tenant, message_id))


async def lock_message(tx: WriteTx, message_id: UUID) -> AccountMessage | None:
    """A message, held until the transaction ends: two who try its code go one after the other."""
    found = await tx.exec(
        select(AccountMessage)
        .where(AccountMessage.tenant_id == tx.tenant, AccountMessage.id == message_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def newest_id(tx: ReadTx, kind: MessageKind, subject_id: UUID) -> UUID | None:
    """The newest message of a kind about somebody."""
    found = await tx.exec(
        select(AccountMessage.id)
        .where(
            AccountMessage.tenant_id == tx.tenant,
            AccountMessage.subject_id == subject_id,
            AccountMessage.kind == kind,
        )
        .order_by(col(AccountMessage.created_at).desc(), col(AccountMessage.id))
        .limit(1)
    )
    return found.one_or_none()


async def start_hand_over(tx: WriteTx, message_id: UUID, moment: datetime) -> bool:
    """Mark a message as being handed over; False if somebody was faster."""
    found = await tx.exec(
        update(AccountMessage)
        .where(
            col(AccountMessage.tenant_id) == tx.tenant,
            col(AccountMessage.id) == message_id,
            col(AccountMessage.handed_over_at).is_(None),
            col(AccountMessage.sealed_code).is_not(None),
        )
        .values(handed_over_at=moment)
    )
    return bool(found.rowcount)


async def settle_message(tx: WriteTx, message_id: UUID, *, sent_at: datetime | None, error: str | None) -> None:
    """Write down how sending ended. What was only there to be sent is forgotten."""
    await tx.exec(
        update(AccountMessage)
        .where(col(AccountMessage.tenant_id) == tx.tenant, col(AccountMessage.id) == message_id)
        .values(sent_at=sent_at, error=error, sealed_code=None)
    )


async def put_off(tx: WriteTx, message_id: UUID, error: str | None) -> None:
    """Write down why a message has not been sent yet; it will be tried again."""
    await tx.exec(
        update(AccountMessage)
        .where(col(AccountMessage.tenant_id) == tx.tenant, col(AccountMessage.id) == message_id)
        .values(handed_over_at=None, error=error)
    )


async def delete_expired(tx: WriteTx, before: datetime, limit: int) -> int:
    """Delete messages that expired before a time, of all tenants, at most so many; how many there were."""
    doomed = select(AccountMessage.id).where(AccountMessage.expires_at < before).limit(limit)
    found = await tx.exec(delete(AccountMessage).where(col(AccountMessage.id).in_(doomed)))
    return int(found.rowcount)
