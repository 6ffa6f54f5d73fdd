"""Users: created, changed, deactivated; who may, what is refused, and what two at once may do."""

import asyncio
from uuid import uuid4

import pytest
from sqlmodel import func, select

from app.core.errors import InvalidInput, NotFound
from app.identity import repository, service
from app.identity.errors import EmailTaken, LastAdmin, RoleNotGrantable, SelfDeactivation, UsernameTaken
from app.identity.models import Role, User, UserStatus
from app.identity.service import NewUser
from app.tenants.errors import LimitReached
from tests.identity.house import NOW, Business, House, hashed, unique


async def new(role: Role = Role.STAFF, **values: str) -> NewUser:
    return NewUser(values.pop("email", f"{unique('user')}@shop.example"), await hashed(), role, **values)


async def count(house: House, shop: Business) -> int:
    async with house.dbs.app.read(shop.id) as tx:
        return (await tx.exec(select(func.count()).select_from(User).where(User.tenant_id == shop.id))).one()


async def test_a_new_user_can_be_read_back_as_given(house: House) -> None:
    shop = await house.business()
    async with house.acting(shop.admin) as tx:
        made = await service.create(
            tx,
            await new(
                email=" Ada.Lovelace@Shop.Example ",
                username="ada",
                first_name=" Ada ",
                last_name="",
                phone=" +49 (30) 901-820 ",
            ),
        )
    async with house.dbs.app.read(shop.id) as tx:
        user = await repository.get(tx, made.id)
    assert (user.email, user.username, user.first_name, user.last_name, user.phone) == (
        "ada.lovelace@shop.example",
        "ada",
        "Ada",
        None,
        "+49 (30) 901-820",
    )
    assert (user.role, user.status, user.created_at, user.created_by) == (
        Role.STAFF,
        UserStatus.ACTIVE,
        NOW,
        f"USER:{shop.admin.id}",
    )
    assert await house.events(shop.id, user.id) == [(1, "USER_CREATED")]
    text = await house.log_text(shop.id)
    assert "lovelace" not in text.lower()
    assert "901" not in text.split("USER_CREATED")[-1]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", {"email": "nobody"}),
        ("email", {"email": "a@b@c.example"}),
        ("email", {"email": "nul\x00@shop.example"}),
        ("email", {"email": "x" * 300 + "@shop.example"}),
        ("username", {"username": ""}),
        ("username", {"username": "a b"}),
        ("username", {"username": "x" * 65}),
        ("firstName", {"first_name": "x" * 101}),
        ("lastName", {"last_name": "two\nlines"}),
        ("phone", {"phone": "call me"}),
        ("phone", {"phone": "1" * 33}),
    ],
)
async def test_unusable_values_name_their_field(house: House, field: str, values: dict[str, str]) -> None:
    shop = await house.business()
    with pytest.raises(InvalidInput) as refusal:
        async with house.acting(shop.admin) as tx:
            await service.create(tx, await new(**values))
    assert refusal.value.field == field
    assert await count(house, shop) == 1


@pytest.mark.parametrize("email", ["x@intranet.local", "x@host.test", "x@bücher.example", "x+y@shop.example"])
async def test_addresses_of_intranets_and_other_scripts_are_fine(house: House, email: str) -> None:
    shop = await house.business()
    async with house.acting(shop.admin) as tx:
        assert (await service.create(tx, await new(email=email))).email == email


async def test_an_address_is_taken_within_the_tenant_only(house: House) -> None:
    shop, other = await house.business(), await house.business()
    for business in (shop, other):
        async with house.acting(business.admin) as tx:
            await service.create(tx, await new(email="same@shop.example", username="same"))
    with pytest.raises(EmailTaken):
        async with house.acting(shop.admin) as tx:
            await service.create(tx, await new(email="SAME@shop.example"))
    with pytest.raises(UsernameTaken):
        async with house.acting(shop.admin) as tx:
            await service.create(tx, await new(username="same"))
    assert await count(house, shop) == 2


async def test_two_who_create_the_same_user_at_once(house: House) -> None:
    shop = await house.business()
    ready = await new(email="same@shop.example")

    async def create() -> str:
        try:
            async with house.acting(shop.admin) as tx:
                await service.create(tx, ready)
        except EmailTaken:
            return "taken"
        return "created"

    answers = await asyncio.gather(*[create() for _ in range(5)])
    assert sorted(answers) == ["created"] + ["taken"] * 4
    assert await count(house, shop) == 2


async def test_the_staff_limit_holds_to_the_last_one_under_contention(house: House) -> None:
    shop = await house.business(limits={"staff": 3})
    ready = [await new() for _ in range(6)]

    async def create(user: NewUser) -> object:
        try:
            async with house.acting(shop.admin) as tx:
                return (await service.create(tx, user)).id
        except LimitReached as refusal:
            return (refusal.limit, refusal.maximum)

    answers = await asyncio.gather(*[create(user) for user in ready])
    assert answers.count(("staff", 3)) == 4
    assert await count(house, shop) == 3
    # Customers do not count; those who left do not either, until they come back.
    async with house.acting(shop.admin) as tx:
        customer = await service.create(tx, await new(Role.CUSTOMER))
    with pytest.raises(LimitReached):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, customer.id, {"role": Role.STAFF})
    left = next(answer for answer in answers if not isinstance(answer, tuple))
    async with house.acting(shop.admin) as tx:
        await service.deactivate(tx, left)  # type: ignore[arg-type]
        await service.update(tx, customer.id, {"role": Role.STAFF})
    with pytest.raises(LimitReached):
        async with house.acting(shop.admin) as tx:
            await service.reactivate(tx, left)  # type: ignore[arg-type]


