"""GraphQL over server-sent events, sentence by sentence of its protocol, and what ends a stream."""

import asyncio
import gc
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.api.http import HttpLimits
from app.api.sockets import Sockets
from app.api.sse import StreamLimits
from app.core.errors import Unauthenticated
from tests.support.sse_client import Ended, sse, sse_request
from tests.support.waiting import eventually
from tests.transport.toy import SECRET, Toy, toy_app

LASTING = "subscription { count(to: 1, thenWait: true) }"


async def test_a_subscription_is_next_events_then_complete(app: Starlette) -> None:
    async with sse(app, "subscription { count }") as stream:
        assert await stream.status == 200
        assert [await stream.entry() for _ in range(5)] == [
            (":", ""),
            ("next", '{"data":{"count":0}}'),
            ("next", '{"data":{"count":1}}'),
            ("next", '{"data":{"count":2}}'),
            ("complete", ""),
        ]
        with pytest.raises(Ended):
            await stream.entry()


async def test_the_headers_keep_everybody_on_the_way_from_holding_items_back(app: Starlette) -> None:
    async with sse(app, "{ hello }", headers={"X-Request-Id": "stream-0001"}) as stream:
        await stream.item()
        assert stream.headers == {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "connection": "close",
            "x-request-id": "stream-0001",
        }


async def test_queries_and_mutations_are_streams_of_one_item(app: Starlette) -> None:
    query = "query A($n: String!) { hello(name: $n) } query B { hello }"
    async with sse(app, query, {"n": "you\nand me"}, operation_name="A") as stream:
        assert await stream.item() == "hello you\nand me"
        with pytest.raises(StopAsyncIteration):
            await stream.payload()
    async with sse(app, "mutation { touch }") as stream:
        assert await stream.item() == "touched"


async def test_the_operation_knows_its_request_and_caller(app: Starlette, the_toy: Toy) -> None:
    the_toy.actor("good")
    async with sse(app, "{ requestId }", headers={"X-Request-Id": "stream-0002"}) as stream:
        assert await stream.item() == "stream-0002"
    async with sse(app, "{ caller }", token="good", headers={"User-Agent": "browser"}) as stream:
        assert await stream.item() == "USER 127.0.0.1 browser testserver"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count ticks(numbers: [1]) { number } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription C($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { nothingThere }", "NOT_FOUND"),
        ("{ unspeakable }", "INTERNAL"),
    ],
)
async def test_an_operation_that_cannot_run_is_one_item_of_errors_then_complete(
    app: Starlette, query: str, code: str
) -> None:
    async with sse(app, query, headers={"X-Request-Id": "stream-0003"}) as stream:
        assert await stream.status == 200
        payload = await stream.payload()
        assert set(payload) == {"errors"}
        assert payload["errors"][0]["extensions"] == {"code": code, "requestId": "stream-0003"}
        with pytest.raises(StopAsyncIteration):
            await stream.payload()


async def test_an_error_in_one_item_is_masked_and_the_stream_goes_on(app: Starlette) -> None:
    async with sse(app, "subscription { ticks(numbers: [1, 13, 2]) { text } }") as stream:
        assert await stream.item() == {"text": "1"}
        payload = await stream.payload()
        assert payload["data"] is None
        assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert await stream.item() == {"text": "2"}
        with pytest.raises(StopAsyncIteration):
            await stream.payload()
        assert SECRET not in stream.body.decode()


