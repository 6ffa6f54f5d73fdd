"""Second factors through the API, by the contract's own operations: from switching on to losing the telephone."""

from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest

from app.identity.models import Role
from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed


async def sign_in(api: Api, business: Business, email: str) -> Any:
    i = {"tenantSlug": business.slug, "email": email, "password": PASSWORD}
    return await api.anonymous(operation("UserLogin"), input=i)


async def person(business: Business, role: Role = Role.STAFF) -> tuple[Caller, str, str]:
    """Somebody signed in; their address and id."""
    caller = await business.user(role)
    viewer = await caller("{ viewer { ... on User { id email } } }")
    return caller, viewer["email"], viewer["id"]


def shown(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC), counter_offset=steps)


async def switch_on(caller: Caller) -> tuple[str, list[str]]:
    enrolled = await caller(operation("SecondFactorEnroll"), input={"kind": "TOTP"})
    assert enrolled["__typename"] == "SecondFactorEnrollSuccess"
    secret = enrolled["enrolment"]["secret"]
    # The code of the step before, so that the present one is still good.
    confirmed = await caller(operation("SecondFactorConfirm"), input={"kind": "TOTP", "code": shown(secret, -1)})
    assert confirmed["__typename"] == "SecondFactorConfirmSuccess", confirmed
    assert [each["kind"] for each in confirmed["user"]["secondFactor"]["factors"]] == ["TOTP"]
    return secret, confirmed["recoveryCodes"]


async def test_from_switching_on_to_losing_the_telephone(api: Api, business: Business) -> None:
    caller, email, id = await person(business)
    secret, recovery_codes = await switch_on(caller)
    assert len(recovery_codes) == 10
    asked = await sign_in(api, business, email)
    assert asked["__typename"] == "SecondFactorRequiredError"
    assert (asked["methods"], asked["mustEnroll"], asked["expiresInSeconds"]) == (["TOTP", "RECOVERY_CODE"], False, 600)
    token = {"challengeToken": asked["challengeToken"]}
    verify = operation("LoginVerify")
    wrong = await api.anonymous(verify, input=token | {"method": "TOTP", "code": "nonsense"})
    assert (wrong["__typename"], wrong["triesLeft"]) == ("ProofRefusedError", 4)
    other = await api.anonymous(verify, input=token | {"method": "SMS_CODE", "code": "123456"})
    assert (other["__typename"], other["methods"]) == ("MethodUnavailableError", ["TOTP", "RECOVERY_CODE"])
    # The challenge is no access token.
    with pytest.raises(GraphQLFailed) as refusal:
        await Caller(api, asked["challengeToken"])("{ viewer { __typename } }")
    assert refusal.value.code == "UNAUTHENTICATED"
    done = await api.anonymous(verify, input=token | {"method": "TOTP", "code": shown(secret)})
    assert (done["__typename"], done["recoveryCodes"], done["user"]["email"]) == ("LoginVerifySuccess", [], email)
    again = await api.anonymous(verify, input=token | {"method": "RECOVERY_CODE", "code": recovery_codes[0]})
    assert again["__typename"] == "LoginChallengeEndedError"
    me = Caller(api, done["accessToken"])
    renewed = await me(operation("SecondFactorRenewRecoveryCodes"), input={"replace": True})
    assert len(set(renewed["recoveryCodes"]) - set(recovery_codes)) == 10
    unsure = await me(operation("SecondFactorRenewRecoveryCodes"), input={"replace": False})
    assert (unsure["__typename"], unsure["field"]) == ("InvalidInputError", "replace")
    exists = await me(operation("SecondFactorEnroll"), input={"kind": "TOTP"})
    assert exists["__typename"] == "SecondFactorExistsError"

    reset = await business.admin(operation("UserResetSecondFactors"), input={"userId": id})
    assert reset["user"]["secondFactor"] == {"required": False, "recoveryCodesLeft": 0, "factors": []}
    with pytest.raises(GraphQLFailed):
        await me("{ viewer { __typename } }")
    assert (await sign_in(api, business, email))["__typename"] == "UserLoginSuccess"


