"""Who decides which provider is believed, and what is not shown of it; over the API, by the contract's operations."""

from typing import Any

import pytest

from app.core.ids import decode
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from app.identity.providers.models import IdentityProvider
from tests.contract.operations import operation
from tests.providers.journey import FRONT_END, create_provider
from tests.support.api import Api, Business, Caller, GraphQLFailed

SECRET = "a-secret-nobody-is-shown"
GIVEN = {"slug": "sso", "name": "Staff", "kind": "OIDC", "issuer": "https://login.example.com", "clientId": "us"}
RULE = {"claim": "groups", "value": "staff", "role": "STAFF"}


async def create(caller: Caller, **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await caller(operation("IdentityProviderCreate"), input=GIVEN | values)
    return answer


async def test_a_provider_s_whole_life(api: Api, business: Business) -> None:
    made = (await create(business.admin, clientSecret=SECRET, roleRules=[RULE], scopes=["groups", "openid"]))[
        "identityProvider"
    ]
    assert (made["kind"], made["issuer"], made["scopes"]) == ("OIDC", "https://login.example.com", ["groups"])
    assert (made["hasClientSecret"], made["revision"], made["enabled"]) == (True, 1, True)
    assert made["roleRules"] == [RULE | {"customRoleId": None}]
    base = api.runtime.settings.base_url
    assert made["redirectUri"] == f"{base}/auth/callback/{made['id']}"
    (button,) = await api.anonymous(operation("LoginProviderList"), tenantSlug=business.slug)
    assert button == {
        "name": "Staff",
        "slug": "sso",
        "kind": "OIDC",
        "startUrl": f"{base}/auth/{business.slug}/sso/start",
    }

    async def update(**values: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await business.admin(
            operation("IdentityProviderUpdate"), input={"identityProviderId": made["id"]} | values
        )
        return answer

    changed = (await update(name="Staff account", rolesFollow=True, slug=None))["identityProvider"]
    assert (changed["name"], changed["rolesFollow"], changed["slug"], changed["revision"]) == (
        "Staff account",
        True,
        "sso",
        2,
    )
    assert (await update(name="Staff account"))["identityProvider"]["revision"] == 2, "nothing has changed"
    assert (await update(clientSecret=None))["identityProvider"]["hasClientSecret"] is False
    assert (await update(roleRules=[]))["__typename"] == "InvalidInputError", "roles follow rules only"

    gone = await business.admin(operation("IdentityProviderDelete"), input={"identityProviderId": made["id"]})
    assert gone["identityProviderId"] == made["id"]
    assert await business.admin(operation("IdentityProviderList")) == []
    with pytest.raises(GraphQLFailed) as refusal:
        await update(name="x")
    assert refusal.value.code == "NOT_FOUND"


async def test_the_secret_is_shown_to_nobody(api: Api, business: Business) -> None:
    answer = await business.admin.send(operation("IdentityProviderCreate"), input=GIVEN | {"clientSecret": SECRET})
    listed = await business.admin.send(operation("IdentityProviderList"))
    assert SECRET not in answer.text + listed.text
    ref = decode("IdentityProvider", answer.json()["data"]["identityProviderCreate"]["identityProvider"]["id"])
    async with api.runtime.dbs.system.read(ref.tenant_id) as tx:
        row = await tx.get(IdentityProvider, ref)
    assert row is not None
    assert SECRET.encode() not in (row.secret_sealed or b"")
    assert api.runtime.journeys.conversations.client(row).secret == SECRET


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "S"}, "slug"),
        ({"slug": "a" * 41}, "slug"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"issuer": "http://login.example.com"}, "issuer"),
        ({"issuer": "http://10.0.0.1"}, "issuer"),
        ({"issuer": "https://user@login.example.com"}, "issuer"),
        ({"issuer": "https://login.example.com?x=y"}, "issuer"),
        ({"issuer": "https://login.example.com#x"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"clientId": None}, "clientId"),
        ({"clientId": "a b"}, "clientId"),
        ({"clientSecret": "é"}, "clientSecret"),
        ({"clientSecret": ""}, "clientSecret"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"scopes": [f"s{number}" for number in range(21)]}, "scopes"),
        ({"directories": ["common"]}, "directories"),
        ({"returnOrigins": [f"{FRONT_END}/path"]}, "returnOrigins"),
        ({"returnOrigins": ["*"]}, "returnOrigins"),
        ({"returnOrigins": ["HTTPS://SHOP.EXAMPLE"]}, "returnOrigins"),
        ({"returnOrigins": [f"https://{number}.example" for number in range(21)]}, "returnOrigins"),
        ({"roleRules": [RULE | {"role": "SUPER_ADMIN"}]}, "roleRules.0"),
        ({"roleRules": [RULE | {"role": None}]}, "roleRules.0"),
        ({"defaultRole": "SUPER_ADMIN"}, "defaultRole"),
        ({"kind": "GOOGLE", "issuer": None, "defaultRole": "STAFF"}, "defaultRole"),
    ],
)
async def test_what_is_not_taken(shared: Business, values: dict[str, Any], field: str) -> None:
    answer = await create(shared.admin, **values)
    assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field)
    assert SECRET not in str(answer)


