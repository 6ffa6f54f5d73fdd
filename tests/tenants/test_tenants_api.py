"""Tenants over the API: the public face, the inside, the platform's verbs, and what a suspension does to everybody."""

from typing import Any
from uuid import uuid4

import pytest

from app.core.ids import encode
from app.identity.models import Role
from app.seeding import seed_demo
from app.settings import Settings
from app.tenants.models import PLATFORM_SLUG
from tests.support.api import JOIN, PASSWORD, Api, Business, Caller, GraphQLFailed

FACE = "id name slug domain description status branding { logoUrl primaryColor welcomeText } createdAt updatedAt"
INSIDE = (
    "settings { shiftRequired timeZone defaultLocale } limits { queues waitingSessions staff }"
    " usage { queues waitingSessions staff }"
)
TENANT = f"query($s: String!) {{ tenant(slug: $s) {{ {FACE} {INSIDE} }} }}"
TENANTS = """query($n: Int!, $a: String) { tenants(first: $n, after: $a) {
  edges { node { slug usage { staff } } } pageInfo { hasNextPage endCursor } } }"""
LOGIN = "mutation($i: UserLoginInput!) { userLogin(input: $i) { ... on UserLoginSuccess { accessToken } } }"
VIEWER = "{ viewer { __typename } }"
ERRORS = {
    "tenantCreate": (
        "... on InvalidInputError { field } ... on SlugTakenError { slug } ... on DomainTakenError { domain }"
    ),
    "tenantUpdate": "... on InvalidInputError { field } ... on SlugTakenError { slug }",
    "tenantDelete": "... on InvalidInputError { field }",
    "tenantReactivate": "",
    "tenantSuspend": "",
}


def verb(name: str) -> str:
    """The document of a tenant mutation."""
    kind = name[0].upper() + name[1:]
    fields = "tenantId" if name == "tenantDelete" else f"tenant {{ {FACE} {INSIDE} }}"
    message = "" if name == "tenantReactivate" else "... on UserError { message }"
    return f"""mutation($i: {kind}Input!) {{ {name}(input: $i) {{
      __typename ... on {kind}Success {{ {fields} }} {message} {ERRORS[name]} }} }}"""


async def refused(caller: Caller, document: str, **variables: Any) -> str:
    with pytest.raises(GraphQLFailed) as failure:
        await caller(document, **variables)
    return str(failure.value.code)


@pytest.fixture
async def operator(api: Api, migrated_settings: Settings) -> Caller:
    """The platform's super-admin, seeded by whichever test needs them first."""
    given = {
        "tenantSlug": PLATFORM_SLUG,
        "email": "super@demo.example",
        "password": migrated_settings.demo_password,
    }
    answer = await api.anonymous(LOGIN, i=given)
    if "accessToken" not in answer:
        await seed_demo(migrated_settings)
        answer = await api.anonymous(LOGIN, i=given)
    return Caller(api, answer["accessToken"])


async def face(api: Api, slug: str) -> dict[str, Any]:
    tenant: dict[str, Any] = await api.anonymous(TENANT, s=slug)
    return tenant


async def test_the_face_is_public_and_the_inside_is_not(api: Api, business: Business, operator: Caller) -> None:
    await business.queue()
    joined = await business.join(await business.queue())
    other = await api.new_business()
    seen = await face(api, business.slug)
    assert (seen["slug"], seen["name"], seen["status"]) == (business.slug, "Business", "ACTIVE")
    assert (seen["settings"], seen["limits"], seen["usage"]) == (None, None, None)
    customer = await business.user(Role.CUSTOMER)
    for stranger in (joined.visitor, customer, other.admin):
        assert await stranger(TENANT, s=business.slug) == seen
    inside = seen | {
        "settings": {"shiftRequired": False, "timeZone": "UTC", "defaultLocale": "en"},
        "limits": {"queues": 100, "waitingSessions": 100_000, "staff": 500},
        "usage": {"queues": 2, "waitingSessions": 1, "staff": 2},
    }
    for member in (await business.user(Role.STAFF), business.admin, operator):
        assert await member(TENANT, s=business.slug) == inside
    assert await api.anonymous(TENANT, s="no-such-business") is None
    assert await api.anonymous(TENANT, s="\x00") is None


async def test_a_tenants_node_is_for_its_own_people(api: Api, business: Business) -> None:
    id = (await face(api, business.slug))["id"]
    node = "query($id: ID!) { node(id: $id) { __typename id } }"
    assert await business.admin(node, id=id) == {"__typename": "Tenant", "id": id}
    other = await api.new_business()
    assert await refused(other.admin, node, id=id) == "NOT_FOUND"


