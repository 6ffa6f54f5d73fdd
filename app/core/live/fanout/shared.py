"""One execution for everybody who asked the same: each item is made and encoded once, and sent to all.

Does not judge who may share; whoever puts subscribers together has seen that they asked the same and may see the same.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator

from app.core.live.fanout.parking import Seat
from app.core.live.fanout.rounds import SENDS_AT_ONCE, Rounds

logger = logging.getLogger(__name__)

Items = AsyncIterator[tuple[int, bytes]]
"""Revision and payload of each item; the revision grows."""


class Member:
    """One subscriber of a shared feed."""

    __slots__ = ("feed", "revision", "seat", "waits")

    def __init__(self, feed: "SharedFeed", seat: Seat, revision: int) -> None:
        self.feed = feed
        self.seat = seat
        self.revision = revision
        # Slow: it gets the newest item when it has drained.
        self.waits = False

    def cancel(self) -> None:
        """Leave."""
        self.feed.discard(self)

    def drained(self) -> None:
        """It may be sent to again."""
        self.waits = False
        self.feed.offer(self)


class SharedFeed:
    """Subscribers of the same items. Latest-wins, at most one message per subscriber and round."""

    def __init__(self, items: Callable[[], Items], on_end: Callable[[], None]) -> None:
        """`items` starts the execution; `on_end` is called when nobody is left or the execution has ended."""
        self._members: dict[Member, None] = {}
        self._revision = -1
        self._payload = b""
        self._on_end = on_end
        self._rounds = Rounds("shared feed", self._round)
        self.task = asyncio.create_task(self._run(items), name="shared feed")

    def __len__(self) -> int:
        return len(self._members)

    def join(self, seat: Seat, revision: int) -> Member:
        """Take part; `revision` is of the item this subscriber has been sent already."""
        member = Member(self, seat, revision)
        self._members[member] = None
        if revision < self._revision:
            self._rounds.ask()
        return member

    def discard(self, member: Member) -> None:
        """Take part no more."""
        self._members.pop(member, None)
        if not self._members:
            self.stop()

    def stop(self) -> None:
        """End the execution."""
        self.task.cancel()
        self._rounds.stop()
        self._on_end()

    def offer(self, member: Member) -> bool:
        """Send the newest item to one member unless it has it; whether something was sent."""
        outlet = member.seat.outlet
        if member.revision >= self._revision or member.waits or member not in self._members:
            return False
        if outlet.is_slow:
            member.waits = True
            outlet.when_drained(member.drained)
            return False
        member.revision = self._revision
        outlet.send(member.seat.before + self._payload + member.seat.after)
        return True

    def _round(self) -> Iterator[None]:
        sent = 0
        for member in list(self._members):
            sent += self.offer(member)
            if sent == SENDS_AT_ONCE:
                sent = 0
                yield

    async def _run(self, items: Callable[[], Items]) -> None:
        try:
            async for revision, payload in items():
                self._revision, self._payload = revision, payload
                self._rounds.ask()
        except Exception:
            logger.exception("A shared feed has failed; its subscribers go on by themselves.")
        # It ended by itself: each subscriber executes again, and is told why if it cannot go on.
        self._on_end()
        members, self._members = list(self._members), {}
        for member in members:
            member.seat.resume()
