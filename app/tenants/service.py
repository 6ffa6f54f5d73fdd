"""What can be done with a tenant: create, update, suspend, reactivate, delete; and what others ask about their own.

A tenant as somebody can use it has an administrator as well: `identity/founding.py` creates both.
"""

from dataclasses import dataclass, field
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.db.tenant_keys import give_keys
from app.core.errors import InvalidInput
from app.core.events import Event, record
from app.tenants import events, repository, rules
from app.tenants.errors import DomainTaken, PlatformTenantProtected, SlugTaken, TenantNotSuspended
from app.tenants.events import TENANT
from app.tenants.models import PLATFORM_SLUG, Tenant, TenantStatus
from app.tenants.values import TenantBranding, TenantDemands, TenantLimits, TenantSettings


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant as it is asked for; sections hold what differs from the defaults in `values.py`."""

    name: str
    slug: str
    domain: str | None = None
    description: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    branding: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)


class TenantChanges(TypedDict, total=False):
    """What is to be different; sections hold only the values that change."""

    name: str
    slug: str
    domain: str | None
    description: str | None
    settings: dict[str, Any]
    branding: dict[str, Any]
    limits: dict[str, Any]


# What a tenant's own administrators cannot change: addresses are the platform's to give, limits are what is paid for.
PLATFORM_FIELDS = frozenset({"slug", "domain", "limits"})


async def create(tx: WriteTx, new: NewTenant) -> Tenant:
    """Create the tenant the block is bound to, ACTIVE. Raises `InvalidInput`, `SlugTaken`, `DomainTaken`."""
    now, who = tx.now(), tx.actor.label
    tenant = Tenant(
        id=tx.tenant,
        slug=rules.slug(new.slug),
        name=rules.name(new.name),
        domain=rules.domain(new.domain),
        description=rules.description(new.description),
        settings=TenantSettings().changed("settings", new.settings).model_dump(),
        branding=TenantBranding().changed("branding", new.branding).model_dump(),
        limits=TenantLimits().changed("limits", new.limits).model_dump(),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    tx.add(tenant)
    await _flush(tx, tenant.slug, tenant.domain)
    await give_keys(tx)
    record(tx, TENANT, tenant.id, tenant.revision, events.TenantCreated(tenant.slug, tenant.name), now)
    return tenant


async def update(tx: WriteTx, tenant_id: UUID, changes: TenantChanges) -> Tenant:
    """Change some of a tenant; nothing is recorded if everything is so already.

    Raises `InvalidInput`, `SlugTaken`, `DomainTaken`, `PlatformTenantProtected`, `NotFound`.
    """
    tenant = await repository.lock(tx, tenant_id)
    changed = [name for name, value in _wanted(tenant, changes).items() if _put(tenant, name, value)]
    if not changed:
        return tenant
    await note(tx, tenant, events.TenantUpdated(sorted(changed)))
    return tenant


async def suspend(tx: WriteTx, tenant_id: UUID) -> Tenant:
    """Turn everybody of a tenant away. Nothing happens if it is suspended already. Raises `PlatformTenantProtected`."""
    tenant = await repository.lock(tx, tenant_id)
    _ensure_not_platform(tenant)
    if tenant.status is not TenantStatus.SUSPENDED:
        tenant.status = TenantStatus.SUSPENDED
        await note(tx, tenant, events.TenantSuspended())
    return tenant


async def reactivate(tx: WriteTx, tenant_id: UUID) -> Tenant:
    """Let a tenant serve again. Nothing happens if it does already. Raises `PlatformTenantProtected`."""
    tenant = await repository.lock(tx, tenant_id)
    _ensure_not_platform(tenant)
    if tenant.status is not TenantStatus.ACTIVE:
        tenant.status = TenantStatus.ACTIVE
        await note(tx, tenant, events.TenantReactivated())
    return tenant


async def delete(tx: WriteTx, tenant_id: UUID, repeated_slug: str) -> None:
    """Erase a suspended tenant and everything it owns, for good; in a block bound to the platform's own tenant.

    Raises `TenantNotSuspended`, `PlatformTenantProtected`, `InvalidInput` if the slug is not repeated, `NotFound`.
    """
    tenant = await repository.lock(tx, tenant_id)
    _ensure_not_platform(tenant)
    if tenant.status is not TenantStatus.SUSPENDED:
        raise TenantNotSuspended
    if repeated_slug != tenant.slug:
        raise InvalidInput("slug", "Repeat the slug of the tenant that is to be deleted; it was another one.")
    revision = tenant.revision + 1
    await repository.erase(tx, tenant)
    record(tx, TENANT, tenant_id, revision, events.TenantDeleted(tenant.slug), tx.now())


async def settings_of(tx: ReadTx) -> TenantSettings:
    """The bound tenant's settings."""
    return settings_in(await repository.get(tx, tx.tenant))