async def test_the_list_is_the_platforms(api: Api, business: Business, operator: Caller) -> None:
    assert await refused(api.anonymous, TENANTS, n=1) == "UNAUTHENTICATED"
    assert await refused((await business.join(await business.queue())).visitor, TENANTS, n=1) == "UNAUTHENTICATED"
    assert await refused(business.admin, TENANTS, n=1) == "FORBIDDEN"
    seen: list[str] = []
    after = None
    while True:
        page = await operator(TENANTS, n=50, a=after)
        seen += [edge["node"]["slug"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert {business.slug, PLATFORM_SLUG, "demo"} <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_created_tenant_can_be_used_at_once(api: Api, operator: Caller) -> None:
    slug = f"t-{uuid4().hex[:10]}"
    given = {
        "name": "New",
        "slug": slug,
        "adminEmail": "Admin@New.Example",
        "adminPassword": PASSWORD,
        "settings": {"timeZone": "Europe/Berlin"},
        "branding": {"primaryColor": "#1A73E8"},
        "limits": {"queues": 1},
        "idempotencyKey": uuid4().hex,
    }
    first = await operator(verb("tenantCreate"), i=given)
    assert first["__typename"] == "TenantCreateSuccess"
    assert first["tenant"]["settings"]["timeZone"] == "Europe/Berlin"
    assert first["tenant"]["branding"]["primaryColor"] == "#1a73e8"
    assert first["tenant"]["limits"] == {"queues": 1, "waitingSessions": 100_000, "staff": 500}
    assert first["tenant"]["usage"] == {"queues": 0, "waitingSessions": 0, "staff": 1}
    assert await operator(verb("tenantCreate"), i=given) == first
    conflict = await operator(verb("tenantCreate"), i=given | {"name": "Newer"})
    assert conflict["__typename"] == "IdempotencyConflictError"
    business = Business(api, slug, await api.sign_in(slug, "admin@new.example"))
    queue = await business.queue()
    assert (await business.join(queue)).position == 1
    limited = await business.admin(
        "mutation($i: QueueCreateInput!) { queueCreate(input: $i) {"
        " __typename ... on LimitReachedError { limit maximum } } }",
        i={"name": "Second", "slug": "second"},
    )
    assert limited == {"__typename": "LimitReachedError", "limit": "queues", "maximum": 1}


async def test_each_refusal_of_a_creation_has_its_type(business: Business, operator: Caller) -> None:
    async def create(**values: Any) -> dict[str, Any]:
        given = {
            "name": "New",
            "slug": f"t-{uuid4().hex[:10]}",
            "adminEmail": "admin@new.example",
            "adminPassword": PASSWORD,
        }
        answer: dict[str, Any] = await operator(verb("tenantCreate"), i=given | values)
        return answer

    assert (await create(slug=business.slug))["slug"] == business.slug
    assert (await create(adminPassword="password"))["__typename"] == "WeakPasswordError"
    for field, values in {
        "slug": {"slug": "Not A Slug"},
        "name": {"name": ""},
        "adminEmail": {"adminEmail": "nobody"},
        "branding.logoUrl": {"branding": {"logoUrl": "javascript:alert(1)"}},
        "idempotencyKey": {"idempotencyKey": ""},
    }.items():
        answer = await create(**values)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)
    domain = f"{uuid4().hex[:10]}.example"
    assert (await create(domain=domain))["__typename"] == "TenantCreateSuccess"
    assert (await create(domain=domain))["domain"] == domain


@pytest.mark.parametrize("name", ["tenantCreate", "tenantSuspend", "tenantReactivate", "tenantDelete"])
async def test_who_may_run_the_platform(api: Api, business: Business, name: str) -> None:
    id = (await face(api, business.slug))["id"]
    created = f"t-{uuid4().hex[:10]}"
    values: dict[str, Any] = {
        "tenantCreate": {"name": "N", "slug": created, "adminEmail": "a@n.example", "adminPassword": PASSWORD},
        "tenantDelete": {"tenantId": id, "slug": business.slug},
    }.get(name, {"tenantId": id})
    visitor = (await business.join(await business.queue())).visitor
    before = await face(api, business.slug)
    assert await refused(api.anonymous, verb(name), i=values) == "UNAUTHENTICATED"
    assert await refused(visitor, verb(name), i=values) == "UNAUTHENTICATED"
    assert await refused(business.admin, verb(name), i=values) == "FORBIDDEN"
    assert await face(api, business.slug) == before
    assert await api.anonymous(TENANT, s=created) is None


async def test_who_may_change_a_tenant(api: Api, business: Business, operator: Caller) -> None:
    other = await api.new_business()
    id = (await face(api, business.slug))["id"]
    staff = await business.user(Role.MANAGER)
    visitor = (await business.join(await business.queue())).visitor
    mine = {"tenantId": id, "name": "Renamed", "settings": {"shiftRequired": True}}
    assert await refused(api.anonymous, verb("tenantUpdate"), i=mine) == "UNAUTHENTICATED"
    assert await refused(visitor, verb("tenantUpdate"), i=mine) == "UNAUTHENTICATED"
    assert await refused(staff, verb("tenantUpdate"), i=mine) == "FORBIDDEN"
    assert await refused(other.admin, verb("tenantUpdate"), i=mine) == "NOT_FOUND"
    for platform_only in ({"slug": "mine"}, {"domain": "mine.example"}, {"limits": {"staff": 1_000}}):
        assert await refused(business.admin, verb("tenantUpdate"), i={"tenantId": id} | platform_only) == "FORBIDDEN"
    assert (await face(api, business.slug))["name"] == "Business"

    changed = (await business.admin(verb("tenantUpdate"), i=mine))["tenant"]
    assert (changed["name"], changed["settings"]["shiftRequired"]) == ("Renamed", True)
    wrong = await business.admin(verb("tenantUpdate"), i={"tenantId": id, "settings": {"timeZone": "Mars"}})
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "settings.timeZone")

    by_platform = {"tenantId": id, "limits": {"staff": 7}, "description": "A shop", "domain": f"{uuid4().hex}.example"}
    changed = (await operator(verb("tenantUpdate"), i=by_platform))["tenant"]
    assert (changed["limits"]["staff"], changed["description"], changed["name"]) == (7, "A shop", "Renamed")
    cleared = await operator(verb("tenantUpdate"), i={"tenantId": id, "domain": None, "name": None})
    assert (cleared["tenant"]["domain"], cleared["tenant"]["name"]) == (None, "Renamed")


