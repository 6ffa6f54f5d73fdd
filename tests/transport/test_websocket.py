"""graphql-transport-ws, sentence by sentence, and everything a broken or hostile client may send instead."""

import asyncio
import gc
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette

from app.api.sockets import Sockets
from app.api.websocket import SocketLimits
from tests.support.served import Served
from tests.support.waiting import eventually
from tests.support.ws_client import Closed, OperationFailed, raw_socket, ws_client
from tests.transport.toy import Toy, toy_app

pytestmark = pytest.mark.usefixtures("every_outlet")

INIT = {"type": "connection_init"}


def subscribe(operation_id: Any = "1", query: Any = "subscription { count }", **payload: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": operation_id, "payload": {"query": query, **payload}}


async def test_the_first_message_is_acknowledged_then_items_come_in_order_then_complete(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await socket.send(INIT)
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.send(subscribe("a"))
        assert [await socket.receive() for _ in range(4)] == [
            {"id": "a", "type": "next", "payload": {"data": {"count": 0}}},
            {"id": "a", "type": "next", "payload": {"data": {"count": 1}}},
            {"id": "a", "type": "next", "payload": {"data": {"count": 2}}},
            {"id": "a", "type": "complete"},
        ]


@pytest.mark.parametrize("payload", [None, {}, {"x": 1}])
async def test_any_object_or_null_initialises(app: Starlette, payload: Any) -> None:
    async with raw_socket(app) as socket:
        await socket.send({**INIT, "payload": payload})
        assert await socket.receive() == {"type": "connection_ack"}


async def test_queries_and_mutations_run_too_with_variables_and_operation_name(app: Starlette) -> None:
    async with ws_client(app) as client:
        query = "query A($n: String!) { hello(name: $n) } query B { hello }"
        assert await (await client.subscribe(query, {"n": "you"}, "A")).item() == "hello you"
        assert await (await client.subscribe("mutation { touch }")).item() == "touched"


async def test_each_operation_has_a_context_and_a_request_id_of_its_own(app: Starlette) -> None:
    async with ws_client(app, headers={"X-Request-Id": "socket-0001"}) as client:
        assert [await (await client.subscribe("{ generation }")).item() for _ in range(3)] == [1, 2, 3]
        assert await (await client.subscribe("{ requestId }")).item() == "socket-0001.4"
        failing = await client.subscribe("{ nope }")
        with pytest.raises(OperationFailed) as failed:
            await failing.payload()
        assert failed.value.errors[0]["extensions"]["requestId"] == "socket-0001.5"


async def test_ping_is_answered_with_pong_even_before_the_acknowledgement(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await socket.send({"type": "ping", "payload": {"x": 1}})
        assert await socket.receive() == {"type": "pong"}
        await socket.send({"type": "pong"})
        await socket.send(INIT)
        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["not json"], 4400),
        ([""], 4400),
        (["[]"], 4400),
        (["null"], 4400),
        (['"connection_init"'], 4400),
        (["1"], 4400),
        (["{}"], 4400),
        (['{"type": null}'], 4400),
        (['{"type": ["connection_init"]}'], 4400),
        (['{"type": "connection_ack"}'], 4400),
        (['{"type": "start"}'], 4400),
        (['{"type": "connection_init", "payload": []}'], 4400),
        (['{"type": "connection_init", "payload": "x"}'], 4400),
        (['{"type": "connection_init", "payload": {"authorization": 1}}'], 4400),
        (['{"type": "ping", "payload": []}'], 4400),
        (["[" * 3000], 4400),
        ([json.dumps({"type": "ping", "payload": {"x": "y" * 100_000}})], 1009),
        ([json.dumps(subscribe())], 4401),
        ([json.dumps(INIT), json.dumps(INIT)], 4429),
        ([json.dumps(INIT), '{"type": "subscribe"}'], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(operation_id=1))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(operation_id=""))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(operation_id="x" * 257))], 4400),
        ([json.dumps(INIT), '{"type": "subscribe", "id": "1"}'], 4400),
        ([json.dumps(INIT), '{"type": "subscribe", "id": "1", "payload": null}'], 4400),
        ([json.dumps(INIT), '{"type": "subscribe", "id": "1", "payload": []}'], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(query=None))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(query=["{ hello }"]))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(variables=[]))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(variables="x"))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(operationName={}))], 4400),
        ([json.dumps(INIT), json.dumps(subscribe(extensions=[]))], 4400),
        ([json.dumps(INIT), '{"type": "complete"}'], 4400),
    ],
)
async def test_violations_close_with_their_code_and_nothing_crashes(
    app: Starlette, messages: list[str], code: int
) -> None:
    async with raw_socket(app) as socket:
        for message in messages:
            await socket.send_text(message)
        closed = await socket.closed()
        assert closed.code == code
        assert 0 < len(closed.reason.encode()) <= 123


