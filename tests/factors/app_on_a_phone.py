"""What the tests hold in their hands: an authenticator app, and the messages that were sent."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pyotp
from sqlmodel import col, select

from app.core.actor import Actor
from app.identity import own_factors
from app.identity.accounts.models import AccountMessage, MessageKind
from app.identity.factors.errors import SecondFactorRequired
from app.identity.factors.models import FactorKind
from app.identity.logins import Granted
from app.identity.models import User
from tests.identity.house import Business, House


def code_at(secret: str, moment: datetime, steps: int = 0) -> str:
    """What the app shows, so many steps of 30 seconds later."""
    return pyotp.TOTP(secret).at(moment, counter_offset=steps)


async def acting(house: House, granted: Granted) -> Actor:
    """Who the access token stands for."""
    return await house.authenticator.authenticate(granted.access_token)


async def with_app(house: House, shop: Business, user: User | None = None) -> tuple[Actor, str, Sequence[str]]:
    """A user who has switched on an authenticator app: who acts, the app's secret, the recovery codes.

    The clock is moved to where the app shows another code.
    """
    who = await acting(house, await house.signed_in(shop, user))
    secret = await enrolled(house, who)
    code = code_at(secret, house.clock.now())
    _, codes = await own_factors.confirm(house.dbs, house.authenticator.factors, who, FactorKind.TOTP, code)
    house.clock.advance(seconds=30)
    return who, secret, codes


async def enrolled(house: House, who: Actor) -> str:
    """The secret of an app that is not confirmed yet."""
    enrolment = await own_factors.enroll(house.dbs, house.authenticator.factors, who, FactorKind.TOTP)
    assert enrolment.secret is not None
    return enrolment.secret


async def challenged(house: House, shop: Business, user: User | None = None) -> SecondFactorRequired:
    """What signing in asks for next."""
    try:
        await house.signed_in(shop, user)
    except SecondFactorRequired as asked:
        return asked
    raise AssertionError("signed in without a second factor")


async def sent_codes(house: House, tenant_id: UUID) -> list[str]:
    """The codes for second factors that were sent, oldest first."""
    async with house.dbs.app.read(tenant_id) as tx:
        rows = await tx.exec(
            select(AccountMessage)
            .where(AccountMessage.tenant_id == tenant_id, AccountMessage.kind == MessageKind.SECOND_FACTOR)
            .order_by(col(AccountMessage.created_at), col(AccountMessage.id))
        )
        unsealed = [house.authenticator.codes.unsealed(row) for row in rows]
    return [each.code for each in unsealed if each is not None]