async def test_a_business_that_asks_for_it(api: Api, business: Business) -> None:
    _, email, _ = await person(business, Role.MANAGER)
    policy = await business.admin(
        operation("TenantSetSecondFactorPolicy"), input={"roles": ["MANAGER", "ADMIN", "MANAGER"], "codes": False}
    )
    settings = policy["tenant"]["settings"]
    assert (settings["secondFactorRoles"], settings["secondFactorCodes"]) == (["ADMIN", "MANAGER"], False)
    asked = await sign_in(api, business, email)
    assert (asked["__typename"], asked["methods"], asked["mustEnroll"]) == ("SecondFactorRequiredError", [], True)
    token = {"challengeToken": asked["challengeToken"]}
    by_mail = await api.anonymous(operation("LoginEnroll"), input=token | {"kind": "EMAIL_CODE"})
    assert by_mail["__typename"] == "SecondFactorNotAllowedError"
    enrolled = await api.anonymous(operation("LoginEnroll"), input=token | {"kind": "TOTP"})
    secret = enrolled["enrolment"]["secret"]
    assert enrolled["enrolment"]["qrCode"].startswith("data:image/svg+xml")
    code = {"method": "TOTP", "code": shown(secret)}
    done = await api.anonymous(operation("LoginVerify"), input=token | code)
    assert (done["__typename"], len(done["recoveryCodes"])) == ("LoginVerifySuccess", 10)
    assert done["user"]["secondFactor"]["required"] is True
    last = await Caller(api, done["accessToken"])(operation("SecondFactorRemove"), input={"kind": "TOTP"})
    assert last["__typename"] == "SecondFactorIndispensableError"


async def test_who_may_see_and_change_what(api: Api, business: Business) -> None:
    caller, _, id = await person(business)
    colleague, _, _ = await person(business)
    manager, _, _ = await person(business, Role.MANAGER)
    visitor = (await business.join(await business.queue())).visitor
    other = (await api.new_business()).admin
    node = "query($id: ID!) { node(id: $id) { ... on User { secondFactor { required } } } }"
    for seeing in (caller, manager, business.admin):
        assert await seeing(node, id=id) == {"secondFactor": {"required": False}}
    for stranger, code in [(other, "NOT_FOUND"), (colleague, "FORBIDDEN"), (visitor, "UNAUTHENTICATED")]:
        with pytest.raises(GraphQLFailed) as refusal:
            await stranger(node, id=id)
        assert refusal.value.code == code
    own = {
        "SecondFactorEnroll": {"kind": "TOTP"},
        "SecondFactorConfirm": {"kind": "TOTP", "code": "123456"},
        "SecondFactorRemove": {"kind": "TOTP"},
        "SecondFactorRenewRecoveryCodes": {"replace": True},
        "LoginStepUp": {"method": "PASSWORD", "proof": PASSWORD},
        "LoginStepUpSendCode": {"kind": "EMAIL_CODE"},
    }
    key = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Program", "scopes": ["user:write", "tenant:write"]},
    )
    for name, values in own.items():
        for nobody in (visitor, api.anonymous, Caller(api, key["secret"])):
            with pytest.raises(GraphQLFailed) as refusal:
                await nobody(operation(name), input=values)
            assert refusal.value.code == "UNAUTHENTICATED", name
    for stranger, code in [(other, "NOT_FOUND"), (manager, "FORBIDDEN"), (visitor, "UNAUTHENTICATED")]:
        with pytest.raises(GraphQLFailed) as refusal:
            await stranger(operation("UserResetSecondFactors"), input={"userId": id})
        assert refusal.value.code == code
    nothing = await caller(operation("SecondFactorConfirm"), input={"kind": "TOTP", "code": "123456"})
    assert (nothing["__typename"], nothing["methods"]) == ("MethodUnavailableError", [])