async def test_binary_messages_close_with_4400(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await socket.send_bytes(b'{"type": "connection_init"}')
        assert (await socket.closed()).code == 4400


async def test_an_id_in_use_closes_with_4409_and_a_completed_one_may_be_used_again(
    app: Starlette, the_toy: Toy
) -> None:
    waiting = "subscription { count(to: 1, thenWait: true) }"
    async with raw_socket(app) as socket:
        await socket.send(INIT)
        await socket.receive()
        await socket.send(subscribe("a", waiting))
        assert (await socket.receive())["type"] == "next"
        await socket.send({"type": "complete", "id": "a"})
        await socket.send(subscribe("a", waiting))
        assert (await socket.receive())["type"] == "next"
        await socket.send(subscribe("a", waiting))
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (4409, "Subscriber for a already exists")
    assert the_toy.cleaned_up == ["count", "count"]


async def test_completing_what_is_unknown_or_over_is_ignored(app: Starlette) -> None:
    async with ws_client(app) as client:
        await client.socket.send({"type": "complete", "id": "unknown"})
        first = await client.subscribe("{ hello }")
        await first.item()
        await first.complete()
        assert await (await client.subscribe("{ hello }")).item() == "hello world"


async def test_complete_from_the_client_runs_the_streams_finally(app: Starlette, the_toy: Toy) -> None:
    async with ws_client(app) as client:
        stream = await client.subscribe("subscription { count(to: 1, thenWait: true) }")
        assert await stream.item() == 0
        await stream.complete()
        assert await (await client.subscribe("{ hello }")).item() == "hello world"
        assert the_toy.cleaned_up == ["count"]
        assert stream.waiting() == 0


async def test_a_client_that_vanishes_leaves_nothing_running(app: Starlette, the_toy: Toy) -> None:
    before = asyncio.all_tasks()
    async with raw_socket(app) as socket:
        await socket.send(INIT)
        for number in range(5):
            await socket.send(subscribe(str(number), "subscription { count(to: 1, thenWait: true) }"))
        for _ in range(6):
            await socket.receive()
    assert the_toy.cleaned_up == ["count"] * 5
    # What other tests have left on this loop may end meanwhile (an idle line that is dropped).
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count ticks(numbers: [1]) { number } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription C($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { nothingThere }", "NOT_FOUND"),
        ("subscription { refused }", "UNAUTHENTICATED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        (" \n", "GRAPHQL_PARSE_FAILED"),
        ("{ unspeakable }", "INTERNAL"),
        ("query A { hello } query B { hello }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_bad_operation_gets_its_error_and_the_others_go_on(app: Starlette, query: str, code: str) -> None:
    async with ws_client(app) as client:
        good = await client.subscribe("subscription { count(to: 1, thenWait: true) }")
        assert await good.item() == 0
        bad = await client.subscribe(query)
        with pytest.raises(OperationFailed) as failed:
            await bad.payload()
        assert failed.value.code == code
        assert await (await client.subscribe("{ hello }")).item() == "hello world"


async def test_an_error_in_one_item_is_masked_and_the_stream_goes_on(app: Starlette) -> None:
    async with ws_client(app) as client:
        stream = await client.subscribe("subscription { ticks(numbers: [1, 13, 2]) { text } }")
        assert await stream.item() == {"text": "1"}
        payload = await stream.payload()
        assert payload["data"] is None
        assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert payload["errors"][0]["path"] == ["ticks", "text"]
        assert "hunter2" not in json.dumps(payload)
        assert await stream.item() == {"text": "2"}
        with pytest.raises(StopAsyncIteration):
            await stream.payload()


async def test_a_stream_whose_source_breaks_ends_with_a_masked_error(app: Starlette) -> None:
    async with ws_client(app) as client:
        stream = await client.subscribe("subscription { breaks }")
        assert await stream.item() == 1
        with pytest.raises(OperationFailed) as failed:
            await stream.payload()
        assert failed.value.code == "INTERNAL"
        assert "hunter2" not in json.dumps(failed.value.errors)


async def test_too_many_operations_are_refused_one_by_one() -> None:
    async with ws_client(toy_app(socket_limits=SocketLimits(operations=2))) as client:
        first, second = [await client.subscribe("subscription { count(to: 1, thenWait: true) }") for _ in range(2)]
        assert [await first.item(), await second.item()] == [0, 0]
        with pytest.raises(OperationFailed) as failed:
            await (await client.subscribe("{ hello }")).payload()
        assert failed.value.code == "RATE_LIMITED"
        await first.complete()
        assert await (await client.subscribe("{ hello }")).item() == "hello world"


@pytest.mark.parametrize("key", ["authorization", "Authorization", "AUTHORIZATION"])
async def test_the_token_comes_in_the_init_payload_under_any_case_of_the_key(
    app: Starlette, the_toy: Toy, key: str
) -> None:
    the_toy.actor("good")
    async with ws_client(app, payload={key: "Bearer good"}) as client:
        caller = await (await client.subscribe("{ caller }")).item()
        assert caller.startswith("USER 127.0.0.1")


async def test_the_handshakes_header_serves_where_the_payload_says_nothing(app: Starlette, the_toy: Toy) -> None:
    the_toy.actor("good")
    async with ws_client(app, headers={"Authorization": "Bearer good"}) as client:
        assert (await (await client.subscribe("{ caller }")).item()).startswith("USER")


@pytest.mark.parametrize(
    ("token", "code"), [("expired", 4403), ("forged", 4401), ("suspended", 4401), ("busy", 1013), ("crash", 1013)]
)
async def test_a_caller_turned_away_is_closed_with_its_code(app: Starlette, token: str, code: int) -> None:
    with pytest.raises(Closed) as closed:
        async with ws_client(app, token):
            pass
    assert closed.value.code == code
    assert "hunter2" not in closed.value.reason


async def test_a_socket_is_closed_when_its_token_expires(app: Starlette, the_toy: Toy) -> None:
    the_toy.actor("short", expires_in=0.2)
    async with ws_client(app, "short") as client:
        stream = await client.subscribe("subscription { count(to: 1, thenWait: true) }")
        assert await stream.item() == 0
        started = datetime.now(UTC)
        closed = await client.closed()
        assert (closed.code, closed.reason) == (4403, "Token expired")
        assert (datetime.now(UTC) - started).total_seconds() < 1
        assert the_toy.cleaned_up == ["count"]


async def test_no_init_in_time_closes_with_4408() -> None:
    async with raw_socket(toy_app(socket_limits=SocketLimits(init_seconds=0.05))) as socket:
        assert (await socket.closed()).code == 4408


async def test_the_server_pings_and_closes_a_peer_that_shows_no_life() -> None:
    app = toy_app(socket_limits=SocketLimits(ping_seconds=0.1))
    async with raw_socket(app) as socket:
        await socket.send(INIT)
        assert await socket.receive() == {"type": "connection_ack"}
        assert await socket.receive() == {"type": "ping"}
        await socket.send({"type": "pong"})
        assert await socket.receive() == {"type": "ping"}
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == 1001


async def test_a_peer_that_answers_stays() -> None:
    async with ws_client(toy_app(socket_limits=SocketLimits(ping_seconds=0.2))) as client:
        with pytest.raises(TimeoutError):
            await client.closed(within=1)
        assert await (await client.subscribe("{ hello }")).item() == "hello world"


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("soap",)])
async def test_other_subprotocols_are_closed_with_4406(app: Starlette, subprotocols: tuple[str, ...]) -> None:
    async with raw_socket(app, subprotocols=subprotocols) as socket:
        assert (await socket.closed()).code == 4406


async def test_the_subprotocol_is_picked_from_several(app: Starlette) -> None:
    async with raw_socket(app, subprotocols=("graphql-ws", "graphql-transport-ws"), accepted=False) as socket:
        assert await socket.next_event() == {"type": "websocket.accept", "subprotocol": "graphql-transport-ws"}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://testserver", True),
        ("https://app.example", True),
        ("https://APP.example:443", True),
        ("https://evil.example", False),
        ("https://app.example.evil.example", False),
        ("null", False),
    ],
)
async def test_browsers_of_other_origins_are_refused_in_the_handshake(origin: str | None, allowed: bool) -> None:
    app = toy_app(allowed_origins=("https://app.example",))
    headers = {"Origin": origin} if origin else {}
    async with raw_socket(app, headers=headers, accepted=False) as socket:
        assert (await socket.next_event())["type"] == ("websocket.accept" if allowed else "websocket.close")