async def test_an_id_that_mixes_two_tenants_is_not_found(api: Api, business: Business) -> None:
    from app.core.ids import decode

    other = await api.new_business()
    mine = decode("Tenant", (await face(api, business.slug))["id"])
    theirs = decode("Tenant", (await face(api, other.slug))["id"])
    mixed = encode("Tenant", mine.tenant_id, theirs.id)
    assert await refused(business.admin, verb("tenantUpdate"), i={"tenantId": mixed, "name": "Mine"}) == "NOT_FOUND"
    assert (await face(api, other.slug))["name"] == "Business"


async def test_a_suspension_turns_everybody_away_at_once_and_ends(
    api: Api, business: Business, operator: Caller
) -> None:
    queue = await business.queue()
    joined = await business.join(queue)
    id = (await face(api, business.slug))["id"]
    suspended = await operator(verb("tenantSuspend"), i={"tenantId": id})
    assert suspended["tenant"]["status"] == "SUSPENDED"
    for caller in (business.admin, joined.visitor):
        response = await caller.send(VIEWER)
        assert response.status_code == 403
        assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await refused(api.anonymous, JOIN, i={"queueId": queue}) == "FORBIDDEN"
    # What it is, and that it does not serve, may be shown.
    assert (await face(api, business.slug))["status"] == "SUSPENDED"
    assert (await operator(verb("tenantReactivate"), i={"tenantId": id}))["tenant"]["status"] == "ACTIVE"
    assert await business.admin(VIEWER) == {"__typename": "User"}
    assert await joined.visitor(VIEWER) == {"__typename": "Visitor"}


async def test_deleting_needs_a_suspension_and_the_slug(api: Api, business: Business, operator: Caller) -> None:
    id = (await face(api, business.slug))["id"]
    values = {"tenantId": id, "slug": business.slug}
    assert (await operator(verb("tenantDelete"), i=values))["__typename"] == "TenantNotSuspendedError"
    await operator(verb("tenantSuspend"), i={"tenantId": id})
    wrong = await operator(verb("tenantDelete"), i=values | {"slug": "another"})
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "slug")
    assert await operator(verb("tenantDelete"), i=values) == {"__typename": "TenantDeleteSuccess", "tenantId": id}
    assert await api.anonymous(TENANT, s=business.slug) is None
    assert await refused(operator, verb("tenantDelete"), i=values) == "NOT_FOUND"
    assert await refused(business.admin, VIEWER) in ("UNAUTHENTICATED", "FORBIDDEN")


async def test_the_platform_itself_stays(api: Api, operator: Caller) -> None:
    id = (await face(api, PLATFORM_SLUG))["id"]
    for name, values in (
        ("tenantSuspend", {}),
        ("tenantUpdate", {"slug": "mine"}),
        ("tenantDelete", {"slug": PLATFORM_SLUG}),
    ):
        answer = await operator(verb(name), i={"tenantId": id} | values)
        assert answer["__typename"] == "PlatformTenantProtectedError"
    assert (await face(api, PLATFORM_SLUG))["status"] == "ACTIVE"
