"""Tenants: founded, changed, suspended, reactivated, deleted; limits and settings; what two at once may do."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import select

from app.core.actor import Actor, ActorKind
from app.core.errors import InvalidInput, NotFound
from app.core.idempotency import IdempotencyConflict
from app.counters import service as counters
from app.identity import founding
from app.identity.models import Role, User
from app.identity.permissions import MATRIX
from app.identity.service import NewUser
from app.queues import service as queues
from app.queues.categories import CategoryConfig
from app.queues.config import QueueConfig
from app.tenants import repository, service
from app.tenants.errors import DomainTaken, PlatformTenantProtected, SlugTaken, TenantNotSuspended
from app.tenants.models import PLATFORM_SLUG, Tenant, TenantStatus
from app.tenants.service import NewTenant
from app.tenants.values import TenantLimits, TenantSettings
from tests.identity.house import NOW, Business, House, as_super_admin, hashed, unique

FOUNDER = UUID(int=7)


async def found(house: House, key: str | None = None, email: str = "admin@shop.example", **values: Any) -> Tenant:
    new = NewTenant(**({"name": "Shop", "slug": unique("shop")} | values))
    administrator = NewUser(email, await hashed(), Role.ADMIN)
    async with house.dbs.system.write(founding.tenant_id_for(FOUNDER, key), as_super_admin()) as tx:
        return await founding.found(tx, new, administrator, key)


async def change(house: House, tenant_id: UUID, changes: service.TenantChanges) -> Tenant:
    async with house.dbs.system.write(tenant_id, as_super_admin()) as tx:
        return await service.update(tx, tenant_id, changes)


async def suspend(house: House, tenant_id: UUID) -> Tenant:
    async with house.dbs.system.write(tenant_id, as_super_admin()) as tx:
        return await service.suspend(tx, tenant_id)


async def test_a_new_tenant_can_be_used_at_once(house: House) -> None:
    shop = await house.business(domain="Queue.Shop.Example", settings={"time_zone": "Europe/Berlin"})
    assert (await house.signed_in(shop)).user.role is Role.ADMIN
    async with house.dbs.app.read(shop.id) as tx:
        tenant = await repository.get(tx, shop.id)
        assert await service.settings_of(tx) == TenantSettings(time_zone="Europe/Berlin")
        assert await service.limits_of(tx) == TenantLimits(queues=100, waiting_sessions=100_000, staff=500)
    assert (tenant.status, tenant.domain, tenant.created_at) == (TenantStatus.ACTIVE, "queue.shop.example", NOW)
    assert await house.events(shop.id, shop.id) == [(1, "TENANT_CREATED")]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 121}),
        ("name", {"name": "nul\x00"}),
        ("slug", {"slug": ""}),
        ("slug", {"slug": "Shop"}),
        ("slug", {"slug": "-shop"}),
        ("slug", {"slug": "x" * 64}),
        ("domain", {"domain": "https://shop.example"}),
        ("domain", {"domain": "localhost"}),
        ("description", {"description": "x" * 2001}),
        ("settings.timeZone", {"settings": {"time_zone": "Europe/Atlantis"}}),
        ("settings.timeZone", {"settings": {"time_zone": "../../etc/passwd"}}),
        ("settings.defaultLocale", {"settings": {"default_locale": "english please"}}),
        ("branding.logoUrl", {"branding": {"logo_url": "javascript:alert(1)"}}),
        ("branding.primaryColor", {"branding": {"primary_color": "red"}}),
        ("branding.welcomeText", {"branding": {"welcome_text": "x" * 281}}),
        ("limits.staff", {"limits": {"staff": 0}}),
        ("limits.waitingSessions", {"limits": {"waiting_sessions": -1}}),
    ],
)
async def test_unusable_values_name_their_field(house: House, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await found(house, **values)
    assert refusal.value.field == field


async def test_slugs_and_domains_are_unique_here(house: House) -> None:
    shop = await found(house, domain=f"{unique('d')}.example")
    with pytest.raises(SlugTaken):
        await found(house, slug=shop.slug)
    with pytest.raises(DomainTaken):
        await found(house, domain=(shop.domain or "").upper())
    other = await found(house)
    with pytest.raises(SlugTaken):
        await change(house, other.id, {"slug": shop.slug})
    with pytest.raises(DomainTaken):
        await change(house, other.id, {"domain": shop.domain})


async def test_two_who_want_one_slug_at_once(house: House) -> None:
    slug = unique("shop")

    async def attempt(number: int) -> str:
        try:
            await found(house, slug=slug, email=f"admin{number}@shop.example")
        except SlugTaken:
            return "taken"
        return "created"

    answers = await asyncio.gather(*[attempt(number) for number in range(5)])
    assert sorted(answers) == ["created"] + ["taken"] * 4
    # Of the losers nothing is left, not even their administrators.
    async with house.dbs.system.read(None) as tx:
        tenant = await repository.by_slug(tx, slug)
        assert tenant is not None
        assert len((await tx.exec(select(User).where(User.tenant_id == tenant.id))).all()) == 1


async def test_a_repeated_key_finds_the_first_tenant(house: House) -> None:
    key, slug = uuid4().hex, unique("shop")
    made = await asyncio.gather(*[found(house, key, slug=slug) for _ in range(4)])
    assert len({tenant.id for tenant in made}) == 1
    assert await house.events(made[0].id, made[0].id) == [(1, "TENANT_CREATED")]
    with pytest.raises(IdempotencyConflict):
        await found(house, key, slug=slug, name="Another")
    with pytest.raises(IdempotencyConflict):
        await found(house, key, slug=slug, email="another@shop.example")
    with pytest.raises(InvalidInput):
        founding.tenant_id_for(FOUNDER, "x" * 201)
    assert founding.tenant_id_for(UUID(int=9), key) != made[0].id


async def test_sections_are_changed_value_by_value(house: House) -> None:
    shop = await house.business()
    await change(house, shop.id, {"settings": {"shift_required": True}})
    await change(house, shop.id, {"settings": {"time_zone": "Asia/Tokyo"}, "branding": {"primary_color": "#ABCDEF"}})
    changed = await change(house, shop.id, {"branding": {"welcome_text": "Hello"}, "description": "A shop"})
    assert service.settings_in(changed) == TenantSettings(shift_required=True, time_zone="Asia/Tokyo")
    assert (service.branding_in(changed).primary_color, service.branding_in(changed).welcome_text) == (
        "#abcdef",
        "Hello",
    )
    # Changed to what it is already: no event.
    assert (await change(house, shop.id, {"name": " Shop ", "settings": {"time_zone": "Asia/Tokyo"}})).revision == 4
    assert await house.events(shop.id, shop.id) == [
        (1, "TENANT_CREATED"),
        (2, "TENANT_UPDATED"),
        (3, "TENANT_UPDATED"),
        (4, "TENANT_UPDATED"),
    ]


async def test_changes_at_once_are_all_kept(house: House) -> None:
    shop = await house.business()
    changes: list[service.TenantChanges] = [
        {"settings": {"shift_required": True}},
        {"settings": {"time_zone": "Asia/Tokyo"}},
        {"settings": {"default_locale": "ja"}},
        {"limits": {"queues": 5}},
        {"limits": {"staff": 7}},
    ]
    await asyncio.gather(*[change(house, shop.id, wanted) for wanted in changes])
    async with house.dbs.app.read(shop.id) as tx:
        assert await service.settings_of(tx) == TenantSettings(
            shift_required=True, time_zone="Asia/Tokyo", default_locale="ja"
        )
        assert await service.limits_of(tx) == TenantLimits(queues=5, staff=7)
    assert [revision for revision, _ in await house.events(shop.id, shop.id)] == [1, 2, 3, 4, 5, 6]


async def test_what_another_release_stored_is_ignored(house: House) -> None:
    shop = await house.business()
    async with house.dbs.system.write(shop.id) as tx:
        (await repository.lock(tx, shop.id)).settings = {"time_zone": "Asia/Tokyo", "of_the_future": 1}
    async with house.dbs.app.read(shop.id) as tx:
        assert await service.settings_of(tx) == TenantSettings(time_zone="Asia/Tokyo")


async def test_suspending_and_reactivating_twice_is_once(house: House) -> None:
    shop = await house.business()
    for _ in range(2):
        assert (await suspend(house, shop.id)).status is TenantStatus.SUSPENDED
    for _ in range(2):
        async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
            assert (await service.reactivate(tx, shop.id)).status is TenantStatus.ACTIVE
    assert await house.events(shop.id, shop.id) == [
        (1, "TENANT_CREATED"),
        (2, "TENANT_SUSPENDED"),
        (3, "TENANT_REACTIVATED"),
    ]


async def fill(house: House, shop: Business) -> None:
    """Rows of many kinds, as a tenant has them."""
    await house.signed_in(shop)
    async with house.acting(shop.admin) as tx:
        queue = await queues.create(tx, QueueConfig(name="Queue", slug="queue"), "key")
    async with house.acting(shop.admin) as tx:
        await queues.create_category(tx, queue.id, CategoryConfig("Category", 1))
    async with house.acting(shop.admin) as tx:
        counter = await counters.create(tx, "Counter", [queue.id])
    async with house.acting(shop.admin) as tx:
        await counters.start_shift(tx, counter.id)


async def rows_of(house: House, tenant_id: UUID) -> dict[str, int]:
    """How many rows each table has of a tenant; tables without any are left out."""
    async with house.dbs.system.read(None) as tx:
        connection = await tx.connection()
        tables = (
            await connection.execute(
                text(
                    "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
                    " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
                    " and not c.relispartition and a.attname = 'tenant_id'"
                    # Written by the relay, on its own time.
                    " and c.relname <> 'event_seals'"
                )
            )
        ).scalars()
        counted = {
            table: (
                await connection.execute(text(f"select count(*) from {table} where tenant_id = :id"), {"id": tenant_id})
            ).scalar_one()
            for table in tables
        }
    return {table: count for table, count in counted.items() if count}


async def platform(house: House) -> Actor:
    """The platform's own tenant exists once in an installation."""
    async with house.dbs.system.read(None) as tx:
        known = await repository.by_slug(tx, PLATFORM_SLUG)
    tenant = known or await found(house, slug=PLATFORM_SLUG, name="Platform")
    return Actor(ActorKind.USER, tenant.id, uuid4(), permissions=frozenset(MATRIX[Role.SUPER_ADMIN]))


