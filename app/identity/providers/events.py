"""Facts about providers, and about who is known to one. No secret, no address, no name."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.identity.providers.models import ProviderKind

IDENTITY_PROVIDER = "identity_provider"


@dataclass(frozen=True, slots=True)
class IdentityProviderCreated(Event):
    type: ClassVar[str] = "IDENTITY_PROVIDER_CREATED"
    kind: ProviderKind
    slug: str


@dataclass(frozen=True, slots=True)
class IdentityProviderUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "IDENTITY_PROVIDER_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class IdentityProviderDeleted(Event):
    type: ClassVar[str] = "IDENTITY_PROVIDER_DELETED"
    kind: ProviderKind
    slug: str


@dataclass(frozen=True, slots=True)
class UserIdentityLinked(Event):
    """Of a user. `by_email` where a verified address said who it is, instead of the user themselves."""

    type: ClassVar[str] = "USER_IDENTITY_LINKED"
    provider_id: UUID
    by_email: bool


@dataclass(frozen=True, slots=True)
class UserIdentityUnlinked(Event):
    """Of a user."""

    type: ClassVar[str] = "USER_IDENTITY_UNLINKED"
    provider_id: UUID