async def test_a_source_that_breaks_ends_the_stream_with_a_masked_error(app: Starlette) -> None:
    async with sse(app, "subscription { breaks }") as stream:
        assert await stream.item() == 1
        assert (await stream.payload())["errors"][0]["extensions"]["code"] == "INTERNAL"
        with pytest.raises(StopAsyncIteration):
            await stream.payload()
        assert SECRET not in stream.body.decode()


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream", True),
        ("text/event-stream, multipart/mixed", True),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed", False),
        ("text/event-stream;q=0.1, application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
async def test_an_event_stream_is_answered_to_whoever_likes_it_best(
    http: httpx.AsyncClient, accept: str, is_stream: bool
) -> None:
    response = await http.post("/graphql", json={"query": "{ hello }"}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream") is is_stream
    assert response.text.startswith(':\n\nevent: next\ndata: {"data":') is is_stream


async def test_only_post_starts_a_stream(http: httpx.AsyncClient) -> None:
    for method in ("GET", "PUT", "DELETE"):
        query = {"query": "subscription { count }"}
        response = await http.request(method, "/graphql", params=query, headers={"Accept": "text/event-stream"})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"{}", {}, 400),
        (b'{"query": "{ hello }", "variables": []}', {}, 400),
        (b'{"query": "{ hello }"}', {"content-type": "text/plain"}, 415),
        (b'{"query": "{ hello }"}', {"content-encoding": "gzip"}, 415),
        (b'{"query": "{ hello }", "x": "%s"}' % (b"y" * 1000), {}, 413),
    ],
)
async def test_a_request_that_is_none_is_turned_away_in_json(body: bytes, headers: dict[str, str], status: int) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets, http_limits=HttpLimits(body_bytes=500))
    async with sse_request(app, body, headers=headers) as stream:
        answer = await stream.answer()
        assert await stream.status == status
        assert stream.headers["content-type"] == "application/json"
        assert answer["errors"][0]["extensions"]["requestId"] == stream.headers["x-request-id"]
    assert sockets.count == 0


@pytest.mark.parametrize(
    ("token", "status"), [("expired", 401), ("forged", 401), ("suspended", 403), ("busy", 429), ("crash", 500)]
)
async def test_a_caller_turned_away_gets_the_status_of_any_request(token: str, status: int) -> None:
    sockets = Sockets()
    async with sse(toy_app(sockets=sockets), LASTING, token=token) as stream:
        answer = await stream.answer()
        assert await stream.status == status
        assert stream.headers["content-type"] == "application/json"
        assert set(answer) == {"errors"}
        assert SECRET not in stream.body.decode()
        assert ("retry-after" in stream.headers) is (status == 429)
    assert sockets.count == 0


async def test_a_client_that_goes_leaves_nothing_running(app: Starlette, the_toy: Toy) -> None:
    before = asyncio.all_tasks()
    async with sse(app, LASTING) as stream:
        assert await stream.item() == 0
        assert the_toy.cleaned_up == []
    assert the_toy.cleaned_up == ["count"]
    await eventually(lambda: asyncio.all_tasks() <= before)


async def test_a_silent_stream_has_a_heartbeat(the_toy: Toy) -> None:
    app = toy_app(stream_limits=StreamLimits(beat_seconds=0.02))
    async with sse(app, LASTING) as stream:
        assert [await stream.entry() for _ in range(5)] == [
            (":", ""),
            ("next", '{"data":{"count":0}}'),
            (":", ""),
            (":", ""),
            (":", ""),
        ]


async def test_a_stream_ends_when_its_token_expires(app: Starlette, the_toy: Toy) -> None:
    the_toy.actor("short", expires_in=0.1)
    async with sse(app, LASTING, token="short") as stream:
        assert await stream.item() == 0
        assert await stream.ended() == "4403 Token expired"
        assert the_toy.cleaned_up == ["count"]


async def test_a_stream_ends_when_its_actor_is_revoked_and_others_go_on(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets)
    gone = the_toy.actor("gone")
    the_toy.actor("stays")
    async with sse(app, LASTING, token="gone") as one, sse(app, LASTING, token="stays") as other:
        assert [await one.item(), await other.item()] == [0, 0]
        await sockets.on_revoked(gone)
        assert await one.ended() == "4401 Revoked"
        await eventually(lambda: sockets.count == 1)
        the_toy.gate.set()
        with pytest.raises(StopAsyncIteration):
            await other.payload()


async def test_a_full_process_turns_new_streams_away_with_503(the_toy: Toy) -> None:
    sockets = Sockets(limit=1)
    app = toy_app(sockets=sockets)
    async with sse(app, LASTING) as first:
        assert await first.item() == 0
        async with sse(app, LASTING) as second:
            answer = await second.answer()
            assert await second.status == 503
            assert second.headers["retry-after"] == "1"
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert sockets.count == 1
    assert sockets.count == 0
    async with sse(app, "{ hello }") as third:
        assert await third.item() == "hello world"


async def test_stopping_ends_streams_waits_for_their_operations_and_takes_no_more(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets)
    async with sse(app, LASTING) as one, sse(app, LASTING) as two:
        assert [await one.item(), await two.item()] == [0, 0]
        await sockets.stop()
        assert the_toy.cleaned_up == ["count", "count"]
        assert [await one.ended(), await two.ended()] == ["1012 Restarting, come back"] * 2
        async with sse(app, LASTING) as late:
            await late.answer()
            assert await late.status == 503
    assert sockets.count == 0


