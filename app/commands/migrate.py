"""`vq migrate`: the database made ready for this version. Safe to run again, and beside itself."""

import argparse
import asyncio

from app.commands.errors import CommandError
from app.commands.servers import settings_with_servers
from app.core.db.admin import prepare_database
from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--seed", action="store_true", help="also create the demo tenant, as `vq seed` does")


def run(arguments: argparse.Namespace) -> int:
    """Create roles, migrate, seed if asked to."""
    with settings_with_servers("vq migrate") as settings:
        asyncio.run(_prepare(settings, arguments.seed))
    return 0


async def _prepare(settings: Settings, seed: bool) -> None:
    try:
        await prepare_database(settings)
    except OSError as problem:
        raise CommandError(f"VQ_DATABASE_URL: the database cannot be reached ({problem}). Is it running?") from problem
    print("The database is at the newest revision.")
    if seed:
        from app.seeding import seed_demo  # half the product; most migrations do without

        await seed_demo(settings)
        print("The demo tenant is there.")
