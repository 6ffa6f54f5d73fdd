"""What the tests of the protocol share: its sentences, and the messages of a client.

`quoted` collects the sentences; `test_protocol_sentences.py` fails for one that nobody quotes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from tests.support.ws_client import RawSocket

INIT = {"type": "connection_init"}
ACK = {"type": "connection_ack"}
WAITING = "subscription { count(to: 1, thenWait: true) }"

Test = TypeVar("Test", bound=Callable[..., Any])
quoted: set[str] = set()


def sentence(*sentences: str) -> Callable[[Test], Test]:
    """The sentences a test is about."""
    quoted.update(sentences)
    return lambda test: test


def subscribe(id: str, query: str, **payload: Any) -> dict[str, Any]:
    """A request for an operation."""
    return {"type": "subscribe", "id": id, "payload": {"query": query, **payload}}


async def connected(socket: RawSocket) -> None:
    """Initialise."""
    await socket.send(INIT)
    assert await socket.receive() == ACK
