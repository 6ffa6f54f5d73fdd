"""What a subscriber of the bus receives: messages, and RESYNC where messages may be missing.

A feed is a bounded buffer with one reader, not a log: whoever reads RESYNC reads the truth again from the database.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Self


class BusUnavailable(Exception):
    """The bus could not take a message within its deadline. Nothing is lost: the event table is the truth."""


@dataclass(frozen=True, slots=True)
class Message:
    """One published message."""

    topic: str
    payload: str


class Marker(Enum):
    """The type of `RESYNC`, so that type checkers can tell it from a message."""

    RESYNC = "RESYNC"

    def __repr__(self) -> str:
        return self.name


RESYNC: Final = Marker.RESYNC

Item = Message | Literal[Marker.RESYNC]


class Feed:
    """Messages of one topic for one subscriber, oldest first; `async for` until the bus stops.

    Holds at most `limit` items. A reader that falls behind loses what waits and reads RESYNC instead, so that a slow
    subscriber costs neither memory nor the speed of others.
    """

    __slots__ = ("_arrived", "_closed", "_items", "_limit")

    def __init__(self, limit: int) -> None:
        self._items: deque[Item] = deque()
        self._limit = limit
        self._closed = False
        self._arrived = asyncio.Event()

    def offer(self, item: Item) -> None:
        """Add an item; never waits."""
        if item is RESYNC or len(self._items) >= self._limit:
            # Whoever reads the truth again has no use for what was said before.
            self._items.clear()
            item = RESYNC
        self._items.append(item)
        self._arrived.set()

    def close(self) -> None:
        """End the feed once everything in it is read."""
        self._closed = True
        self._arrived.set()

    def take(self) -> list[Item]:
        """Everything that waits, without waiting: how a burst is read in one go."""
        items = list(self._items)
        self._items.clear()
        return items

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()
