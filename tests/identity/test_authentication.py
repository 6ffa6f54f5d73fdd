"""Whatever a token says, its owner is looked up as they stand now: tenant, user, sign-in, permissions."""

import asyncio
from uuid import uuid4

import pytest

from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.errors import NotFound, TokenExpired
from app.identity import repository, service
from app.identity.authentication import Authenticator
from app.identity.errors import TokenRevoked
from app.identity.logins import refresh, sign_out
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from app.tenants import service as tenants
from app.tenants.errors import TenantClosed
from tests.identity.house import NOW, Business, House, as_super_admin


async def suspend(house: House, shop: Business) -> None:
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenants.suspend(tx, shop.id)


async def reactivate(house: House, shop: Business) -> None:
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenants.reactivate(tx, shop.id)


async def test_a_suspended_tenant_turns_users_visitors_and_strangers_away_within_2_s(house: House) -> None:
    shop = await house.business()
    user_token = (await house.signed_in(shop)).access_token
    visitor_token = house.authenticator.session_token(shop.id, uuid4(), NOW)
    user = await house.authenticator.authenticate(user_token)
    visitor = await house.authenticator.authenticate(visitor_token)
    await suspend(house, shop)
    house.clock.advance(seconds=2)
    for token in (user_token, visitor_token):
        with pytest.raises(TenantClosed):
            await house.authenticator.authenticate(token)
    for actor in (user, visitor):
        with pytest.raises(TenantClosed):
            await house.authenticator.reauthenticate(actor)
    with pytest.raises(TenantClosed):
        await house.authenticator.ensure_tenant_open(shop.id)
    await reactivate(house, shop)
    house.clock.advance(seconds=2)
    assert await house.authenticator.authenticate(user_token) == user
    assert await house.authenticator.authenticate(visitor_token) == visitor
    await house.authenticator.ensure_tenant_open(shop.id)


async def test_told_of_a_change_it_looks_again_at_once(house: House) -> None:
    shop, other = await house.business(), await house.business()
    token = (await house.signed_in(shop)).access_token
    await house.authenticator.authenticate(token)
    await house.authenticator.ensure_tenant_open(shop.id)
    await suspend(house, shop)
    # Nobody has told it, and two seconds have not passed: a memory is what it is.
    await house.authenticator.authenticate(token)
    house.authenticator.forget(other.id)
    await house.authenticator.authenticate(token)
    house.authenticator.forget(shop.id)
    with pytest.raises(TenantClosed):
        await house.authenticator.authenticate(token)
    with pytest.raises(TenantClosed):
        await house.authenticator.ensure_tenant_open(shop.id)


async def test_there_is_no_such_tenant(house: House) -> None:
    with pytest.raises(NotFound):
        await house.authenticator.ensure_tenant_open(uuid4())


async def test_deactivation_ends_tokens(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)
    actor = await house.authenticator.authenticate(granted.access_token)
    async with house.acting(shop.admin) as tx:
        await service.deactivate(tx, staff.id)
    house.authenticator.forget(shop.id)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(granted.access_token)
    with pytest.raises(TokenRevoked):
        await house.authenticator.reauthenticate(actor)
    async with house.acting(shop.admin) as tx:
        await service.reactivate(tx, staff.id)
    house.authenticator.forget(shop.id)
    # The sign-in was ended for good; a new one is needed.
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(granted.access_token)
    assert await house.signed_in(shop, staff)


async def test_signing_out_ends_the_access_token_but_no_other_sign_in(house: House) -> None:
    shop = await house.business()
    left, kept = await house.signed_in(shop), await house.signed_in(shop)
    await sign_out(house.dbs, left.refresh_token)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(left.access_token)
    assert (await house.authenticator.authenticate(kept.access_token)).id == shop.admin.id


async def test_a_new_role_asks_for_a_refresh_and_changes_live_actors(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)
    actor = await house.authenticator.authenticate(granted.access_token)
    assert not actor.may(Permission.QUEUE_WRITE)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, staff.id, {"role": Role.MANAGER})
    house.authenticator.forget(shop.id)
    with pytest.raises(TokenExpired, match="permissions have changed"):
        await house.authenticator.authenticate(granted.access_token)
    promoted = await house.authenticator.reauthenticate(actor)
    assert promoted.permissions == MATRIX[Role.MANAGER]
    assert (promoted.id, promoted.expires_at, promoted.login_id) == (actor.id, actor.expires_at, actor.login_id)
    fresh = await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    assert (await house.authenticator.authenticate(fresh.access_token)).permissions == MATRIX[Role.MANAGER]


async def test_a_token_newer_than_the_memory_is_looked_up(house: House) -> None:
    """Another process has changed the role and refreshed the token; this one has not heard of it."""
    shop = await house.business()
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)
    await house.authenticator.authenticate(granted.access_token)
    elsewhere = Authenticator(house.settings, house.dbs)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, staff.id, {"role": Role.MANAGER})
    fresh = await refresh(house.dbs, elsewhere.tokens, granted.refresh_token)
    assert (await house.authenticator.authenticate(fresh.access_token)).permissions == MATRIX[Role.MANAGER]


async def test_what_all_ask_at_once_is_asked_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    ask = repository.standing

    async def counted(*given: object) -> object:
        nonlocal asked
        asked += 1
        return await ask(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "standing", counted)
    shop = await house.business()
    token = (await house.signed_in(shop)).access_token
    await asyncio.gather(*[house.authenticator.authenticate(token) for _ in range(200)])
    assert asked == 1
    house.clock.advance(seconds=1.9)
    await house.authenticator.authenticate(token)
    assert asked == 1
    house.clock.advance(seconds=0.1)
    await house.authenticator.authenticate(token)
    assert asked == 2


async def test_one_who_gives_up_takes_nobody_with_them(house: House) -> None:
    shop = await house.business()
    token = (await house.signed_in(shop)).access_token
    impatient = asyncio.create_task(house.authenticator.authenticate(token))
    patient = asyncio.create_task(house.authenticator.authenticate(token))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).id == shop.admin.id


async def test_a_failure_is_not_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await house.business()
    token = (await house.signed_in(shop)).access_token

    async def broken(*given: object) -> object:
        raise ConnectionError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "standing", broken)
        with pytest.raises(ConnectionError):
            await house.authenticator.authenticate(token)
    assert (await house.authenticator.authenticate(token)).id == shop.admin.id


@pytest.mark.parametrize("actor", [ANONYMOUS, Actor(ActorKind.SYSTEM)])
async def test_those_without_a_token_need_no_second_look(house: House, actor: Actor) -> None:
    assert await house.authenticator.reauthenticate(actor) is actor
