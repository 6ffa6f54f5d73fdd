"""Showing again who one is: what is asked of whom, until when it is good, and what guessing leads to."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.errors import Unauthenticated
from app.core.ids import parse
from app.identity import service
from app.identity.errors import LoginRevoked, StepUpRequired, TokenRevoked
from app.identity.factors.errors import MethodUnavailable, ProofRefused
from app.identity.graphql.step_up import StepUp
from app.identity.models import Login, Role
from app.identity.proofs import Method
from app.identity.step_up import FRESH, ensure_fresh, step_up
from tests.identity.house import NOW, PASSWORD, Business, House, hashed
from tests.support.api import Api, Caller
from tests.support.api import Business as ServedBusiness
from tests.support.schema_walk import root_fields


async def actor(house: House, shop: Business) -> Actor:
    granted = await house.signed_in(shop)
    return await house.authenticator.authenticate(granted.access_token)


async def prove(house: House, who: Actor, proof: str, method: Method = Method.PASSWORD) -> Login:
    return await step_up(house.dbs, house.authenticator.factors, who, method, proof)


async def login_of(house: House, who: Actor) -> Login:
    async with house.dbs.app.read(who.tenant_id) as tx:
        return (await tx.exec(select(Login).where(Login.id == who.login_id))).one()


async def test_a_proof_is_good_for_fifteen_minutes(house: House) -> None:
    shop = await house.business()
    who = await actor(house, shop)
    house.clock.advance(seconds=FRESH.total_seconds() - 1)
    await ensure_fresh(house.dbs.app, who)
    house.clock.advance(seconds=1)
    with pytest.raises(StepUpRequired) as refusal:
        await ensure_fresh(house.dbs.app, who)
    assert refusal.value.methods == [Method.PASSWORD]
    proved = await prove(house, who, PASSWORD)
    assert (proved.id, proved.proved_at) == (who.login_id, NOW + FRESH)
    await ensure_fresh(house.dbs.app, who)
    assert (await house.events(shop.id, shop.admin.id))[-1][1] == "USER_LOGIN_PROVED"


async def test_it_is_the_sign_in_that_is_proved_and_no_other(house: House) -> None:
    shop = await house.business()
    desk, telephone = await actor(house, shop), await actor(house, shop)
    house.clock.advance(minutes=20)
    await prove(house, telephone, PASSWORD)
    await ensure_fresh(house.dbs.app, telephone)
    with pytest.raises(StepUpRequired):
        await ensure_fresh(house.dbs.app, desk)


async def test_programs_and_strangers_prove_nothing_here(house: House) -> None:
    shop = await house.business()
    for who in (ANONYMOUS, Actor(ActorKind.API_KEY, shop.id, UUID(int=1)), Actor(ActorKind.VISITOR, shop.id)):
        await ensure_fresh(house.dbs.app, who)
        with pytest.raises(Unauthenticated):
            await prove(house, who, PASSWORD)
    # A user whose sign-in is not known has never shown anything.
    with pytest.raises(StepUpRequired):
        await ensure_fresh(house.dbs.app, Actor(ActorKind.USER, shop.id, shop.admin.id))


async def test_the_fifth_wrong_proof_ends_the_sign_in_and_a_right_one_counts_anew(house: House) -> None:
    shop = await house.business()
    who, other = await actor(house, shop), await actor(house, shop)
    for left in (4, 3, 2, 1):
        with pytest.raises(ProofRefused) as refusal:
            await prove(house, who, "wrong")
        assert refusal.value.tries_left == left
    await prove(house, who, PASSWORD)
    assert (await login_of(house, who)).wrong_proofs == 0
    for _ in range(4):
        with pytest.raises(ProofRefused):
            await prove(house, who, "wrong")
    with pytest.raises(LoginRevoked):
        await prove(house, who, "wrong")
    assert (await login_of(house, who)).revoke_reason == "too many wrong proofs"
    with pytest.raises(TokenRevoked):
        await prove(house, who, PASSWORD)
    assert (await house.events(shop.id, shop.admin.id))[-1][1] == "USER_LOGIN_REVOKED"
    # The owner's other sign-ins, and new ones, are not touched: nobody can be locked out.
    await prove(house, other, PASSWORD)
    assert await house.signed_in(shop)


async def test_wrong_proofs_at_once_are_all_counted(house: House) -> None:
    shop = await house.business()
    who = await actor(house, shop)
    answers = await asyncio.gather(*[prove(house, who, "wrong") for _ in range(8)], return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == (
        ["LoginRevoked"] + ["ProofRefused"] * 4 + ["TokenRevoked"] * 3
    )


@pytest.mark.parametrize("method", [Method.TOTP, Method.RECOVERY_CODE, Method.PROVIDER, Method.MAIL])
async def test_what_somebody_does_not_have_does_not_help_and_is_not_counted(house: House, method: Method) -> None:
    shop = await house.business()
    who = await actor(house, shop)
    with pytest.raises(MethodUnavailable) as refusal:
        await prove(house, who, "123456", method)
    assert refusal.value.methods == [Method.PASSWORD]
    assert (await login_of(house, who)).wrong_proofs == 0


async def test_a_password_that_was_replaced_meanwhile_proves_nothing(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)
    who = await house.authenticator.authenticate(granted.access_token)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, staff.id, {"password": await hashed("another long secret")})
    with pytest.raises(TokenRevoked):
        await prove(house, who, PASSWORD)


STEP_UP = """mutation($i: LoginStepUpInput!) { loginStepUp(input: $i) {
  __typename ... on LoginStepUpSuccess { freshUntil } ... on ProofRefusedError { triesLeft } } }"""
DANGEROUS = {
    "apiKeyCreate": {"name": "Program", "scopes": ["queue:read"]},
    "userCreate": {"email": "somebody@shop.example", "password": PASSWORD},
    "customRoleCreate": {"name": "Role", "baseRole": "STAFF", "permissions": ["queue:read"]},
}


def document(name: str) -> str:
    kind = name[0].upper() + name[1:]
    return f"""mutation($i: {kind}Input!) {{ {name}(input: $i) {{
      __typename ... on UserError {{ message }} ... on StepUpRequiredError {{ methods }} }} }}"""


async def grow_old(api: Api, business: ServedBusiness) -> None:
    """Every sign-in of the business was proved an hour ago."""
    viewer = await business.admin("{ viewer { ... on User { id } } }")
    async with api.runtime.dbs.system.write(parse(viewer["id"])[1].tenant_id) as tx:
        await tx.exec(  # type: ignore[call-overload]
            text("update logins set proved_at = proved_at - interval '1 hour' where tenant_id = :tenant"),
            params={"tenant": tx.tenant},
        )


def test_what_lasts_or_gives_power_asks_for_it() -> None:
    asking = {
        field.name
        for field in root_fields()
        if any(isinstance(each, StepUp) for each in field.field.extensions["strawberry-definition"].extensions)
    }
    assert asking >= {
        "apiKeyCreate",
        "apiKeyRotate",
        "apiKeyUpdate",
        "customRoleCreate",
        "customRoleUpdate",
        "emailChange",
        "passwordChange",
        "phoneChange",
        "secondFactorEnroll",
        "secondFactorRemove",
        "secondFactorRenewRecoveryCodes",
        "tenantDelete",
        "tenantSetSecondFactorPolicy",
        "userCreate",
        "userInvite",
        "userReactivate",
        "userResetSecondFactors",
        "userUpdate",
    }


@pytest.mark.parametrize("name", DANGEROUS)
async def test_dangerous_mutations_ask_for_it(api: Api, business: ServedBusiness, name: str) -> None:
    await grow_old(api, business)
    refused = await business.admin(document(name), i=DANGEROUS[name])
    assert (refused["__typename"], refused["methods"]) == ("StepUpRequiredError", ["PASSWORD"])
    proved = await business.admin(STEP_UP, i={"method": "PASSWORD", "proof": "wrong"})
    assert proved == {"__typename": "ProofRefusedError", "triesLeft": 4}
    proved = await business.admin(STEP_UP, i={"method": "PASSWORD", "proof": PASSWORD})
    assert proved["__typename"] == "LoginStepUpSuccess"
    done = await business.admin(document(name), i=DANGEROUS[name])
    assert done["__typename"] == f"{name[0].upper()}{name[1:]}Success", done


async def test_only_dangerous_values_ask_for_it(api: Api, business: ServedBusiness) -> None:
    await grow_old(api, business)
    viewer = await business.admin("{ viewer { ... on User { id } } }")

    async def change(**values: Any) -> str:
        return str((await business.admin(document("userUpdate"), i={"userId": viewer["id"], **values}))["__typename"])

    assert await change(firstName="Ada") == "UserUpdateSuccess"
    for values in ({"password": "another long secret"}, {"role": "STAFF"}, {"email": "x@y.example"}, {"phone": None}):
        assert await change(**values) == "StepUpRequiredError"


async def test_who_may_not_is_told_that_first(api: Api, business: ServedBusiness) -> None:
    staff = await business.user(Role.STAFF)
    await grow_old(api, business)
    body = (await staff.send(document("apiKeyCreate"), i=DANGEROUS["apiKeyCreate"])).json()
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_api_key_is_exempt(api: Api, business: ServedBusiness) -> None:
    created = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Programs", "scopes": ["api-key:write", "queue:read"]},
    )
    await grow_old(api, business)
    done = await Caller(api, created["secret"])(document("apiKeyCreate"), i=DANGEROUS["apiKeyCreate"])
    assert done["__typename"] == "ApiKeyCreateSuccess"
