"""The demo data every new installation starts with: two tenants, their users, queues, counters, rules of messages.

Idempotent, and safe beside itself: what is there is left as it is, but for the demo users' passwords and where the
demo's site is, which follow the settings. Nothing here runs unless `vq up` or `vq seed` is called.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.db import Database
from app.core.db.pages import PageRequest
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.ids import new_id
from app.counters import repository as counters
from app.counters import service as counter_service
from app.identity import founding, passwords
from app.identity import repository as users
from app.identity import service as user_service
from app.identity.keyring import ensure_keys
from app.identity.models import Role
from app.identity.passwords import HashedPassword
from app.identity.service import NewUser
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.telling import repository as message_rules
from app.notifications.telling import service as message_rule_service
from app.notifications.telling.models import ChannelChoice
from app.notifications.telling.service import NewRule
from app.queues import repository as queues
from app.queues import service as queue_service
from app.queues.config import MAX_ORIGINS, QueueConfig
from app.queues.models import QueueMode
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import PLATFORM_SLUG
from app.tenants.service import NewTenant

logger = logging.getLogger(__name__)

DEMO_SLUG = "demo"
# One seeding at a time.
_LOCK = 7_718_004

_PLATFORM = NewTenant(name="Platform", slug=PLATFORM_SLUG, description="The operators of this installation.")
_DEMO = NewTenant(
    name="Demo",
    slug=DEMO_SLUG,
    description="A business to try things out with.",
    settings={"registration_open": True},
)

# (e-mail, role, first name, last name); the first of a tenant is its administrator.
_PLATFORM_USERS = (("super@demo.example", Role.SUPER_ADMIN, "Sam", "Super"),)
_DEMO_USERS = (
    ("admin@demo.example", Role.ADMIN, "Ada", "Admin"),
    ("manager@demo.example", Role.MANAGER, "Mo", "Manager"),
    ("staff@demo.example", Role.STAFF, "Stella", "Staff"),
)

_RECEPTION = QueueConfig(name="Reception", slug="reception", ticket_prefix="R")
_SALE = QueueConfig(
    name="Ticket sale",
    slug="sale",
    description="The waiting room of the demo's protected site.",
    mode=QueueMode.METERED,
    ticket_prefix="T",
    # Few and short, so that everything there is to see is seen in a minute.
    release_rate_per_minute=60,
    max_concurrent_users=10,
    grace_seconds=30,
    phone_grace_seconds=60,
    claim_seconds=30,
    stay_seconds=40,
)
_SERVICE = QueueConfig(name="Service", slug="service", ticket_prefix="S")
# By name: the slugs of the queues they serve.
_COUNTERS = {
    "Counter 1": ("reception",),
    "Counter 2": ("service",),
    "Counter 3": ("reception", "service"),
}
# What no built-in rule says, so that a visitor's whole story is told; not in the waiting room, where thousands come.
# By kind: seconds it is put off. A business would ask for an opinion an hour later; here somebody waits for it.
_TOLD = {
    NotificationKind.JOINED: 0,
    NotificationKind.COMPLETED: 0,
    NotificationKind.FEEDBACK_REQUEST: 5,
}


async def seed_demo(settings: Settings, clock: Clock | None = None) -> None:
    """Create what is missing: signing keys, the tenants `platform` and `demo`, their users, queues and counters."""
    # One connection holds the lock, another does the work.
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, clock=clock, name="vq seed")
    try:
        async with _alone(system):
            await ensure_keys(system, settings)
            await _seed_tenant(system, settings.demo_password, _PLATFORM, _PLATFORM_USERS)
            demo = await _seed_tenant(system, settings.demo_password, _DEMO, _DEMO_USERS)
            await _seed_queues(system, demo, settings.site_origin)
    finally:
        await system.dispose()


@asynccontextmanager
async def _alone(system: Database) -> AsyncIterator[None]:
    async with system.write(None) as guard:
        await guard.exec(text("select pg_advisory_xact_lock(:key)"), params={"key": _LOCK})  # type: ignore[call-overload]
        yield


async def _seed_tenant(
    system: Database, password: str, new: NewTenant, people: tuple[tuple[str, Role, str, str], ...]
) -> UUID:
    async with system.read(None) as tx:
        known = await tenants.by_slug(tx, new.slug)
    tenant_id = new_id() if known is None else known.id
    if known is None:
        administrator = await _user(password, people[0])
        async with system.write(tenant_id, SYSTEM) as tx:
            await founding.found(tx, new, administrator)
        logger.info("Created a tenant.", extra={"tenant": new.slug})
    for person in people:
        await _seed_user(system, tenant_id, password, person)
    return tenant_id


async def _seed_user(system: Database, tenant_id: UUID, password: str, person: tuple[str, Role, str, str]) -> None:
    async with system.read(tenant_id) as tx:
        known = await users.by_email(tx, person[0])
    if known is None:
        new = await _user(password, person)
        async with system.write(tenant_id, SYSTEM) as tx:
            await user_service.create(tx, new)
        return
    current, _ = await passwords.verify(password, HashedPassword(known.password_hash))
    if not current:
        hashed = await passwords.hash_set(password)
        async with system.write(tenant_id, SYSTEM) as tx:
            await user_service.update(tx, known.id, {"password": hashed})


async def _user(password: str, person: tuple[str, Role, str, str]) -> NewUser:
    email, role, first_name, last_name = person
    return NewUser(
        email=email,
        password=await passwords.hash_set(password),
        role=role,
        first_name=first_name,
        last_name=last_name,
    )


async def _seed_queues(system: Database, tenant_id: UUID, site_origin: str) -> None:
    ids = {config.slug: await _queue(system, tenant_id, config) for config in (_RECEPTION, _SERVICE, _SALE)}
    await _let_back_to(system, tenant_id, ids[_SALE.slug], site_origin)
    async with system.write(tenant_id, SYSTEM) as tx:
        # Counters have whatever names their tenant gives them: only where there are none, ours are made, all or none.
        if not (await counters.page(tx, PageRequest(1))).rows:
            for name, slugs in _COUNTERS.items():
                await counter_service.create(tx, name, [ids[slug] for slug in slugs])
        # The same of rules: somebody's own are not added to.
        if not await message_rules.count(tx):
            for config in (_RECEPTION, _SERVICE):
                for kind, seconds in _TOLD.items():
                    await message_rule_service.create(tx, _rule(ids[config.slug], kind, seconds))


def _rule(queue_id: UUID, kind: NotificationKind, delay_seconds: int) -> NewRule:
    return NewRule(
        kind,
        (NotificationChannel.EMAIL, NotificationChannel.IN_APP),
        queue_id,
        choice=ChannelChoice.ALL,
        delay_seconds=delay_seconds,
    )


async def _queue(system: Database, tenant_id: UUID, config: QueueConfig) -> UUID:
    async with system.write(tenant_id, SYSTEM) as tx:
        found = await queues.by_slug(tx, config.slug)
        return found[0].id if found is not None else (await queue_service.create(tx, config)).id


async def _let_back_to(system: Database, tenant_id: UUID, queue_id: UUID, site_origin: str) -> None:
    """The demo's site may be on another port than the last time; the newest origin is the first."""
    async with system.write(tenant_id, SYSTEM) as tx:
        known = (await queue_service.get(tx, queue_id)).site_origins
        if known[:1] != [site_origin]:
            origins = [site_origin, *(origin for origin in known if origin != site_origin)][:MAX_ORIGINS]
            await queue_service.update(tx, queue_id, {"site_origins": origins})
