"""Roles of a tenant's own: defined, given, changed, deleted; who may, what is refused, and what two at once may do."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from sqlmodel import func, select

from app.core.actor import Actor, ActorKind
from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events.models import EventRow
from app.identity import service
from app.identity.errors import LastAdmin, RoleNotGrantable
from app.identity.models import Role, User
from app.identity.permissions import MATRIX, Permission
from app.identity.roles import repository
from app.identity.roles import service as roles
from app.identity.roles.errors import CustomRoleNotGrantable, PermissionNotGrantable, RoleInUse, RoleNameTaken
from app.identity.roles.grants import permissions_of
from app.identity.roles.models import CustomRole
from app.identity.roles.service import NewRole
from app.identity.service import NewUser
from app.settings import Settings
from app.tenants.errors import LimitReached
from tests.identity.house import NOW, Business, House, hashed, open_house, unique

CALLER = ["queue:read", "session:call"]
# May define roles and give them, and little else.
PERSONNEL = frozenset({"role:read", "role:write", "user:read", "user:write", "queue:read"})


@pytest.fixture
async def house(migrated_settings: Settings) -> AsyncIterator[House]:
    async with open_house(migrated_settings) as opened:
        yield opened


@asynccontextmanager
async def acting_with(house: House, shop: Business, *permissions: str) -> AsyncIterator[WriteTx]:
    """A block in which somebody acts who may do exactly this."""
    actor = Actor(ActorKind.USER, shop.id, uuid4(), permissions=frozenset(permissions))
    async with house.dbs.app.write(shop.id, actor, "request-1") as tx:
        yield tx


async def new_role(house: House, shop: Business, *permissions: str, **values: object) -> CustomRole:
    given = NewRole(**({"name": unique("role"), "permissions": list(permissions or CALLER)} | values))  # type: ignore[arg-type]
    async with house.acting(shop.admin) as tx:
        return await roles.create(tx, given)


async def give(house: House, shop: Business, role: CustomRole) -> User:
    """A new user with the role."""
    async with house.acting(shop.admin) as tx:
        new = NewUser(f"{unique('user')}@shop.example", await hashed(), Role.CUSTOMER, custom_role_id=role.id)
        return await service.create(tx, new)


async def stored(house: House, shop: Business) -> dict[str, list[str]]:
    """Every role of the tenant: name and permissions."""
    async with house.dbs.app.read(shop.id) as tx:
        found = await tx.exec(select(CustomRole).where(CustomRole.tenant_id == shop.id))
        return {role.name: role.permissions for role in found}


async def last_event(house: House, shop: Business) -> dict[str, object]:
    async with house.dbs.system.read(shop.id) as tx:
        found = await tx.exec(select(EventRow).where(EventRow.tenant_id == shop.id, EventRow.aggregate_type == "role"))
        row = max(found, key=lambda row: row.revision)
        return {"type": row.type, "actor": row.actor} | row.data


async def test_a_role_allows_exactly_what_is_listed(house: House) -> None:
    shop = await house.business()
    role = await new_role(
        house,
        shop,
        "session:call",
        "queue:read",
        "session:call",
        name="  Floor lead ",
        description=" Calls. ",
        base_role=Role.MANAGER,
    )
    assert (role.name, role.description, role.base_role, role.permissions) == (
        "Floor lead",
        "Calls.",
        Role.MANAGER,
        CALLER,
    )
    assert (role.created_at, role.created_by, role.revision) == (NOW, f"USER:{shop.admin.id}", 1)
    user = await give(house, shop, role)
    assert (user.role, user.custom_role_id) == (Role.MANAGER, role.id)
    granted = await house.signed_in(shop, user)
    actor = await house.authenticator.authenticate(granted.access_token)
    # Not its base's, and not besides.
    assert actor.permissions == frozenset(CALLER)
    assert await house.events(shop.id, role.id) == [(1, "ROLE_CREATED")]


async def test_what_nobody_knows_any_more_is_not_allowed() -> None:
    assert permissions_of(Role.ADMIN, ["queue:read", "moon:land"]) == {"queue:read"}
    assert permissions_of(Role.STAFF, []) == frozenset()
    assert permissions_of(Role.STAFF, None) == MATRIX[Role.STAFF]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 81}),
        ("name", {"name": "two\nlines"}),
        ("name", {"name": "nul\x00"}),
        ("name", {"name": "Admin"}),
        ("name", {"name": "super admin"}),
        ("description", {"description": "x" * 501}),
        ("description", {"description": "nul\x00"}),
        ("permissions", {"permissions": []}),
        ("permissions", {"permissions": ["queue:read", "queue:burn"]}),
        ("baseRole", {"base_role": Role.CUSTOMER}),
        ("baseRole", {"base_role": Role.SUPER_ADMIN}),
    ],
)
async def test_unusable_values_name_their_field(house: House, field: str, values: dict[str, object]) -> None:
    shop = await house.business()
    with pytest.raises(InvalidInput) as refusal:
        await new_role(house, shop, **values)
    assert refusal.value.field == field
    assert await stored(house, shop) == {}


async def test_a_name_is_taken_within_the_tenant_however_it_is_written(house: House) -> None:
    shop, other = await house.business(), await house.business()
    await new_role(house, shop, name="Cashier")
    await new_role(house, other, name="Cashier")
    with pytest.raises(RoleNameTaken):
        await new_role(house, shop, name="CASHIER")
    second = await new_role(house, shop, name="Porter")
    with pytest.raises(RoleNameTaken):
        async with house.acting(shop.admin) as tx:
            await roles.update(tx, second.id, {"name": "cashier"})
    assert sorted(await stored(house, shop)) == ["Cashier", "Porter"]


async def test_two_who_define_the_same_role_at_once(house: House) -> None:
    shop = await house.business()

    async def define() -> str:
        try:
            await new_role(house, shop, name="Cashier")
        except RoleNameTaken:
            return "taken"
        return "defined"

    answers = await asyncio.gather(*[define() for _ in range(5)])
    assert sorted(answers) == ["defined"] + ["taken"] * 4
    assert list(await stored(house, shop)) == ["Cashier"]


async def test_the_limit_holds_to_the_last_one_under_contention(house: House) -> None:
    shop = await house.business(limits={"custom_roles": 2})

    async def define() -> object:
        try:
            return (await new_role(house, shop)).id
        except LimitReached as refusal:
            return (refusal.limit, refusal.maximum)

    answers = await asyncio.gather(*[define() for _ in range(5)])
    assert answers.count(("customRoles", 2)) == 3
    assert len(await stored(house, shop)) == 2


async def test_nobody_defines_what_they_may_not_do_themselves(house: House) -> None:
    shop = await house.business()
    wide = await new_role(house, shop, "queue:read", "tenant:write", name="Wide")
    narrow = await new_role(house, shop, "queue:read", name="Narrow")
    before = await stored(house, shop)
    for attempt in (
        lambda tx: roles.create(tx, NewRole("New", ["queue:read", "tenant:write"])),
        lambda tx: roles.update(tx, narrow.id, {"permissions": ["queue:read", "tenant:write"]}),
        # Nor takes, from those who may do more than they.
        lambda tx: roles.update(tx, wide.id, {"permissions": ["queue:read"]}),
        lambda tx: roles.update(tx, wide.id, {"name": "Renamed"}),
        lambda tx: roles.delete(tx, wide.id),
    ):
        with pytest.raises(PermissionNotGrantable) as refusal:
            async with acting_with(house, shop, *PERSONNEL) as tx:
                await attempt(tx)
        assert refusal.value.permissions == ["tenant:write"]
    assert await stored(house, shop) == before
    async with acting_with(house, shop, *PERSONNEL) as tx:
        await roles.update(tx, narrow.id, {"permissions": ["queue:read", "user:read"]})
        await roles.create(tx, NewRole("Mine", sorted(PERSONNEL)))
    async with house.acting(shop.admin) as tx:
        with pytest.raises(PermissionNotGrantable):
            await roles.create(tx, NewRole("Operator", [Permission.PLATFORM_TENANTS]))


async def test_nobody_gives_or_takes_a_role_that_allows_more_than_they_may(house: House) -> None:
    shop = await house.business()
    wide, narrow = await new_role(house, shop, "queue:read", "tenant:write"), await new_role(house, shop, "queue:read")
    strong, weak = await give(house, shop, wide), await give(house, shop, narrow)
    new = NewUser("new@shop.example", await hashed(), Role.CUSTOMER, custom_role_id=wide.id)
    for attempt in (
        lambda tx: service.create(tx, new),
        lambda tx: service.update(tx, weak.id, {"custom_role_id": wide.id}),
        lambda tx: service.update(tx, strong.id, {"custom_role_id": narrow.id}),
        lambda tx: service.update(tx, strong.id, {"role": Role.CUSTOMER}),
        lambda tx: service.update(tx, strong.id, {"first_name": "Renamed"}),
        lambda tx: service.deactivate(tx, strong.id),
    ):
        with pytest.raises(CustomRoleNotGrantable, match="`tenant:write`"):
            async with acting_with(house, shop, *PERSONNEL) as tx:
                await attempt(tx)
    # Its base, which they do not have either.
    with pytest.raises(RoleNotGrantable):
        async with acting_with(house, shop, *PERSONNEL) as tx:
            await service.update(tx, weak.id, {"custom_role_id": None})
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.get_one(User, (shop.id, strong.id))).custom_role_id == wide.id
        assert (await tx.get_one(User, (shop.id, weak.id))).custom_role_id == narrow.id


async def test_a_role_is_given_instead_of_another_and_taken_again(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop)
    user = await house.user(shop, Role.CUSTOMER)
    version = user.permission_version
    for changes, after in (
        ({"custom_role_id": role.id}, (Role.STAFF, role.id)),
        ({"custom_role_id": role.id}, (Role.STAFF, role.id)),
        ({"custom_role_id": None}, (Role.STAFF, None)),
        ({"custom_role_id": role.id}, (Role.STAFF, role.id)),
        ({"role": Role.MANAGER}, (Role.MANAGER, None)),
    ):
        async with house.acting(shop.admin) as tx:
            changed = await service.update(tx, user.id, changes)  # type: ignore[arg-type]
        assert (changed.role, changed.custom_role_id) == after
    assert changed.permission_version == version + 4
    with pytest.raises(InvalidInput) as refusal:
        async with house.acting(shop.admin) as tx:
            await service.update(tx, user.id, {"role": Role.STAFF, "custom_role_id": role.id})
    assert refusal.value.field == "customRoleId"


async def test_another_tenants_role_is_not_found(house: House) -> None:
    shop, other = await house.business(), await house.business()
    theirs = await new_role(house, other)
    staff = await house.user(shop)
    new = NewUser("new@shop.example", await hashed(), Role.STAFF, custom_role_id=theirs.id)
    for attempt in (
        lambda tx: service.create(tx, new),
        lambda tx: service.update(tx, staff.id, {"custom_role_id": theirs.id}),
        lambda tx: roles.update(tx, theirs.id, {"name": "Taken"}),
        lambda tx: roles.delete(tx, theirs.id),
    ):
        with pytest.raises(NotFound):
            async with house.acting(shop.admin) as tx:
                await attempt(tx)
    assert list(await stored(house, other)) == [theirs.name]


async def test_a_custom_role_counts_as_its_base(house: House) -> None:
    shop = await house.business(limits={"staff": 2})
    role = await new_role(house, shop, base_role=Role.ADMIN)
    await give(house, shop, role)
    with pytest.raises(LimitReached):
        await give(house, shop, role)
    customer = await house.user(shop, Role.CUSTOMER)
    with pytest.raises(LimitReached):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, customer.id, {"custom_role_id": role.id})
    # But it is no administrator without whom nobody could manage the tenant.
    with pytest.raises(LastAdmin):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, shop.admin.id, {"custom_role_id": role.id})


async def test_tokens_do_not_name_the_base(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop, base_role=Role.ADMIN)
    user = await give(house, shop, role)
    granted = await house.signed_in(shop, user)
    payload = granted.access_token.split(".")[1]
    assert f'"CUSTOM:{role.id}"' in _decoded(payload)
    assert "ADMIN" not in _decoded(payload)


def _decoded(payload: str) -> str:
    return urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()


async def test_a_change_is_for_all_who_have_it_and_their_tokens_stay_good(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop)
    tokens = [(await house.signed_in(shop, await give(house, shop, role))).access_token for _ in range(2)]
    actors = [await house.authenticator.authenticate(token) for token in tokens]
    async with house.acting(shop.admin) as tx:
        await roles.update(tx, role.id, {"permissions": ["queue:read", "event:read"], "name": role.name})
    house.authenticator.forget(shop.id)
    for token, before in zip(tokens, actors, strict=True):
        now = await house.authenticator.authenticate(token)
        assert now.permissions == {"queue:read", "event:read"}
        assert (await house.authenticator.reauthenticate(before)).permissions == now.permissions
    assert await last_event(house, shop) == {
        "type": "ROLE_UPDATED",
        "actor": f"USER:{shop.admin.id}",
        "changed": ["permissions"],
        "permissions": ["event:read", "queue:read"],
    }


async def test_a_process_that_heard_nothing_knows_after_two_seconds(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop)
    token = (await house.signed_in(shop, await give(house, shop, role))).access_token
    assert "session:call" in (await house.authenticator.authenticate(token)).permissions
    async with house.acting(shop.admin) as tx:
        await roles.update(tx, role.id, {"permissions": ["queue:read"]})
    house.clock.advance(seconds=2)
    assert (await house.authenticator.authenticate(token)).permissions == {"queue:read"}


async def test_what_changes_nothing_is_no_event(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop, name="Cashier")
    async with house.acting(shop.admin) as tx:
        same = await roles.update(tx, role.id, {"name": " Cashier", "description": "", "permissions": CALLER[::-1]})
    assert same.revision == 1
    assert await house.events(shop.id, role.id) == [(1, "ROLE_CREATED")]


async def test_a_role_somebody_has_stays(house: House) -> None:
    shop = await house.business()
    role = await new_role(house, shop)
    user = await give(house, shop, role)
    async with house.acting(shop.admin) as tx:
        await service.deactivate(tx, user.id)
    with pytest.raises(RoleInUse) as refusal:
        async with house.acting(shop.admin) as tx:
            await roles.delete(tx, role.id)
    assert refusal.value.user_count == 1
    async with house.acting(shop.admin) as tx:
        await service.update(tx, user.id, {"role": Role.STAFF})
        await roles.delete(tx, role.id)
    assert await stored(house, shop) == {}
    assert await house.events(shop.id, role.id) == [(1, "ROLE_CREATED"), (2, "ROLE_DELETED")]


async def test_who_deletes_a_role_and_who_gives_it_go_one_after_the_other(house: House) -> None:
    shop = await house.business()
    outcomes = set()
    for _ in range(6):
        role = await new_role(house, shop)
        user = await house.user(shop)

        async def delete(id: object = role.id) -> object:
            async with house.acting(shop.admin) as tx:
                return await roles.delete(tx, id)  # type: ignore[arg-type]

        async def assign(user_id: object = user.id, id: object = role.id) -> object:
            async with house.acting(shop.admin) as tx:
                return await service.update(tx, user_id, {"custom_role_id": id})  # type: ignore[arg-type, typeddict-item]

        deleted, assigned = await asyncio.gather(delete(), assign(), return_exceptions=True)
        outcomes.add((type(deleted), type(assigned)))
        async with house.dbs.app.read(shop.id) as tx:
            count = await tx.exec(select(func.count()).select_from(CustomRole).where(CustomRole.id == role.id))
            holder = (await tx.get_one(User, (shop.id, user.id))).custom_role_id
        assert (holder == role.id) == (count.one() == 1)
    assert outcomes <= {(RoleInUse, User), (CustomRole, NotFound)}


async def test_roles_are_listed_in_order_with_how_many_have_them(house: House) -> None:
    shop = await house.business()
    first, second = await new_role(house, shop), await new_role(house, shop)
    for role in (second, second):
        await give(house, shop, role)
    async with house.dbs.app.read(shop.id) as tx:
        assert await repository.user_counts(tx, [first.id, second.id]) == {first.id: 0, second.id: 2}
        assert await repository.count(tx) == 2
