"""Which user somebody is that a provider vouches for: known, recognised by an address, new, or nobody."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from sqlmodel import select

from app.core.ids import decode
from app.identity.accounts.models import AccountMessage, MessageKind
from app.identity.models import Role, User
from app.identity.passwords import NOBODYS_HASH
from tests.contract.operations import operation
from tests.providers.journey import Traveller, believe, refused
from tests.providers.stand_in import StandIn
from tests.support.api import PASSWORD, Api, Business, Caller

WHO = "{ viewer { ... on User { id email role customRole { name } } } }"
RULES = [
    {"claim": "groups", "value": "bosses", "role": "ADMIN"},
    {"claim": "groups", "value": "managers", "role": "MANAGER"},
]


async def user_of(business: Business, email: str, role: str = "STAFF") -> str:
    """Somebody staff have made a user; the id."""
    made = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { ... on UserCreateSuccess { user { id } } } }",
        i={"email": email, "password": PASSWORD, "role": role},
    )
    return str(made["user"]["id"])


async def change(business: Business, user_id: str, **values: Any) -> User:
    """What else may be so of a user."""
    ref = decode("User", user_id)
    async with business.api.runtime.dbs.system.write(ref.tenant_id) as tx:
        user = await tx.get(User, ref)
        assert user is not None
        for name, value in values.items():
            setattr(user, name, value)
    return user


async def test_a_new_customer(business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    viewer = await (await traveller.signed_in(business.slug, "sso"))(WHO)
    user = await change(business, viewer["id"])
    assert (user.role, user.email_verified, user.password_hash) == (Role.CUSTOMER, True, NOBODYS_HASH)


async def test_nobody_new_without_a_role(business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest)
    refused(await traveller.sign_in(business.slug, "sso"), "no_account")


@pytest.mark.parametrize(
    ("role", "is_verified", "is_recognised"),
    [("STAFF", False, True), ("ADMIN", True, True), ("CUSTOMER", True, True), ("CUSTOMER", False, False)],
)
async def test_who_is_recognised_by_an_address(
    business: Business, honest: StandIn, traveller: Traveller, role: str, is_verified: bool, is_recognised: bool
) -> None:
    """A customer's own account that never verified its address may be a trap that waits for the address's owner."""
    await believe(business, honest)
    user_id = await user_of(business, "anna@staff.example", role)
    await change(business, user_id, email_verified=is_verified)
    if is_recognised:
        viewer = await (await traveller.signed_in(business.slug, "sso"))(operation("OwnIdentities"))
        assert (viewer["id"], len(viewer["identities"])) == (user_id, 1)
    else:
        refused(await traveller.sign_in(business.slug, "sso"), "account_exists")
        assert (await change(business, user_id)).email_verified is False


async def test_who_runs_the_installation_is_not_recognised(
    business: Business, honest: StandIn, traveller: Traveller
) -> None:
    await believe(business, honest)
    user_id = await user_of(business, "anna@staff.example", "ADMIN")
    await change(business, user_id, role=Role.SUPER_ADMIN, email_verified=True)
    refused(await traveller.sign_in(business.slug, "sso"), "account_exists")


async def test_an_address_that_is_not_vouched_for(business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    await user_of(business, "anna@staff.example")
    honest.person["email_verified"] = False
    refused(await traveller.sign_in(business.slug, "sso"), "email_unverified")
    del honest.person["email"]
    refused(await traveller.sign_in(business.slug, "sso"), "email_missing")


async def test_another_account_of_the_same_address(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    """A provider gave the address to somebody else: not the same person."""
    await believe(business, honest, defaultRole="CUSTOMER")
    await traveller.signed_in(business.slug, "sso")
    honest.person["sub"] = "anna-2"
    refused(await Traveller(api).sign_in(business.slug, "sso"), "identity_taken")


async def test_who_is_known_stays_known(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    """By the provider's name for them, whatever address it tells later."""
    await believe(business, honest, defaultRole="CUSTOMER")
    first = await (await traveller.signed_in(business.slug, "sso"))(WHO)
    honest.person |= {"email": "other@staff.example", "email_verified": False}
    second = await (await Traveller(api).signed_in(business.slug, "sso"))(operation("OwnIdentities"))
    assert second["id"] == first["id"]
    assert second["identities"][0]["email"] == "other@staff.example"
    assert (await change(business, first["id"])).email == "anna@staff.example"
    # To another tenant's provider they are nobody.
    other = await api.new_business()
    await believe(other, honest)
    refused(await Traveller(api).sign_in(other.slug, "sso"), "email_unverified")


