"""`vq mailbox`: the mail server of `vq up`, which keeps what it gets in the data directory. It sends nothing."""

import argparse
import asyncio
import logging
import socket
from pathlib import Path

from app.core.logs import configure_logging
from app.core.mailbox import Mailbox
from app.settings import Settings, load_settings

# A carrier of text messages that turns them into mail, so that they are kept with the others.
SMS_GATEWAY = "mailto:{phone}@sms.localhost"


def folder_of(settings: Settings) -> Path:
    """Where the mail is kept."""
    return settings.data_dir / "mail"


def listen_for_mail() -> socket.socket:
    """A listening socket on any free port, for programs on this machine only."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def url_of(listener: socket.socket) -> str:
    """What VQ_SMTP_URL is with this mailbox."""
    return f"smtp://127.0.0.1:{listener.getsockname()[1]}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--fd", type=int, help="serve on this inherited socket, not on a port of its own")


def run(arguments: argparse.Namespace) -> int:
    """Keep mail until signalled."""
    settings = load_settings()
    configure_logging(settings.log_level)
    # It writes every address down.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    listener = listen_for_mail() if arguments.fd is None else socket.socket(fileno=arguments.fd)
    if arguments.fd is None:
        print(f"VQ_SMTP_URL={url_of(listener)}", flush=True)
    asyncio.run(Mailbox(folder_of(settings)).serve(listener))
    return 0
