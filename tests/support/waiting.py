"""Waiting for a condition that nothing announces: polls it, so that tests do not sleep for a guessed time."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

PATIENCE = 20.0
"""Seconds until something that should have happened counts as missing, on a machine where much else runs."""


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, within: float = PATIENCE) -> None:
    """Return as soon as the condition holds; `TimeoutError` if it does not in time."""
    async with asyncio.timeout(within):
        while True:
            holds = condition()
            if await holds if isawaitable(holds) else holds:
                return
            await asyncio.sleep(0.005)
