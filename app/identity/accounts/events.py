"""Facts about messages of accounts and about invitations. No address, no code: no personal data here."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.identity.accounts.models import MessageChannel, MessageKind
from app.identity.models import Role

ACCOUNT_MESSAGE = "account_message"
INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class AccountMessageOwed(Event):
    """A message is to be sent; what it says and to whom is sealed in its row."""

    type: ClassVar[str] = "ACCOUNT_MESSAGE_OWED"
    kind: MessageKind
    channel: MessageChannel


@dataclass(frozen=True, slots=True)
class InvitationCreated(Event):
    type: ClassVar[str] = "INVITATION_CREATED"
    role: Role
    custom_role_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class InvitationAccepted(Event):
    type: ClassVar[str] = "INVITATION_ACCEPTED"
    user_id: UUID


@dataclass(frozen=True, slots=True)
class InvitationRevoked(Event):
    type: ClassVar[str] = "INVITATION_REVOKED"


@dataclass(frozen=True, slots=True)
class UserAddressConfirmed(Event):
    """Somebody has shown that an address is theirs; `changed` if it is another one than before."""

    type: ClassVar[str] = "USER_ADDRESS_CONFIRMED"
    channel: MessageChannel
    changed: bool


@dataclass(frozen=True, slots=True)
class UserPhoneRemoved(Event):
    type: ClassVar[str] = "USER_PHONE_REMOVED"


@dataclass(frozen=True, slots=True)
class UserPasswordChanged(Event):
    """By its owner; `by_code` if they had forgotten it."""

    type: ClassVar[str] = "USER_PASSWORD_CHANGED"
    by_code: bool


@dataclass(frozen=True, slots=True)
class UserProfileUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "USER_PROFILE_UPDATED"
    changed: list[str]
