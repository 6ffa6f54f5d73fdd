"""Messages about accounts, with the one-time codes in them, and invitations. Users themselves are not here."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, any_case, sealed_text
from app.identity.models import Role


class MessageKind(StrEnum):
    """What a message about an account is for. Those up to INVITATION carry a code (or a link) that does something."""

    REGISTRATION = "REGISTRATION"
    RESET_PASSWORD = "RESET_PASSWORD"
    CHANGE_EMAIL = "CHANGE_EMAIL"
    CHANGE_PHONE = "CHANGE_PHONE"
    SECOND_FACTOR = "SECOND_FACTOR"
    INVITATION = "INVITATION"
    ALREADY_REGISTERED = "ALREADY_REGISTERED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    SECOND_FACTOR_CHANGED = "SECOND_FACTOR_CHANGED"
    PROVIDER_LINKED = "PROVIDER_LINKED"
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED"


class MessageChannel(StrEnum):
    """How it travels."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class InvitationStatus(StrEnum):
    """How an invitation stands; told by its times, and the clock's."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class AccountMessage(TenantRow, table=True):
    """One message about an account, to one recipient, and the one-time code in it.

    1. owed from the transaction that asks for it; `sealed_code` is what only the sender has to read
    2. `handed_over_at` is committed just before it is handed to the mail server (or the SMS provider); from then on it
       is never tried again
    3. sent, or given up (`error` says why): `sealed_code` is forgotten, and only `code_hash` is left
    4. redeemed by whoever brings the code (`used_at`), within `expires_at` and five tries
    5. deleted (`identity/repository_upkeep.py`) a day after it has expired

    - `subject_id` is whom or what the code is bound to: a user, an invitation, a sign-in that waits for its second
      factor; null where there is nobody, as for the password of an account there is not
    - `recipient_hash` is keyed: it counts what one address is sent, and tells nobody the address
    """

    __tablename__ = "account_messages"
    __table_args__ = (
        Index("account_messages_recipient_idx", "tenant_id", "recipient_hash", "created_at"),
        Index("account_messages_subject_idx", "tenant_id", "subject_id", "kind", "created_at"),
        Index("account_messages_expires_idx", "expires_at"),
    )

    kind: MessageKind = enum_column(MessageKind, "kind")
    channel: MessageChannel = enum_column(MessageChannel, "channel")
    subject_id: UUID | None = None
    locale: str | None = Field(default=None, max_length=35)
    recipient_hash: str = Field(max_length=64)
    sealed_recipient: bytes = Field(sa_type=LargeBinary)
    code_hash: str | None = Field(default=None, max_length=64)
    sealed_code: bytes | None = Field(default=None, sa_type=LargeBinary)
    tries: int = 0
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = optional_time()
    handed_over_at: datetime | None = optional_time()
    sent_at: datetime | None = optional_time()
    error: str | None = Field(default=None, max_length=300)


class Invitation(SealedRow, table=True):
    """Somebody is asked to have an account with a role; they choose its password themselves.

    1. made by a member of staff who may give the role; the link goes to the address by e-mail
    2. accepted within seven days by whoever has the link: from then on there is a user
    3. or revoked, or replaced by another one to the same address; or it expires

    One open invitation per address (`invitations_open_key`). With a custom role, `role` is its base.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invited_by_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        Index(
            "invitations_open_key",
            "tenant_id",
            "email_index",
            unique=True,
            postgresql_where="accepted_at is null and revoked_at is null",
        ),
        UniqueConstraint("tenant_id", "user_id", name="invitations_user_key"),
        Index("invitations_created_idx", "tenant_id", "created_at", "id"),
    )

    email: str = sealed_text(found_by=any_case)
    role: Role = enum_column(Role, "role")
    # May have been deleted since: then nobody is let in by the invitation any more.
    custom_role_id: UUID | None = None
    locale: str | None = Field(default=None, max_length=35)
    # Null for those an API key has made.
    invited_by_id: UUID | None = None
    user_id: UUID | None = None
    expires_at: datetime = time_column()
    accepted_at: datetime | None = optional_time()
    revoked_at: datetime | None = optional_time()
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)


def status_of(invitation: Invitation, now: datetime) -> InvitationStatus:
    """How an invitation stands at a time."""
    if invitation.accepted_at is not None:
        return InvitationStatus.ACCEPTED
    if invitation.revoked_at is not None:
        return InvitationStatus.REVOKED
    return InvitationStatus.OPEN if now < invitation.expires_at else InvitationStatus.EXPIRED
