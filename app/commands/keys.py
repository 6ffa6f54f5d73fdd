"""`vq keys`: rotate the keys that sign tokens. Tokens signed before stay good until they expire."""

import argparse
import asyncio

from app.commands.servers import settings_of_running_servers
from app.identity.keyring import rotate_keys
from app.identity.models import KeyPurpose


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "action", choices=["rotate"], help="retire the active key, sign with the next one, publish another next one"
    )
    parser.add_argument(
        "--purpose",
        choices=[purpose.value.lower() for purpose in KeyPurpose],
        help="whose keys: users' access tokens, or admission tokens for protected sites (default: both)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Rotate."""
    chosen: str | None = arguments.purpose
    purposes = list(KeyPurpose) if chosen is None else [KeyPurpose(chosen.upper())]
    for purpose, key in asyncio.run(rotate_keys(settings_of_running_servers(), purposes)).items():
        print(
            f"{purpose.capitalize()} tokens are signed with key {key.kid} ({key.algorithm}) from now on; the retired "
            "one still verifies."
        )
    return 0
