"""`vq serve`: an API process, or several on one port."""

import argparse
import os
import socket

from app.commands.ports import claim, listen, share
from app.commands.processes import number_of_processes, run_processes
from app.commands.servers import settings_of_running_servers
from app.core.logs import configure_logging

# Requests are short; sockets are told to come back and do so elsewhere.
_GRACE_SECONDS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "--workers",
        default="1",
        help="API processes that share the port; each has VQ_DATABASE_POOL_SIZE connections and VQ_MAX_SOCKETS sockets",
    )
    parser.add_argument("--fd", type=int, help="serve on this inherited socket, not on VQ_HOST and VQ_PORT")
    parser.add_argument(
        "--grace", type=int, default=_GRACE_SECONDS, help="seconds open requests have to finish when it is stopped"
    )
    # Given by the process that keeps several.
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Serve until signalled."""
    count = number_of_processes(arguments.workers)
    settings = settings_of_running_servers()
    inherited = None if arguments.fd is None else socket.socket(fileno=arguments.fd)
    if count > 1:
        configure_logging(settings.log_level, pid=os.getpid())
        return run_processes(inherited or claim(settings), count, arguments.grace)
    # Whoever only keeps processes starts quicker, and stays small, without the application.
    from app.commands.api_server import serve

    if arguments.number is None or inherited is None:
        configure_logging(settings.log_level)
        return serve(settings, inherited or listen(settings), arguments.grace)
    configure_logging(settings.log_level, process=arguments.number, pid=os.getpid())
    with inherited:
        return serve(settings, share(inherited), arguments.grace)
