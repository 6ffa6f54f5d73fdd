"""`vq visitors`: a crowd for the demo's waiting room, to watch and to wait with."""

import argparse
import asyncio

from rich.console import Console

from app.commands.errors import CommandError
from app.demo.picture import shown, summary, troubles
from app.demo.visitors import gather, play
from app.replay.client import ApiError, Client, ServerAwayError
from app.settings import Settings, load_settings

_MOST = 1_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--count", type=int, default=50, help=f"how many come, 1 to {_MOST}")
    parser.add_argument("--pace", type=float, default=1.0, help="how fast they live; 2 is twice as fast")
    parser.add_argument("--seed", type=int, default=1, help="who does what; the same seed gives the same crowd")


def run(arguments: argparse.Namespace) -> int:
    """Send them, show them, say what came of it; 1 if somebody could not get through."""
    if not 1 <= arguments.count <= _MOST:
        raise CommandError(f"--count: 1 to {_MOST} (got {arguments.count}).")
    if not 0.1 <= arguments.pace <= 100:
        raise CommandError(f"--pace: 0.1 to 100 (got {arguments.pace}).")
    try:
        return asyncio.run(_run(load_settings(), arguments.count, arguments.seed, arguments.pace))
    except (ApiError, ServerAwayError) as problem:
        raise CommandError(str(problem)) from None


async def _run(settings: Settings, count: int, seed: int, pace: float) -> int:
    console = Console()
    async with Client(f"{settings.local_url}/graphql") as client:
        crowd = await gather(client, count, seed, pace)
        async with shown(console, crowd):
            await play(crowd)
        console.print(summary(crowd), soft_wrap=True, highlight=False)
        for trouble in troubles(crowd):
            console.print(trouble, soft_wrap=True, markup=False, highlight=False)
    return 1 if troubles(crowd) else 0
