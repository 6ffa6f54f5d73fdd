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


@dataclass(frozen=True, slots=True)
class InvitationAccepted(Event):
    type: ClassVar[str] = "INVITATION_ACCEPTED"
    user_id: UUID


@dataclass(frozen=True, slots=True)
class InvitationRevoked(Event):
    type: ClassVar[str] = "INVITATION_REVOKED"