async def test_stopping_while_somebody_is_being_authenticated_turns_them_away(
    the_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, allowed = asyncio.Event(), asyncio.Event()
    context = the_toy.context

    async def slow(caller: Any) -> Any:
        asked.set()
        await allowed.wait()
        return await context(caller)

    monkeypatch.setattr(the_toy, "context", slow)
    sockets = Sockets()
    async with sse(toy_app(sockets=sockets), LASTING) as stream:
        await asked.wait()
        stopping = asyncio.create_task(sockets.stop())
        await eventually(lambda: sockets._stopping)
        allowed.set()
        await stopping
        await stream.answer()
        assert await stream.status == 503


async def test_a_peer_that_stops_reading_gets_the_newest_state_when_it_goes_on(app: Starlette, the_toy: Toy) -> None:
    async with sse(app, "subscription { stateChanged }") as stream:
        assert await stream.item() == 0
        stream.stops_after_next = True
        the_toy.move(1)
        assert await stream.item() == 1
        for state in range(2, 100):
            the_toy.move(state)
            await asyncio.sleep(0)
        assert stream.waiting() == 0
        stream.reading.set()
        assert await stream.item() == 99


@pytest.mark.parametrize("query", ["subscription { count(to: 1000) }", LASTING])
async def test_a_peer_that_takes_nothing_for_long_is_given_up(the_toy: Toy, query: str) -> None:
    sockets = Sockets()
    limits = StreamLimits(beat_seconds=0.02, stall_seconds=0.05, close_seconds=0.05)
    async with sse(toy_app(sockets=sockets, stream_limits=limits), query) as stream:
        assert await stream.item() == 0
        stream.reading.clear()
        await eventually(lambda: sockets.count == 0)
        assert the_toy.cleaned_up == ["count"]


async def test_a_peer_that_does_not_read_does_not_hold_up_stopping(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets, stream_limits=StreamLimits(close_seconds=0.1))
    async with sse(app, "subscription { count(to: 1000) }") as stream:
        assert await stream.item() == 0
        stream.reading.clear()
        async with asyncio.timeout(10):
            await sockets.stop(within_seconds=5)
        assert the_toy.cleaned_up == ["count"]
    assert sockets.count == 0


async def test_permissions_that_change_end_the_stream(the_toy: Toy) -> None:
    sockets = Sockets()
    actor = the_toy.actor("changed")

    async def now(asked: Any) -> Any:
        return replace(asked, permissions=frozenset())

    async with sse(toy_app(sockets=sockets), LASTING, token="changed") as stream:
        assert await stream.item() == 0
        assert actor.tenant_id is not None
        assert await sockets._check(actor.tenant_id, now) is False
        assert await stream.ended() == "4403 Permissions changed"


async def test_a_token_that_is_no_longer_good_ends_the_stream(the_toy: Toy) -> None:
    sockets = Sockets()
    actor = the_toy.actor("revoked")

    async def now(asked: Any) -> Any:
        raise Unauthenticated("Signed out.")

    async with sse(toy_app(sockets=sockets), LASTING, token="revoked") as stream:
        assert await stream.item() == 0
        assert actor.tenant_id is not None
        assert await sockets._check(actor.tenant_id, now) is False
        assert await stream.ended() == "4401 Revoked"


async def test_streams_that_are_over_are_not_kept_in_memory(app: Starlette) -> None:
    async def visit() -> None:
        async with sse(app, "subscription { count }") as stream:
            await stream.item()

    def kept() -> int:
        gc.collect()
        return sum(type(thing).__name__ == "_Stream" for thing in gc.get_objects())

    await visit()
    before = kept()
    for _ in range(20):
        await visit()
    assert kept() <= before


async def test_every_item_is_one_line_of_json(app: Starlette) -> None:
    hostile = "\r\nevent: complete\ndata:\n\n\u2028:"
    async with sse(app, "query Q($n: String!) { hello(name: $n) }", {"n": hostile}) as stream:
        assert await stream.item() == f"hello {hostile}"
        data = next(line for line in stream.body.split(b"\n") if line.startswith(b"data: "))
        assert json.loads(data.removeprefix(b"data: ")) == {"data": {"hello": f"hello {hostile}"}}
        assert b"\r" not in stream.body