async def test_deleting_erases_everything_and_nobody_elses(house: House) -> None:
    operator = await platform(house)
    shop, other = await house.business(), await house.business()
    await fill(house, shop)
    await fill(house, other)
    before = await rows_of(house, shop.id)
    assert {"users", "logins", "refresh_tokens", "queues", "counters", "shifts", "events"} <= set(before)
    kept = await rows_of(house, other.id)
    assert kept == before
    await suspend(house, shop.id)
    async with house.dbs.system.write(operator.tenant_id, operator) as tx:
        await service.delete(tx, shop.id, shop.tenant.slug)
    assert await rows_of(house, shop.id) == {}
    assert await rows_of(house, other.id) == kept
    async with house.dbs.system.read(None) as tx:
        assert await repository.by_slug(tx, shop.tenant.slug) is None
    # Who did it, and that it was done, stays with the platform.
    assert operator.tenant_id is not None
    assert await house.events(operator.tenant_id, shop.id) == [(3, "TENANT_DELETED")]
    await found(house, slug=shop.tenant.slug)


async def test_only_a_suspended_tenant_is_deleted_and_only_by_its_name(house: House) -> None:
    operator = await platform(house)
    shop = await house.business()
    with pytest.raises(TenantNotSuspended):
        async with house.dbs.system.write(operator.tenant_id, operator) as tx:
            await service.delete(tx, shop.id, shop.tenant.slug)
    await suspend(house, shop.id)
    with pytest.raises(InvalidInput):
        async with house.dbs.system.write(operator.tenant_id, operator) as tx:
            await service.delete(tx, shop.id, "another")
    with pytest.raises(NotFound):
        async with house.dbs.system.write(operator.tenant_id, operator) as tx:
            await service.delete(tx, uuid4(), "another")
    assert (await rows_of(house, shop.id))["users"] == 1


