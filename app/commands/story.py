"""`vq story`: one visitor's way through the demo, message by message. The mails are in `vq mail`."""

import argparse
import asyncio

from rich.console import Console

from app.commands.errors import CommandError
from app.demo.story import Heard, tell
from app.replay.client import ApiError, Client, ServerAwayError
from app.settings import Settings, load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("email", nargs="?", default="anna@people.example", help="where the mails go")
    parser.add_argument("--queue", default="reception", help="the slug of a staffed queue of the demo")


def run(arguments: argparse.Namespace) -> int:
    """Play it, and show the messages in the app as they come."""
    try:
        asyncio.run(_run(load_settings(), arguments.email, arguments.queue))
    except (ApiError, ServerAwayError) as problem:
        raise CommandError(str(problem)) from None
    return 0


async def _run(settings: Settings, email: str, slug: str) -> None:
    console = Console()

    def show(heard: Heard) -> None:
        console.print(f"{heard.to:5} {heard.kind:16} {heard.text}", soft_wrap=True, markup=False, highlight=False)

    async with Client(f"{settings.local_url}/graphql") as client:
        await tell(client, email, settings.demo_password, slug, show)
    console.print(f"The mails: vq mail --to {email}", soft_wrap=True, markup=False, highlight=False)
