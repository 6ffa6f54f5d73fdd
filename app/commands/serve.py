"""`vq serve`: one API process."""

import argparse
import resource
import socket
from contextlib import suppress

import uvicorn

from app.api.protocol import frame_protocol
from app.api.websocket import SocketLimits
from app.commands.ports import listen
from app.commands.servers import settings_of_running_servers
from app.core.logs import configure_logging
from app.main import create_app

# Requests are short; sockets are told to come back and do so elsewhere.
_GRACE_SECONDS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--fd", type=int, help="serve on this inherited listening socket, not on VQ_HOST and VQ_PORT")
    parser.add_argument(
        "--grace", type=int, default=_GRACE_SECONDS, help="seconds open requests have to finish when it is stopped"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until signalled."""
    settings = settings_of_running_servers()
    configure_logging(settings.log_level)
    _allow_many_sockets()
    listener = listen(settings) if arguments.fd is None else socket.socket(fileno=arguments.fd)
    config = uvicorn.Config(
        create_app(settings),
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
        timeout_graceful_shutdown=arguments.grace,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return 0 if server.started else 1


def _allow_many_sockets() -> None:
    """Use all the file descriptors we may: shells give 1,024, and every socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
