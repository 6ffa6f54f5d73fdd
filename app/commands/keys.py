"""`vq keys`: rotate the keys that sign access tokens. Tokens signed before stay good until they expire."""

import argparse
import asyncio

from app.commands.servers import settings_of_running_servers
from app.identity.keyring import rotate_keys


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "action", choices=["rotate"], help="retire the active key, sign with the next one, publish another next one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Rotate."""
    key_id = asyncio.run(rotate_keys(settings_of_running_servers()))
    print(f"Access tokens are signed with key {key_id} from now on; the retired one still verifies.")
    return 0
