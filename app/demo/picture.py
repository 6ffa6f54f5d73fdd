"""What the person at the terminal sees of the crowd: bars that move, or plain lines where no terminal is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.demo.visitors import Crowd, Stage

_LIVE_SECONDS = 0.2
_PLAIN_SECONDS = 5.0
_OVER = (Stage.LEFT, Stage.EXPIRED, Stage.NO_SHOW, Stage.FAILED)
_SHOWN_WAITING = 12


@asynccontextmanager
async def shown(console: Console, crowd: Crowd) -> AsyncIterator[None]:
    """Show the crowd for as long as the block lasts."""
    task = asyncio.create_task(_live(console, crowd) if console.is_terminal else _plain(console, crowd))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def picture(crowd: Crowd) -> Panel:
    """The crowd now."""
    queue, everybody = crowd.queue, len(crowd.visitors)
    bars = Table.grid(padding=(0, 1))
    bars.add_column(justify="right")
    bars.add_column(width=36)
    bars.add_column()
    taken = queue.released + queue.inside
    for name, part, whole, note in (
        ("in line", queue.waiting, everybody, f"{queue.waiting} waiting"),
        (
            "inside", taken, queue.most_inside,
            f"{taken} of {queue.most_inside or 'any number'} ({queue.released} coming)",
        ),
        (
            "released", crowd.released_last_minute, queue.rate_per_minute,
            f"{crowd.released_last_minute} in the last minute, at most {queue.rate_per_minute or 'any number'}",
        ),
        ("through", crowd.count(*_OVER), everybody, f"{crowd.count(*_OVER)} of {everybody}"),
    ):  # fmt: skip
        bars.add_row(name, ProgressBar(total=whole or everybody, completed=min(part, whole or part)), note)
    return Panel(
        Group(bars, Text(""), _line(crowd), Text(""), Text("\n".join(crowd.news), style="dim")),
        title="The demo's waiting room",
        subtitle=f"{queue.site_origin}/sale  ·  come and wait with them",
        width=86,
    )


def summary(crowd: Crowd) -> str:
    """What came of it."""
    parts = [f"{crowd.count(stage)} {stage.value}" for stage in _OVER if crowd.count(stage)]
    renewals = sum(visitor.renewals for visitor in crowd.visitors)
    caps = [cap for cap in crowd.caps if cap is not None]
    of = f" of {max(caps)}" if caps and None not in crowd.caps else ""
    return (
        f"{len(crowd.visitors)} visitors: {', '.join(parts)}. {renewals} stays renewed. "
        f"Most inside at once: {crowd.most_inside}{of}."
    )


def troubles(crowd: Crowd) -> list[str]:
    """What went wrong, each once."""
    return sorted({visitor.trouble for visitor in crowd.visitors if visitor.stage is Stage.FAILED})


def _line(crowd: Crowd) -> Table:
    """The first in line, each with its way to the front."""
    waiting = [visitor for visitor in crowd.visitors if visitor.stage is Stage.WAITING and visitor.position]
    rows = Table.grid(padding=(0, 1))
    rows.add_column(justify="right")
    rows.add_column(width=36)
    rows.add_column()
    for visitor in sorted(waiting, key=lambda visitor: visitor.position or 0)[:_SHOWN_WAITING]:
        first, now = visitor.first_position or 1, visitor.position or 1
        rows.add_row(visitor.ticket, ProgressBar(total=first, completed=first - now), f"place {now}")
    return rows


async def _live(console: Console, crowd: Crowd) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(picture(crowd), refresh=True)
            await asyncio.sleep(_LIVE_SECONDS)


async def _plain(console: Console, crowd: Crowd) -> None:
    while True:
        await asyncio.sleep(_PLAIN_SECONDS)
        queue = crowd.queue
        console.print(
            f"{queue.waiting} waiting, {queue.released} released, {queue.inside} inside, "
            f"{crowd.count(*_OVER)} of {len(crowd.visitors)} through",
            highlight=False,
        )
