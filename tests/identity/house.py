"""What the tests of tenants and identity stand on: the two roles' databases, a clock they move, tenants with users."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlmodel import col, select

from app.core.actor import Actor, ActorKind
from app.core.clock import ManualClock
from app.core.db import Database, Databases, WriteTx
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.events.models import EventRow
from app.core.ids import new_id
from app.identity import founding, service
from app.identity.authentication import Authenticator
from app.identity.logins import Granted, sign_in
from app.identity.models import Role, User
from app.identity.passwords import HashedPassword, hash_new
from app.identity.permissions import MATRIX
from app.identity.proofs import Credentials, Source
from app.identity.service import NewUser
from app.settings import Settings
from app.tenants.models import Tenant
from app.tenants.service import NewTenant

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_hashed: dict[str, HashedPassword] = {}


async def hashed(password: str = PASSWORD) -> HashedPassword:
    """The hash of a password, made once a run: it is slow on purpose."""
    if password not in _hashed:
        _hashed[password] = await hash_new(password)
    return _hashed[password]


def unique(stem: str) -> str:
    """A name nobody else in the run has: rows stay where they are, each test makes its own tenants."""
    return f"{stem}-{new_id().hex[:10]}"


@dataclass(frozen=True)
class Business:
    """A tenant and its administrator."""

    tenant: Tenant
    admin: User

    @property
    def id(self) -> UUID:
        return self.tenant.id


@dataclass(frozen=True)
class House:
    """One process's parts, as `main` would build them."""

    settings: Settings
    dbs: Databases
    clock: ManualClock
    authenticator: Authenticator

    async def business(self, **values: object) -> Business:
        """A tenant nobody else uses, with an administrator."""
        slug = unique("shop")
        new = NewTenant(**({"name": "Shop", "slug": slug} | values))  # type: ignore[arg-type]
        async with self.dbs.system.write(new_id(), as_super_admin()) as tx:
            admin = NewUser(f"admin@{slug}.example", await hashed(), Role.ADMIN)
            tenant = await founding.found(tx, new, admin)
        async with self.dbs.app.read(tenant.id) as tx:
            (user,) = (await tx.exec(select(User).where(User.tenant_id == tenant.id))).all()
        return Business(tenant, user)

    async def user(self, business: Business, role: Role = Role.STAFF) -> User:
        """One more user."""
        async with self.acting(business.admin) as tx:
            return await service.create(tx, NewUser(f"{unique('user')}@shop.example", await hashed(), role))

    async def signed_in(self, business: Business, user: User | None = None) -> Granted:
        """A fresh sign-in."""
        email = (user or business.admin).email
        return await sign_in(
            self.dbs, self.authenticator.tokens, Credentials(business.tenant.slug, email, PASSWORD), Source()
        )

    @asynccontextmanager
    async def acting(self, user: User) -> AsyncIterator[WriteTx]:
        """A block in which a user acts, as the API would open it."""
        async with self.dbs.app.write(user.tenant_id, actor_of(user), "request-1") as tx:
            yield tx

    async def events(self, tenant_id: UUID, aggregate_id: UUID) -> list[tuple[int, str]]:
        """Revision and type of everything that was recorded about an aggregate."""
        async with self.dbs.system.read(tenant_id) as tx:
            rows = await tx.exec(
                select(EventRow)
                .where(EventRow.tenant_id == tenant_id, EventRow.aggregate_id == aggregate_id)
                .order_by(col(EventRow.revision))
            )
            return [(row.revision, row.type) for row in rows]

    async def log_text(self, tenant_id: UUID) -> str:
        """Everything a tenant's log holds, as text."""
        async with self.dbs.system.read(tenant_id) as tx:
            rows = await tx.exec(select(EventRow).where(EventRow.tenant_id == tenant_id))
            return orjson.dumps([[row.type, row.data, row.actor] for row in rows]).decode()


def actor_of(user: User) -> Actor:
    """A user as they act."""
    return Actor(ActorKind.USER, user.tenant_id, user.id, permissions=frozenset(MATRIX[user.role]))


def as_super_admin() -> Actor:
    """The platform's operator."""
    return Actor(ActorKind.USER, UUID(int=7), UUID(int=8), permissions=frozenset(MATRIX[Role.SUPER_ADMIN]))


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Build the parts, and take them down."""
    clock = ManualClock(NOW)
    dbs = Databases(
        app=Database(role_url(settings, APP_ROLE), secret=settings.secret, clock=clock, name="tests app"),
        system=Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, clock=clock, name="tests system"),
    )
    authenticator = Authenticator(settings, dbs)
    await authenticator.start()
    yield House(settings, dbs, clock, authenticator)
    await authenticator.stop()
    await dbs.dispose()
