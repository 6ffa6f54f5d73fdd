"""The demo data: made once, beside itself too; the demo users' passwords follow the setting."""

import asyncio

import pytest
from sqlmodel import select

from app.counters.models import Counter, CounterQueue
from app.identity.errors import InvalidCredentials, TokenRevoked
from app.identity.logins import Granted, sign_in
from app.identity.models import Role, User
from app.identity.permissions import MATRIX, Permission
from app.identity.proofs import Credentials, Source
from app.notifications.telling.models import MessageRule
from app.queues.models import Queue
from app.seeding import seed_demo
from app.tenants import repository as tenants
from tests.identity.house import House

PEOPLE = {
    ("platform", "super@demo.example"): Role.SUPER_ADMIN,
    ("demo", "admin@demo.example"): Role.ADMIN,
    ("demo", "manager@demo.example"): Role.MANAGER,
    ("demo", "staff@demo.example"): Role.STAFF,
}


async def signed_in(house: House, slug: str, email: str, password: str) -> Granted:
    return await sign_in(house.dbs, house.authenticator.tokens, Credentials(slug, email, password), Source())


async def test_seeding_twice_and_beside_itself(house: House) -> None:
    await asyncio.gather(*[seed_demo(house.settings, house.clock) for _ in range(2)])
    await seed_demo(house.settings, house.clock)
    for (slug, email), role in PEOPLE.items():
        granted = await signed_in(house, slug, email, house.settings.demo_password)
        assert granted.user.role is role
        actor = await house.authenticator.authenticate(granted.access_token)
        assert actor.permissions == MATRIX[role]
        assert actor.may(Permission.PLATFORM_TENANTS) is (slug == "platform")
    async with house.dbs.system.read(None) as tx:
        demo = await tenants.by_slug(tx, "demo")
        assert demo is not None
        users = (await tx.exec(select(User).where(User.tenant_id == demo.id))).all()
        queues = (await tx.exec(select(Queue).where(Queue.tenant_id == demo.id))).all()
        counters = (await tx.exec(select(Counter).where(Counter.tenant_id == demo.id))).all()
        pairs = (await tx.exec(select(CounterQueue).where(CounterQueue.tenant_id == demo.id))).all()
        rules = (await tx.exec(select(MessageRule).where(MessageRule.tenant_id == demo.id))).all()
    assert len(users) == 3
    names = {"reception": "Reception", "service": "Service", "sale": "Ticket sale"}
    assert {queue.slug: queue.name for queue in queues} == names
    assert [queue.site_origins for queue in queues if queue.slug == "sale"] == [[house.settings.site_origin]]
    assert sorted(counter.name for counter in counters) == ["Counter 1", "Counter 2", "Counter 3"]
    assert len(pairs) == 4
    places = {queue.id: queue.slug for queue in queues}
    assert sorted((places[rule.queue_id], rule.kind.value) for rule in rules if rule.queue_id) == [
        (slug, kind) for slug in ("reception", "service") for kind in ("COMPLETED", "FEEDBACK_REQUEST", "JOINED")
    ]
    assert len(rules) == 6


async def test_the_passwords_follow_the_setting(house: House) -> None:
    await seed_demo(house.settings, house.clock)
    changed = house.settings.model_copy(update={"demo_password": "another-demo-secret"})
    granted = await signed_in(house, "demo", "admin@demo.example", house.settings.demo_password)
    await seed_demo(changed, house.clock)
    for slug, email in PEOPLE:
        assert await signed_in(house, slug, email, "another-demo-secret")
        with pytest.raises(InvalidCredentials):
            await signed_in(house, slug, email, house.settings.demo_password)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(granted.access_token)
    await seed_demo(house.settings, house.clock)


async def test_the_waiting_page_goes_back_to_where_the_site_is_now(house: House) -> None:
    await seed_demo(house.settings, house.clock)
    moved = house.settings.model_copy(update={"demo_site_port": 8_432})
    await seed_demo(moved, house.clock)
    async with house.dbs.system.read(None) as tx:
        (sale,) = (await tx.exec(select(Queue).where(Queue.slug == "sale"))).all()
    assert sale.site_origins == ["http://127.0.0.1:8432", house.settings.site_origin]
    await seed_demo(house.settings, house.clock)
