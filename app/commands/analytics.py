"""`vq analytics`: counts figures anew from the log. Keeping them current is the worker's."""

import argparse
import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.analytics import rebuild
from app.commands.errors import CommandError
from app.commands.servers import settings_of_running_servers
from app.settings import Settings

_PLAIN_EVERY = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "action",
        choices=["rebuild"],
        help="rebuild: count visits and roll-ups anew from the first event on, beside the ones that are there, which "
        "everybody reads until the new ones are in. One that is broken off is gone on with, by the next or by a worker",
    )
    parser.add_argument("--tenant", metavar="SLUG", help="only this tenant's queues (default: all)")
    parser.add_argument("--queue", metavar="SLUG", help="only this queue; needs --tenant")


def run(arguments: argparse.Namespace) -> int:
    """Rebuild."""
    if arguments.queue is not None and arguments.tenant is None:
        raise CommandError("--queue is the slug of a queue of one tenant: give --tenant SLUG as well.")
    done = asyncio.run(_rebuild(settings_of_running_servers(), arguments.tenant, arguments.queue))
    if not done.queues and arguments.tenant is not None:
        wanted = f"queue {arguments.queue!r} of tenant" if arguments.queue else "queue of a tenant"
        raise CommandError(f"There is no {wanted} {arguments.tenant!r}.")
    same = "all as before" if not done.differences else f"{done.differences:,} rows were other than before"
    print(f"Counted {done.events:,} events of {done.queues:,} queues anew: {same}.")
    return 0


async def _rebuild(settings: Settings, tenant: str | None, queue: str | None) -> rebuild.Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("events", total=None)
        said = 0

        def show(progress: rebuild.Progress) -> None:
            nonlocal said
            queues = f"queue {min(progress.queues_done + 1, progress.queues)} of {progress.queues}, events"
            bar.update(task, description=queues, total=progress.events, completed=progress.events_done)
            if not console.is_terminal and progress.events_done >= said + _PLAIN_EVERY:
                said = progress.events_done
                console.print(f"{progress.events_done:,} of {progress.events:,} events", highlight=False)

        return await rebuild.rebuild(settings, tenant, queue, show)