async def limits_of(tx: ReadTx) -> TenantLimits:
    """The bound tenant's limits."""
    return limits_in(await repository.get(tx, tx.tenant))


async def hold_limits(tx: WriteTx) -> TenantLimits:
    """`limits_of`, and until the transaction ends nobody else counts against them. Taken after lines, never before."""
    return limits_in(await repository.lock(tx, tx.tenant))


def settings_in(tenant: Tenant) -> TenantSettings:
    """A row's settings, typed."""
    return TenantSettings.model_validate(tenant.settings)


def branding_in(tenant: Tenant) -> TenantBranding:
    """A row's branding, typed."""
    return TenantBranding.model_validate(tenant.branding)


def limits_in(tenant: Tenant) -> TenantLimits:
    """A row's limits, typed."""
    return TenantLimits.model_validate(tenant.limits)


def demands_in(tenant: Tenant) -> TenantDemands:
    """What a row's tenant has every request keep to."""
    return TenantDemands(limits_in(tenant).requests_per_minute, settings_in(tenant).trusted_documents_only)


def _wanted(tenant: Tenant, changes: TenantChanges) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "name" in changes:
        wanted["name"] = rules.name(changes["name"])
    if "slug" in changes:
        wanted["slug"] = rules.slug(changes["slug"])
        if wanted["slug"] != tenant.slug:
            _ensure_not_platform(tenant)
    if "domain" in changes:
        wanted["domain"] = rules.domain(changes["domain"])
    if "description" in changes:
        wanted["description"] = rules.description(changes["description"])
    if "settings" in changes:
        wanted["settings"] = settings_in(tenant).changed("settings", changes["settings"]).model_dump()
    if "branding" in changes:
        wanted["branding"] = branding_in(tenant).changed("branding", changes["branding"]).model_dump()
    if "limits" in changes:
        wanted["limits"] = limits_in(tenant).changed("limits", changes["limits"]).model_dump()
    return wanted


def _put(tenant: Tenant, name: str, value: object) -> bool:
    if getattr(tenant, name) == value:
        return False
    setattr(tenant, name, value)
    return True


async def note(tx: WriteTx, tenant: Tenant, event: Event) -> None:
    """Write a change of a tenant whose lock is held, and the fact. Raises `SlugTaken`, `DomainTaken`."""
    tenant.revision += 1
    tenant.updated_at, tenant.updated_by = tx.now(), tx.actor.label
    await _flush(tx, tenant.slug, tenant.domain)
    record(tx, TENANT, tenant.id, tenant.revision, event, tenant.updated_at)


async def _flush(tx: WriteTx, slug: str, domain: str | None) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        match constraint_name(error):
            case "tenants_slug_key":
                raise SlugTaken(slug) from None
            case "tenants_domain_key":
                raise DomainTaken(domain or "") from None
        raise


def _ensure_not_platform(tenant: Tenant) -> None:
    if tenant.slug == PLATFORM_SLUG:
        raise PlatformTenantProtected