@pytest.fixture(scope="module")
async def shared(api: Api) -> Business:
    return await api.new_business()


async def test_a_slug_is_one_provider_s(business: Business) -> None:
    await create_provider(business, kind="GOOGLE")
    assert (await create(business.admin))["__typename"] == "ProviderSlugTakenError"
    other = await create_provider(business, kind="FACEBOOK", slug="facebook")
    answer = await business.admin(
        operation("IdentityProviderUpdate"), input={"identityProviderId": other["id"], "slug": "sso"}
    )
    assert answer["__typename"] == "ProviderSlugTakenError"


async def test_a_business_has_so_many(business: Business) -> None:
    for number in range(20):
        await create_provider(business, kind="GOOGLE", slug=f"google-{number}")
    answer = await create(business.admin, slug="one-more")
    assert (answer["__typename"], answer["limit"], answer["maximum"]) == ("LimitReachedError", "identityProviders", 20)


async def with_role(business: Business, permissions: set[str]) -> Caller:
    """Somebody who may do exactly this."""
    role = await business.admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": f"Role of {len(permissions)}", "permissions": sorted(permissions), "baseRole": "ADMIN"},
    )
    email = f"role-{len(permissions)}@{business.slug}.example"
    made = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { __typename } }",
        i={"email": email, "password": "correct horse battery", "customRoleId": role["customRole"]["id"]},
    )
    assert made["__typename"] == "UserCreateSuccess", made
    return await business.api.sign_in(business.slug, email)


async def test_whoever_is_believed_decides_who_anybody_is(business: Business) -> None:
    """With a provider of one's own one becomes the administrator: a permission less than theirs is not enough."""
    everything: set[str] = {each.value for each in MATRIX[Role.ADMIN]}
    made = await create_provider(business, kind="GOOGLE")
    less = await with_role(business, everything - {Permission.TENANT_WRITE.value})
    given = {"identityProviderId": made["id"]}
    for answer in (
        await create(less, slug="own"),
        await less(operation("IdentityProviderUpdate"), input=given | {"enabled": False}),
        await less(operation("IdentityProviderDelete"), input=given),
    ):
        assert answer["__typename"] == "ProviderNotConfigurableError"
    (shown,) = await business.admin(operation("IdentityProviderList"))
    assert (shown["revision"], shown["enabled"]) == (1, True)
    enough = await with_role(business, everything)
    assert (await create(enough, slug="own"))["__typename"] == "IdentityProviderCreateSuccess"


async def test_without_the_permission_nothing(business: Business) -> None:
    manager = await business.user(Role.MANAGER)
    for name, variables in (
        ("IdentityProviderList", {}),
        ("IdentityProviderCreate", {"input": GIVEN}),
    ):
        with pytest.raises(GraphQLFailed) as refusal:
            await manager(operation(name), **variables)
        assert refusal.value.code == "FORBIDDEN"


async def test_the_log_holds_no_secret(api: Api, business: Business) -> None:
    made = (await create(business.admin, clientSecret=SECRET))["identityProvider"]
    await business.admin(
        operation("IdentityProviderUpdate"),
        input={"identityProviderId": made["id"], "clientSecret": f"{SECRET}-2", "name": "Other"},
    )
    ref = decode("IdentityProvider", made["id"])
    async with api.runtime.dbs.system.read(ref.tenant_id) as tx:
        rows = await tx.rows(
            "select type, data::text, to_jsonb(e)::text from events e where tenant_id = $1 and aggregate_id = $2"
            " order by revision",
            *ref,
        )
    assert [row[0] for row in rows] == ["IDENTITY_PROVIDER_CREATED", "IDENTITY_PROVIDER_UPDATED"]
    assert '"secret_sealed"' in rows[1][1]
    assert SECRET not in "".join(row[2] for row in rows)
