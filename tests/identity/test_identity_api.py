"""Signing in and managing users over the API: what each kind of caller gets, and that a refusal changes nothing."""

from typing import Any
from uuid import uuid4

import pytest

from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed

USER = "id email username firstName lastName phone role status lastLoginAt permissions tenant { slug }"
LOGIN = f"""mutation($i: UserLoginInput!) {{ userLogin(input: $i) {{
  __typename
  ... on UserLoginSuccess {{ accessToken refreshToken expiresInSeconds user {{ {USER} }} }}
  ... on UserError {{ message }}
}} }}"""
REFRESH = f"""mutation($i: LoginRefreshInput!) {{ loginRefresh(input: $i) {{
  __typename
  ... on LoginRefreshSuccess {{ accessToken refreshToken expiresInSeconds user {{ {USER} }} }}
  ... on UserError {{ message }}
}} }}"""
LOGOUT = """mutation($i: LogoutInput!) { logout(input: $i) {
  __typename ... on LogoutSuccess { signedOut } } }"""
VIEWER = f"{{ viewer {{ __typename ... on User {{ {USER} }} ... on Visitor {{ session {{ id ticketNumber }} }} }} }}"
USERS = f"""query($n: Int!, $a: String) {{ users(first: $n, after: $a) {{
  edges {{ node {{ {USER} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODE = f"query($id: ID!) {{ node(id: $id) {{ __typename ... on User {{ {USER} }} }} }}"


def verb(name: str) -> str:
    """The document of a user mutation."""
    kind = name[0].upper() + name[1:]
    fields = {
        "userCreate": "... on InvalidInputError { field } ... on LimitReachedError { limit maximum }",
        "userUpdate": "... on InvalidInputError { field }",
    }.get(name, "")
    return f"""mutation($i: {kind}Input!) {{ {name}(input: $i) {{
      __typename
      ... on {kind}Success {{ user {{ {USER} }} }}
      ... on UserError {{ message }}
      ... on RoleNotGrantableError {{ role }}
      {fields}
    }} }}"""


async def signed_in(api: Api, slug: str, email: str) -> dict[str, Any]:
    answer: dict[str, Any] = await api.anonymous(LOGIN, i={"tenantSlug": slug, "email": email, "password": PASSWORD})
    return answer


async def refused(caller: Caller, document: str, **variables: Any) -> str:
    with pytest.raises(GraphQLFailed) as failure:
        await caller(document, **variables)
    return str(failure.value.code)


async def new_user(business: Business, **values: Any) -> dict[str, Any]:
    given = {"email": f"{uuid4().hex[:12]}@shop.example", "password": PASSWORD} | values
    created = await business.admin(verb("userCreate"), i=given)
    assert created["__typename"] == "UserCreateSuccess", created
    user: dict[str, Any] = created["user"]
    return user


async def test_signing_in_staying_and_leaving(api: Api, business: Business) -> None:
    email = f"admin@{business.slug}.example"
    granted = await signed_in(api, business.slug, email)
    assert (granted["__typename"], granted["expiresInSeconds"]) == ("UserLoginSuccess", 900)
    assert (granted["user"]["email"], granted["user"]["role"]) == (email, "ADMIN")
    assert granted["user"]["permissions"] == sorted(MATRIX[Role.ADMIN])
    assert granted["user"]["tenant"] == {"slug": business.slug}
    me = Caller(api, granted["accessToken"])
    assert await me(VIEWER) == {"__typename": "User", **granted["user"]}

    fresh = await api.anonymous(REFRESH, i={"refreshToken": granted["refreshToken"]})
    assert fresh["__typename"] == "LoginRefreshSuccess"
    assert fresh["user"] == granted["user"]
    assert await api.anonymous(LOGOUT, i={"refreshToken": fresh["refreshToken"]}) == {
        "__typename": "LogoutSuccess",
        "signedOut": True,
    }
    # At once, in this process; within 2 s in others.
    assert await refused(me, VIEWER) == "UNAUTHENTICATED"
    again = await api.anonymous(REFRESH, i={"refreshToken": fresh["refreshToken"]})
    assert again["__typename"] == "LoginRevokedError"
    unknown = await api.anonymous(REFRESH, i={"refreshToken": "nonsense"})
    assert unknown["__typename"] == "InvalidRefreshTokenError"


async def test_refused_sign_ins_look_alike(api: Api, business: Business) -> None:
    email = f"admin@{business.slug}.example"
    answers = [
        await api.anonymous(LOGIN, i={"tenantSlug": slug, "email": address, "password": password})
        for slug, address, password in [
            ("no-such-business", email, PASSWORD),
            (business.slug, "nobody@shop.example", PASSWORD),
            (business.slug, email, "wrong password"),
        ]
    ]
    assert answers == [answers[0]] * 3
    assert answers[0]["__typename"] == "InvalidCredentialsError"


async def test_the_viewer(api: Api, business: Business) -> None:
    assert await api.anonymous(VIEWER) is None
    joined = await business.join(await business.queue())
    assert await joined.visitor(VIEWER) == {
        "__typename": "Visitor",
        "session": {"id": joined.id, "ticketNumber": joined.ticket},
    }


async def test_the_matrix_is_public(api: Api) -> None:
    matrix = await api.anonymous("{ permissionMatrix { role permissions } }")
    assert matrix == [{"role": role.value, "permissions": sorted(granted)} for role, granted in MATRIX.items()]


async def test_who_may_list_users(api: Api, business: Business) -> None:
    other = await api.new_business()
    visitor = (await business.join(await business.queue())).visitor
    staff, manager = await business.user(Role.STAFF), await business.user(Role.MANAGER)
    assert await refused(api.anonymous, USERS, n=10) == "UNAUTHENTICATED"
    assert await refused(visitor, USERS, n=10) == "UNAUTHENTICATED"
    assert await refused(staff, USERS, n=10) == "FORBIDDEN"
    assert await refused(manager, USERS, n=0) == "BAD_USER_INPUT"
    mine = [edge["node"] for edge in (await manager(USERS, n=10))["edges"]]
    assert {user["tenant"]["slug"] for user in mine} == {business.slug}
    assert [user["role"] for user in mine] == ["ADMIN", "STAFF", "MANAGER"]
    assert len((await other.admin(USERS, n=10))["edges"]) == 1


async def test_users_come_in_pages(business: Business) -> None:
    for _ in range(4):
        await new_user(business)
    seen, after = [], None
    while True:
        page = await business.admin(USERS, n=2, a=after)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("name", ["userCreate", "userUpdate", "userDeactivate", "userReactivate"])
async def test_who_may_manage_users(api: Api, business: Business, name: str) -> None:
    target = await new_user(business)
    if name == "userReactivate":
        await business.admin(verb("userDeactivate"), i={"userId": target["id"]})
    values = {
        "userCreate": {"email": f"{uuid4().hex[:8]}@shop.example", "password": PASSWORD},
        "userUpdate": {"userId": target["id"], "role": "MANAGER"},
    }.get(name, {"userId": target["id"]})
    visitor = (await business.join(await business.queue())).visitor
    manager = await business.user(Role.MANAGER)
    before = await business.admin(USERS, n=100)
    assert await refused(api.anonymous, verb(name), i=values) == "UNAUTHENTICATED"
    assert await refused(visitor, verb(name), i=values) == "UNAUTHENTICATED"
    assert await refused(manager, verb(name), i=values) == "FORBIDDEN"
    if name != "userCreate":
        other = await api.new_business()
        assert await refused(other.admin, verb(name), i=values) == "NOT_FOUND"
        assert await refused(business.admin, verb(name), i=values | {"userId": "nonsense"}) == "NOT_FOUND"
    assert await business.admin(USERS, n=100) == before
    done = await business.admin(verb(name), i=values)
    assert done["__typename"] == name[0].upper() + name[1:] + "Success"


async def test_each_refusal_has_its_type(api: Api, business: Business) -> None:
    taken = await new_user(business, username="taken")
    me = (await business.admin(VIEWER))["id"]

    async def create(**values: Any) -> dict[str, Any]:
        given = {"email": f"{uuid4().hex[:8]}@shop.example", "password": PASSWORD} | values
        answer: dict[str, Any] = await business.admin(verb("userCreate"), i=given)
        return answer

    assert (await create(email=taken["email"]))["__typename"] == "EmailTakenError"
    assert (await create(username="taken"))["__typename"] == "UsernameTakenError"
    assert (await create(password="password"))["__typename"] == "WeakPasswordError"
    assert (await create(role="SUPER_ADMIN"))["role"] == "SUPER_ADMIN"
    invalid = await create(firstName="x" * 101)
    assert (invalid["__typename"], invalid["field"]) == ("InvalidInputError", "firstName")

    async def act(name: str, **values: Any) -> str:
        return str((await business.admin(verb(name), i=values))["__typename"])

    assert await act("userDeactivate", userId=me) == "SelfDeactivationError"
    assert await act("userUpdate", userId=me, role="STAFF") == "LastAdminError"
    assert await act("userUpdate", userId=taken["id"], role="SUPER_ADMIN") == "RoleNotGrantableError"
    assert await act("userUpdate", userId=taken["id"], password="password") == "WeakPasswordError"
    assert await act("userUpdate", userId=taken["id"], email="no address") == "InvalidInputError"

    small = await api.new_business(limits={"staff": 1})
    refusal = await small.admin(verb("userCreate"), i={"email": "x@shop.example", "password": PASSWORD})
    assert (refusal["__typename"], refusal["limit"], refusal["maximum"]) == ("LimitReachedError", "staff", 1)


async def test_what_is_left_out_stays_and_null_takes_away(business: Business) -> None:
    user = await new_user(business, firstName="Ada", lastName="Lovelace", phone="+1 555 0100", username="ada")
    changed = await business.admin(
        verb("userUpdate"),
        i={"userId": user["id"], "lastName": None, "role": None, "email": None, "phone": "+1 555 0200"},
    )
    assert changed["user"] == user | {"lastName": None, "phone": "+1 555 0200"}


async def test_contact_data_is_for_oneself_and_those_who_may(api: Api, business: Business) -> None:
    personal = {"email", "username", "phone", "lastLoginAt", "permissions"}
    colleague = await new_user(business, phone="+1 555 0100", username="ada", firstName="Ada")
    staff = await business.user(Role.STAFF)
    me = await staff(VIEWER)
    assert me["email"] is not None
    assert await staff(NODE, id=me["id"]) == me
    assert await refused(staff, NODE, id=colleague["id"]) == "FORBIDDEN"
    assert (await business.admin(NODE, id=colleague["id"]))["phone"] == "+1 555 0100"
    other = await api.new_business()
    assert await refused(other.admin, NODE, id=colleague["id"]) == "NOT_FOUND"
    # A colleague who is met on the way to something else shows their name, and no more.
    manager = await business.user(Role.STAFF)
    counter = await business.counter(await business.queue())
    await manager("mutation($i: ShiftStartInput!) { shiftStart(input: $i) { __typename } }", i={"counterId": counter})
    shift = f"query($id: ID!) {{ node(id: $id) {{ ... on Counter {{ currentShift {{ user {{ {USER} }} }} }} }} }}"
    met = (await staff(shift, id=counter))["currentShift"]["user"]
    assert met["role"] == "STAFF"
    assert {met[name] for name in personal} == {None}


async def test_a_new_role_is_effective_at_once(api: Api, business: Business) -> None:
    user = await new_user(business)
    granted = await signed_in(api, business.slug, user["email"])
    me = Caller(api, granted["accessToken"])
    assert await refused(me, USERS, n=1) == "FORBIDDEN"
    await business.admin(verb("userUpdate"), i={"userId": user["id"], "role": "MANAGER"})
    response = await me.send(VIEWER)
    assert response.status_code == 401
    assert "refresh" in response.json()["errors"][0]["message"]
    fresh = await api.anonymous(REFRESH, i={"refreshToken": granted["refreshToken"]})
    assert (await Caller(api, fresh["accessToken"])(USERS, n=1))["edges"]
    assert str(Permission.USER_READ) in fresh["user"]["permissions"]


async def test_deactivation_and_a_new_password_sign_out_at_once(api: Api, business: Business) -> None:
    for name, values in (("userUpdate", {"password": "another long secret"}), ("userDeactivate", {})):
        user = await new_user(business)
        granted = await signed_in(api, business.slug, user["email"])
        me = Caller(api, granted["accessToken"])
        assert (await me(VIEWER))["id"] == user["id"]
        await business.admin(verb(name), i={"userId": user["id"]} | values)
        assert await refused(me, VIEWER) == "UNAUTHENTICATED"
        refused_refresh = await api.anonymous(REFRESH, i={"refreshToken": granted["refreshToken"]})
        assert refused_refresh["__typename"] == "LoginRevokedError"
        assert (await signed_in(api, business.slug, user["email"]))["__typename"] == "InvalidCredentialsError"


async def test_nothing_personal_and_no_secret_in_the_answers_of_errors(business: Business) -> None:
    taken = await new_user(business)
    answer = await business.admin(verb("userCreate"), i={"email": taken["email"], "password": PASSWORD})
    assert taken["email"] not in answer["message"]
