"""Ten thousand frames that a machine made up: errors of operations, close codes, and no crash; nobody else notices.

A failure names the number that made the socket's frames.
"""

import asyncio
import json
import logging
from collections import Counter

import pytest

from tests.hostile.generated import frames
from tests.support.ws_client import Closed, RawSocket, raw_socket, ws_client
from tests.transport.toy import SECRET, Toy, toy_app

FRAMES = 10_000
CLOSE_CODES = {4400, 4401, 4409, 4429}
MESSAGES = {"connection_ack", "ping", "pong", "next", "error", "complete"}
QUERIES = [
    *("{ hello }", "mutation { touch }", "subscription { count }", "subscription { stateChanged }", "{ slow }", "{"),
    *("subscription { breaks }", "{ crash }", "subscription { nothingThere }", "{ maybeCrash hello }", "{ nope }", ""),
]


async def test_frames(the_toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    """Sockets of somebody hostile beside one of somebody else, whose operation goes on through all of it."""
    app = toy_app()
    before = asyncio.all_tasks()
    number = sent = 0
    seen: Counter[str] = Counter()
    async with ws_client(app) as witness:
        feed = await witness.subscribe("subscription { stateChanged }")
        while sent < FRAMES:
            texts = frames(number, QUERIES)
            async with raw_socket(app) as socket:
                for text in texts:
                    await socket.send_text(text)
                # What came before it has been read when this one is answered.
                last = {"type": "subscribe", "id": "last", "payload": {"query": "{ hello }"}}
                await socket.send(last)
                seen[await _outcome(socket, number)] += 1
            sent += len(texts)
            the_toy.move(number)
            while await feed.item() != number:
                pass
            number += 1
    assert asyncio.all_tasks() <= before
    assert set(seen) == {*map(str, CLOSE_CODES), "open"}, "a generator that finds fewer ways proves little"
    assert seen["open"] > number / 10, seen
    # Each of them is a crash that the schema was told to have.
    assert {record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR} == {
        "Unexpected error in a GraphQL operation."
    }


async def _outcome(socket: RawSocket, number: int) -> str:
    """Read until the last operation is over, or the socket: what became of it."""
    while True:
        try:
            message = await socket.receive()
        except Closed as closed:
            return str(closed.code) if closed.reason else "closed without a reason"
        assert message["type"] in MESSAGES, (number, message)
        assert SECRET not in json.dumps(message), (number, message)
        if message.get("id") == "last":
            assert message["type"] == "next", (number, message)
            return "open"
