"""Every permission and every root field it opens, row by row, made from the matrix and the schema.

A stranger and a visitor are asked to sign in; another tenant's staff, who have the permission at home, find nothing of
ours; who has every other permission is refused; who has this one and no other passes. The last two are one person,
whose custom role is changed while they work: what they may do follows, with the token they have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from app.core.graphql.permissions import Requires
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from tests.schema.nested import declared
from tests.schema.test_permissions import FIELDS, HARMLESS, codes
from tests.support.api import PASSWORD, Api, Caller
from tests.support.holdings import Holdings, holdings, platform
from tests.support.schema_walk import RootField, schema
from tests.support.ws_client import OperationFailed

GATED: Mapping[Permission, list[RootField]] = {
    permission: [
        field for field in FIELDS if isinstance(field.access, Requires) and field.access.permission == permission
    ]
    for permission in Permission
}
# Where an id narrows a list of one's own: another tenant's leaves an empty page.
FILTERS = {"alerts", "notifications"}


@dataclass(frozen=True)
class World:
    """A business whose things are wanted; and in the platform's tenant, where there is every permission, a role."""

    victim: Holdings
    operator: Caller
    role_id: str
    tailored: Caller
    other_admin: Caller

    async def wear(self, *permissions: Permission) -> None:
        """From now on the person may do exactly this."""
        changed = await self.operator(
            "mutation($i: CustomRoleUpdateInput!) { customRoleUpdate(input: $i) { __typename } }",
            i={"customRoleId": self.role_id, "permissions": sorted(permissions)},
        )
        assert changed["__typename"] == "CustomRoleUpdateSuccess", changed


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    operator = await platform(api)
    made = await operator(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": "To measure", "permissions": sorted(Permission)},
    )
    email, role_id = f"{uuid4().hex}@platform.example", made["customRole"]["id"]
    await operator(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { __typename } }",
        i={"email": email, "password": PASSWORD, "customRoleId": role_id},
    )
    slug = (await operator("{ tenant { slug } }"))["slug"]
    other = await api.new_business()
    return World(await holdings(api), operator, role_id, await api.sign_in(slug, email), other.admin)


async def answer(caller: Caller, field: RootField, victim: Holdings) -> dict[str, Any]:
    """What somebody gets who names our things."""
    harmless = {path: HARMLESS[field.name, path[-1]] for path in field.leaves if (field.name, path[-1]) in HARMLESS}
    variables = field.arguments({**{path: victim.ids[kind] for path, kind in field.ids.items()}, **harmless})
    document = field.document(variables)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            try:
                return await (await socket.subscribe(document, variables)).payload()
            except OperationFailed as refusal:
                return {"errors": refusal.errors}
    body: dict[str, Any] = (await caller.send(document, **variables)).json()
    return body


def codes_in(body: Mapping[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in body.get("errors", [])}


@pytest.mark.parametrize("permission", list(Permission))
async def test_every_permission_opens_its_fields_and_no_other_does(
    api: Api, world: World, permission: Permission
) -> None:
    fields = GATED[permission]
    before = await world.victim.rows()
    for field in fields:
        for nobody in (api.anonymous, world.victim.neighbour.visitor):
            assert codes_in(await answer(nobody, field, world.victim)) == {"UNAUTHENTICATED"}, field
        if permission in MATRIX[Role.ADMIN]:
            theirs = await answer(world.other_admin, field, world.victim)
            assert world.victim.secret not in repr(theirs), field
            assert world.victim.label not in repr(theirs), field
            if field.ids and field.name not in FILTERS:
                assert codes_in(theirs) == {"NOT_FOUND"}, field
        else:
            assert codes_in(await answer(world.other_admin, field, world.victim)) == {"FORBIDDEN"}, field
    await world.wear(*(each for each in Permission if each is not permission))
    for field in fields:
        assert await codes(world.tailored, field) == {"FORBIDDEN"}, field
    assert await world.victim.rows() == before
    await world.wear(permission)
    for field in fields:
        assert await codes(world.tailored, field) <= {"NOT_FOUND"}, field


def test_every_permission_opens_something() -> None:
    below = {name for each in declared(schema()) for name in each.permissions}
    # Opens a field whose rule is finer than one permission, tested for itself.
    finer = {
        Permission.EXPORT_PERSONAL,
        Permission.SESSION_WRITE,
        Permission.TENANT_WRITE,
        Permission.PLATFORM_ALERTS,
        Permission.REPORT_ADDRESS,
    }
    assert {each for each in Permission if not GATED[each]} <= below | finer
