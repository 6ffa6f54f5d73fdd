"""What upkeep deletes of signing in, and what it must not: a copied token has to be known for as long as it lives."""

from typing import Any

import pytest
from sqlmodel import select

from app.identity import own_factors
from app.identity import repository_upkeep as upkeep_module
from app.identity.accounts.models import AccountMessage, MessageKind
from app.identity.errors import InvalidRefreshToken, LoginRevoked
from app.identity.factors.models import FactorKind, LoginChallenge, SecondFactor
from app.identity.logins import refresh
from app.identity.models import Login, RefreshToken
from app.identity.repository_upkeep import delete_expired
from tests.factors.app_on_a_phone import challenged, with_app
from tests.identity.house import Business, House


async def rows(house: House, shop: Business, table: Any) -> list[Any]:
    async with house.dbs.system.read(shop.id) as tx:
        return list((await tx.exec(select(table).where(table.tenant_id == shop.id))).all())


async def test_used_tokens_stay_as_long_as_they_would_have_lived(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "_BATCH", 2)
    shop = await house.business()
    tokens = house.authenticator.tokens
    copied = (await house.signed_in(shop)).refresh_token
    newest = copied
    for _ in range(5):
        house.clock.advance(hours=1)
        newest = (await refresh(house.dbs, tokens, newest)).refresh_token
    house.clock.advance(days=5)
    await delete_expired(house.dbs.system)
    assert len(await rows(house, shop, RefreshToken)) == 6
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, tokens, copied)
    house.clock.advance(days=3, hours=6)
    await delete_expired(house.dbs.system)
    assert await rows(house, shop, RefreshToken) == []
    assert len(await rows(house, shop, Login)) == 1
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, tokens, newest)


async def test_what_waited_and_what_was_only_prepared_goes_after_a_day(house: House) -> None:
    shop = await house.business()
    who, _, _ = await with_app(house, shop)
    await own_factors.enroll(house.dbs, house.authenticator.factors, who, FactorKind.EMAIL_CODE)
    await challenged(house, shop)
    house.clock.advance(hours=23)
    await delete_expired(house.dbs.system)
    assert len(await rows(house, shop, LoginChallenge)) == 1
    assert len(await rows(house, shop, AccountMessage)) == 2
    assert len(await rows(house, shop, SecondFactor)) == 2
    house.clock.advance(hours=2)
    for _ in range(2):
        await delete_expired(house.dbs.system)
    assert await rows(house, shop, LoginChallenge) == []
    told = await rows(house, shop, AccountMessage)
    assert [row.kind for row in told] == [MessageKind.SECOND_FACTOR_CHANGED]
    (left,) = await rows(house, shop, SecondFactor)
    assert left.kind is FactorKind.TOTP
