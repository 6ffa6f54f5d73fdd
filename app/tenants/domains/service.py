"""A tenant's own domain: claimed, verified by a DNS record, removed; and which tenant an address is.

`Tenant.domain` is a verified one, always: by a record that only the domain's owner can publish, or by the platform,
which sets it with `tenantUpdate`. A claim is nobody's business but its tenant's: two may claim the same domain, and
whoever can publish the record has it.
"""

import secrets

from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput
from app.core.outbound.txt import NoDns, txt_records
from app.settings import Settings
from app.tenants import events, repository, rules, service
from app.tenants.domains.errors import DomainNotClaimed, DomainNotVerified
from app.tenants.models import Tenant

_RECORD = "_virtual-queue."
_VALUE = "virtual-queue-verification="
_SHOWN = 10


def record_name(domain: str) -> str:
    """Where the record has to stand."""
    return _RECORD + domain


def record_value(challenge: str) -> str:
    """What the record has to say."""
    return _VALUE + challenge


async def claim(tx: WriteTx, domain: str, own_host: str | None) -> Tenant:
    """Begin to make a domain the bound tenant's; the answer's challenge has to be published. Claimed again, it stays.

    Another domain than before takes the place of that claim. `own_host` is the platform's own name, which nobody can
    have. Raises `InvalidInput`.
    """
    wanted = rules.domain(domain)
    if wanted is None or wanted == own_host:
        raise InvalidInput("domain", "This is the platform's own address; claim a domain of yours.")
    tenant = await repository.lock(tx, tx.tenant)
    if wanted not in (tenant.domain, tenant.claimed_domain):
        tenant.claimed_domain, tenant.domain_challenge = wanted, secrets.token_urlsafe(32)
        tenant.domain_claimed_at = tx.now()
        await service.note(tx, tenant, events.TenantDomainClaimed(wanted))
    return tenant


async def claimed(tx: ReadTx, domain: str) -> str | None:
    """The challenge of the bound tenant's claim; None where the domain is verified already. `DomainNotClaimed`."""
    tenant = await repository.get(tx, tx.tenant)
    wanted = rules.domain(domain)
    if wanted is not None and tenant.domain == wanted:
        return None
    if wanted is None or tenant.claimed_domain != wanted or tenant.domain_challenge is None:
        raise DomainNotClaimed
    return tenant.domain_challenge


async def ensure_published(settings: Settings, domain: str, challenge: str) -> None:
    """Look for the record; not in a block: it is network. Raises `DomainNotVerified`."""
    name, value = record_name(domain.strip().lower()), record_value(challenge)
    try:
        found = await txt_records(name, servers=settings.dns_servers)
    except NoDns:
        raise DomainNotVerified(name, value, None) from None
    if value not in (each.strip() for each in found):
        raise DomainNotVerified(name, value, [each[:255] for each in found[:_SHOWN]])


async def verify(tx: WriteTx, domain: str, challenge: str) -> Tenant:
    """Make a domain the bound tenant's own, whose record was seen. The one before it is free.

    Raises `DomainNotClaimed` if another was claimed meanwhile, `DomainTaken`.
    """
    tenant = await repository.lock(tx, tx.tenant)
    if tenant.domain_challenge != challenge or tenant.claimed_domain != rules.domain(domain):
        raise DomainNotClaimed
    tenant.domain = tenant.claimed_domain
    tenant.claimed_domain = tenant.domain_challenge = tenant.domain_claimed_at = None
    await service.note(tx, tenant, events.TenantDomainVerified(tenant.domain or ""))
    return tenant


async def remove(tx: WriteTx, domain: str) -> Tenant:
    """Give a domain of the bound tenant's up, or the claim to one. Raises `DomainNotClaimed`."""
    tenant = await repository.lock(tx, tx.tenant)
    wanted = rules.domain(domain)
    if wanted is None or wanted not in (tenant.domain, tenant.claimed_domain):
        raise DomainNotClaimed
    if wanted == tenant.claimed_domain:
        tenant.claimed_domain = tenant.domain_challenge = tenant.domain_claimed_at = None
    if wanted == tenant.domain:
        tenant.domain = None
    await service.note(tx, tenant, events.TenantDomainRemoved(wanted))
    return tenant


async def addressed(tx: ReadTx, slug: str | None, host: str | None) -> Tenant | None:
    """The tenant somebody means who names none but by slug or by the address they came to; in a platform's block."""
    if slug is not None:
        return await repository.by_slug(tx, rules.slug_to_look_up(slug))
    domain = rules.domain_of_host(host)
    return None if domain is None else await repository.by_domain(tx, domain)
