"""`vq seed`: the demo tenant and the platform's super-admin. Safe to run again."""

import argparse
import asyncio

from app.commands.servers import settings_with_servers
from app.seeding import seed_demo


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """Seed."""
    with settings_with_servers("vq seed") as settings:
        asyncio.run(seed_demo(settings))
    print("The demo tenant is there: sign in to `demo` as admin@demo.example, to `platform` as super@demo.example.")
    return 0
