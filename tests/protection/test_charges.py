"""Operations are charged by their cost before they run, to whoever sent them and to the tenant they are about."""

from typing import Any
from uuid import uuid4

import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.protection.conftest import new_address, seen_from
from tests.support.api import JOIN, Api, Business, Caller, GraphQLFailed, open_api
from tests.support.holdings import platform
from tests.support.ws_client import OperationFailed

HELLO = "{ viewer { __typename } }"
PAGE = "query($n: Int!) { queues(first: $n) { edges { node { id name counters { id } } } } }"
UPDATE = (
    "mutation($i: TenantUpdateInput!) { tenantUpdate(input: $i) {"
    " ... on TenantUpdateSuccess { tenant { id limits { requestsPerMinute } usage { requestsInAMinute } } }"
    " ... on UserError { message } } }"
)


@pytest.fixture
async def few(limited_settings: Settings) -> Any:
    """The application with a budget that a test can use up."""
    settings = limited_settings.model_copy(update={"rate_limit_requests": 20})
    async with open_api(settings, SystemClock()) as opened:
        yield opened


async def limit(api: Api, business: Business, requests: int) -> str:
    """Give a tenant so many requests a minute; its id."""
    tenant = (await business.admin(f'{{ tenant(slug: "{business.slug}") {{ id }} }}'))["id"]
    changed = await (await platform(api))(UPDATE, i={"tenantId": tenant, "limits": {"requestsPerMinute": requests}})
    assert changed["tenant"]["limits"]["requestsPerMinute"] == requests
    return str(tenant)


async def test_a_client_has_so_many_requests_a_minute_and_is_told_what_is_left(few: Api) -> None:
    async with seen_from(few, new_address()) as there:
        left = []
        for _ in range(20):
            answer = await there.anonymous.send(HELLO)
            assert answer.status_code == 200
            assert "errors" not in answer.json()
            assert answer.headers["ratelimit-policy"] == '"requests";q=20;w=60'
            left.append(int(answer.headers["ratelimit"].removeprefix('"requests";r=').partition(";")[0]))
        assert left == list(range(19, -1, -1))
        refused = await there.anonymous.send(HELLO)
        assert refused.status_code == 429
        (error,) = refused.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["limit"] == "requests"
        assert error["extensions"]["retryAfterSeconds"] == int(refused.headers["retry-after"])
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.headers["ratelimit-policy"] == '"requests";q=20;w=60'
        assert refused.headers["ratelimit"] == f'"requests";r=0;t={refused.headers["retry-after"]}'
        assert "data" not in refused.json()
    async with seen_from(few, new_address()) as elsewhere:
        assert (await elsewhere.anonymous.send(HELLO)).status_code == 200


async def test_dear_operations_count_as_several(few: Api, business: Business) -> None:
    async with seen_from(few, new_address()) as there:
        admin = Caller(there, business.admin.token)
        answer = await admin.send(PAGE, n=50)
        cost = answer.json()["extensions"]["cost"]
        assert 1 < cost["requests"] < 10
        assert answer.headers["ratelimit"].startswith(f'"requests";r={20 - cost["requests"]};')


async def test_a_budget_is_somebodys_wherever_they_come_from_and_nothing_runs_beyond_it(
    few: Api, business: Business
) -> None:
    queue = await business.queue()
    spent = 0
    for _ in range(20):
        async with seen_from(few, new_address()) as there:
            answer = await Caller(there, business.admin.token).send(HELLO)
            spent += answer.status_code == 200
    assert spent == 20
    async with seen_from(few, new_address()) as there:
        refused = await Caller(there, business.admin.token).send(JOIN, i={"queueId": queue})
        assert refused.status_code == 429
        # A neighbour of theirs has their own.
        assert (await there.anonymous.send(HELLO)).status_code == 200
    assert (await business.admin("query($id: ID!) { queue(id: $id) { waitingCount } }", id=queue))["waitingCount"] == 0


async def test_a_sockets_operations_count_with_the_requests(few: Api, business: Business) -> None:
    joined = await business.join(await business.queue())
    visitor = Caller(few, joined.visitor.token)
    async with visitor.socket() as socket:
        for _ in range(12):
            assert "errors" not in await (await socket.subscribe(HELLO)).payload()
        for _ in range(8):
            assert (await visitor.send(HELLO)).status_code == 200
        refused = await socket.subscribe(HELLO)
        with pytest.raises(OperationFailed) as refusal:
            await refused.payload()
        assert refusal.value.code == "RATE_LIMITED"
        stream = await visitor.api.http.post(
            "/graphql",
            json={"query": HELLO},
            headers={"accept": "text/event-stream", "authorization": f"Bearer {visitor.token}"},
        )
        assert "RATE_LIMITED" in stream.text


async def test_who_is_turned_away_is_counted_too(few: Api) -> None:
    async with seen_from(few, new_address()) as there:
        stranger = Caller(there, f"vqk_{uuid4().hex}")
        statuses = [(await stranger.send(HELLO)).status_code for _ in range(21)]
        assert statuses == [401] * 20 + [429]


async def test_documents_that_cannot_be_read_are_counted_too(few: Api) -> None:
    async with seen_from(few, new_address()) as there:
        for _ in range(20):
            assert (await there.anonymous.send("{ nonsense")).status_code == 200
        assert (await there.anonymous.send("{ nonsense")).status_code == 429


async def test_a_tenants_people_visitors_and_guests_share_its_budget(
    api: Api, limited: Api, business: Business
) -> None:
    queue = await business.queue()
    tenant = await limit(api, business, 60)
    joined = await business.join(queue)
    document = "query($id: ID!) { queue(id: $id) { name again: name } }"
    seen = []
    # Each from an address of its own, with a budget of its own.
    for token in (business.admin.token, joined.visitor.token, None) * 21:
        async with seen_from(limited, new_address()) as there:
            seen.append(await Caller(there, token).send(document, id=queue))
    refused = [answer for answer in seen if "errors" in answer.json()]
    assert len(refused) == 3
    for answer in refused:
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["limit"] == "requestsPerMinute"
        assert error["message"].startswith("This tenant has used up the 60 requests of a minute")
    # It is this tenant's, and its administrators see how it stands.
    usage = await business.admin(f'{{ tenant(slug: "{business.slug}") {{ usage {{ requestsInAMinute }} }} }}')
    assert usage["usage"]["requestsInAMinute"] == 60
    other = await api.new_business()
    async with seen_from(limited, new_address()) as there:
        assert "errors" not in (await Caller(there, other.admin.token).send(HELLO)).json()
    with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
        await business.admin(UPDATE, i={"tenantId": tenant, "limits": {"requestsPerMinute": 1000}})


async def test_a_guest_is_counted_once_for_an_operation_whatever_it_shows(
    api: Api, limited: Api, business: Business
) -> None:
    queue = await business.queue()
    await limit(api, business, 60)
    fields = " ".join(f"q{n}: queue(id: $id) {{ name }}" for n in range(10))
    async with seen_from(limited, new_address()) as there:
        shown = await there.anonymous.send(f"query($id: ID!) {{ {fields} }}", id=queue)
    requests = shown.json()["extensions"]["cost"]["requests"]
    usage = await business.admin(f'{{ tenant(slug: "{business.slug}") {{ usage {{ requestsInAMinute }} }} }}')
    assert usage["usage"]["requestsInAMinute"] == requests


async def test_exempt_addresses_have_no_budget(api: Api) -> None:
    answers = [await api.anonymous.send(HELLO) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    assert all("ratelimit" not in answer.headers for answer in answers)
