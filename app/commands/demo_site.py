"""`vq demo-site`: the demo's protected site, behind its waiting room. `vq up` runs it beside everything else."""

import argparse
import asyncio
import socket

import uvicorn

from app.commands.errors import CommandError
from app.commands.ports import listen
from app.core.logs import configure_logging
from app.demo.queue import demo_queue
from app.demo.site import CONNECTOR, build_site, is_possible
from app.replay.client import ApiError, Client, ServerAwayError
from app.settings import Settings, load_settings

_GRACE_SECONDS = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--fd", type=int, help="serve on this inherited socket, not on VQ_DEMO_SITE_PORT")


def run(arguments: argparse.Namespace) -> int:
    """Serve until signalled."""
    if not is_possible():
        raise CommandError(f"The connector is not here: {CONNECTOR} is a part of the repository, not of the package.")
    settings = load_settings()
    configure_logging(settings.log_level)
    if arguments.fd is None:
        listener = listen(settings.model_copy(update={"port": settings.site_port}), port_name="VQ_DEMO_SITE_PORT")
    else:
        listener = socket.socket(fileno=arguments.fd)
    try:
        queue_id = asyncio.run(_queue_id(settings))
    except (ApiError, ServerAwayError) as problem:
        raise CommandError(str(problem)) from None
    service_url = settings.local_url
    site = build_site(service_url, settings.public_url or service_url, queue_id, settings.site_origin)
    config = uvicorn.Config(
        site, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE_SECONDS
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return 0 if server.started else 1


async def _queue_id(settings: Settings) -> str:
    async with Client(f"{settings.local_url}/graphql") as client:
        return (await demo_queue(client)).id
