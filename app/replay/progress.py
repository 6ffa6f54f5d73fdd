"""What the person at the terminal sees while a day is played: one live line, or plain lines where no terminal is.

Reads the player's record; changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.replay.player import Player

LIVE_SECONDS = 0.25
PLAIN_SECONDS = 10.0

# The live line shows the median of the last so many answers.
ANSWERS = 50


@asynccontextmanager
async def shown(console: Console, player: Player) -> AsyncIterator[None]:
    """Show the run for as long as the block lasts."""
    task = asyncio.create_task(_live(console, player) if console.is_terminal else _plain(console, player))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _live(console: Console, player: Player) -> None:
    meter = Meter(player)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(Text(meter.line(LIVE_SECONDS), style="cyan"), refresh=True)
            await asyncio.sleep(LIVE_SECONDS)


async def _plain(console: Console, player: Player) -> None:
    meter = Meter(player)
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        console.print(meter.line(PLAIN_SECONDS), highlight=False, soft_wrap=True)


class Meter:
    """Turns the record into a line; keeps the rate of updates smooth."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._updates = 0
        self._rate = 0.0

    def line(self, since: float) -> str:
        player, record = self._player, self._player.record
        if not player.began:
            return "getting ready"
        fresh = (len(record.updates) - self._updates) / since
        self._updates = len(record.updates)
        # Over about two seconds, so that the number can be read.
        weight = min(1.0, since / 2)
        self._rate += (fresh - self._rate) * weight
        lag = record.lags[-1] if record.lags else 0.0
        answers = sorted(player.traffic.answer_seconds[-ANSWERS:])
        answer = answers[len(answers) // 2] if answers else 0.0
        return (
            f"{time_of_day(player.pace.second())}  waiting {player.floor.waiting:>3}  serving {record.serving:>2} "
            f"of {record.agents:>2} agents  joined {record.joined:,} of {len(player.plan.visitors):,}  "
            f"served {record.served:,}  hung up {record.hung_up:,}  updates {self._rate:,.0f}/s  "
            f"answers {answer * 1000:.0f} ms  behind {lag * 1000:.0f} ms"
        )


def time_of_day(second: float) -> str:
    whole = int(second)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
