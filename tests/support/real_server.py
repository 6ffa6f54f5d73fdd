"""An ASGI application behind a real uvicorn on a real port, in a thread with an event loop of its own.

For what only bytes on a socket show. Everything above them is tested through ASGI, in the test's own loop.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from app.api.protocol import FrameProtocol

Result = TypeVar("Result")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


class RealServer:
    """A running server."""

    def __init__(self, server: uvicorn.Server, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self.port = port
        self._server = server
        self._loop = loop

    @property
    def protocols(self) -> list[FrameProtocol]:
        """The protocols of the open websockets."""
        return [each for each in self._server.server_state.connections if isinstance(each, FrameProtocol)]

    def buffered_bytes(self) -> int:
        """What waits for peers in this process."""
        return self.call(lambda: sum(each.transport.get_write_buffer_size() for each in self.protocols))

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function in the server's loop."""

        async def work() -> Result:
            return function()

        return self.run(work())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the server's loop."""
        return self.start(work).result(timeout=10)

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)


@contextmanager
def real_server(
    app: ASGIApp, protocol: type[FrameProtocol] = FrameProtocol, *, loop: str = "asyncio", port: int = 0, **options: Any
) -> Iterator[RealServer]:
    """Serve until the block ends; every connection is gone then."""
    with socket.create_server(("127.0.0.1", port), backlog=2048) as listener:
        given = {"ws_per_message_deflate": False, "ws_ping_interval": None, "timeout_graceful_shutdown": 1, **options}
        config = uvicorn.Config(app, ws=protocol, lifespan="off", log_config=None, access_log=False, **given)
        server = uvicorn.Server(config)
        own_loop = LOOPS[loop]()
        started = threading.Event()

        async def serve() -> None:
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listener])
            started.set()
            await server.main_loop()
            await server.shutdown(sockets=[listener])

        # A daemon: one that does not end fails its test, and must not keep the whole run from ending.
        thread = threading.Thread(target=lambda: own_loop.run_until_complete(serve()), name="real server", daemon=True)
        thread.start()
        try:
            assert started.wait(10)
            yield RealServer(server, own_loop, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(timeout=15)
            own_loop.close()
            assert not thread.is_alive()