async def test_a_full_process_closes_new_sockets_with_1013() -> None:
    sockets = Sockets(limit=2)
    app = toy_app(sockets=sockets)
    async with ws_client(app), ws_client(app):
        async with raw_socket(app) as third:
            assert (await third.closed()).code == 1013
        assert sockets.count == 2
    assert sockets.count == 0
    async with ws_client(app) as client:
        assert await (await client.subscribe("{ hello }")).item() == "hello world"


async def test_stopping_closes_with_1012_waits_for_operations_and_takes_no_more(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets)
    async with ws_client(app) as one, ws_client(app) as two:
        for client in (one, two):
            assert await (await client.subscribe("subscription { count(to: 1, thenWait: true) }")).item() == 0
        await sockets.stop()
        assert the_toy.cleaned_up == ["count", "count"]
        assert [(await one.closed()).code, (await two.closed()).code] == [1012, 1012]
        async with raw_socket(app) as late:
            assert (await late.closed()).code == 1013
    assert sockets.count == 0


async def test_a_peer_that_does_not_read_does_not_hold_up_stopping(the_toy: Toy) -> None:
    sockets = Sockets()
    app = toy_app(sockets=sockets, socket_limits=SocketLimits(close_seconds=0.1))
    async with raw_socket(app) as socket:
        await socket.send(INIT)
        assert (await socket.receive())["type"] == "connection_ack"
        socket.reading.clear()
        await socket.send(subscribe("1", "subscription { count(to: 100000) }"))
        async with asyncio.timeout(10):
            await sockets.stop(within_seconds=0.5)
    assert sockets.count == 0


async def test_a_peer_that_does_not_read_its_answers_is_not_read(
    app: Starlette, served: Served, every_outlet: str
) -> None:
    async with raw_socket(app) as socket:
        socket.reading.clear()
        for _ in range(20_000):
            await socket.send({"type": "ping"})
        if every_outlet == "frames":
            await eventually(lambda: max(served.buffered_bytes()) > 0)
            for _ in range(100):
                await asyncio.sleep(0)
                assert max(served.buffered_bytes()) <= 100
        socket.reading.set()
        for _ in range(20_000):
            assert await socket.receive() == {"type": "pong"}


async def test_closed_sockets_are_not_kept_in_memory(app: Starlette) -> None:
    async def visit() -> None:
        async with ws_client(app) as client:
            await (await client.subscribe("subscription { count }")).item()

    await visit()
    gc.collect()
    before = sum(type(thing).__name__ == "_Connection" for thing in gc.get_objects())
    for _ in range(20):
        await visit()
    gc.collect()
    assert sum(type(thing).__name__ == "_Connection" for thing in gc.get_objects()) <= before