async def test_an_administrator_makes_no_super_admin_and_touches_none(house: House) -> None:
    shop = await house.business()
    with pytest.raises(RoleNotGrantable):
        async with house.acting(shop.admin) as tx:
            await service.create(tx, await new(Role.SUPER_ADMIN))
    staff = await house.user(shop)
    with pytest.raises(RoleNotGrantable):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, staff.id, {"role": Role.SUPER_ADMIN})
    async with house.dbs.app.write(shop.id) as tx:
        above = await service.create(tx, await new(Role.SUPER_ADMIN))
    for attempt in (
        lambda tx: service.update(tx, above.id, {"first_name": "Mine"}),
        lambda tx: service.deactivate(tx, above.id),
    ):
        with pytest.raises(RoleNotGrantable):
            async with house.acting(shop.admin) as tx:
                await attempt(tx)
    async with house.dbs.app.read(shop.id) as tx:
        assert (await repository.get(tx, staff.id)).role is Role.STAFF
        assert (await repository.get(tx, above.id)).status is UserStatus.ACTIVE


async def test_changes_are_recorded_by_name_and_once(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    for _ in range(2):
        async with house.acting(shop.admin) as tx:
            changed = await service.update(tx, staff.id, {"first_name": "Grace", "phone": "+1 555 0100"})
    assert (changed.revision, changed.permission_version, changed.updated_by) == (2, 1, f"USER:{shop.admin.id}")
    assert await house.events(shop.id, staff.id) == [(1, "USER_CREATED"), (2, "USER_UPDATED")]
    text = await house.log_text(shop.id)
    assert '"changed":["first_name","phone"]' in text
    assert "Grace" not in text


async def test_a_new_address_is_not_verified(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    async with house.dbs.app.write(shop.id) as tx:
        (await repository.lock(tx, staff.id)).email_verified = True
    async with house.acting(shop.admin) as tx:
        changed = await service.update(tx, staff.id, {"email": f"{unique('new')}@shop.example"})
    assert changed.email_verified is False
    with pytest.raises(EmailTaken):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, staff.id, {"email": shop.admin.email})


async def test_another_tenants_user_is_not_found(house: House) -> None:
    shop, other = await house.business(), await house.business()
    theirs = await house.user(other)
    for attempt in (
        lambda tx: service.update(tx, theirs.id, {"role": Role.CUSTOMER}),
        lambda tx: service.deactivate(tx, theirs.id),
        lambda tx: service.reactivate(tx, theirs.id),
        lambda tx: service.deactivate(tx, uuid4()),
    ):
        with pytest.raises(NotFound):
            async with house.acting(shop.admin) as tx:
                await attempt(tx)
    assert await house.events(other.id, theirs.id) == [(1, "USER_CREATED")]


async def test_nobody_deactivates_themselves(house: House) -> None:
    shop = await house.business()
    await house.user(shop, Role.ADMIN)
    with pytest.raises(SelfDeactivation):
        async with house.acting(shop.admin) as tx:
            await service.deactivate(tx, shop.admin.id)


async def test_deactivating_twice_is_once(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    for _ in range(2):
        async with house.acting(shop.admin) as tx:
            left = await service.deactivate(tx, staff.id)
    assert (left.status, left.revision) == (UserStatus.INACTIVE, 2)
    for _ in range(2):
        async with house.acting(shop.admin) as tx:
            back = await service.reactivate(tx, staff.id)
    assert (back.status, back.revision, back.permission_version) == (UserStatus.ACTIVE, 3, 3)
    assert await house.events(shop.id, staff.id) == [
        (1, "USER_CREATED"),
        (2, "USER_DEACTIVATED"),
        (3, "USER_REACTIVATED"),
    ]


async def test_the_last_administrator_stays(house: House) -> None:
    shop = await house.business()
    with pytest.raises(LastAdmin):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, shop.admin.id, {"role": Role.MANAGER})
    second = await house.user(shop, Role.ADMIN)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, shop.admin.id, {"role": Role.MANAGER})
    with pytest.raises(LastAdmin):
        async with house.dbs.app.write(shop.id) as tx:
            await service.deactivate(tx, second.id)


async def test_two_administrators_who_remove_each_other_at_once(house: House) -> None:
    shop = await house.business()
    second = await house.user(shop, Role.ADMIN)

    async def remove(who: User, whom: User) -> str:
        try:
            async with house.acting(who) as tx:
                await service.deactivate(tx, whom.id)
        except LastAdmin:
            return "refused"
        return "removed"

    answers = await asyncio.gather(remove(shop.admin, second), remove(second, shop.admin))
    assert sorted(answers) == ["refused", "removed"]