async def test_the_platforms_own_tenant_is_protected(house: House) -> None:
    operator = await platform(house)
    assert operator.tenant_id is not None
    with pytest.raises(PlatformTenantProtected):
        await suspend(house, operator.tenant_id)
    with pytest.raises(PlatformTenantProtected):
        await change(house, operator.tenant_id, {"slug": "mine"})
    with pytest.raises(PlatformTenantProtected):
        async with house.dbs.system.write(operator.tenant_id, operator) as tx:
            await service.delete(tx, operator.tenant_id, PLATFORM_SLUG)
    assert (await change(house, operator.tenant_id, {"name": "Operators"})).name == "Operators"


async def test_the_database_keeps_tenants_apart(house: House) -> None:
    shop, other = await house.business(), await house.business()
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.exec(select(Tenant.slug))).all() == [shop.tenant.slug]
        assert {user.tenant_id for user in (await tx.exec(select(User))).all()} == {shop.id}
    with pytest.raises(NotFound):
        async with house.dbs.app.write(shop.id, as_super_admin()) as tx:
            await service.suspend(tx, other.id)
    stranger = User(
        **shop.admin.model_dump(exclude={"tenant_id", "id", "email"}), tenant_id=other.id, email="x@y.example"
    )
    with pytest.raises(ProgrammingError, match="row-level security"):
        await smuggle(house, shop.id, stranger)


async def smuggle(house: House, bound_to: UUID, user: User) -> None:
    async with house.dbs.app.write(bound_to) as tx:
        tx.add(user)
        await tx.flush()
