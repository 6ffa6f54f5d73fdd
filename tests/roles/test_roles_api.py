"""Custom roles over the API, as front-ends use them: by the contract's operations, and seen from another process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed, new_app
from tests.support.waiting import eventually

ME = "{ viewer { ... on User { id role permissions customRole { id name permissions userCount } } } }"
USERS = "{ users(first: 50) { edges { node { id } } } }"


async def new_role(business: Business, *permissions: str, **values: Any) -> dict[str, Any]:
    given = {"name": f"Role {uuid4().hex[:8]}", "permissions": list(permissions)} | values
    made = await business.admin(operation("CustomRoleCreate"), input=given)
    assert made["__typename"] == "CustomRoleCreateSuccess", made
    role: dict[str, Any] = made["customRole"]
    return role


async def holder(business: Business, role_id: str) -> Caller:
    """A user with the role, signed in."""
    email = f"{uuid4().hex[:12]}@{business.slug}.example"
    made = await business.admin(
        operation("UserCreate"), input={"email": email, "password": PASSWORD, "customRoleId": role_id}
    )
    assert made["__typename"] == "UserCreateSuccess", made
    assert made["user"]["customRole"]["id"] == role_id
    return await business.api.sign_in(business.slug, email)


async def code(caller: Caller, document: str, **variables: Any) -> str | None:
    try:
        await caller(document, **variables)
    except GraphQLFailed as failure:
        return str(failure.code)
    return None


@asynccontextmanager
async def another_process(settings: Settings) -> AsyncIterator[Api]:
    """A second API process: its own memory, the same database and bus."""
    app = new_app(settings, SystemClock())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Api(app, http)


async def test_a_role_from_its_definition_to_its_end(api: Api, business: Business) -> None:
    role = await new_role(business, "user:read", "queue:read", name="Reader", description="Looks.", baseRole="MANAGER")
    assert (role["name"], role["baseRole"], role["permissions"], role["userCount"]) == (
        "Reader",
        "MANAGER",
        ["queue:read", "user:read"],
        0,
    )
    reader = await holder(business, role["id"])
    me = await reader(ME)
    assert (me["role"], me["permissions"]) == ("MANAGER", ["queue:read", "user:read"])
    # One's own role may be seen, but not how many others have it.
    assert me["customRole"] == {
        "id": role["id"],
        "name": "Reader",
        "permissions": ["queue:read", "user:read"],
        "userCount": None,
    }
    listed = await business.admin(operation("CustomRoleList"), first=10)
    assert [edge["node"] for edge in listed["edges"]] == [role | {"userCount": 1}]
    # Of others, with `role:read` only.
    others = "{ users(first: 5) { edges { node { role customRole { name } } } } }"
    assert [edge["node"] for edge in (await reader(others))["edges"]] == [
        {"role": "ADMIN", "customRole": None},
        {"role": "MANAGER", "customRole": {"name": "Reader"}},
    ]
    in_use = await business.admin(operation("CustomRoleDelete"), input={"customRoleId": role["id"]})
    assert (in_use["__typename"], in_use["userCount"]) == ("RoleInUseError", 1)
    changed = await business.admin(operation("UserUpdate"), input={"userId": me["id"], "role": "STAFF"})
    assert (changed["user"]["role"], changed["user"]["customRole"]) == ("STAFF", None)
    gone = await business.admin(operation("CustomRoleDelete"), input={"customRoleId": role["id"]})
    assert gone == {"__typename": "CustomRoleDeleteSuccess", "customRoleId": role["id"]}
    assert await code(business.admin, "query($id: ID!) { node(id: $id) { id } }", id=role["id"]) == "NOT_FOUND"


async def test_what_is_refused_is_typed_and_changes_nothing(api: Api, business: Business) -> None:
    personnel = await holder(
        business, (await new_role(business, "role:read", "role:write", "user:read", "user:write"))["id"]
    )
    wide = await new_role(business, "tenant:write", name="Wide")
    before = await business.admin(operation("CustomRoleList"), first=10)
    for name, given in (
        ("CustomRoleCreate", {"name": "New", "permissions": ["tenant:write"]}),
        ("CustomRoleUpdate", {"customRoleId": wide["id"], "name": "Renamed"}),
        ("CustomRoleDelete", {"customRoleId": wide["id"]}),
    ):
        refused = await personnel(operation(name), input=given)
        assert (refused["__typename"], refused["permissions"]) == ("PermissionNotGrantableError", ["tenant:write"])
    given = {"email": "new@shop.example", "password": PASSWORD, "customRoleId": wide["id"]}
    refused = await personnel(operation("UserCreate"), input=given)
    assert (refused["__typename"], refused["role"]) == ("RoleNotGrantableError", "STAFF")
    taken = await business.admin(operation("CustomRoleCreate"), input={"name": "WIDE", "permissions": ["queue:read"]})
    assert taken["__typename"] == "RoleNameTakenError"
    wrong = await business.admin(operation("CustomRoleCreate"), input={"name": "Admin", "permissions": ["queue:read"]})
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "name")
    assert await business.admin(operation("CustomRoleList"), first=10) == before
    other = await api.new_business()
    for name, given in (
        ("CustomRoleUpdate", {"customRoleId": wide["id"], "name": "Taken"}),
        ("CustomRoleDelete", {"customRoleId": wide["id"]}),
        ("UserCreate", {"email": "spy@shop.example", "password": PASSWORD, "customRoleId": wide["id"]}),
    ):
        assert await code(other.admin, operation(name), input=given) == "NOT_FOUND"
    assert await business.admin(operation("CustomRoleList"), first=10) == before


async def test_requests_and_open_sockets_follow_a_change_in_every_process(api: Api, business: Business) -> None:
    role = await new_role(business, "user:read", "queue:read")
    here = await holder(business, role["id"])
    async with another_process(api.runtime.settings) as there_api:
        there = Caller(there_api, here.token)
        for caller in (here, there):
            assert await code(caller, USERS) is None
        queue_id = await business.queue()
        document = "subscription($id: ID!) { queueChanged(queueId: $id) { revision } }"
        async with here.socket() as near, there.socket() as far, business.admin.socket() as untouched:
            for socket in (near, far, untouched):
                await (await socket.subscribe(document, {"id": queue_id})).item()
            changed = await business.admin(
                operation("CustomRoleUpdate"), input={"customRoleId": role["id"], "permissions": ["queue:read"]}
            )
            assert changed["__typename"] == "CustomRoleUpdateSuccess"
            # With the same tokens: here at once, elsewhere as soon as the bus or two seconds have said it.
            assert await code(here, USERS) == "FORBIDDEN"
            for socket in (near, far):
                closed = await socket.closed()
                assert (closed.code, closed.reason) == (4403, "Permissions changed")
            assert await code(there, USERS) == "FORBIDDEN"
            # And they come back, to less.
            async with there.socket() as again:
                assert await (await again.subscribe(document, {"id": queue_id})).item()
            assert await (await untouched.subscribe("{ viewer { __typename } }")).item() == {"__typename": "User"}
        await business.admin(
            operation("CustomRoleUpdate"),
            input={"customRoleId": role["id"], "permissions": ["queue:read", "user:read"]},
        )
        assert await code(here, USERS) is None

        async def may_again() -> bool:
            return await code(there, USERS) is None

        await eventually(may_again)


async def test_a_socket_is_closed_when_a_role_is_taken_from_its_user(api: Api, business: Business) -> None:
    role = await new_role(business, "user:read")
    user = await holder(business, role["id"])
    me = await user(ME)
    async with user.socket() as socket:
        assert await (await socket.subscribe("{ viewer { __typename } }")).item() == {"__typename": "User"}
        await business.admin(operation("UserUpdate"), input={"userId": me["id"], "role": "CUSTOMER"})
        assert (await socket.closed()).code == 4403
    # The token was given out before: it has to be refreshed.
    assert await code_of_token(user) == "UNAUTHENTICATED"


async def code_of_token(caller: Caller) -> str:
    body = (await caller.send("{ viewer { __typename } }")).json()
    return str(body["errors"][0]["extensions"]["code"])


async def test_the_limit_and_its_use_are_visible(api: Api) -> None:
    business = await api.new_business(limits={"custom_roles": 1})
    await new_role(business, "queue:read")
    refused = await business.admin(operation("CustomRoleCreate"), input={"name": "Two", "permissions": ["queue:read"]})
    assert (refused["__typename"], refused["limit"], refused["maximum"]) == ("LimitReachedError", "customRoles", 1)
    shown = await business.admin(
        "query($s: String!) { tenant(slug: $s) { limits { customRoles } usage { customRoles } } }", s=business.slug
    )
    assert shown == {"limits": {"customRoles": 1}, "usage": {"customRoles": 1}}


@pytest.mark.parametrize("permission", ["role:read", "role:write"])
async def test_the_permissions_of_roles_are_apart(api: Api, business: Business, permission: str) -> None:
    somebody = await holder(business, (await new_role(business, permission))["id"])
    listed = await code(somebody, operation("CustomRoleList"), first=5)
    made = await code(somebody, operation("CustomRoleCreate"), input={"name": "Mine", "permissions": [permission]})
    assert (listed, made) == ((None, "FORBIDDEN") if permission == "role:read" else ("FORBIDDEN", None))
