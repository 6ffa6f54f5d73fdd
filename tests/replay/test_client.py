"""The client of the replay against a toy that follows the protocols: retries, tokens, reconnecting, clean ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from starlette.responses import HTMLResponse

from app.replay.client import ApiError, Bearer, Client, Data, ServerAwayError, SessionToken
from app.replay.operations import Api, Login, RefusedError
from tests.replay.toy import Talk, Toy, serving

QUERY = "query Q { viewer { id } }"
FEED = "subscription S($after: Int) { numbers(after: $after) }"
VISITOR = SessionToken("visitor")


@pytest_asyncio.fixture
async def toy() -> AsyncIterator[Toy]:
    async with serving(Toy()) as running:
        yield running


@pytest_asyncio.fixture
async def client(toy: Toy) -> AsyncIterator[Client]:
    async with Client(toy.url) as opened:
        yield opened


@dataclass
class Keyring:
    """Hands out one token after the other."""

    tokens: list[str]
    refused: list[str] = field(default_factory=list)

    async def token(self) -> str:
        return self.tokens[0]

    async def renew(self, refused: str) -> bool:
        self.refused.append(refused)
        del self.tokens[0]
        return bool(self.tokens)


def coded(code: str, message: str = "no") -> dict[str, object]:
    return {"data": None, "errors": [{"message": message, "extensions": {"code": code, "requestId": "r-1"}}]}


# HTTP


async def test_a_request_carries_document_variables_and_bearer(toy: Toy, client: Client) -> None:
    toy.answers = [{"data": {"viewer": None}}]
    assert await client.execute(QUERY, {"a": 1}, VISITOR) == {"viewer": None}
    await client.execute(QUERY, {})
    assert toy.requests == [
        ("Bearer visitor", {"query": QUERY, "variables": {"a": 1}}),
        (None, {"query": QUERY, "variables": {}}),
    ]
    assert (client.traffic.requests, client.traffic.retries) == (2, 0)


async def test_an_error_keeps_code_and_request_id(toy: Toy, client: Client) -> None:
    toy.answers = [coded("FORBIDDEN", "not yours")]
    with pytest.raises(ApiError, match=r"^FORBIDDEN: not yours \(request r-1\)$") as refused:
        await client.execute(QUERY, {}, VISITOR)
    assert refused.value.code == "FORBIDDEN"
    assert len(toy.requests) == 1


async def test_a_refused_token_is_renewed_once(toy: Toy, client: Client) -> None:
    toy.answers = [coded("UNAUTHENTICATED"), {"data": {}}]
    keys = Keyring(["old", "new"])
    assert await client.execute(QUERY, {}, keys) == {}
    assert [bearer for bearer, _ in toy.requests] == ["Bearer old", "Bearer new"]
    toy.answers = [coded("UNAUTHENTICATED")]
    keys = Keyring(["one", "two", "three"])
    with pytest.raises(ApiError, match="UNAUTHENTICATED"):
        await client.execute(QUERY, {}, keys)
    assert keys.refused == ["one"]


async def test_what_got_no_answer_is_sent_again(toy: Toy, client: Client) -> None:
    toy.answers = [HTMLResponse("restarting", 503), HTMLResponse("restarting", 502), {"data": {"ok": True}}]
    assert await client.execute(QUERY, {}) == {"ok": True}
    assert (len(toy.requests), client.traffic.retries) == (3, 2)


async def test_a_limited_rate_is_waited_for(toy: Toy, client: Client) -> None:
    toy.answers = [coded("RATE_LIMITED"), {"data": {"ok": True}}]
    assert await client.execute(QUERY, {}) == {"ok": True}
    toy.answers = [coded("RATE_LIMITED")]
    with pytest.raises(ApiError, match="RATE_LIMITED"):
        await client.execute(QUERY, {}, patience=0.0)


async def test_a_page_that_is_no_graphql_is_said_to_be_none(toy: Toy, client: Client) -> None:
    toy.answers = [HTMLResponse("<h1>hello</h1>")]
    with pytest.raises(ApiError, match=r"HTTP 200 from http://127.* is not a GraphQL answer"):
        await client.execute(QUERY, {})


async def test_a_server_that_is_away_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with Client(f"http://127.0.0.1:{port}/graphql") as client:
        with pytest.raises(ServerAwayError) as away:
            await client.execute(QUERY, {}, patience=0.0)
    assert f"http://127.0.0.1:{port}/graphql does not answer" in str(away.value)
    assert "make up" in str(away.value)
    assert "\n" not in str(away.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/graphql", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ServerAwayError, match="is not a URL of a server"):
        Client(url)


# Sockets


async def take(client: Client, bearer: Bearer, count: int, seen: list[Data] | None = None) -> list[Data]:
    """The first items of the feed, resuming after the last."""
    items: list[Data] = [] if seen is None else seen
    feed = client.watch(FEED, lambda: {"after": len(items)}, bearer)
    async with aclosing(feed) as received:
        async for item in received:
            items.append(item)
            if len(items) == count:
                break
    return items


async def test_a_feed_goes_by_the_protocol_to_its_completion(toy: Toy, client: Client) -> None:
    async def talk(talk: Talk) -> None:
        await talk.open()
        await talk.next(numbers=1)
        await talk.send(type="ping")
        await talk.receive()
        await talk.next(numbers=2)
        await talk.send(type="complete", id="1")
        await talk.receive()

    toy.talks = [talk]
    assert await take(client, VISITOR, 9) == [{"numbers": 1}, {"numbers": 2}]
    assert toy.heard == [
        [
            {"type": "connection_init", "payload": {"authorization": "Bearer visitor"}},
            {"type": "subscribe", "id": "1", "payload": {"query": FEED, "variables": {"after": 0}}},
            {"type": "pong"},
        ]
    ]
    assert (client.traffic.open_sockets, client.traffic.most_open_sockets, client.traffic.reconnects) == (0, 1, 0)


async def test_a_broken_feed_goes_on_behind_what_was_received(toy: Toy, client: Client) -> None:
    async def breaks(talk: Talk) -> None:
        await talk.open()
        await talk.next(numbers=1)
        await talk.close(1012, "deploying")

    async def goes_on(talk: Talk) -> None:
        await talk.open()
        await talk.next(numbers=2)
        await talk.receive()

    toy.talks = [breaks, goes_on]
    assert await take(client, VISITOR, 2) == [{"numbers": 1}, {"numbers": 2}]
    subscriptions = [messages[1]["payload"] for messages in toy.heard]
    assert [payload["variables"] for payload in subscriptions] == [{"after": 0}, {"after": 1}]  # type: ignore[index]
    assert client.traffic.reconnects == 1


async def test_leaving_a_feed_closes_its_socket(toy: Toy, client: Client) -> None:
    async def talk(talk: Talk) -> None:
        await talk.open()
        await talk.next(numbers=1)
        await talk.receive()

    toy.talks = [talk]
    await take(client, VISITOR, 1)
    async with asyncio.timeout(20):
        await toy.closed.wait()
    assert client.traffic.open_sockets == 0


async def test_an_expired_token_is_renewed_and_the_feed_goes_on(toy: Toy, client: Client) -> None:
    async def expires(talk: Talk) -> None:
        await talk.open()
        await talk.close(4403, "token expired")

    async def goes_on(talk: Talk) -> None:
        await talk.open()
        await talk.next(numbers=1)
        await talk.receive()

    toy.talks = [expires, goes_on]
    assert await take(client, Keyring(["old", "new"]), 1) == [{"numbers": 1}]
    assert [messages[0]["payload"] for messages in toy.heard] == [
        {"authorization": "Bearer old"},
        {"authorization": "Bearer new"},
    ]
    toy.talks = [expires]
    with pytest.raises(ApiError, match="4403 token expired") as ended:
        await take(client, VISITOR, 1)
    assert ended.value.code == "UNAUTHENTICATED"


async def test_a_final_close_is_final(toy: Toy, client: Client) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.receive()
        await talk.close(4400, "bad request")

    toy.talks = [refuses]
    with pytest.raises(ApiError, match="socket closed with 4400 bad request"):
        await take(client, VISITOR, 1)
    assert len(toy.heard) == 1


async def test_an_error_ends_the_feed(toy: Toy, client: Client) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.open()
        await talk.send(type="error", id="1", payload=coded("NOT_FOUND", "no such session")["errors"])
        await talk.receive()

    toy.talks = [refuses]
    with pytest.raises(ApiError, match="NOT_FOUND: no such session"):
        await take(client, VISITOR, 1)


async def test_patience_ends_when_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with Client(f"http://127.0.0.1:{port}/graphql", patience=0.0) as client:
        with pytest.raises(ServerAwayError, match=f"ws://127.0.0.1:{port}/graphql does not answer"):
            await take(client, VISITOR, 1)


# Signing in


def login_answer(name: str, number: int, life: float = 900) -> dict[str, object]:
    kind = "UserLoginSuccess" if name == "userLogin" else "LoginRefreshSuccess"
    tokens = {"accessToken": f"access {number}", "refreshToken": f"refresh {number}", "expiresInSeconds": life}
    return {"data": {name: {"__typename": kind, **tokens}}}


async def test_a_login_is_shared_kept_and_refreshed(toy: Toy, client: Client) -> None:
    login = Login(Api(client), "demo", "admin@demo.example", "secret")
    toy.answers = [login_answer("userLogin", 1), login_answer("loginRefresh", 2)]
    assert await asyncio.gather(*(login.token() for _ in range(5))) == ["access 1"] * 5
    assert toy.requests[0][1]["variables"] == {
        "input": {"tenantSlug": "demo", "email": "admin@demo.example", "password": "secret"}
    }
    # Many requests find out at once that the token is no longer good: one refresh serves them all.
    assert all(await asyncio.gather(*(login.renew("access 1") for _ in range(5))))
    assert await login.token() == "access 2"
    assert len(toy.requests) == 2
    assert toy.requests[1][1]["variables"] == {"input": {"refreshToken": "refresh 1"}}


async def test_a_token_near_its_end_is_renewed_before_it_is_used(toy: Toy, client: Client) -> None:
    login = Login(Api(client), "demo", "admin@demo.example", "secret")
    toy.answers = [login_answer("userLogin", 1, life=0), login_answer("loginRefresh", 2)]
    assert await login.token() == "access 1"
    assert await login.token() == "access 2"


async def test_when_the_refresh_is_refused_the_password_is_used_again(toy: Toy, client: Client) -> None:
    login = Login(Api(client), "demo", "admin@demo.example", "secret")
    revoked: dict[str, object] = {"data": {"loginRefresh": {"__typename": "InvalidTokenError", "message": "revoked"}}}
    toy.answers = [login_answer("userLogin", 1), revoked, login_answer("userLogin", 2)]
    await login.token()
    await login.renew("access 1")
    assert await login.token() == "access 2"


async def test_a_wrong_password_is_said(toy: Toy, client: Client) -> None:
    login = Login(Api(client), "demo", "admin@demo.example", "wrong")
    toy.answers = [
        {"data": {"userLogin": {"__typename": "InvalidCredentialsError", "message": "Wrong e-mail or password."}}}
    ]
    with pytest.raises(
        RefusedError, match=r"userLogin was refused: InvalidCredentialsError: Wrong e-mail or password\."
    ):
        await login.token()


# The log


async def test_a_log_that_ends_too_early_is_said(toy: Toy, client: Client) -> None:
    event = {"type": "QUEUE_CREATED", "occurredAt": "2026-01-05T09:00:00+00:00", "data": {}}
    nobody = {"sessionId": None, "ticketNumber": None}

    async def short(talk: Talk) -> None:
        await talk.open()
        await talk.next(queueEvents={"revision": 1, **event, **nobody})
        await talk.send(type="complete", id="1")
        await talk.receive()

    toy.talks = [short]
    with pytest.raises(ApiError, match="the log ends at revision 1, but revision 2 was answered"):
        await Api(client).read_log("queue", 2, VISITOR)
    assert [one.revision for one in await Api(client).read_log("queue", 1, VISITOR)] == [1]


async def test_an_answer_of_another_shape_is_said(toy: Toy, client: Client) -> None:
    toy.answers = [{"data": {"queue": {"id": "q", "status": "ACTIVE", "revision": "many", "waitingCount": 0}}}]
    with pytest.raises(ApiError, match="the answer to queue is not as expected: revision"):
        await Api(client).queue("q", VISITOR)
