"""Showing who one is: what proves it, and the proof by password. What follows from a proof is `logins.py`'s business.

A proof says that somebody is a user; whether that user may come in, and whether it takes a second factor, is looked at
when the sign-in is opened.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.core.actor import Origin
from app.core.db import Databases
from app.identity import passwords, repository, rules
from app.identity.errors import InvalidCredentials
from app.identity.models import User
from app.identity.passwords import NOBODYS_HASH, HashedPassword
from app.tenants.domains import service as domains
from app.tenants.models import TenantStatus

# Where an unknown business is looked into, so that it takes as many steps as a known one.
_NOWHERE = UUID(int=0)


class Method(StrEnum):
    """What somebody has shown."""

    PASSWORD = "PASSWORD"
    PROVIDER = "PROVIDER"
    # A secret that was sent to the person's own address: an invitation, or a code.
    MAIL = "MAIL"
    TOTP = "TOTP"
    EMAIL_CODE = "EMAIL_CODE"
    SMS_CODE = "SMS_CODE"
    RECOVERY_CODE = "RECOVERY_CODE"


SECOND = frozenset({Method.TOTP, Method.EMAIL_CODE, Method.SMS_CODE, Method.RECOVERY_CODE})
"""Those that count as a second factor."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an attempt comes from, as the request says: kept with the sign-in, and in the log with what it changes."""

    address: str | None = None
    agent: str | None = None
    request_id: str | None = None

    @property
    def origin(self) -> Origin:
        """For the log."""
        return Origin.of(self.address, self.agent)


UNKNOWN = Source()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with."""

    tenant_slug: str | None
    email: str
    password: str
    # Where they are shown: without a slug, the tenant whose own domain it is.
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody has shown that they are this user, by these methods; the row is as it was when that was checked."""

    user: User
    methods: frozenset[Method]
    # In place of the stored one, which was right, but is of an older kind.
    better_hash: HashedPassword | None = None


async def by_password(dbs: Databases, given: Credentials) -> Proven:
    """Check a password. `InvalidCredentials`, in the same words and by the same steps, whatever is wrong."""
    tenant_id = await _open_tenant(dbs, given.tenant_slug, given.host)
    async with dbs.app.read(tenant_id) as tx:
        known = await repository.by_email(tx, rules.email_to_look_up(given.email))
        kinds = await repository.imported_hash_kinds(tx)
    stored = NOBODYS_HASH if known is None else HashedPassword(known.password_hash)
    right, better_hash = await passwords.verify(given.password, stored, kinds)
    if known is None or not right:
        raise InvalidCredentials
    return Proven(known, frozenset({Method.PASSWORD}), better_hash)


async def _open_tenant(dbs: Databases, slug: str | None, host: str | None) -> UUID:
    async with dbs.system.read(None) as tx:
        tenant = await domains.addressed(tx, slug, host)
    return tenant.id if tenant is not None and tenant.status is TenantStatus.ACTIVE else _NOWHERE
