"""Every statement about messages of accounts and about invitations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select, update

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.personal.sealed import sealed
from app.identity.accounts.models import AccountMessage, Invitation, MessageKind
from app.identity.models import Login


async def hold_recipient(tx: WriteTx, recipient_hash: str) -> None:
    """Until the transaction ends nobody else writes a message to this recipient: so they can be counted."""
    await tx.exec(  # type: ignore[call-overload]
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        params={"name": f"{tx.tenant}:{recipient_hash}"},
    )


async def sent_since(
    tx: ReadTx, recipient_hash: str, kinds: Collection[MessageKind], since: datetime
) -> Sequence[datetime]:
    """When this recipient was owed messages of these kinds, from a time on, oldest first."""
    found = await tx.exec(
        select(AccountMessage.created_at)
        .where(
            AccountMessage.tenant_id == tx.tenant,
            AccountMessage.recipient_hash == recipient_hash,
            col(AccountMessage.kind).in_(kinds),
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


async def invitations(tx: ReadTx, request: PageRequest) -> Page[Invitation]:
    """The tenant's invitations in order of creation, those that have ended included."""
    statement = select(Invitation).where(Invitation.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [Invitation.created_at, Invitation.id], request)  # type: ignore[list-item]


async def invitations_by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, Invitation]:
    """Invitations of the tenant by id."""
    found = await tx.exec(select(Invitation).where(Invitation.tenant_id == tx.tenant, col(Invitation.id).in_(ids)))
    return {invitation.id: invitation for invitation in found}


async def lock_invitation(tx: WriteTx, invitation_id: UUID) -> Invitation:
    """An invitation, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(Invitation)
        .where(Invitation.tenant_id == tx.tenant, Invitation.id == invitation_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    invitation = found.one_or_none()
    if invitation is None:
        raise NotFound("Invitation")
    return invitation


async def open_invitation(tx: WriteTx, email: str) -> Invitation | None:
    """The invitation to an address that was neither accepted nor revoked, held until the transaction ends."""
    found = await tx.exec(
        select(Invitation)
        .where(
            Invitation.tenant_id == tx.tenant,
            sealed(Invitation.email).matches(tx.tenant, email),
            col(Invitation.accepted_at).is_(None),
            col(Invitation.revoked_at).is_(None),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def running_logins(tx: ReadTx, user_id: UUID, now: datetime, request: PageRequest) -> Page[Login]:
    """A user's sign-ins that have not ended, in order of opening."""
    statement = select(Login).where(
        Login.tenant_id == tx.tenant,
        Login.user_id == user_id,
        col(Login.revoked_at).is_(None),
        Login.expires_at > now,
    )
    return await fetch_page(tx, statement, [Login.created_at, Login.id], request)  # type: ignore[list-item]


async def revoke_other_logins(tx: WriteTx, user_id: UUID, but: UUID | None, reason: str) -> Sequence[UUID]:
    """End a user's running sign-ins, but for one; those that were ended."""
    found = await tx.exec(
        update(Login)
        .where(
            col(Login.tenant_id) == tx.tenant,
            col(Login.user_id) == user_id,
            col(Login.revoked_at).is_(None),
            col(Login.expires_at) > tx.now(),
            col(Login.id).is_distinct_from(but),
        )
        .values(revoked_at=tx.now(), revoke_reason=reason)
        .returning(col(Login.id))
    )
    return [row[0] for row in found.all()]