async def test_two_browsers_of_one_new_person(api: Api, business: Business, honest: StandIn) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    people = [Traveller(api) for _ in range(6)]
    callers = await asyncio.gather(*(each.signed_in(business.slug, "sso") for each in people))
    viewers = [await caller(WHO) for caller in callers]
    assert len({viewer["id"] for viewer in viewers}) == 1


async def test_who_was_deactivated_stays_out(business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    shown = await traveller.sign_in(business.slug, "sso")
    user_id = (await (await traveller.signed_in(business.slug, "sso"))(WHO))["id"]
    await business.admin(
        "mutation($i: UserDeactivateInput!) { userDeactivate(input: $i) { __typename } }", i={"userId": user_id}
    )
    refused(await traveller.sign_in(business.slug, "sso"), "not_active")
    assert (await traveller.exchange(shown.parameters["code"]))["__typename"] == "InvalidCredentialsError"


async def test_roles_follow_the_provider(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, roleRules=RULES, rolesFollow=True)
    honest.person["groups"] = ["managers"]
    caller = await traveller.signed_in(business.slug, "sso")
    assert (await caller(WHO))["role"] == "MANAGER"
    honest.person["groups"] = ["bosses", "managers"]
    again = await Traveller(api).signed_in(business.slug, "sso")
    assert (await again(WHO))["role"] == "ADMIN"
    honest.person["groups"] = []
    refused(await Traveller(api).sign_in(business.slug, "sso"), "no_role")


async def test_roles_stay_unless_they_follow(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    await believe(business, honest, roleRules=RULES, defaultRole="CUSTOMER")
    honest.person["groups"] = ["managers"]
    assert (await (await traveller.signed_in(business.slug, "sso"))(WHO))["role"] == "MANAGER"
    honest.person["groups"] = ["bosses"]
    assert (await (await Traveller(api).signed_in(business.slug, "sso"))(WHO))["role"] == "MANAGER"


async def test_the_last_administrator_stays_one(business: Business, honest: StandIn, traveller: Traveller) -> None:
    """Somebody has to be able to put the rules right."""
    await believe(business, honest, roleRules=RULES, rolesFollow=True)
    honest.person |= {"email": f"admin@{business.slug}.example", "groups": ["managers"]}
    assert (await (await traveller.signed_in(business.slug, "sso"))(WHO))["role"] == "ADMIN"


async def custom_role(business: Business, *permissions: str) -> str:
    made = await business.admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": "Door", "permissions": list(permissions)},
    )
    return str(made["customRole"]["id"])


async def test_a_role_of_the_business_s_own(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    role_id = await custom_role(business, "queue:read")
    rule = {"claim": "groups", "value": "door", "customRoleId": role_id}
    made = await believe(business, honest, roleRules=[rule], rolesFollow=True)
    assert made["roleRules"] == [rule | {"role": None}]
    honest.person["groups"] = ["door"]
    viewer = await (await traveller.signed_in(business.slug, "sso"))(WHO)
    assert viewer["customRole"] == {"name": "Door"}
    # Nobody has it any more, and then there is none.
    await business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": viewer["id"], "role": "STAFF"},
    )
    gone = await business.admin(
        "mutation($i: CustomRoleDeleteInput!) { customRoleDelete(input: $i) { __typename } }",
        i={"customRoleId": role_id},
    )
    assert gone["__typename"] == "CustomRoleDeleteSuccess"
    refused(await Traveller(api).sign_in(business.slug, "sso"), "no_role")
    # What is left of it does not keep anybody from switching the provider off.
    off = await business.admin(
        operation("IdentityProviderUpdate"), input={"identityProviderId": made["id"], "enabled": False}
    )
    assert off["identityProvider"]["enabled"] is False


async def test_a_business_that_is_full(api: Api, honest: StandIn, traveller: Traveller) -> None:
    business = await api.new_business(limits={"staff": 1})
    await believe(business, honest, defaultRole="STAFF")
    refused(await traveller.sign_in(business.slug, "sso"), "limit_reached")


async def linked(traveller: Traveller, caller: Caller) -> dict[str, Any]:
    """What somebody who is signed in gets when they link the provider."""
    started = await caller(
        operation("UserIdentityStartLink"),
        input={
            "providerSlug": "sso",
            "returnUrl": "https://shop.example/account",
            "challenge": traveller.challenge,
        },
    )
    assert started["__typename"] == "UserIdentityStartLinkSuccess", started
    shown = await traveller.come_back(await traveller.travel(await traveller.get(started["address"])))
    if "error" in shown.parameters:
        return shown.parameters
    given = {"code": shown.parameters["code"], "verifier": traveller.verifier}
    answer: dict[str, Any] = await caller(operation("UserIdentityLink"), input=given)
    return answer | {"code": given["code"]}


async def owed(api: Api, business: Business) -> list[MessageKind]:
    """What the business's people are told about their accounts."""
    viewer = await business.admin("{ viewer { ... on User { id } } }")
    tenant_id = decode("User", viewer["id"]).tenant_id
    async with api.app.state.runtime.dbs.app.read(tenant_id) as tx:
        return list(await tx.exec(select(AccountMessage.kind).where(AccountMessage.tenant_id == tenant_id)))


async def test_linking_and_unlinking(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest)
    # Whatever address: they are signed in.
    honest.person |= {"email": "private@home.example", "email_verified": False}
    admin = business.admin
    answer = await linked(traveller, admin)
    assert answer["__typename"] == "UserIdentityLinkSuccess", answer
    identity = answer["userIdentity"]
    assert (identity["email"], identity["lastUsedAt"]) == ("private@home.example", None)
    assert await owed(api, business) == [MessageKind.PROVIDER_LINKED]
    assert (await linked(Traveller(api), admin))["error"] == "identity_taken"
    again = await Traveller(api).signed_in(business.slug, "sso")
    assert (await again(WHO))["role"] == "ADMIN"

    gone = await admin(operation("UserIdentityUnlink"), input={"userIdentityId": identity["id"]})
    assert gone["user"]["identities"] == []
    refused(await Traveller(api).sign_in(business.slug, "sso"), "email_unverified")


async def test_a_code_to_link_is_its_user_s(api: Api, business: Business, honest: StandIn) -> None:
    await believe(business, honest)
    traveller, other = Traveller(api), await business.user(Role.STAFF)
    started = await other(
        operation("UserIdentityStartLink"),
        input={"providerSlug": "sso", "returnUrl": "https://shop.example/", "challenge": traveller.challenge},
    )
    shown = await traveller.come_back(await traveller.travel(await traveller.get(started["address"])))
    given = {"code": shown.parameters["code"], "verifier": traveller.verifier}
    # Not somebody else's, not for a sign-in, not without the verifier; then once.
    for caller, verifier in ((business.admin, traveller.verifier), (other, "x" * 43)):
        answer = await caller(operation("UserIdentityLink"), input=given | {"verifier": verifier})
        assert answer["__typename"] == "LoginCodeInvalidError"
    assert (await other(operation("UserIdentityLink"), input=given))["__typename"] == "UserIdentityLinkSuccess"
    assert (await other(operation("UserIdentityLink"), input=given))["__typename"] == "LoginCodeInvalidError"


async def test_who_is_somebody_else_s(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    await traveller.signed_in(business.slug, "sso")
    assert (await linked(Traveller(api), business.admin))["error"] == "identity_taken"


async def test_a_second_factor_is_asked_for_all_the_same(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    caller = await traveller.signed_in(business.slug, "sso")
    secret = (await caller(operation("SecondFactorEnroll"), input={"kind": "TOTP"}))["enrolment"]["secret"]
    app, now = pyotp.TOTP(secret), datetime.now(UTC)
    confirmed = {"kind": "TOTP", "code": app.at(now, counter_offset=-1)}
    assert "user" in await caller(operation("SecondFactorConfirm"), input=confirmed)
    shown = await traveller.sign_in(business.slug, "sso")
    asked = await traveller.exchange(shown.parameters["code"])
    assert (asked["__typename"], asked["methods"]) == ("SecondFactorRequiredError", ["TOTP", "RECOVERY_CODE"])
    given = {"challengeToken": asked["challengeToken"], "method": "TOTP", "code": app.at(now)}
    done = await api.anonymous(operation("LoginVerify"), input=given)
    assert done["user"]["email"] == "anna@staff.example"


async def test_the_last_way_in_stays(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    await believe(business, honest, defaultRole="CUSTOMER")
    caller = await traveller.signed_in(business.slug, "sso")
    (identity,) = (await caller(operation("OwnIdentities")))["identities"]
    given = {"userIdentityId": identity["id"]}
    assert (await caller(operation("UserIdentityUnlink"), input=given))["__typename"] == "LastWayInError"
    # Not somebody else's, whatever one may.
    answer = await business.admin.send(operation("UserIdentityUnlink"), input=given)
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    viewer = await caller(WHO)
    await business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": viewer["id"], "password": PASSWORD},
    )
    signed_in = await api.sign_in(business.slug, viewer["email"])
    assert (await signed_in(operation("UserIdentityUnlink"), input=given))["user"]["identities"] == []
