"""Fields that are limited: by every transport, within one document, and not for those who work here."""

from uuid import uuid4

import pytest

from tests.protection.conftest import new_address, seen_from
from tests.support.api import JOIN, PASSWORD, Api, Business, Caller, GraphQLFailed
from tests.support.schema_walk import root_fields

ONE = "queueJoin(input: {queueId: $id}) { __typename }"


async def joined(business: Business, queue: str) -> int:
    """How many have a place."""
    shown = await business.admin("query($id: ID!) { queue(id: $id) { waitingCount } }", id=queue)
    return int(shown["waitingCount"])


async def test_the_twenty_first_join_from_an_address_is_refused(limited: Api, business: Business) -> None:
    queue = await business.queue()
    async with seen_from(limited, new_address()) as there:
        for _ in range(20):
            answer = await there.anonymous(JOIN, i={"queueId": queue})
            assert answer["__typename"] == "QueueJoinSuccess"
        response = await there.anonymous.send(JOIN, i={"queueId": queue})
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["limit"] == "join"
        assert 1 <= error["extensions"]["retryAfterSeconds"] <= 900
        assert str(error["extensions"]["retryAfterSeconds"]) in error["message"]
        # Executed, so 200; and the time to wait stands where HTTP clients look for it.
        assert (response.status_code, response.headers["retry-after"]) == (
            200,
            str(error["extensions"]["retryAfterSeconds"]),
        )
        # A visitor's token makes nobody trusted.
        visitor = Caller(there, answer["sessionToken"])
        with pytest.raises(GraphQLFailed, match="RATE_LIMITED"):
            await visitor(JOIN, i={"queueId": queue})
    assert await joined(business, queue) == 20
    async with seen_from(limited, new_address()) as elsewhere:
        assert (await elsewhere.anonymous(JOIN, i={"queueId": queue}))["__typename"] == "QueueJoinSuccess"


async def test_attempts_within_one_document_count_one_by_one(limited: Api, business: Business) -> None:
    queue = await business.queue()
    async with seen_from(limited, new_address()) as there:
        document = f"mutation($id: ID!) {{ {' '.join(f'j{n}: {ONE}' for n in range(5))} }}"
        for _ in range(3):
            assert "errors" not in (await there.anonymous.send(document, id=queue)).json()
        three = f"mutation($id: ID!) {{ {' '.join(f'j{n}: {ONE}' for n in range(3))} }}"
        assert "errors" not in (await there.anonymous.send(three, id=queue)).json()
        body = (await there.anonymous.send(document, id=queue)).json()
        assert {error["extensions"]["code"] for error in body["errors"]} == {"RATE_LIMITED"}
    assert await joined(business, queue) == 20


async def test_staff_and_programs_join_for_others_as_often_as_they_need_to(limited: Api, business: Business) -> None:
    queue = await business.queue()
    created = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) {"
        " ... on ApiKeyCreateSuccess { secret } ... on UserError { message } } }",
        i={"name": f"Kiosk {uuid4().hex[:6]}", "scopes": ["queue:read"]},
    )
    async with seen_from(limited, new_address()) as there:
        for token in (business.admin.token, created["secret"]):
            for _ in range(12):
                answer = await Caller(there, token)(JOIN, i={"queueId": queue})
                assert answer["__typename"] == "QueueJoinSuccess"
    assert await joined(business, queue) == 24


async def test_a_sockets_attempts_count_with_the_requests(limited: Api, business: Business) -> None:
    queue = await business.queue()
    # The test client's socket comes from 127.0.0.1.
    async with seen_from(limited, "127.0.0.1") as there, there.anonymous.socket() as socket:
        codes = set()
        for _ in range(21):
            payload = await (await socket.subscribe(JOIN, {"i": {"queueId": queue}})).payload()
            codes |= {error["extensions"]["code"] for error in payload.get("errors", [])}
        assert codes == {"RATE_LIMITED"}
        with pytest.raises(GraphQLFailed, match="RATE_LIMITED"):
            await there.anonymous(JOIN, i={"queueId": queue})
    assert await joined(business, queue) == 20


def test_what_is_limited_says_so_in_the_schema() -> None:
    (join,) = (each for each in root_fields() if each.name == "queueJoin")
    assert "At most 20 times in 15 minutes from one network address" in (join.field.description or "")


LOGIN = (
    "mutation($i: UserLoginInput!) { userLogin(input: $i) { __typename"
    " ... on UserLoginSuccess { refreshToken } ... on UserError { message } } }"
)
REFRESH = (
    "mutation($t: String!) { loginRefresh(input: {refreshToken: $t}) { __typename"
    " ... on LoginRefreshSuccess { refreshToken } ... on UserError { message } } }"
)


async def test_a_right_password_frees_no_further_guesses(limited: Api, business: Business) -> None:
    def login(password: str) -> dict[str, str]:
        return {"tenantSlug": business.slug, "email": f"admin@{business.slug}.example", "password": password}

    async with seen_from(limited, new_address()) as there:
        kinds = [
            (await there.anonymous(LOGIN, i=login(password)))["__typename"]
            for password in ("wrong one", "wrong two", PASSWORD, "wrong three", "wrong four")
        ]
        assert [kind == "UserLoginSuccess" for kind in kinds] == [False, False, True, False, False]
        with pytest.raises(GraphQLFailed, match="RATE_LIMITED"):
            await there.anonymous(LOGIN, i=login(PASSWORD))
    # Nobody is locked out of an account by strangers' guesses.
    async with seen_from(limited, new_address()) as elsewhere:
        assert (await elsewhere.anonymous(LOGIN, i=login(PASSWORD)))["__typename"] == "UserLoginSuccess"


async def test_a_good_refresh_token_passes_whatever_others_try_from_the_same_address(
    limited: Api, business: Business
) -> None:
    login = {"tenantSlug": business.slug, "email": f"admin@{business.slug}.example", "password": PASSWORD}
    async with seen_from(limited, new_address()) as there:
        token = (await there.anonymous(LOGIN, i=login))["refreshToken"]
        for _ in range(4):
            refused = await there.anonymous(REFRESH, t=f"vqr_{uuid4().hex}{uuid4().hex}")
            assert refused["__typename"] != "LoginRefreshSuccess"
        with pytest.raises(GraphQLFailed, match="RATE_LIMITED"):
            await there.anonymous(REFRESH, t=f"vqr_{uuid4().hex}{uuid4().hex}")
        with pytest.raises(GraphQLFailed, match="RATE_LIMITED"):
            await there.anonymous(LOGIN, i=login)
        for _ in range(7):
            refreshed = await there.anonymous(REFRESH, t=token)
            assert refreshed["__typename"] == "LoginRefreshSuccess"
            token = refreshed["refreshToken"]
