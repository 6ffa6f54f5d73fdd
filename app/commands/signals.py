"""Ends a coroutine when the process is asked to end, so that its `finally` blocks run."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


def run_until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a loop of its own until it ends, or SIGINT or SIGTERM cancels it."""

    async def supervised() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(supervised())
