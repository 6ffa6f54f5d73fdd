"""Facts about a tenant. No personal data; values of settings stay in the tenant's row."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class TenantCreated(Event):
    type: ClassVar[str] = "TENANT_CREATED"
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TenantUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "TENANT_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class TenantSuspended(Event):
    type: ClassVar[str] = "TENANT_SUSPENDED"


@dataclass(frozen=True, slots=True)
class TenantReactivated(Event):
    type: ClassVar[str] = "TENANT_REACTIVATED"


@dataclass(frozen=True, slots=True)
class TenantDomainClaimed(Event):
    type: ClassVar[str] = "TENANT_DOMAIN_CLAIMED"
    domain: str


@dataclass(frozen=True, slots=True)
class TenantDomainVerified(Event):
    type: ClassVar[str] = "TENANT_DOMAIN_VERIFIED"
    domain: str


@dataclass(frozen=True, slots=True)
class TenantDomainRemoved(Event):
    type: ClassVar[str] = "TENANT_DOMAIN_REMOVED"
    domain: str


@dataclass(frozen=True, slots=True)
class TenantDeleted(Event):
    """Stands in the platform's own log: the deleted tenant's went with it."""

    type: ClassVar[str] = "TENANT_DELETED"
    slug: str
