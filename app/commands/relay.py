"""`vq relay`: one relay process. Several may run; each row is carried once."""

import argparse

from app.commands.plugged import plugged
from app.commands.servers import settings_of_running_servers
from app.commands.signals import run_until_signalled
from app.core.events.relay import run_relay
from app.core.logs import configure_logging
from app.reactions import FANS, REACTIONS


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """Relay until signalled."""
    settings = settings_of_running_servers()
    configure_logging(settings.log_level)
    run_until_signalled(run_relay(settings, plugged(settings).reactions(REACTIONS), FANS))
    return 0
