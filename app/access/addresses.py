"""Where a visitor joins from. Hashed only when a queue counts places by address, or signs admissions for it."""

from dataclasses import dataclass, field
from uuid import UUID

from app.core.addresses import address_hash, address_key


@dataclass(frozen=True, slots=True)
class VisitorAddress:
    """The address of one request, and this installation's secret to hash it with."""

    address: str | None
    secret: str = field(repr=False)

    def hash(self, tenant_id: UUID) -> str | None:
        """What a session keeps of it; None for what is no IP address (a unix socket, say)."""
        return address_hash(address_key(self.secret, tenant_id), self.address)
