"""One peer's outgoing side as the fan-out sees it: whole messages, sent at once or not at all.

Not the wire: `app/api/outlets.py` and `app/api/protocol.py` have the two implementations. Knows nothing of GraphQL.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Outlet(Protocol):
    """One peer's outgoing side: takes whole messages, never waits.

    Every method belongs to the thread of the peer's event loop, and none of them awaits, blocks or raises. One outlet
    has everything of one peer: messages reach it in the order of `send`, whoever called it.
    """

    @property
    def is_slow(self) -> bool:
        """Whether what was sent before is still in our buffers: keep the newest state instead of sending it.

        Becomes true within `send`, so look before each message; becomes false between two callbacks of the loop. False
        once the peer is gone.
        """
        ...

    def send(self, message: bytes) -> None:
        """Send one text message (UTF-8 JSON), at once: it is handed to the server before this returns.

        Taken also while `is_slow` (an answer the protocol owes must not be lost), but then buffered, after what was
        sent before; who sends more than one such message without waiting lets memory grow. Silently dropped when the
        peer is gone or the socket is closing.
        """
        ...

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once, when `is_slow` has become false or the peer is gone.

        Called from the loop, never within `when_drained` itself: in its next turn if the peer is not slow at all. All
        callbacks of one peer are called in the order of asking, so look at `is_slow` again: an earlier one may
        have sent. It must not raise. There is no way to take it back: let one that is no longer wanted do nothing.
        """
        ...


async def drained(outlet: Outlet) -> None:
    """Wait until a peer is not slow, or gone. Whoever produces messages one by one calls this before each."""
    while outlet.is_slow:
        woken = asyncio.Event()
        outlet.when_drained(woken.set)
        await woken.wait()
