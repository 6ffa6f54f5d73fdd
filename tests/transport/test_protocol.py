"""graphql-transport-ws: every sentence of its PROTOCOL.md that a server can keep or break, quoted and tested.

From the handshake to results; how operations end is in `test_protocol_endings.py`. What a broken client may send
instead is in `test_websocket.py`, what a machine can think of in `tests/hostile`.
"""

import json
from typing import Any

import pytest
from starlette.applications import Starlette

from app.api.sockets import Sockets
from app.api.websocket import SocketLimits
from tests.support.ws_client import raw_socket
from tests.transport.sentences import ACK, INIT, WAITING, connected, sentence, subscribe
from tests.transport.toy import Toy, toy_app

pytestmark = pytest.mark.usefixtures("every_outlet")


@sentence("The WebSocket sub-protocol for this specification is: `graphql-transport-ws`.")
async def test_the_sub_protocol(app: Starlette) -> None:
    async with raw_socket(app, accepted=False) as socket:
        assert await socket.next_event() == {"type": "websocket.accept", "subprotocol": "graphql-transport-ws"}
    async with raw_socket(app, subprotocols=("graphql-ws",)) as socket:
        assert (await socket.closed()).code == 4406


@sentence(
    "Messages are represented through the JSON structure and are stringified before being sent over the network.",
    "They are bidirectional, meaning both the server and the client must conform to the specified message structure.",
    "**All** messages contain the `type` field outlining the action this message describes.",
    "Messages corresponding to operations must contain the `id` field used for uniquely identifying server responses"
    " and connecting them with the client's requests.",
)
async def test_messages_are_json_texts_with_a_type_and_those_of_operations_with_an_id(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        for message in (INIT, {"type": "ping"}, subscribe("a", "{ hello }"), subscribe("b", "{ nope }")):
            await socket.send(message)
        shapes = {
            "connection_ack": {"type"},
            "pong": {"type"},
            "next": {"type", "id", "payload"},
            "error": {"type", "id", "payload"},
            "complete": {"type", "id"},
        }
        seen = set()
        while len(seen) < len(shapes):
            event = await socket.next_event()
            assert event["type"] == "websocket.send"
            message = json.loads(event["text"])
            assert set(message) == shapes[message["type"]]
            seen.add(message["type"])


@sentence(
    "Multiple operations identified with separate IDs can be active at any time and their messages can be interleaved"
    " on the connection."
)
async def test_operations_run_beside_each_other(app: Starlette, the_toy: Toy) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        for id in "abc":
            await socket.send(subscribe(id, "subscription { stateChanged }"))
        for state in range(3):
            messages = [await socket.receive() for _ in "abc"]
            assert sorted(each["id"] for each in messages) == ["a", "b", "c"]
            assert {each["payload"]["data"]["stateChanged"] for each in messages} == {state}
            the_toy.move(state + 1)


@sentence(
    "The server can close the socket (kick the client off) at any time.",
    "The close event dispatched by the server is used to describe the fatal error to the client.",
)
async def test_the_server_closes_with_a_code_and_a_reason() -> None:
    sockets = Sockets()
    async with raw_socket(toy_app(sockets=sockets)) as socket:
        await connected(socket)
        await socket.send(subscribe("a", WAITING))
        await socket.receive()
        await sockets.stop()
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (1012, "Restarting, come back")


@sentence(
    "The client closes the socket and the connection by dispatching a `1000: Normal Closure` close event to the server"
    " indicating a normal closure."
)
async def test_a_client_that_closes_ends_all_it_had(the_toy: Toy) -> None:
    sockets = Sockets()
    async with raw_socket(toy_app(sockets=sockets)) as socket:
        await connected(socket)
        await socket.send(subscribe("a", WAITING))
        await socket.receive()
        assert sockets.count == 1
    assert sockets.count == 0
    assert the_toy.cleaned_up == ["count"]


@sentence(
    "Indicates that the client wants to establish a connection within the existing socket.",
    "This connection is **not** the actual WebSocket communication channel, but is rather a frame within it asking the"
    " server to allow future operation requests.",
    "Expected response to the `ConnectionInit` message from the client acknowledging a successful connection with the"
    " server.",
    "The server can use the optional `payload` field to transfer additional details about the connection.",
    "The client is now **ready** to request subscription operations.",
)
async def test_an_initialised_connection_is_acknowledged_and_takes_operations(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await socket.send({**INIT, "payload": {"anything": [1]}})
        assert await socket.receive() == ACK
        await socket.send(subscribe("a", "{ hello }"))
        assert (await socket.receive())["payload"] == {"data": {"hello": "hello world"}}


@sentence(
    "The server must receive the connection initialisation message within the allowed waiting time specified in the"
    " `connectionInitWaitTimeout` parameter during the server setup.",
    "If the client does not request a connection within the allowed timeout, the server will close the socket with the"
    " event: `4408: Connection initialisation timeout`.",
)
@pytest.mark.parametrize("before", [[], [{"type": "ping"}], [{"type": "pong"}]])
async def test_who_does_not_initialise_in_time_is_closed(before: list[Any]) -> None:
    async with raw_socket(toy_app(socket_limits=SocketLimits(init_seconds=0.2))) as socket:
        for message in before:
            await socket.send(message)
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (4408, "Connection initialisation timeout")


@sentence(
    "If the server receives more than one `ConnectionInit` message at any given time, the server will close the socket"
    " with the event `4429: Too many initialisation requests`."
)
async def test_a_second_initialisation_closes_also_long_after_the_first(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("a", WAITING))
        await socket.receive()
        await socket.send(INIT)
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (4429, "Too many initialisation requests")


@sentence(
    "If the server wishes to reject the connection, for example during authentication, it is recommended to close the"
    " socket with `4403: Forbidden`."
)
@pytest.mark.parametrize(("token", "code"), [("expired", 4403), ("forged", 4401), ("busy", 1013)])
async def test_whoever_may_not_connect_is_told_by_the_code_whether_to_come_back(
    app: Starlette, token: str, code: int
) -> None:
    # graphql-ws' client comes back after 4403 and gives up after 4401: a token that is over is renewed, a bad one not.
    async with raw_socket(app) as socket:
        await socket.send({**INIT, "payload": {"authorization": f"Bearer {token}"}})
        assert (await socket.closed()).code == code


@sentence(
    "Useful for detecting failed connections, displaying latency metrics or other types of network probing.",
    "A `Pong` must be sent in response from the receiving party as soon as possible.",
    "The `Ping` message can be sent at any time within the established socket.",
    "The optional `payload` field can be used to transfer additional details about the ping.",
    "The response to the `Ping` message.",
    "Must be sent as soon as the `Ping` message is received.",
)
async def test_a_ping_is_answered_at_once_before_and_after_the_connection_and_while_operations_run(
    app: Starlette,
) -> None:
    async with raw_socket(app) as socket:
        for payload in ({}, {"payload": None}, {"payload": {}}, {"payload": {"sent": 1}}):
            await socket.send({"type": "ping", **payload})
            assert await socket.receive() == {"type": "pong"}
        await connected(socket)
        await socket.send(subscribe("a", "{ slow }"))
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


@sentence(
    "The `Pong` message can be sent at any time within the established socket.",
    "Furthermore, the `Pong` message may even be sent unsolicited as an unidirectional heartbeat.",
    "The optional `payload` field can be used to transfer additional details about the pong.",
)
async def test_a_pong_nobody_asked_for_is_taken(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await socket.send({"type": "pong", "payload": {"x": 1}})
        await connected(socket)
        await socket.send({"type": "pong"})
        await socket.send(subscribe("a", "{ hello }"))
        assert (await socket.receive())["type"] == "next"


@sentence(
    "Requests an operation specified in the message `payload`.",
    "This message provides a unique ID field to connect published messages to the operation requested by this message.",
    "Operation execution result(s) from the source stream created by the binding `Subscribe` message.",
    "After all results have been emitted, the `Complete` message will follow indicating stream completion.",
    "indicates that the requested operation execution has completed.",
)
async def test_all_results_come_then_complete(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        query = "query A($n: String!) { hello(name: $n) } subscription B { count(to: 2) }"
        for id, name in (("a", "A"), ("b", "B")):
            await socket.send(subscribe(id, query, variables={"n": "you"}, operationName=name, extensions={"x": 1}))
            messages = [await socket.receive()]
            while messages[-1]["type"] != "complete":
                messages.append(await socket.receive())
            assert {each["id"] for each in messages} == {id}
            assert [each["type"] for each in messages] == ["next"] * (len(messages) - 1) + ["complete"]
            data = [each["payload"]["data"] for each in messages[:-1]]
            assert data == ([{"hello": "hello you"}] if id == "a" else [{"count": 0}, {"count": 1}])
