"""The outgoing side of a socket on whatever ASGI server there is: its `send`, driven one synchronous step.

Under our own server `protocol.py` writes frames instead. Not for other things than websockets.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Generator
from types import coroutine
from typing import Any, Protocol

from starlette.types import Message, Send

from app.core.live.outlet import Outlet, drained


class Wire(Outlet, Protocol):
    """An outlet, and how its socket ends: what a connection needs beyond what the fan-out does."""

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame after all messages; waits for as long as the peer is slow.

        Drops what is sent from the call on. Only the first call counts. Raises nothing.
        """
        ...

    def abort(self) -> None:
        """Give the peer up now: what is buffered for it is dropped. Safe to call twice."""
        ...

    def discard(self) -> None:
        """The application is done with the socket: send nothing any more, let nobody wait. Safe to call twice."""
        ...


class AsgiWire:
    """A peer behind an ASGI `send`.

    Each message is one step of the `send` coroutine. Where the server does not finish in that step the peer is slow
    until it does; what comes meanwhile waits here.
    """

    __slots__ = ("_callbacks", "_closing", "_gone", "_send", "_sending", "_waiting")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._closing = self._gone = False
        self._sending: asyncio.Task[None] | None = None
        self._waiting: deque[bytes] = deque()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_slow(self) -> bool:
        """Whether the server has not taken the last message yet."""
        return self._sending is not None

    def send(self, message: bytes) -> None:
        """Hand one text message to the server."""
        if self._closing:
            return
        if self._sending is not None:
            self._waiting.append(message)
            return
        steps = self._send(_text(message)).__await__()
        try:
            first = next(steps)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 (whatever a server raises here: the peer is gone)
            self._lost()
            return
        self._sending = asyncio.create_task(self._finish(steps, first))

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back once the server has taken everything."""
        if self._sending is None:
            asyncio.get_running_loop().call_soon(callback)
        else:
            self._callbacks.append(callback)

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame after all messages."""
        if self._closing:
            return
        self._closing = True
        await drained(self)
        if not self._gone:
            with contextlib.suppress(Exception):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def abort(self) -> None:
        """`discard`: ASGI has no word for more. The server ends the connection when the application does."""
        self.discard()

    def discard(self) -> None:
        """Take back what the server has not taken yet."""
        if self._sending is not None:
            self._sending.cancel()
        self._lost()

    async def _finish(self, steps: Generator[Any, Any, Any], first: Any) -> None:
        try:
            await _go_on(steps, first)
            while self._waiting:
                await self._send(_text(self._waiting.popleft()))
        except Exception:  # noqa: BLE001
            self._lost()
        finally:
            self._sending = None
            self._waiting.clear()
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                callback()

    def _lost(self) -> None:
        self._closing = self._gone = True
        self._waiting.clear()


def _text(message: bytes) -> Message:
    return {"type": "websocket.send", "text": message.decode()}


@coroutine
def _go_on(steps: Generator[Any, Any, Any], waited: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine whose first step was made outside of this task, and gave `waited` to wait for."""
    while True:
        value = None
        try:
            value = yield waited
        except BaseException as problem:  # noqa: BLE001 (a cancellation is the server's to see)
            failed: BaseException | None = problem
        else:
            failed = None
        try:
            waited = steps.send(value) if failed is None else steps.throw(failed)
        except StopIteration:
            return
