"""Refresh tokens fought over: whatever order it happens in, a copied token leaves nobody signed in."""

import asyncio

import pytest
from sqlmodel import select

from app.identity import service
from app.identity.errors import LoginRevoked
from app.identity.logins import Granted, refresh, sign_out
from app.identity.models import Login, RefreshToken
from tests.identity.house import Business, House


async def names(*work: object) -> list[str]:
    answers = await asyncio.gather(*work, return_exceptions=True)  # type: ignore[call-overload]
    return sorted(type(answer).__name__ for answer in answers)


async def login_of(house: House, shop: Business) -> Login:
    async with house.dbs.app.read(shop.id) as tx:
        return (await tx.exec(select(Login).where(Login.tenant_id == shop.id))).one()


async def nobody_goes_on(house: House, *granted: Granted) -> None:
    for each in granted:
        with pytest.raises(LoginRevoked):
            await refresh(house.dbs, house.authenticator.tokens, each.refresh_token)


@pytest.mark.parametrize("seconds", [0, 31])
async def test_a_thief_and_the_owner_at_once(house: House, seconds: int) -> None:
    shop = await house.business()
    tokens = house.authenticator.tokens
    stolen = await house.signed_in(shop)
    second = await refresh(house.dbs, tokens, stolen.refresh_token)
    third = await refresh(house.dbs, tokens, second.refresh_token)
    house.clock.advance(seconds=seconds)
    outcome = await names(
        *[refresh(house.dbs, tokens, stolen.refresh_token) for _ in range(4)],
        *[refresh(house.dbs, tokens, third.refresh_token) for _ in range(4)],
    )
    # The owner may have been served before the thief was noticed; the thief never is.
    assert outcome.count("LoginRevoked") >= 4
    assert set(outcome) <= {"LoginRevoked", "Granted"}
    await nobody_goes_on(house, stolen, second, third)
    async with house.dbs.app.read(shop.id) as tx:
        rows = (await tx.exec(select(RefreshToken).where(RefreshToken.tenant_id == shop.id))).all()
    newest = max(row.generation for row in rows)
    login = await login_of(house, shop)
    assert (login.generation, login.revoke_reason) == (newest, "refresh token used again")
    # Noticed once, however often it was tried.
    assert [name for _, name in await house.events(shop.id, shop.admin.id)] == ["USER_CREATED", "USER_LOGIN_REVOKED"]


async def test_signing_out_while_it_is_refreshed(house: House) -> None:
    shop = await house.business()
    tokens = house.authenticator.tokens
    granted = await house.signed_in(shop)
    answers = await asyncio.gather(
        *[refresh(house.dbs, tokens, granted.refresh_token) for _ in range(4)],
        sign_out(house.dbs, granted.refresh_token),
        return_exceptions=True,
    )
    await nobody_goes_on(house, granted, *(each for each in answers if isinstance(each, Granted)))


async def test_deactivating_while_it_is_refreshed(house: House) -> None:
    shop = await house.business()
    tokens = house.authenticator.tokens
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)

    async def deactivate() -> None:
        async with house.acting(shop.admin) as tx:
            await service.deactivate(tx, staff.id)

    answers = await asyncio.gather(
        *[refresh(house.dbs, tokens, granted.refresh_token) for _ in range(4)], deactivate(), return_exceptions=True
    )
    await nobody_goes_on(house, granted, *(each for each in answers if isinstance(each, Granted)))
