"""A suspended tenant, by every kind of credential and every way in, in the process that did it and in another one.

Open sockets and event streams end, and nothing opens any more: tokens of users, keys of programs, tokens of visitors,
admission tokens, refresh tokens and passwords. When the tenant is back, what was given out before is good again.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Caller, GraphQLFailed, new_app
from tests.support.feeds import queue_feed, session_feed
from tests.support.holdings import platform
from tests.support.sse_client import Ended, EventStream, sse
from tests.support.waiting import eventually

LOGIN = (
    "mutation($i: UserLoginInput!) { userLogin(input: $i) {"
    " __typename ... on UserLoginSuccess { accessToken refreshToken } } }"
)
REFRESH = "mutation($i: LoginRefreshInput!) { loginRefresh(input: $i) { __typename } }"
ADMISSION = "query($id: ID!) { session(id: $id) { admission { token } } }"
VERIFY = "mutation($i: AdmissionVerifyInput!) { admissionVerify(input: $i) { __typename } }"
RENEW = "mutation($i: AdmissionRenewInput!) { admissionRenew(input: $i) { __typename } }"


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[Api]:
    """An API process: its own memory, the same database and bus."""
    app = new_app(settings, SystemClock())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Api(app, http)


@dataclass(frozen=True)
class Shop:
    """A business with somebody who holds each kind of credential."""

    id: str
    slug: str
    queue_id: str
    session_id: str
    # What each shows as a bearer token; None for strangers.
    bearers: dict[str, str | None]
    refresh_token: str
    admission_token: str

    def ways(self, api: Api) -> dict[str, tuple[Caller, str, dict[str, Any]]]:
        """Everything that works while the tenant is served: who, what, and with which variables."""
        strangers = Caller(api)
        return {
            "a user's token": (Caller(api, self.bearers["user"]), "{ viewer { __typename } }", {}),
            "an API key": (Caller(api, self.bearers["program"]), "{ queues(first: 1) { edges { cursor } } }", {}),
            "a visitor's token": (
                Caller(api, self.bearers["visitor"]),
                "query($id: ID!) { session(id: $id) { id } }",
                {"id": self.session_id},
            ),
            "a visitor elsewhere": (strangers, "query($id: ID!) { queue(id: $id) { id } }", {"id": self.queue_id}),
            "an admission token, verified": (strangers, VERIFY, {"i": {"token": self.admission_token}}),
            "an admission token, renewed": (strangers, RENEW, {"i": {"token": self.admission_token}}),
            "a join": (
                strangers,
                "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename } }",
                {"i": {"queueId": self.queue_id}},
            ),
        }


async def code(caller: Caller, document: str, variables: dict[str, Any]) -> str | None:
    try:
        await caller(document, **variables)
    except GraphQLFailed as failure:
        return str(failure.code)
    return None


async def codes(shop: Shop, api: Api) -> dict[str, str | None]:
    return {name: await code(*way) for name, way in shop.ways(api).items()}


@pytest.fixture
async def shop(api: Api) -> Shop:
    business = await api.new_business()
    queue_id = await business.queue(mode="METERED", maxConcurrentUsers=10, releaseRatePerMinute=6_000)
    visitor = await business.join(queue_id)
    admission = (await visitor.visitor(ADMISSION, id=visitor.id))["admission"]
    entered = await api.anonymous(
        "mutation($i: AdmissionEnterInput!) { admissionEnter(input: $i) {"
        " ... on AdmissionEnterSuccess { admission { token } } } }",
        i={"token": admission["token"]},
    )
    key = await business.admin(operation("ApiKeyCreate"), input={"name": "Till", "scopes": ["queue:read"]})
    signed_in = await api.anonymous(
        LOGIN, i={"tenantSlug": business.slug, "email": f"admin@{business.slug}.example", "password": PASSWORD}
    )
    return Shop(
        (await business.admin("{ tenant { id } }"))["id"],
        business.slug,
        queue_id,
        visitor.id,
        {
            "user": signed_in["accessToken"],
            "program": key["secret"],
            "visitor": visitor.visitor.token,
            "stranger": None,
        },
        signed_in["refreshToken"],
        entered["admission"]["token"],
    )


async def last_word(stream: EventStream) -> str:
    """Why a stream has ended, after whatever it had still to say."""
    try:
        while True:
            await stream.item()
    except Ended as end:
        return end.comment


async def set_status(api: Api, verb: str, shop: Shop) -> None:
    kind = verb[0].upper() + verb[1:]
    done = await (await platform(api))(
        f"mutation($i: {kind}Input!) {{ {verb}(input: $i) {{ __typename }} }}", i={"tenantId": shop.id}
    )
    assert done["__typename"] == f"{kind}Success"


async def test_nothing_opens_and_what_is_open_ends_in_every_process(api: Api, shop: Shop) -> None:
    async with process(api.runtime.settings) as there, AsyncExitStack() as stack:
        for each in (api, there):
            assert set((await codes(shop, each)).values()) == {None}
        sockets, streams = {}, {}
        for place, each in (("here", api), ("there", there)):
            for who, token in shop.bearers.items():
                feed = session_feed(shop.session_id) if who == "visitor" else queue_feed(shop.queue_id)
                socket = await stack.enter_async_context(Caller(each, token).socket())
                await (await socket.subscribe(*feed)).item()
                sockets[place, who] = socket
                stream = await stack.enter_async_context(sse(each.app, feed[0], feed[1], token=token))
                await stream.item()
                streams[place, who] = stream

        await set_status(api, "tenantSuspend", shop)

        assert set((await codes(shop, api)).values()) == {"FORBIDDEN"}
        closed = {name: (await socket.closed()).code for name, socket in sockets.items()}
        # Whoever belongs to it is thrown out; whoever only looked may come back, to look at others.
        assert closed == {name: 4403 if name[1] == "stranger" else 4401 for name in sockets}
        ended = {name: int((await last_word(stream)).split()[0]) for name, stream in streams.items()}
        assert ended == closed

        async def is_closed_there() -> bool:
            return set((await codes(shop, there)).values()) == {"FORBIDDEN"}

        await eventually(is_closed_there)
        for each in (api, there):
            assert await code(Caller(each), REFRESH, {"i": {"refreshToken": shop.refresh_token}}) == "FORBIDDEN"
            given = {"tenantSlug": shop.slug, "email": f"admin@{shop.slug}.example", "password": PASSWORD}
            assert (await Caller(each)(LOGIN, i=given))["__typename"] == "InvalidCredentialsError"

        await set_status(api, "tenantReactivate", shop)

        assert set((await codes(shop, api)).values()) == {None}

        async def is_open_there() -> bool:
            return set((await codes(shop, there)).values()) == {None}

        await eventually(is_open_there)
        # The sign-in was not used up by the refusal.
        assert await code(Caller(there), REFRESH, {"i": {"refreshToken": shop.refresh_token}}) is None
