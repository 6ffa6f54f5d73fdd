"""graphql-transport-ws, the second half of its sentences: ids in use, errors, `complete`, and invalid messages."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.support.waiting import eventually
from tests.support.ws_client import Closed, raw_socket
from tests.transport.sentences import INIT, WAITING, connected, sentence, subscribe
from tests.transport.toy import Toy

pytestmark = pytest.mark.usefixtures("every_outlet")


@sentence(
    "If there is already an active subscriber for an operation matching the provided ID, regardless of the operation"
    " type, the server **must** close the socket immediately with the event `4409: Subscriber for <unique-operation-id>"
    " already exists`."
)
@pytest.mark.parametrize("first", [WAITING, "{ slow }"])
@pytest.mark.parametrize("second", [WAITING, "{ hello }", "mutation { touch }", "{", "{ nope }"])
async def test_an_id_in_use_closes_whatever_the_operations_are(app: Starlette, first: str, second: str) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("one", first))
        await socket.send(subscribe("one", second))
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (4409, "Subscriber for one already exists")


@sentence(
    "The server needs only keep track of IDs for as long as the subscription is active.",
    "Once a client completes an operation, it is free to re-use that ID.",
)
async def test_an_id_is_free_after_every_way_an_operation_can_end(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        for query, ends in (("{ hello }", 2), ("{ nope }", 1), ("subscription { count(to: 1) }", 2)):
            await socket.send(subscribe("a", query))
            for _ in range(ends):
                await socket.receive()
        for _ in range(3):
            await socket.send(subscribe("a", WAITING))
            assert (await socket.receive())["type"] == "next"
            await socket.send({"type": "complete", "id": "a"})


@sentence(
    "Executing operations is allowed **only** after the server has acknowledged the connection through the"
    " `ConnectionAck` message, if the connection is not acknowledged, the socket will be closed immediately with the"
    " event `4401: Unauthorized`."
)
async def test_nothing_runs_before_the_acknowledgement(app: Starlette, the_toy: Toy) -> None:
    async with raw_socket(app) as socket:
        await socket.send(subscribe("a", "{ slow }"))
        closed = await socket.closed()
        assert (closed.code, closed.reason) == (4401, "Unauthorized")
    assert not the_toy.started.is_set()


@sentence(
    "Operation execution error(s) in response to the `Subscribe` message.",
    "This can occur _before_ execution starts, usually due to validation errors, or _during_ the execution of the"
    " request.",
    "This message terminates the operation and no further messages will be sent.",
    "If the server dispatched the `Error` message relative to the original `Subscribe` message, no `Complete` message"
    " will be emitted.",
)
@pytest.mark.parametrize(
    ("query", "items"),
    [("{", 0), ("{ nope }", 0), ("subscription { breaks }", 1), ("subscription { nothingThere }", 0)],
)
async def test_an_error_is_the_last_word(app: Starlette, query: str, items: int) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("a", query))
        for _ in range(items):
            assert (await socket.receive())["type"] == "next"
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("a", "error")
        assert [set(each) >= {"message", "extensions"} for each in message["payload"]] == [True] * len(
            message["payload"]
        )
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}, "nothing came between"


@sentence(
    "indicates that the client has stopped listening and wants to complete the subscription.",
    "No further events, relevant to the original subscription, should be sent through.",
)
async def test_after_complete_from_the_client_nothing_comes(app: Starlette, the_toy: Toy) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("a", "subscription { stateChanged }"))
        await socket.receive()
        await socket.send({"type": "complete", "id": "a"})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        the_toy.move(1)
        await asyncio.sleep(0)
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


@sentence(
    "Even if the client sent a `Complete` message for a _single-result-operation_ before it resolved, the result should"
    " not be sent through once it does."
)
async def test_nor_does_the_result_of_a_query_that_was_still_running(app: Starlette, the_toy: Toy) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("a", "{ slow }"))
        await the_toy.started.wait()
        await socket.send({"type": "complete", "id": "a"})
        await eventually(lambda: the_toy.cleaned_up == ["slow"])
        the_toy.gate.set()
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


@sentence(
    "Note: The asynchronous nature of the full-duplex connection means that a client can send a `Complete` message to"
    " the server even when messages are in-flight to the client, or when the server has itself completed the"
    " operation (via a `Error` or `Complete` message).",
    "Both client and server must therefore be prepared to receive (and ignore) messages for operations that they"
    " consider already completed.",
    "Receiving a message (other than `Subscribe`) with an ID that belongs to an operation that has been previously"
    " completed does not constitute an error.",
    "It is permissable to simply ignore all _unknown_ IDs without closing the connection.",
)
async def test_complete_for_what_is_over_or_was_never_there_is_ignored(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        for query, ends in (("{ hello }", 2), ("{ nope }", 1)):
            await socket.send(subscribe("a", query))
            for _ in range(ends):
                await socket.receive()
            await socket.send({"type": "complete", "id": "a"})
        await socket.send({"type": "complete", "id": "never there"})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}


@sentence(
    "Receiving a message of a type or format which is not specified in this document will result in an **immediate**"
    " socket closure with the event `4400: <error-message>`.",
    "The `<error-message>` can be vaguely descriptive on why the received message is invalid.",
)
@pytest.mark.parametrize(
    "message",
    [
        *({"type": type_} for type_ in ("connection_ack", "next", "error", "start", "", None, 1)),
        {"type": "subscribe", "id": "a"},
        {"type": "subscribe", "payload": {"query": "{ hello }"}},
        {"type": "complete"},
        {"type": "ping", "payload": 1},
        {"id": "a"},
        [INIT],
        "connection_init",
    ],
    ids=str,
)
async def test_any_other_message_closes_and_ends_what_ran(app: Starlette, the_toy: Toy, message: Any) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("running", WAITING))
        await socket.receive()
        await socket.send(message)
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == 4400
        assert closed.value.reason
    assert the_toy.cleaned_up == ["count"]


@sentence(
    "A single result operation is identical to a streaming operation except that _at most one_ `Next` message is sent.",
    "It shares the same name-space for IDs as streaming operations and can be multiplexed with other operations on the"
    " connection.",
)
async def test_queries_share_the_ids_of_subscriptions(app: Starlette) -> None:
    async with raw_socket(app) as socket:
        await connected(socket)
        await socket.send(subscribe("a", WAITING))
        await socket.receive()
        await socket.send(subscribe("b", "mutation { touch }"))
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        await socket.send(subscribe("a", "{ hello }"))
        assert (await socket.closed()).code == 4409
