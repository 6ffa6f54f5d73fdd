"""Creating a tenant one can use at once: the business and its first administrator, in one transaction."""

from uuid import UUID, uuid5

from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.identity import service
from app.identity.service import NewUser
from app.tenants import repository as tenants
from app.tenants import service as tenant_service
from app.tenants.models import Tenant
from app.tenants.service import NewTenant

_SCOPE = "tenantCreate"


def tenant_id_for(founder: UUID, idempotency_key: str | None) -> UUID:
    """The id of a tenant to be: the same for every try with one key, so that a second try finds the first's tenant."""
    if idempotency_key is None:
        return new_id()
    if not 1 <= len(idempotency_key) <= 200:
        raise InvalidInput("idempotencyKey", "An idempotency key has 1 to 200 characters.")
    return uuid5(founder, f"{_SCOPE}:{idempotency_key}")


async def found(tx: WriteTx, new: NewTenant, administrator: NewUser, idempotency_key: str | None = None) -> Tenant:
    """Create the tenant the block is bound to, with its administrator. In a block of the platform.

    Raises `InvalidInput`, `SlugTaken`, `DomainTaken`, `IdempotencyConflict`.
    """
    # Not the password: a fast hash of it has no place in any table.
    given = (new, administrator.email)
    if await first_result(tx, _SCOPE, idempotency_key, *given) is not None:
        return await tenants.get(tx, tx.tenant)
    tenant = await tenant_service.create(tx, new)
    await service.create(tx, administrator)
    remember(tx, _SCOPE, idempotency_key, tenant.id, *given)
    return tenant
