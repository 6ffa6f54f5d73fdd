"""One API process: the application in uvicorn, which ends what would never end by itself, and itself in time.

Not how many of it there are: that is `processes.py`.
"""

import asyncio
import resource
import signal
import socket
from contextlib import suppress

import uvicorn

from app.api.peer import HttpProtocol
from app.api.protocol import frame_protocol
from app.api.sockets import Sockets
from app.api.websocket import SocketLimits
from app.commands.plugged import plugged
from app.main import create_app
from app.settings import Settings

# The lifespan's end after the requests': closing pools and the bus.
_AFTER_GRACE_SECONDS = 3.0


class ApiServer(uvicorn.Server):
    """A server of one application, whose sockets and event streams it ends when it is told to stop."""

    def __init__(self, config: uvicorn.Config, sockets: Sockets) -> None:
        super().__init__(config)
        self._sockets = sockets

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections; sockets and streams are told to come back; requests have the grace time."""
        grace = float(self.config.timeout_graceful_shutdown or 0)
        # Whatever hangs on the way: a process that was told to end must not stay on a port that others share.
        signal.setitimer(signal.ITIMER_REAL, grace + _AFTER_GRACE_SECONDS)
        # A stream is a request that does not end: uvicorn would wait for it, and only then end the lifespan.
        ending = asyncio.create_task(self._sockets.stop(within_seconds=grace))
        await super().shutdown(sockets)
        await ending


def serve(settings: Settings, listener: socket.socket, grace_seconds: int) -> int:
    """Serve until signalled; returns the exit code."""
    _allow_many_sockets()
    plugged(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=frame_protocol(
            send_buffer_bytes=settings.websocket_buffer_bytes, stall_seconds=settings.websocket_stall_seconds
        ),
        ws_max_size=SocketLimits().message_bytes,
        ws_per_message_deflate=settings.websocket_compression,
        # The heartbeat is GraphQL's own ping, which also works through proxies that answer pings themselves.
        ws_ping_interval=None,
        lifespan="on",
        log_config=None,
        # Its INFO is three lines a socket, with addresses.
        log_level="debug" if settings.log_level == "DEBUG" else "warning",
        access_log=False,
        server_header=False,
        # It would believe whoever comes from this machine. The application knows whom to believe.
        proxy_headers=False,
        timeout_graceful_shutdown=grace_seconds,
    )
    server = ApiServer(config, app.state.sockets)
    server.run(sockets=[listener])
    return 0 if server.started else 1


def _allow_many_sockets() -> None:
    """Use all the file descriptors we may: shells give 1,024, and every socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
